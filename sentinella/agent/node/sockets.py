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

_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_DUMP_REQUEST = 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct('=IHHII')
_REQUEST = struct.Struct('=BBBxI48x')
#: Of inet_diag_msg: family, state, both ports, both addresses, uid, inode.
_MESSAGE = struct.Struct('=BB2x2s2s16s16s12x12xII')
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


def established(pid=None):
    """As :func:`listening`."""
    return _sockets(ESTABLISHED, pid)


def _sockets(state, pid):
    if pid is None or network(pid) == network('self'):
        try:
            return [
                found
                for family in (socket.AF_INET, socket.AF_INET6)
                for found in _asked(family, state)
            ]
        except OSError:
            # a filter on system calls, or a kernel without it
            pid = 'self'
    return [
        found
        for name in ('tcp', 'tcp6')
        for found in parse(proc.read(f'{proc.ROOT}/{pid}/net/{name}'), state)
    ]


def _asked(family, state):
    """
    :raises OSError: the kernel does not say
    """
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE)
        size = _HEADER.size + _REQUEST.size
        kernel.send(
            _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _DUMP_REQUEST, 1, 0)
            + _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 1 << state)
        )
        while True:
            data = kernel.recv(1 << 18)
            for kind, body in _messages(data):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError('sock_diag was refused')
                yield _diagnosed(body)


def _messages(data):
    at = 0
    while at + _HEADER.size <= len(data):
        size, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if size < _HEADER.size:
            raise OSError('sock_diag gave nonsense')
        yield kind, data[at + _HEADER.size : at + size]
        at += (size + 3) & ~3


def _diagnosed(body):
    family, _, port, remote, address, _, uid, inode = _MESSAGE.unpack_from(
        body
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
