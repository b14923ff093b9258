#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Whether machines answer an ICMP echo, how soon, and how often not."""

import contextlib
import os
import re
import select
import socket
import struct
import subprocess
import time

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import probing
from sentinella.agent.asking import targets

#: Packets to each target, and seconds between two of them.
PACKETS = 3
PAUSE = 0.02
#: Protocol, type of a request and type of its reply.
_ECHO = {
    socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129),
}
_HEADER = struct.Struct('!BBHHH')
_COUNTS = re.compile(r'(\d+) packets transmitted, (\d+) (?:packets )?received')
_MEAN = re.compile(r'min/avg/max\S* = [\d.]+/([\d.]+)/')


class PingCollector(base.Collector):
    """Whether machines answer an ICMP echo, how soon, and how often not.

    For gateways, switches and the far ends of tunnels. Each of the `targets`
    is sent three packets. It needs the kernel's leave for ICMP without
    privileges, where `net.ipv4.ping_group_range` holds the agent's group, or
    else a `ping` program that works for the agent's user.
    """

    PROBES = True
    OPTIONS = (
        cfg.ListOpt(
            'targets',
            default=[],
            help='Names or addresses of the machines to ping.',
        ),
        targets.timeout_option(1.0),
    )
    METRICS = {
        'ping.up': 'Whether any packet was answered: 1 or 0, NaN where the '
        'name has no address; by target',
        'ping.rtt_seconds': 'Mean time from a packet to its answer, s; by '
        'target',
        'ping.loss_percent': 'Packets that were not answered, %; by target',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._targets = targets.read(
            conf, self.group(), 'targets', targets.host
        )

    def wanted(self):
        return bool(self._targets)

    def collect(self, now):
        outcomes = probing.each(self._ping, self._targets)
        for outcome in outcomes:
            # it is so for all of them
            if isinstance(outcome, exceptions.Lacking):
                raise outcome
        for target, outcome in zip(self._targets, outcomes, strict=True):
            yield from _samples(target, outcome)

    def _ping(self, target):
        """
        :returns: (number of packets that were answered, their mean time)
        :raises OSError: they can't be sent
        :raises Lacking: this user may not send them
        """
        family, _, _, _, address = socket.getaddrinfo(
            target, None, type=socket.SOCK_DGRAM
        )[0]
        protocol, request, reply = _ECHO[family]
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
        except PermissionError:
            return program(address[0], self.options.timeout)
        with sock:
            sock.connect(address)
            times = echo(sock, request, reply, self.options.timeout)
        return len(times), sum(times) / len(times) if times else base.NAN


def _samples(target, outcome):
    answered, seconds = 0, base.NAN
    up = probing.up(outcome)
    if up == 1:
        answered, seconds = outcome
        up = float(answered > 0)
    loss = round(100 * (1 - answered / PACKETS), 1)
    yield base.sample('ping.up', up, target=target)
    yield base.sample('ping.rtt_seconds', round(seconds, 6), target=target)
    yield base.sample(
        'ping.loss_percent', loss if up in (0, 1) else up, target=target
    )


def echo(sock, request, reply, timeout):
    """Send all packets and wait for their answers.

    The kernel puts the identifier and the checksum in, and gives us only
    what answers them.

    :param sock: connected to the target
    :param timeout: seconds to wait after the last packet
    :returns: list of the seconds that each answer took
    """
    cookie = os.urandom(16)
    sent, times = [], {}
    deadline = time.perf_counter() + PAUSE * (PACKETS - 1) + timeout
    while len(times) < PACKETS:
        now = time.perf_counter()
        if now >= deadline:
            break
        due = sent[-1] + PAUSE if sent else now
        if len(sent) < PACKETS and now >= due:
            header = _HEADER.pack(request, 0, 0, 0, len(sent))
            sent.append(now)
            # one that is refused is lost, as what gets no answer is
            with contextlib.suppress(OSError):
                sock.send(header + cookie)
            continue
        until = due if len(sent) < PACKETS else deadline
        sequence = _receive(sock, reply, cookie, until - now)
        if sequence is not None and sequence < len(sent):
            times.setdefault(sequence, time.perf_counter() - sent[sequence])
    return list(times.values())


def _receive(sock, reply, cookie, seconds):
    """
    :returns: the number of the packet that was answered; None for none
    """
    ready, _, _ = select.select([sock], [], [], seconds)
    if not ready:
        return None
    try:
        data = sock.recv(2048)
    except OSError:
        return None
    if len(data) < _HEADER.size or data[_HEADER.size :] != cookie:
        return None
    kind, _, _, _, sequence = _HEADER.unpack_from(data)
    return sequence if kind == reply else None


def program(address, timeout):
    """As :meth:`PingCollector._ping`, with the program `ping`.

    :raises Lacking: there is none, or it may not either
    """
    command = ['ping', '-n', '-q', '-c', str(PACKETS), '-i', '0.2']
    try:
        ended = subprocess.run(  # noqa: S603
            [*command, '-W', f'{timeout:g}', address],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors='replace',
            timeout=timeout + 2,
            env={**os.environ, 'LC_ALL': 'C'},
        )
    except FileNotFoundError:
        raise _lacking('there is no program ping')
    except OSError as error:
        # so it ends where the agent's service may not have what ping needs
        raise _lacking(f'ping can not be run: {error.strerror}')
    except subprocess.TimeoutExpired:
        raise TimeoutError
    return read(ended.stdout, ended.stderr)


def read(output, errors):
    """
    :param output: what `ping` printed, and `errors` to standard error
    :returns: (number of packets that were answered, their mean time)
    :raises OSError: there is no way to the target
    :raises Lacking: it could not ping at all
    """
    counts, mean = _COUNTS.search(output), _MEAN.search(output)
    if counts is None:
        said = ' '.join(errors.split())[:200]
        if re.search('unreachable|no route', said, re.IGNORECASE):
            raise OSError(said)
        raise _lacking(f'ping says: {said or "nothing"}')
    answered = min(int(counts[2]), PACKETS)
    return answered, float(mean[1]) / 1000 if mean else base.NAN


def _lacking(what):
    return exceptions.Lacking(
        f'ICMP is not permitted to this user, and {what}',
        "let sysctl net.ipv4.ping_group_range hold the agent's group, or "
        'install iputils-ping',
    )
