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

import math
import socket
import threading
import time
import types

import fixtures
from oslotest import base

from sentinella.agent.collectors import api
from sentinella.knowledge import services
from tests import collectors
from tests import keystone
from tests import webserver

NOVA = services.Kind(
    'nova-api', 'nova', ('nova-api',), wsgi=('nova.wsgi',), ports=(8774,)
)


def answers(status):
    return lambda path: (status, 'application/json', b'{}')


class Talker(fixtures.Fixture):
    """A server that says what it is told to, whoever asks for what."""

    def __init__(self, talk):
        self._talk = talk

    def _setUp(self):
        self._server = socket.create_server(('127.0.0.1', 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.addCleanup(self._stop)

    def _serve(self):
        while True:
            conn, _ = self._server.accept()
            with conn:
                if conn.recv(4096) == b'stop':
                    return
                try:
                    self._talk(conn)
                except OSError:
                    continue

    def _stop(self):
        with socket.create_connection(('127.0.0.1', self.port)) as conn:
            conn.sendall(b'stop')
        self._thread.join()
        self._server.close()


class ApiTest(base.BaseTestCase):
    def server(self, status, pem=None):
        return self.useFixture(webserver.WebServer(answers(status), pem))

    def local(self, *ports, kind=NOVA, host='127.0.0.1', timeout=0.3):
        """One that knows of a service that listens there."""
        self.listeners = [(host, port) for port in ports]
        node = types.SimpleNamespace(
            services={
                kind.name: types.SimpleNamespace(name=kind.name, kind=kind)
            },
            listeners_of=lambda name: self.listeners,
        )
        return collectors.make(api.ApiCollector, node, timeout=timeout)

    def collect(self, collector):
        """What is measured, by metric and endpoint."""
        found = collectors.values(collector.collect(time.time()))
        return {key[:2]: value for key, value in found.items()}

    def assertUp(self, expected, found, endpoint='local'):
        up = found['api.up', endpoint]
        if math.isnan(expected):
            self.assertTrue(math.isnan(up), up)
        else:
            self.assertEqual(expected, up)


class TestLocal(ApiTest):
    def test_any_answer_but_of_an_error_is_up(self):
        for status, expected in (
            (200, 1), (300, 1), (302, 1), (401, 1), (404, 1),
            (500, 0), (502, 0), (503, 0),
        ):  # fmt: skip
            server = self.server(status)
            found = self.collect(self.local(server.port))
            self.assertUp(expected, found)
            self.assertEqual(status, found['api.status', 'local'])
            self.assertLess(0, found['api.seconds', 'local'])
            self.assertLess(found['api.seconds', 'local'], 0.3)
            self.assertEqual(['/'], server.asked)

    def test_refused(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            port = server.getsockname()[1]
        found = self.collect(self.local(port))
        self.assertUp(0, found)
        self.assertTrue(math.isnan(found['api.status', 'local']))
        self.assertTrue(math.isnan(found['api.seconds', 'local']))

    def test_what_is_no_answer_in_time(self):
        def drip(conn):
            for byte in 40 * b'HTTP/1.1 200 OK\r\n':
                conn.sendall(bytes([byte]))
                time.sleep(0.05)

        for talk in (
            lambda conn: None,
            lambda conn: time.sleep(0.5),
            lambda conn: conn.sendall(b'220 smtp.example.org\r\n'),
            drip,
        ):
            server = self.useFixture(Talker(talk))
            started = time.monotonic()
            self.assertUp(0, self.collect(self.local(server.port)))
            self.assertLess(time.monotonic() - started, 5)

    def test_the_worst_of_several(self):
        up, down = self.server(200), self.server(503)
        found = self.collect(self.local(up.port, down.port))
        self.assertUp(0, found)
        self.assertEqual(503, found['api.status', 'local'])

    def test_its_own_ports_rather_than_others_of_a_web_server(self):
        own, other = self.server(200), self.server(503)
        kind = services.Kind('a', 'a', (), wsgi=('a',), ports=(own.port,))
        found = self.collect(self.local(other.port, own.port, kind=kind))
        self.assertUp(1, found)
        self.assertEqual([], other.asked)

    def test_that_listens_everywhere(self):
        server = self.server(200)
        self.assertUp(1, self.collect(self.local(server.port, host='0.0.0.0')))

    def test_with_tls(self):
        pem = webserver.Authority().issue(days=12)
        server = self.server(200, pem)
        collector = self.local(server.port)
        for _ in range(2):
            found = self.collect(collector)
            self.assertUp(1, found)
            self.assertAlmostEqual(
                12, found['certificate.days_left', 'local'], places=1
            )
        # the second time it knew
        self.assertEqual(['/', '/'], server.asked)

    def test_no_longer_with_tls(self):
        pem = webserver.Authority().issue()
        server = webserver.WebServer(answers(200), pem)
        with server:
            collector = self.local(server.port)
            self.assertUp(1, self.collect(collector))
            # the same port, and no TLS
            server._server.context = None
            found = self.collect(collector)
        self.assertUp(1, found)
        self.assertNotIn(('certificate.days_left', 'local'), found)

    def test_told_to_begin_with_tls(self):
        said = b'<p>You are speaking plain HTTP to an SSL-enabled port</p>'
        plain = webserver.WebServer(lambda path: (400, 'text/html', said))
        with plain:
            collector = self.local(plain.port)
            # it says so, and does not speak it
            found = self.collect(collector)
            self.assertUp(1, found)
            self.assertEqual(400, found['api.status', 'local'])

    def test_a_guess_proves_nothing_until_it_was_right(self):
        server = webserver.WebServer(answers(200))
        kind = None
        with server:
            kind = services.Kind('a', 'a', (), ('a',), (server.port,))
            collector = self.local(kind=kind)
            self.assertUp(1, self.collect(collector))
        self.assertUp(0, self.collect(collector))
        stranger = self.local(kind=kind)
        self.assertUp(math.nan, self.collect(stranger))

    def test_where_it_listened_while_it_is_gone(self):
        server = webserver.WebServer(answers(200))
        with server:
            collector = self.local(server.port)
            self.assertUp(1, self.collect(collector))
        self.listeners = []
        self.assertUp(0, self.collect(collector))


class TestConfigured(ApiTest):
    def test_endpoints(self):
        up, down = self.server(401), self.server(503)
        collector = collectors.make(
            api.ApiCollector,
            endpoints=[f'nova={up.url}/v2.1?a=b', f'glance={down.url}'],
        )
        found = collectors.values(collector.collect(time.time()))
        self.assertEqual(1, found['api.up', 'configured', 'nova'])
        self.assertEqual(401, found['api.status', 'configured', 'nova'])
        self.assertEqual(0, found['api.up', 'configured', 'glance'])
        self.assertEqual(['/v2.1?a=b'], up.asked)
        self.assertEqual(['/'], down.asked)


class TestCatalog(ApiTest):
    def setUp(self):
        super().setUp()
        self.keystone = self.useFixture(keystone.KeystoneFixture())

    def credentials(self, **changed):
        """The options, and what goes beside them."""
        return {
            'auth_type': 'password',
            'auth_url': self.keystone.url,
            'username': 'sentinella',
            'password': keystone.PASSWORD,
            'project_name': 'service',
            'user_domain_id': 'default',
            'project_domain_id': 'default',
            **changed,
        }

    def make(self, credentials):
        directory = self.useFixture(fixtures.TempDir()).path
        path = f'{directory}/a.conf'
        with open(path, 'w') as file:
            file.write('[collector_api]\n')
            file.writelines(f'{k} = {v}\n' for k, v in credentials.items())
        return collectors.make_from(api.ApiCollector, path)

    def test_its_endpoints(self):
        found = collectors.values(
            self.make(self.credentials()).collect(time.time())
        )
        for interface in ('internal', 'public'):
            self.assertEqual(1, found['api.up', interface, 'keystone'])
            self.assertIn(
                found['api.status', interface, 'keystone'], (200, 300)
            )

    def test_one_token_an_hour(self):
        collector = self.make(self.credentials())
        collector.wanted()
        now = time.time()
        list(collector.collect(now))
        first = collector._catalog._plugin.auth_ref.auth_token
        list(collector.collect(now + 3500))
        self.assertEqual(first, collector._catalog._plugin.auth_ref.auth_token)
        list(collector.collect(now + 3601))
        self.assertNotEqual(
            first, collector._catalog._plugin.auth_ref.auth_token
        )

    def test_wrong_credentials_are_one_line_without_them(self):
        logger = self.useFixture(fixtures.FakeLogger())
        server = self.server(200)
        collector = self.make(
            self.credentials(
                password='wrong-secret',
                endpoints=f'nova={server.url}',
            )
        )
        for _ in range(2):
            # what can be asked is
            found = self.collect(collector)
            self.assertUp(1, found, 'configured')
        self.assertEqual(1, logger.output.count('Keystone gives no catalog'))
        self.assertNotIn('wrong-secret', logger.output)
        self.assertNotIn('Traceback', logger.output)
