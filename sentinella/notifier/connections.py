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

"""Connections that end in time, and only where they may."""

import concurrent.futures
import functools
import http.client
import io
import os
import select
import socket
import ssl
import threading
import time

from sentinella import exceptions

#: Names that are looked up at one time. The resolver can't be interrupted,
#: so that one that does not answer leaves a thread behind, for a while.
_LOOK_UPS = threading.BoundedSemaphore(32)

#: Connections that are kept open for later: to one server, and in all.
KEPT_EACH = 32
KEPT = 256
#: Seconds that one is kept; servers usually end theirs after 60 to 75.
KEPT_FOR = 30.0


class Deadline:
    """Ends some seconds from now."""

    def __init__(self, seconds):
        self._ends = time.monotonic() + seconds

    def left(self):
        """
        :returns: seconds, more than 0
        :raises TimeoutError: none
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def connect(addresses, host, port, deadline, kind=socket.SOCK_STREAM):
    """
    :param addresses: the :class:`addresses.Addresses` that may be reached;
        None for any
    :param kind: of socket; one of datagrams is only told where they go to
    :returns: socket
    :raises Final: the host has only addresses that are refused
    :raises OSError: nobody could be reached
    """
    failure = refused = None
    found = _look_up(host, port, deadline)
    for tried, (family, _, _, _, where) in enumerate(found):
        why = addresses and addresses.why_not(where[0])
        if why:
            refused = why
            continue
        try:
            # a silent one is to leave time for the others
            return _connect(
                family, kind, where, deadline.left() / (len(found) - tried)
            )
        except OSError as error:
            failure = error
    if failure is None:
        raise exceptions.Final(
            f'the address is refused: {refused}; see [notifier] '
            'allowed_networks'
        )
    raise failure


def _connect(family, kind, where, seconds):
    connected = socket.socket(family, kind)
    try:
        connected.settimeout(seconds)
        connected.connect(where)
        if kind == socket.SOCK_STREAM:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connected.close()
        raise
    return connected


def _look_up(host, port, deadline):
    try:
        return _resolve(host, port, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        # a name
        pass
    if not _LOOK_UPS.acquire(timeout=deadline.left()):
        raise TimeoutError
    answer = concurrent.futures.Future()
    threading.Thread(
        target=_answer, args=(answer, host, port), name='look-up', daemon=True
    ).start()
    return answer.result(deadline.left())


def _answer(answer, host, port):
    try:
        answer.set_result(_resolve(host, port))
    except Exception as error:
        answer.set_exception(error)
    finally:
        _LOOK_UPS.release()


def _resolve(host, port, flags=0):
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)


class Timed(io.RawIOBase):
    """What comes in, each piece within what is left of a deadline."""

    def __init__(self, connected, deadline):
        self._socket = connected
        self._inner = connected.makefile('rb', buffering=0)
        self._deadline = deadline

    def readable(self):
        return True

    def readinto(self, buffer):
        self._socket.settimeout(self._deadline.left())
        return self._inner.readinto(buffer)

    def close(self):
        self._inner.close()
        super().close()


class _Readable:
    """As much of a socket as :class:`http.client.HTTPResponse` wants."""

    def __init__(self, connected, deadline):
        self._timed = Timed(connected, deadline)

    def makefile(self, mode):
        return io.BufferedReader(self._timed)


class Connection(http.client.HTTPConnection):
    """
    :ivar deadline: of all that is done with it; set it before
    :param addresses: as for :func:`connect`
    :param context: of TLS; None to speak without
    """

    def __init__(self, host, port, addresses, context=None):
        super().__init__(host, port)
        # else the port would be in the header `Host`, as if it were odd
        self.default_port = 80 if context is None else 443
        self.deadline = None
        self._addresses = addresses
        self._context = context

    def connect(self):
        self.sock = connect(
            self._addresses, self.host, self.port, self.deadline
        )
        if self._context is not None:
            self.sock.settimeout(self.deadline.left())
            self.sock = self._context.wrap_socket(
                self.sock, server_hostname=self.host
            )

    def send(self, data):
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self.deadline.left())
        super().send(data)

    def response_class(self, connected, method):
        return http.client.HTTPResponse(
            _Readable(connected, self.deadline), method=method
        )

    def idles(self):
        """Whether nothing has come since the last answer, no end either."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


class Pool:
    """Keeps connections for the next one who goes the same way."""

    def __init__(self):
        self._kept = {}
        self._lock = threading.Lock()

    def take(self, key):
        """
        :returns: a Connection, or None
        """
        oldest = time.monotonic() - KEPT_FOR
        while True:
            with self._lock:
                kept = self._kept.get(key)
                if not kept:
                    return None
                since, connection = kept.pop()
            if since > oldest and connection.idles():
                return connection
            connection.close()

    def give(self, key, connection):
        now = time.monotonic()
        with self._lock:
            ended = self._forget(now - KEPT_FOR)
            kept = self._kept.setdefault(key, [])
            number = sum(map(len, self._kept.values()))
            if len(kept) < KEPT_EACH and number < KEPT:
                kept.append((now, connection))
            else:
                ended.append(connection)
        for one in ended:
            one.close()

    def close(self):
        with self._lock:
            ended = self._forget(time.monotonic())
        for one in ended:
            one.close()

    def _forget(self, oldest):
        """
        :returns: Connections that were given no later, to be closed
        """
        ended = []
        for key, kept in list(self._kept.items()):
            # the first is the one that was given first
            while kept and kept[0][0] <= oldest:
                ended.append(kept.pop(0)[1])
            if not kept:
                del self._kept[key]
        return ended


def tls(cafile, verify):
    """
    :param cafile: certificates (PEM) of those who are trusted; None for
        those whom the system trusts
    :param verify: whether anything is, where there is no `cafile`
    :raises OSError: the file can't be used
    """
    changed = os.stat(cafile).st_mtime_ns if cafile else 0
    return _context(cafile, changed, verify)


@functools.lru_cache(maxsize=32)
def _context(cafile, changed, verify):
    """To read what the system trusts takes 10 ms and more."""
    context = ssl.create_default_context(cafile=cafile)
    if not cafile and not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
