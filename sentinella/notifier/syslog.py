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

"""Speaks syslog (RFC 5424), for no longer than it may take, and only where it
may: over UDP (RFC 5426), TCP (RFC 6587), TLS (RFC 5425), or into a socket of
this node.

No text can end a message, or begin another: control characters are gone from
each before it gets here, and over a stream the length of a message goes before
it.
"""

import contextlib
import dataclasses
import os
import socket
import ssl
import time

from sentinella import exceptions
from sentinella.notifier import connections
from sentinella.notifier import legible
from sentinella.notifier import words

#: By how messages travel: the port where they are waited for.
PORTS = {'udp': 514, 'tcp': 514, 'tls': 6514}

#: The place of each is its number.
FACILITIES = (
    'kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news',
    'uucp', 'cron', 'authpriv', 'ftp', 'ntp', 'audit', 'alert', 'clock',
    'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6',
    'local7',
)  # fmt: skip

#: Its own numbers of our severities, and of what is no bad news.
SEVERITIES = {'critical': 2, 'major': 3, 'warning': 4, 'info': 6}
NOTICE = 5

#: Bytes of a message, which every receiver should take (RFC 5424, 6.1), and
#: of one value in its structured data.
LONGEST = 2048
VALUE = 100
#: Characters of its text, of the name of a node, and of what is no text.
TEXT = 480
HOSTNAME = 255
MSGID = 32

BOM = '\ufeff'.encode()

#: States of a connection that both sides have ended (TCP_TIME_WAIT and
#: TCP_CLOSE of Linux).
ENDED = (6, 7)

#: Seconds in which a node tells that nobody there wants our datagram.
ECHO = 0.05


@dataclasses.dataclass(frozen=True)
class Origin:
    """Who says it.

    :ivar facility: one of FACILITIES
    :ivar host: the name of this node
    :ivar enterprise: whose the names in the structured data are (RFC 5424,
        7.2.2)
    """

    facility: str
    app_name: str
    host: str
    enterprise: int


@dataclasses.dataclass(frozen=True)
class Receiver:
    """
    :ivar transport: a key of PORTS
    :ivar cafile: see :func:`connections.tls`; :ivar verify: likewise
    :ivar addresses: the :class:`addresses.Addresses` that may be reached
    """

    host: str
    port: int
    transport: str
    cafile: str | None = None
    verify: bool = True
    addresses: object = None


def render(message, origin):
    """
    :param message: see :mod:`sentinella.notifier.message`
    :returns: bytes, LONGEST at most
    """
    good = message['kind'] in words.GOOD
    level = NOTICE if good else SEVERITIES[message['severity']]
    head = ' '.join(
        (
            f'<{FACILITIES.index(origin.facility) * 8 + level}>1',
            message['at'],
            _name(origin.host, HOSTNAME),
            _name(origin.app_name, 48),
            '-',
            _name(message['kind'], MSGID),
            _structured(message, origin.enterprise),
            '',
        )
    ).encode()
    said = f'{message["title"]}: {message["reason"]}'
    said = _cut(legible.line(said, TEXT), LONGEST - len(head) - len(BOM))
    return head + BOM + said.encode()


def send_to_socket(path, payload, timeout):
    """
    :param path: of a Unix socket of datagrams, such as /dev/log
    :raises Retry: nobody takes it there
    """
    deadline = connections.Deadline(timeout)
    with _told(timeout), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(path)
        s.settimeout(deadline.left())
        s.send(payload)


def send(receiver, payload, timeout):
    """
    :param payload: bytes of one message
    :param timeout: seconds that it may take in all
    :returns: what is known of its arrival
    :raises Retry: it may go the next time
    :raises Final: it will never go
    """
    deadline = connections.Deadline(timeout)
    with _told(timeout):
        if receiver.transport == 'udp':
            return _by_datagram(receiver, payload, deadline)
        return _by_stream(receiver, payload, deadline)


@contextlib.contextmanager
def _told(timeout):
    """Has errors be those of drivers, without their own texts."""
    try:
        yield
        return
    except TimeoutError:
        error = exceptions.Retry(f'no answer within {timeout:g} s')
    except ssl.SSLError as reason:
        why = getattr(reason, 'verify_message', None) or reason.reason
        error = exceptions.Retry(f'TLS: {why or type(reason).__name__}')
    except OSError as reason:
        why = reason.strerror or type(reason).__name__
        error = exceptions.Retry(f'no connection: {why}')
    except ValueError:
        # what the schema could not tell
        error = exceptions.Final('settings: not a host')
    # outside: what they hold may be more than is to be told
    raise error


def _by_datagram(receiver, payload, deadline):
    with _connect(receiver, deadline, socket.SOCK_DGRAM) as connected:
        connected.settimeout(deadline.left())
        connected.send(payload)
        connected.settimeout(min(ECHO, deadline.left()))
        try:
            # it has nothing to say, but its node may
            connected.recv(1)
        except TimeoutError:
            pass
    return 'sent by UDP, where nobody says that it arrived'


def _by_stream(receiver, payload, deadline):
    frame = f'{len(payload)} '.encode() + payload
    with _connect(receiver, deadline) as connected:
        stream = _Plain(connected, deadline)
        if receiver.transport == 'tls':
            stream = _Tls(connected, deadline, _context(receiver))
            stream.begin(receiver.host)
        stream.send(frame)
        stream.end()
    return f'taken, by {receiver.transport.upper()}'


class _Plain:
    """A connection that is used once.

    Syslog has no answers; but who ends it after us has read what came before.
    """

    def __init__(self, connected, deadline):
        self._socket = connected
        self._deadline = deadline

    def send(self, data):
        if data:
            self._socket.settimeout(self._deadline.left())
            self._socket.sendall(data)

    def end(self):
        """
        :raises OSError: it was ended before all was read
        """
        self._socket.shutdown(socket.SHUT_WR)
        while data := self.receive():
            self.heard(data)
        while self._state() not in ENDED:
            # it went before us: what we sent is acknowledged, or refused
            time.sleep(min(0.005, self._deadline.left()))
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise ConnectionResetError(error, os.strerror(error))

    def receive(self):
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv(65536)

    def heard(self, data):
        """What it says is nothing to us."""

    def _state(self):
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return info[0]


class _Tls(_Plain):
    """In memory: of a socket of `ssl` only both directions can be ended."""

    def __init__(self, connected, deadline, context):
        super().__init__(connected, deadline)
        self._context = context
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = None

    def begin(self, name):
        self._tls = self._context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=name
        )
        while not self._is_done(self._tls.do_handshake):
            self._take(self.receive())

    def send(self, data):
        self._is_done(lambda: self._tls.write(data))

    def end(self):
        # its own end comes later, if at all
        self._is_done(self._tls.unwrap)
        super().end()

    def heard(self, data):
        """It may refuse us when we believe to be in, for a certificate that
        we do not have."""
        self._take(data)
        try:
            self._is_done(lambda: self._tls.read(1024))
        except ssl.SSLZeroReturnError:
            # as it should
            pass

    def _is_done(self, step):
        """Do it, as far as what came in allows; send what comes of it."""
        done = True
        try:
            step()
        except ssl.SSLWantReadError:
            done = False
        except ssl.SSLError:
            # the other end is told why, if it is still there
            with contextlib.suppress(OSError):
                super().send(self._outgoing.read())
            raise
        super().send(self._outgoing.read())
        return done

    def _take(self, data):
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


def _context(receiver):
    try:
        return connections.tls(receiver.cafile, receiver.verify)
    except OSError:
        # one text whether or not there is such a file
        error = exceptions.Retry('TLS: the cafile can not be used')
    raise error


def _connect(receiver, deadline, kind=socket.SOCK_STREAM):
    return connections.connect(
        receiver.addresses, receiver.host, receiver.port, deadline, kind
    )


def _structured(message, enterprise):
    """What programs are to know, each with its name."""
    alarm = message['alarm'] or {}
    server = message['server'] or {}
    known = {
        'notification_id': message['id'],
        'alarm_id': alarm.get('id'),
        'kind': message['kind'],
        'severity': message['severity'],
        'state': message['state'],
        'definition': alarm.get('name'),
        'server': server.get('hostname'),
        'service': message['service'],
        'project_id': message['project_id'],
    }
    told = ''.join(
        f' {name}="{_value(value)}"' for name, value in known.items() if value
    )
    return f'[sentinella@{enterprise}{told}]'


def _value(text):
    cut = _cut(legible.line(text, VALUE), VALUE)
    for odd in '\\"]':
        cut = cut.replace(odd, f'\\{odd}')
    return cut


def _name(text, length):
    """Of any text, what the head of a message can hold."""
    printed = ''.join(c if '!' <= c <= '~' else '_' for c in text)
    return printed[:length] or '-'


def _cut(text, size):
    """The beginning of a text, of so many bytes at most."""
    coded = text.encode()
    if len(coded) <= size:
        return text
    sign = '…'
    kept = coded[: size - len(sign.encode())]
    return kept.decode(errors='ignore') + sign
