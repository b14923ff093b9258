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
"""What is listened on, and what is connected to what, over TCP.

The kernel is asked over netlink, which costs a twentieth of reading
/proc/net/tcp and needs no rights either. Where that is refused, and for
processes in a network of their own, it is read from /proc all the same.
"""

import dataclasses
import ipaddress
import os
import re
import socket
import struct

from sentinella.agent.node import proc

ESTABLISHED, LISTEN = 1, 10

_SOCK_DIAG = 4
#: The older of two requests, which `ss` sends as well: it asks for both
#: families at once, and the kernel goes through its table of all connections
#: for each request.
_GET_TCP = 18
_DUMP_REQUEST = 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct('=IHHII')
#: Of inet_diag_req: the states.
_REQUEST = struct.Struct('=4x48xI4x')
#: Of inet_diag_msg: family, state, both ports, both addresses, uid, inode.
_MESSAGE = struct.Struct('=BB2x2s2s16s16s12x12xII')
#: Bytes of a message at least, and where it has its remote port.
_LEAST = _HEADER.size + _MESSAGE.size
_REMOTE = _HEADER.size + 6
#: Of what listens.
_NO_PORT = frozenset({0})
#: A line of /proc/net/tcp.
_LINE = re.compile(
    rb': ([0-9A-F]{8,32}):([0-9A-F]{4}) [0-9A-F]{8,32}:([0-9A-F]{4}) '
    rb'(01|0A) \S+ \S+ \S+ +(\d+) +\d+ (\d+)'
)
#: Seconds that the kernel may take for its answer.
_PATIENCE = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Socket:
    """
    :ivar packed: the address that it is bound to, as on the wire
    :ivar remote_port: 0 where it listens
    """

    inode: int
    uid: int
    packed: bytes
    port: int
    remote_port: int = 0

    @property
    def address(self):
        return str(ipaddress.ip_address(self.packed))


def network(pid):
    """What names the network namespace of a process; None where it can't
    be told. Anybody may ask for this, unlike for /proc/PID/ns/net."""
    try:
        return os.stat(f'{proc.ROOT}/{pid}/net/tcp').st_ino
    except OSError:
        return None


def listening(pid=None):
    """
    :param pid: of a process whose network it shall be; None for our own
    :returns: list of Sockets
    """
    return _sockets(LISTEN, pid)


def established(remote_ports, pid=None):
    """As :func:`listening`, of what is connected to any of some ports.

    :param remote_ports: a set of them
    """
    return _sockets(ESTABLISHED, pid, remote_ports)


def _sockets(state, pid, remote_ports=_NO_PORT):
    if pid is None or network(pid) == network('self'):
        try:
            return list(_asked(state, remote_ports))
        except OSError:
            # a filter on system calls, or a kernel without it
            pid = 'self'
    return [
        found
        for name in ('tcp', 'tcp6')
        for found in parse(proc.read(f'{proc.ROOT}/{pid}/net/{name}'), state)
        if found.remote_port in remote_ports
    ]


def _asked(state, remote_ports):
    """
    :raises OSError: the kernel does not say
    """
    # most of a busy node's are others: they are told by two bytes
    wanted = {port.to_bytes(2, 'big') for port in remote_ports}
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE)
        size = _HEADER.size + _REQUEST.size
        kernel.send(
            _HEADER.pack(size, _GET_TCP, _DUMP_REQUEST, 1, 0)
            + _REQUEST.pack(1 << state)
        )
        done = False
        while not done:
            found, done = _answered(kernel.recv(1 << 18), wanted)
            yield from found


def _answered(data, wanted):
    """
    :param wanted: remote ports, as on the wire
    :returns: list of Sockets, and whether these are the last ones
    :raises OSError: the kernel does not say
    """
    found, at = [], 0
    while at + _HEADER.size <= len(data):
        size, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if kind == _DONE:
            return found, True
        if kind == _ERROR or size < _LEAST or at + size > len(data):
            raise OSError('sock_diag was refused')
        if data[at + _REMOTE : at + _REMOTE + 2] in wanted:
            found.append(_diagnosed(data, at + _HEADER.size))
        at += (size + 3) & ~3
    return found, False


def _diagnosed(data, at):
    family, _, port, remote, address, _, uid, inode = _MESSAGE.unpack_from(
        data, at
    )
    size = 4 if family == socket.AF_INET else 16
    return Socket(
        inode=inode,
        uid=uid,
        packed=address[:size],
        port=int.from_bytes(port, 'big'),
        remote_port=int.from_bytes(remote, 'big'),
    )


def parse(text, state):
    """
    :param text: of /proc/net/tcp or tcp6, in bytes
    :returns: Sockets in this state
    """
    wanted = b'%02X' % state
    for found in _LINE.findall(text):
        address, port, remote, seen, uid, inode = found
        if seen == wanted and len(address) in (8, 32):
            yield Socket(
                inode=int(inode),
                uid=int(uid),
                packed=_packed(address),
                port=int(port, 16),
                remote_port=int(remote, 16),
            )


def _packed(text):
    """Of words of four bytes, each in the byte order of the machine."""
    words = bytes.fromhex(text.decode())
    swapped = struct.unpack(f'={len(words) // 4}I', words)
    return struct.pack(f'>{len(swapped)}I', *swapped)
