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

"""Asks HTTP servers, in a time that is bounded from end to end."""

import dataclasses
import http.client
import io
import socket
import ssl
import time
import urllib.parse

from sentinella import version

_PORTS = {'http': 80, 'https': 443}


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    :ivar seconds: from before connecting until the head of the answer
    :ivar body: as far as it was to be read
    :ivar certificate: the server's, as DER; None without TLS
    """

    status: int
    seconds: float
    content_type: str
    body: bytes
    certificate: bytes | None


def unverified():
    """A TLS context for those who only want to know whether it answers.

    What is wrong with a certificate is for others to tell.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # an old server is up as well
    context.set_ciphers('DEFAULT:@SECLEVEL=0')
    return context


def get(url, timeout, context, limit=1 << 16, **headers):
    """
    :param timeout: seconds for all of it, however slowly the server talks;
        but for several addresses of a name, each has so many to connect
    :param context: an SSLContext
    :param limit: bytes of the body that are read at most
    :param headers: further ones of the request
    :returns: Answer; a redirection is one, and is not followed
    :raises OSError, http.client.HTTPException: there was none
    """
    parts = urllib.parse.urlsplit(url)
    address = parts.hostname, parts.port or _PORTS[parts.scheme]
    started = time.perf_counter()
    sock = socket.create_connection(address, timeout)
    conn = _Timed(sock, timeout - (time.perf_counter() - started))
    try:
        if parts.scheme == 'https':
            conn.wrap(context, parts.hostname)
        return _ask(conn, parts, headers, limit, started)
    finally:
        conn.hang_up()


def _ask(conn, parts, headers, limit, started):
    http_conn = http.client.HTTPConnection(parts.hostname)
    http_conn.sock = conn
    target = urllib.parse.urlunsplit(('', '', parts.path, parts.query, ''))
    http_conn.request(
        'GET',
        target or '/',
        headers={
            'Host': parts.netloc,
            'Accept': '*/*',
            'User-Agent': f'sentinella-agent/{version.version_string()}',
            'Connection': 'close',
            **headers,
        },
    )
    with http_conn.getresponse() as response:
        seconds = time.perf_counter() - started
        return Answer(
            response.status,
            seconds,
            response.headers.get('Content-Type', ''),
            response.read(limit),
            conn.certificate,
        )


class _Timed(io.RawIOBase):
    """A socket whose timeout is for all that is said on it.

    One that a server writes a byte to each second would never time out.
    """

    def __init__(self, sock, seconds):
        self._sock = sock
        self._deadline = time.monotonic() + seconds
        self.certificate = None

    def wrap(self, context, name):
        self._limit()
        self._sock = context.wrap_socket(self._sock, server_hostname=name)
        self.certificate = self._sock.getpeercert(binary_form=True)

    def _limit(self):
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError('timed out')
        self._sock.settimeout(left)

    def hang_up(self):
        self._sock.close()

    def close(self):
        """http.client does so before it has read all."""

    def readable(self):
        return True

    def readinto(self, buffer):
        self._limit()
        return self._sock.recv_into(buffer)

    def sendall(self, data):
        self._limit()
        self._sock.sendall(data)

    def makefile(self, mode):
        return io.BufferedReader(self)
