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

"""The HTTP client of drivers, against servers that do what servers do."""

import socket
import time

import fixtures
from oslotest import base

from sentinella import exceptions
from sentinella.notifier import web
from tests import network
from tests import target
from tests import webserver
from tests.functional.notifier import test_drivers

SECRET = test_drivers.SECRET
HEADERS = {'Authorization': f'Bearer {SECRET}'}


class WebTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.conf = test_drivers.make_conf()
        self.client = web.Client(self.conf)
        self.target = self.useFixture(target.Target())
        self.settings = {}

    def post(self, url=None, **how):
        return self.client.post(
            url or f'{self.target.url}/{SECRET}?token={SECRET}',
            **{
                'json': {'a': 'größe'},
                'headers': HEADERS,
                'settings': self.settings,
                **how,
            },
        )

    def assert_raises(self, error, *words, **how):
        raised = self.assertRaises(error, self.post, **how)
        for word in words:
            self.assertIn(word, str(raised))
        self.assertNotIn('/page', str(raised))
        self.assertNotIn(SECRET, str(raised))
        return raised


class TestAnswers(WebTestCase):
    def test_request_and_answer(self):
        self.target.body = b'{"ok": true}'
        answer = self.post(headers={'X-A': 'b'})
        self.assertEqual('HTTP 200 OK', str(answer))
        self.assertEqual({'ok': True}, answer.json())
        self.assertEqual('{"ok": true}', answer.text())
        ((path, headers, body),) = self.target.requests
        self.assertEqual(f'/page/{SECRET}?token={SECRET}', path)
        self.assertEqual('{"a": "größe"}', body.decode())
        self.assertEqual('b', headers['X-A'])
        self.assertEqual('application/json', headers['Content-Type'])
        self.assertEqual(f'127.0.0.1:{self.target.port}', headers['Host'])

    def test_what_is_no_json(self):
        for body in (b'ok', b'\xff', b'[' * 60000):
            self.target.body = body
            self.assertIsNone(self.post().json())

    def test_paths_that_are_no_ascii(self):
        self.post(f'{self.target.base}/größe?a=b%20c')
        self.assertEqual(
            '/gr%C3%B6%C3%9Fe?a=b%20c', self.target.requests[0][0]
        )

    def test_retry_after_seconds(self):
        for status in (429, 503):
            self.target.status = status
            self.target.headers = {'Retry-After': '120'}
            error = self.assert_raises(exceptions.Retry, f'HTTP {status}')
            self.assertEqual(120.0, error.after)

    def test_retry_without_after(self):
        self.target.status = 500
        error = self.assert_raises(exceptions.Retry, 'HTTP 500')
        self.assertIsNone(error.after)

    def test_retry_after_forms(self):
        for value, after in [
            ('0', 0.0),
            (' 7 ', 7.0),
            ('Thu, 01 Jan 1970 00:01:40 GMT', 60.0),
            ('Thu, 01 Jan 1970 00:00:00 GMT', 0.0),
            ('-5', None),
            ('soon', None),
            ('', None),
        ]:
            headers = target.headers(retry_after=value)
            self.assertEqual(after, web.retry_after(headers, 40.0), value)
        self.assertIsNone(web.retry_after(target.headers(), 40.0))

    def test_what_it_says_is_shown_without_what_it_was_sent(self):
        self.target.status = 400
        self.target.body = (
            f'no\n page /page/{SECRET}?token={SECRET} for {SECRET} '.encode()
            + b'x' * 1000
        )
        error = self.assert_raises(
            exceptions.Final,
            'HTTP 400 Bad Request: no page ***',
            explain=lambda answer: answer.text(),
        )
        self.assertLess(len(str(error)), 300)

    def test_a_long_answer(self):
        self.target.body = b'x' * 10 * web.MOST_READ
        for _ in range(3):
            self.assertEqual(web.MOST_READ, len(self.post().body))
        self.assertEqual(3, self.target.connections)

    def test_redirects_are_not_followed(self):
        elsewhere = self.useFixture(target.Target())
        for status in (301, 302, 303, 307, 308):
            self.target.status = status
            for url in (elsewhere.url, 'http://169.254.169.254/', '//x/'):
                self.target.headers = {'Location': url}
                self.assert_raises(exceptions.Final, f'HTTP {status}')
        self.assertEqual([], elsewhere.requests)

    def test_connections_are_kept_by_where_they_lead(self):
        other = self.useFixture(target.Target())
        for _ in range(5):
            self.post()
            self.post(other.url)
        self.assertEqual([1, 1], [self.target.connections, other.connections])


class TestInTime(WebTestCase):
    def setUp(self):
        super().setUp()
        self.conf.set_override('timeout', 0.5, 'notifier')

    def assert_ends(self, error=exceptions.Retry, words='no answer within'):
        began = time.monotonic()
        self.assert_raises(error, words)
        self.assertLess(time.monotonic() - began, 5.0)

    def test_no_answer(self):
        self.target.hold.clear()
        self.assert_ends()

    def test_a_body_that_hangs(self):
        self.target.pause = 10
        self.target.raw = [b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok']
        self.assert_ends()

    def test_what_trickles(self):
        """Each piece comes soon enough for any timeout of a socket."""
        self.target.pause = 0.1
        status = b'HTTP/1.1 200 OK\r\n'
        for raw in (
            [status, b'Content-Length: 99\r\n\r\n', *[b'x'] * 99],
            [
                status,
                b'Transfer-Encoding: chunked\r\n\r\n',
                *[b'1\r\nx\r\n'] * 99,
            ],
            [status, *[b'X-A: b\r\n'] * 99],
            [bytes([byte]) for byte in status * 9],
            [b'HTTP/1.1 100 Continue\r\n\r\n'] * 99,
        ):
            self.target.raw = raw
            self.assert_ends()

    def test_a_handshake_that_hangs(self):
        with socket.create_server(('127.0.0.1', 0)) as silent:
            port = silent.getsockname()[1]
            began = time.monotonic()
            self.assert_raises(
                exceptions.Retry,
                'no answer within',
                url=f'https://127.0.0.1:{port}/page',
            )
            self.assertLess(time.monotonic() - began, 5.0)


class TestBroken(WebTestCase):
    def test_half_an_answer(self):
        for raw in (
            b'',
            b'HTTP/1.1 2',
            b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok',
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok',
            b'SSH-2.0-OpenSSH\r\n',
            b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 1000 + b'\r\n',
            b'HTTP/1.1 200 OK\r\nX: ' + b'y' * 100000 + b'\r\n\r\n',
        ):
            self.target.raw = [raw]
            self.assert_raises(exceptions.Retry, 'no ')

    def test_an_answer_that_ends_with_the_connection(self):
        self.target.raw = [b'HTTP/1.0 200 OK\r\n\r\nok']
        self.assertEqual(b'ok', self.post().body)
        self.assertEqual(b'ok', self.post().body)
        self.assertEqual(2, self.target.connections)

    def test_nobody_listens(self):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self.assert_raises(
            exceptions.Retry,
            'no connection: Connection refused',
            url=f'http://127.0.0.1:{port}/page',
        )

    def test_no_such_host(self):
        self.assert_raises(
            exceptions.Retry, 'no connection: ', url='http://x.invalid/page'
        )

    def test_what_is_no_url(self):
        for url in ('http://a..b/page', 'http://x:y/page', 'http:///page'):
            self.assert_raises(exceptions.Final, 'not a URL', url=url)
        self.assert_raises(
            exceptions.Final, 'not a header', headers={'A': 'b\r\nC: d'}
        )


class TestTls(WebTestCase):
    def setUp(self):
        super().setUp()
        self.authority = webserver.Authority()
        directory = self.useFixture(fixtures.TempDir()).path
        self.cafile = f'{directory}/ca.pem'
        self.write(self.authority)
        self.settings = {'cafile': self.cafile}

    def write(self, authority):
        with open(self.cafile, 'wb') as file:
            file.write(authority.pem)

    def serve(self, **certificate):
        self.target = self.useFixture(
            target.Target(self.authority.issue(**certificate))
        )
        return f'https://localhost:{self.target.port}/page'

    def test_valid(self):
        url = self.serve()
        for _ in range(3):
            self.assertEqual(200, self.post(url).status)
        self.assertEqual(1, self.target.connections)

    def test_of_another(self):
        self.assert_raises(
            exceptions.Retry,
            'TLS: Hostname mismatch',
            url=self.serve(name='other.example'),
        )
        self.assertEqual([], self.target.requests)

    def test_over(self):
        self.assert_raises(
            exceptions.Retry,
            'TLS: certificate has expired',
            url=self.serve(days=-1),
        )

    def test_signed_by_whom_nobody_trusts(self):
        url = self.serve()
        for settings in ({}, {'verify': True}):
            self.settings = settings
            self.assert_raises(exceptions.Retry, 'TLS: unable to get', url=url)
        self.assertEqual([], self.target.requests)

    def test_not_verified_where_asked(self):
        url = self.serve(days=-1)
        self.settings = {'verify': False}
        self.assertEqual(200, self.post(url).status)
        # what was trusted once is not for those who ask for more
        self.settings = {}
        self.assert_raises(exceptions.Retry, 'TLS: ', url=url)

    def test_a_cafile_that_changed(self):
        url = self.serve()
        self.post(url)
        self.write(webserver.Authority())
        self.assert_raises(exceptions.Retry, 'TLS: ', url=url)

    def test_a_cafile_that_is_none(self):
        url = self.serve()
        texts = set()
        for cafile in ('/nosuch/page.pem', '/etc/passwd', '/etc'):
            self.settings = {'cafile': cafile}
            texts.add(str(self.assert_raises(exceptions.Retry, url=url)))
        self.assertEqual({'TLS: the cafile can not be used'}, texts)

    def test_a_server_without(self):
        self.assert_raises(
            exceptions.Retry,
            'TLS: ',
            url=f'https://127.0.0.1:{self.target.port}/page',
        )


#: What resolves to the target in the ways that there are.
OURSELVES = (
    '127.0.0.1', 'localhost', 'LOCALHOST', '127.1', '2130706433',
    '0x7f.0.0.1', '0177.1', '0', '0.0.0.0', '127.9.9.9', '[::1]',
    '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::]',
)  # fmt: skip

#: A DNS server that says each time what is next, beside the public server
#: that whoever owns the name shows first, and what he is after.
REBINDING = """
import os, socketserver, subprocess, tempfile, threading
from sentinella import exceptions
from sentinella.notifier import web
from tests.functional.notifier import test_drivers

PUBLIC = '198.51.100.7'
answers = []

class Names(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        end = data.index(b'\\0', 12) + 5
        wanted, = struct.unpack('>H', data[end - 4:end - 2])
        head = data[:2] + b'\\x81\\x80\\0\\1'
        if wanted != 1:
            sock.sendto(head + b'\\0\\0\\0\\0\\0\\0' + data[12:end],
                        self.client_address)
            return
        sock.sendto(
            head + b'\\0\\1\\0\\0\\0\\0' + data[12:end]
            + b'\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4'
            + socket.inet_aton(answers.pop(0)), self.client_address)

class Web(socketserver.BaseRequestHandler):
    def handle(self):
        heard.append(self.server.server_address[0])
        self.request.recv(65536)
        self.request.sendall(
            b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n'
            b'Connection: close\\r\\n\\r\\n')

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    # SIOCSIFADDR, of lo:1
    fcntl.ioctl(sock, 0x8916, struct.pack(
        '16sHH4s8x', b'lo:1', socket.AF_INET, 0, socket.inet_aton(PUBLIC)))
with tempfile.NamedTemporaryFile('w') as file:
    file.write('nameserver 127.0.0.1\\noptions single-request\\n')
    file.flush()
    subprocess.run(
        ['mount', '--bind', file.name, '/etc/resolv.conf'], check=True)
servers = [socketserver.UDPServer(('127.0.0.1', 53), Names)]
heard = []
for address in (PUBLIC, '127.0.0.1'):
    servers.append(socketserver.TCPServer((address, 8080), Web))
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()

client = web.Client(test_drivers.make_conf(allowed=[]))
result = []
for answers in ([PUBLIC], ['127.0.0.1'], ['169.254.169.254'], [PUBLIC]):
    try:
        said = str(client.post('http://page.example:8080/', json={}))
    except (exceptions.Final, exceptions.Retry) as error:
        said = str(error)
    result.append((said, list(heard)))
    heard.clear()
"""


class TestWhereItMayGo(WebTestCase):
    def setUp(self):
        super().setUp()
        self.client = web.Client(test_drivers.make_conf(allowed=[]))

    def test_ourselves_by_any_name(self):
        for host in OURSELVES:
            self.assert_raises(
                exceptions.Final,
                'the address is refused: ',
                url=f'http://{host}:{self.target.port}/page',
            )
        self.assertEqual(0, self.target.connections)

    def test_metadata(self):
        for host in (
            '169.254.169.254',
            '[fe80::a9fe:a9fe]',
            '[fd00:ec2::254]',
        ):
            self.assert_raises(
                exceptions.Final,
                'the address is refused: ',
                url=f'http://{host}/page',
            )

    def test_after_a_redirect(self):
        """Of a server that is allowed, to one that is not."""
        self.client = web.Client(
            test_drivers.make_conf(allowed=['127.0.0.2/32'])
        )
        allowed = self.useFixture(target.Target(host='127.0.0.2'))
        allowed.status = 307
        allowed.headers = {'Location': self.target.url}
        self.assert_raises(exceptions.Final, 'HTTP 307', url=allowed.url)
        self.assertEqual(1, len(allowed.requests))
        self.assertEqual(0, self.target.connections)

    def test_what_is_allowed(self):
        self.client = web.Client(
            test_drivers.make_conf(allowed=['127.0.0.1/32'])
        )
        for host in ('127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'):
            self.post(f'http://{host}:{self.target.port}/page')
        self.assert_raises(
            exceptions.Final,
            'refused: loopback',
            url=f'http://127.0.0.2:{self.target.port}/page',
        )

    def test_what_else_is_refused(self):
        conf = test_drivers.make_conf(allowed=[])
        conf.set_override('refused_networks', ['10.0.0.0/8'], 'notifier')
        self.client = web.Client(conf)
        self.assert_raises(
            exceptions.Final, 'is refused: ', url='http://10.1.2.3/page'
        )

    def test_a_name_that_leads_elsewhere_meanwhile(self):
        refused = 'the address is refused: %s; see [notifier] allowed_networks'
        self.assertEqual(
            [
                ['HTTP 200 OK', ['198.51.100.7']],
                [refused % 'loopback', []],
                [refused % 'link-local', []],
                ['HTTP 200 OK', ['198.51.100.7']],
            ],
            network.run(REBINDING),
        )
