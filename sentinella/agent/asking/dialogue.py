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

"""Talks with a server over a socket, bounded in time and in bytes."""

import errno
import os
import socket
import time

from oslo_config import types

from sentinella import exceptions
from sentinella import model
from sentinella.agent.asking import probing

#: Seconds that one exchange takes at most.
PATIENCE = 4.0
#: Bytes that an answer has at most.
LIMIT = 8 * 1024 * 1024

_WILDCARDS = {'': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1'}  # noqa: S104


class Address(types.ConfigType):
    """An option that names a Unix socket, or a host and a port.

    Its value is the socket's path, or a pair (host, port).

    :param port: where none is given
    """

    def __init__(self, port=None):
        super().__init__(type_name='/path or host:port')
        self._port = port

    def __call__(self, value):
        if not isinstance(value, str) or value.startswith('/'):
            return value
        host, colon, port = value.rpartition(':')
        if self._port and (not colon or value.endswith(']')):
            host, port = value, str(self._port)
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f'expected {self.type_name}, not {value!r}')
        return host.strip('[]'), int(port)

    def __repr__(self):
        return 'Address'

    def __eq__(self, other):
        return isinstance(other, Address) and other._port == self._port

    def _formatter(self, value):
        return text(value)


def text(address):
    """An address as people write it."""
    if isinstance(address, str):
        return address
    host, port = address
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


def reachable(host, port):
    """Where one connects to what listens there."""
    return _WILDCARDS.get(host, host), port


def locate(node, service, sockets=(), port=None):
    """Where a service of this node can be asked.

    :param sockets: paths where it has its socket as a rule
    :param port: that it has as a rule
    :returns: the socket that is there, or else a pair (host, port); None
        where there is neither
    """
    for path in sockets:
        if os.path.exists(path):
            return path
    if port is None:
        return None
    found = sorted(reachable(*place) for place in node.listeners_of(service))
    usual = [pair for pair in found if pair[1] == port]
    return (usual or found or [('127.0.0.1', port)])[0]


def is_down(node, *services):
    """Whether none of these services has a process that lives."""
    states = [
        node.services[name].state for name in services if name in node.services
    ]
    return bool(states) and all(s is model.ServiceState.DOWN for s in states)


def connect(address, seconds):
    """
    :param address: a path or a pair (host, port)
    :returns: socket
    :raises OSError: nobody is there, or takes us in time
    """
    if not isinstance(address, str):
        return socket.create_connection(address, seconds)
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(seconds)
        sock.connect(address)
    except BlockingIOError:
        # its queue of those who wait is full
        sock.close()
        raise TimeoutError(errno.ETIMEDOUT, 'accepts nobody')
    except BaseException:
        sock.close()
        raise
    return sock


class Dialogue:
    """A connection to a server, to be used in a `with` statement.

    :param address: a path or a pair (host, port)
    :param seconds: for all that is said; `PATIENCE` if not given
    :raises OSError: nobody is there, or does not answer in time; TimeoutError
        and ConnectionError among them
    """

    def __init__(self, address, seconds=None):
        self._until = time.monotonic() + (seconds or PATIENCE)
        self._received = 0
        self._buffer = b''
        self._socket = connect(address, self._left())

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._socket.close()

    def _left(self):
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, 'no answer in time')
        return left

    def send(self, data):
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def read(self):
        """
        :returns: some bytes; none once the other side has closed
        :raises ValueError: it says more than anybody would
        """
        if self._buffer:
            data, self._buffer = self._buffer, b''
            return data
        self._socket.settimeout(self._left())
        data = self._socket.recv(65536)
        self._received += len(data)
        if self._received > LIMIT:
            raise ValueError(f'more than {LIMIT} bytes')
        return data

    def read_all(self):
        """What comes until the other side closes."""
        return b''.join(iter(self.read, b''))

    def read_until(self, *ends):
        """What comes up to and with one of some ends, the first to come.

        :raises ConnectionError: the other side closes before that
        """
        data = b''
        while True:
            more = self.read()
            if not more:
                raise ConnectionResetError(errno.ECONNRESET, 'hung up')
            data += more
            places = [
                place + len(end)
                for end in ends
                if (place := data.find(end)) >= 0
            ]
            if places:
                at = min(places)
                self._buffer = data[at:]
                return data[:at]


def judge(error, address, remedy, down=False):
    """What it means that nobody answered.

    :param error: OSError
    :param remedy: what to do where the socket is not there or not for us
    :param down: whether the server is known to have no process
    :returns: the value of its `.up`
    :raises Lacking: it may well be up, and can't be asked
    """
    if down:
        return probing.up(error)
    if isinstance(error, PermissionError):
        raise exceptions.Lacking(f'{text(address)} may not be opened', remedy)
    if isinstance(error, FileNotFoundError):
        raise exceptions.Lacking(f'{text(address)} does not exist', remedy)
    return probing.up(error)
