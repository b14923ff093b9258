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

"""Reports over HTTPS, and over whichever way there is."""

import contextlib
import datetime
import http.server
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
import fixtures
from keystoneauth1 import session
from keystoneauth1.identity import v3
from keystoneclient.v3 import client as keystone_client
from oslo_config import cfg
from oslotest import base
import requests
import sqlalchemy as sa
import testtools

from sentinella import exceptions
from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.agent import identity
from sentinella.agent.publish import spool
from sentinella.agent import state
from sentinella.agent.publish import https
from sentinella.db import servers
from tests import cable
from tests import cloud
from tests import keystone
from tests import processes

STATUS = model.ReceiptStatus
SECRET = 'not-to-be-shown'


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        status, answer = self.server.answer(self.path, self.headers, body)
        self.send_response(status)
        if status == 302:
            self.send_header('Location', '/elsewhere')
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(answer)

    def log_message(self, *args):
        pass


class ApiFixture(fixtures.Fixture):
    """Takes what is signed as it should be.

    :param certificate: file of a certificate and its key, for TLS
    :ivar said: (path, Registration or Report) of all that came
    :ivar status: to answer with; :ivar body: instead of a Receipt
    :ivar pause: seconds to think before
    """

    def __init__(self, certificate=None):
        self._certificate = certificate
        self.said = []
        self.headers = []
        self.status = 200
        self.body = None
        self.pause = 0.0

    def _setUp(self):
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
        server.daemon_threads = True
        server.handle_error = lambda *args: None
        server.answer = self.answer
        scheme = 'http'
        if self._certificate:
            scheme = 'https'
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            server.socket = context.wrap_socket(
                server.socket, server_side=True
            )
        self.url = f'{scheme}://127.0.0.1:{server.server_port}'
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def answer(self, path, headers, body):
        time.sleep(self.pause)
        self.headers.append(headers)
        if self.body is not None or self.status != 200:
            return self.status, self.body or b'{}'
        signed = wire.from_wire(model.Signed, json.loads(body))
        cls, kind = {
            '/v1/registrations': (model.Registration, signing.REGISTRATION),
            '/v1/reports': (model.Report, signing.REPORT),
        }[path]
        for signature in signed.signatures:
            if not signing.verify(signature, kind, signed.body):
                return 400, b'{}'
        said = wire.from_wire(cls, json.loads(signed.body))
        self.said.append((path, said))
        receipt = model.Receipt(STATUS.ACCEPTED)
        return 200, json.dumps(wire.to_wire(receipt)).encode()


def certificate(directory):
    """
    :returns: file of a certificate for 127.0.0.1, signed by itself, and key
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'api')])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    address = x509.IPAddress(ipaddress.ip_address('127.0.0.1'))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), False)
        .sign(key, hashes.SHA256())
    )
    path = os.path.join(directory, 'api.pem')
    with open(path, 'wb') as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return path


class HttpsCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.directory = self.useFixture(fixtures.TempDir()).path
        key = signing.PrivateKey.generate()
        body = json.dumps(wire.to_wire(model.Report('uuid', 'epoch', 1)))
        self.report = model.Signed(body, (key.sign(signing.REPORT, body),))
        body = json.dumps(
            wire.to_wire(model.Registration('uuid', 'epoch', 'host'))
        )
        self.registration = model.Signed(
            body, (key.sign(signing.REGISTRATION, body),)
        )

    def route(self, **values):
        """
        :param values: options of [agent_rest]
        """
        path = os.path.join(self.directory, 'agent.conf')
        with open(path, 'w') as file:
            file.write('[agent_rest]\n')
            for name, value in values.items():
                file.write(f'{name} = {value}\n')
        conf = cfg.ConfigOpts()
        conf([], project='sentinella', default_config_files=[path])
        return https.HttpsRoute(conf)

    def assertUnavailable(self, expected, route):
        """One line, without a secret."""
        error = self.assertRaises(
            exceptions.BusUnavailable, route.report, self.report
        )
        self.assertIn(expected, str(error))
        self.assertNotIn('\n', str(error))
        self.assertNotIn(SECRET, str(error) + self.logger.output)
        self.assertIsNone(error.__context__)
        return str(error)


class TestHttps(HttpsCase):
    def setUp(self):
        super().setUp()
        self.api = self.useFixture(ApiFixture())

    def open(self, **values):
        given = {'auth_type': 'none', 'endpoint': self.api.url, **values}
        return self.route(**given)

    def test_both_kinds(self):
        route = self.open()
        for receipt in (
            route.register(self.registration),
            route.report(self.report),
        ):
            self.assertIs(STATUS.ACCEPTED, receipt.status)
        self.assertEqual(
            ['/v1/registrations', '/v1/reports'],
            [path for path, _ in self.api.said],
        )

    def test_basic(self):
        route = self.open(
            auth_type='http_basic', username='me', password=SECRET
        )
        self.assertIs(STATUS.ACCEPTED, route.report(self.report).status)
        self.assertIn('Basic', self.api.headers[-1]['Authorization'])

    def test_a_url_of_its_own(self):
        route = self.open(
            endpoint='http://127.0.0.1:1', endpoint_override=self.api.url
        )
        self.assertIs(STATUS.ACCEPTED, route.report(self.report).status)

    def test_what_the_api_answers(self):
        route = self.open()
        for status, expected in (
            (401, 'the API does not take the token of [agent_rest] (HTTP 401'),
            (403, "the API forbids it: [agent_rest]'s user needs a role"),
            (404, 'there is nothing at this URL, expected the API'),
            (302, 'the API does not take reports (HTTP 302'),
            (429, 'the API does not take reports (HTTP 429'),
            (503, 'the API does not take reports (HTTP 503'),
        ):
            self.api.status = status
            said = self.assertUnavailable(expected, route)
            self.assertIn(f'{self.api.url}/v1/reports', said)

    def test_what_is_never_taken_holds_nothing_up(self):
        route = self.open()
        for status in (400, 413):
            self.api.status = status
            self.api.body = b'{"errors": [{"detail": "too\\nlarge"}]}'
            receipt = route.report(self.report)
            self.assertEqual(
                (STATUS.REFUSED, f'HTTP {status}: too large'),
                (receipt.status, receipt.reason),
            )
            self.api.body = b'<html>'
            self.assertIs(STATUS.REFUSED, route.report(self.report).status)

    def test_somebody_else_answers(self):
        route = self.open()
        for body in (
            b'<html>',
            b'[]',
            b'{"status": "GREAT"}',
            b'{"status": 7}',
            b'\xff',
        ):
            self.api.body = body
            self.assertUnavailable('not the API of Sentinella', route)

    def test_nobody_answers_in_time(self):
        self.api.pause = 3.0
        route = self.open(timeout=0.2)
        started = time.monotonic()
        self.assertUnavailable('timed out', route)
        self.assertLess(time.monotonic() - started, 2.9)

    def test_waits_a_bounded_time_by_itself(self):
        self.assertEqual(https.TIMEOUT, self.open()._adapter.session.timeout)

    def test_nobody_is_there(self):
        route = self.open(endpoint='http://127.0.0.1:1')
        self.assertUnavailable('Connection refused', route)

    def test_no_such_name(self):
        route = self.open(endpoint='http://no-such-name.invalid')
        self.assertUnavailable('http://no-such-name.invalid/v1/reports', route)


class TestTls(HttpsCase):
    def setUp(self):
        super().setUp()
        self.certificate = certificate(self.directory)
        self.api = self.useFixture(ApiFixture(self.certificate))

    def open(self, **values):
        return self.route(auth_type='none', endpoint=self.api.url, **values)

    def test_of_an_authority_that_nobody_named(self):
        self.assertUnavailable('self-signed certificate', self.open())
        self.assertEqual([], self.api.said)

    def test_of_one_that_was_named(self):
        route = self.open(cafile=self.certificate)
        self.assertIs(STATUS.ACCEPTED, route.report(self.report).status)

    def test_a_file_that_is_not_there(self):
        path = os.path.join(self.directory, 'no.pem')
        self.assertUnavailable(path, self.open(cafile=path))

    def test_plain_where_tls_is_expected(self):
        plain = self.useFixture(ApiFixture())
        route = self.route(
            auth_type='none', endpoint=plain.url.replace('http:', 'https:')
        )
        self.assertUnavailable('/v1/reports: ', route)


class TestCredentials(HttpsCase):
    def assertInvalid(self, expected, **values):
        error = self.assertRaises(
            exceptions.InvalidConfiguration, self.route, **values
        )
        self.assertIn(expected, str(error))
        self.assertTrue(str(error).startswith('[agent_rest] '), str(error))
        self.assertNotIn('\n', str(error))
        self.assertNotIn(SECRET, str(error))

    def test_none(self):
        self.assertInvalid('auth_type is missing')

    def test_of_a_kind_that_is_not_known(self):
        self.assertInvalid('nonsense', auth_type='nonsense')

    def test_without_a_url(self):
        self.assertInvalid(
            'auth_url',
            auth_type='v3applicationcredential',
            application_credential_id='some',
            application_credential_secret=SECRET,
        )

    def test_without_a_secret(self):
        self.assertInvalid(
            'secret',
            auth_type='v3applicationcredential',
            auth_url='http://127.0.0.1:1/v3',
            application_credential_id='some',
        )

    def test_keystone_is_away(self):
        route = self.route(
            auth_type='v3applicationcredential',
            auth_url='http://127.0.0.1:1/v3',
            application_credential_id='some',
            application_credential_secret=SECRET,
        )
        self.assertUnavailable('http://127.0.0.1:1/v3', route)


#: Appends without end; says which are kept, and takes some of them.
WRITER = """
import sys
from sentinella import model
from sentinella.agent.publish import spool
spooled = spool.Spool(sys.argv[1], 1 << 26)
spool.Syncer(spooled).start()
number = 0
while True:
    kept = spooled.append(
        model.Report(
            'server', '', 0, sent_at=number, overtakes=number % 5 == 0
        )
    )
    print('+', kept.epoch, kept.sequence, int(kept.overtakes), flush=True)
    if number % 3 == 0:
        head = spooled.head()
        spooled.remove(head)
        print('-', head.epoch, head.sequence, flush=True)
    number += 1
"""


class TestKilled(base.BaseTestCase):
    """A spool whose process is killed with SIGKILL, time and again."""

    def test_what_was_kept_is_there_once_in_order(self):
        self.logger = self.useFixture(fixtures.FakeLogger())
        directory = self.useFixture(fixtures.TempDir()).path
        waiting, taken = {}, set()
        for seconds in (0.05, 0.2, 0.01, 0.3):
            for words in self.write_and_kill(directory, seconds):
                if words[0] == '+':
                    waiting[words[1], int(words[2])] = words[3] == '1'
                else:
                    taken.add((words[1], int(words[2])))
                    waiting.pop((words[1], int(words[2])), None)
        spooled = spool.Spool(directory, 1 << 26)
        self.addCleanup(spooled.close)
        self.assertEqual(0, spooled.take_dropped())
        found = []
        while (head := spooled.head()) is not None:
            found.append((head.epoch, head.sequence))
            spooled.remove(head)
        self.assertGreater(len(found), 20)
        self.assertEqual(len(set(found)), len(found))
        self.assertEqual(set(), taken & set(found))
        # of each process one may be kept, or taken, that it did not tell
        self.assertLessEqual(len(set(found) ^ set(waiting)), 8)
        for overtakes in (True, False):
            known = [i for i in found if waiting.get(i) is overtakes]
            order = {identity: i for i, identity in enumerate(waiting)}
            self.assertEqual(sorted(known, key=order.get), known)
        self.assertNotIn('of no use', self.logger.output)

    def write_and_kill(self, directory, seconds):
        """
        :returns: what it said, line by line
        """
        process = subprocess.Popen(
            [sys.executable, '-c', WRITER, directory],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
        )
        lines = [process.stdout.readline()]
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        lines += process.stdout.readlines()
        timer.join()
        process.stdout.close()
        process.wait()
        return [line.split() for line in lines if line.endswith('\n')]


API = """
[keystone_authtoken]
auth_type = password
auth_url = {url}
www_authenticate_uri = {url}
username = sentinella
password = {password}
project_name = service
user_domain_id = default
project_domain_id = default
"""

REST = """\
routes = {routes}
[agent_rest]
auth_type = v3applicationcredential
auth_url = {url}
application_credential_id = {credential.id}
application_credential_secret = {credential.secret}
{more}
"""


class TestBothWays(testtools.TestCase):
    """All is real: agent, bus, conductor, API, Keystone, database."""

    def setUp(self):
        super().setUp()
        self.keystone = self.useFixture(keystone.KeystoneFixture())
        self.node = self.useFixture(cloud.CloudFixture('mysql', interval=1))
        broker = urllib.parse.urlparse(self.node.bus.url)
        self.cable = self.useFixture(cable.CableFixture(broker.port or 5672))
        self.behind = broker._replace(
            netloc=f'{broker.username}:{broker.password}'
            f'@127.0.0.1:{self.cable.port}'
        ).geturl()
        self.url = self.serve()

    def serve(self):
        """Run the API as an operator would.

        :returns: its URL
        """
        path = self.node.config('api')
        with open(path, 'a') as file:
            file.write(
                API.format(url=self.keystone.url, password=keystone.PASSWORD)
            )
        with socket.socket() as one:
            one.bind(('127.0.0.1', 0))
            port = one.getsockname()[1]
        process = subprocess.Popen(
            [
                *(sys.executable, '-m', 'gunicorn', '--no-control-socket'),
                *('--workers=2', f'--bind=127.0.0.1:{port}'),
                'sentinella.wsgi.api:application',
            ],
            env={
                **os.environ,
                'PYTHONWARNINGS': 'ignore',
                'OS_SENTINELLA_CONFIG_FILE': str(path),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        url = f'http://127.0.0.1:{port}'

        def answers():
            with contextlib.suppress(requests.RequestException):
                return requests.get(url, timeout=5).ok

        processes.wait_for(answers, 'the API')
        return url

    def log_in(self, user, project):
        return keystone_client.Client(
            session=session.Session(
                v3.Password(
                    self.keystone.url,
                    username=user,
                    password=keystone.PASSWORD,
                    user_domain_id='default',
                    project_name=project,
                    project_domain_id='default',
                )
            )
        )

    def credential(self, user, project):
        """
        :returns: a new application credential of one of `keystone.PERSONAS`
        """
        keystone_ = self.log_in(user, project)
        made = keystone_.application_credentials.create(f'agent-{id(self)}')
        self.addCleanup(keystone_.application_credentials.delete, made)
        return made

    def publish(self):
        """Put the API into the catalog."""
        admin = self.log_in('admin', 'admin')
        service = admin.services.create('sentinella', https.SERVICE_TYPE)
        self.addCleanup(admin.services.delete, service)
        admin.endpoints.create(service, self.url, 'public')

    def agent(self, routes, credential, more='', bus=None):
        rest = REST.format(
            routes=routes,
            url=self.keystone.url,
            credential=credential,
            more=more,
        )
        return self.node.run(
            'agent', 'node', agent=rest, bus=bus or self.behind
        )

    def server(self):
        with self.node.database.reader() as reading:
            found = servers.list_(reading, limit=2)
        return found[0] if found else model.Server(0, '', '', '')

    def last(self):
        server = self.server()
        return max(server.sequence, server.urgent_sequence)

    def counted(self):
        """As of one moment: frames, and the sequence of the last one."""
        with self.node.database.reader() as reading:
            return reading.execute(
                sa.text(
                    'SELECT (SELECT COUNT(*) FROM frames), '
                    'GREATEST(sequence, urgent_sequence) FROM servers'
                )
            ).one()

    def wait_for_more(self, count, what):
        """
        :returns: seconds until so many more reports were stored
        """
        before, started = self.last(), time.monotonic()
        processes.wait_for(lambda: self.last() >= before + count, what)
        return time.monotonic() - started

    def assertEachOnce(self):
        frames, last = self.counted()
        self.assertEqual(last, frames)
        self.assertEqual(
            (0, 0), (self.server().dropped, self.server().refused)
        )

    def test_over_https_while_the_bus_is_away_and_back(self):
        self.publish()
        self.node.run('conductor', 'ctl')
        agent = self.agent('bus,https', self.credential('service', 'service'))
        self.wait_for_more(3, 'reports over the bus')
        self.assertNotIn('Reports go over', agent.log.read_text())
        self.cable.pull()
        self.wait_for_more(6, 'reports over HTTPS')
        self.assertIn('Reports go over https: bus: ', agent.log.read_text())
        self.cable.plug()
        processes.wait_for(
            lambda: 'Reports go over bus again' in agent.log.read_text(),
            'the bus again',
        )
        self.wait_for_more(3, 'further reports')
        self.assertEachOnce()
        said = agent.log.read_text()
        self.assertEqual(1, said.count('Reports go over https'))
        self.assertNotIn('Traceback', said)

    def test_over_https_while_the_bus_hangs(self):
        """What was sent over it comes late, and does no harm."""
        self.node.run('conductor', 'ctl')
        agent = self.agent(
            'bus,https',
            self.credential('service', 'service'),
            f'endpoint_override = {self.url}',
        )
        self.wait_for_more(3, 'reports over the bus')
        self.cable.hold()
        self.wait_for_more(10, 'reports over HTTPS')
        self.cable.let_go()
        processes.wait_for(
            lambda: 'Reports go over bus again' in agent.log.read_text(),
            'the bus again',
        )
        self.wait_for_more(3, 'further reports')
        self.assertEachOnce()

    def test_a_node_that_never_reaches_the_bus(self):
        """A tenant's own machine: its reports are its project's."""
        credential = self.credential('member', 'alpha')
        agent = self.agent(
            'https',
            credential,
            f'endpoint_override = {self.url}',
            bus='rabbit://nobody:none@127.0.0.1:1/',
        )
        self.wait_for_more(4, 'reports over HTTPS')
        self.assertEqual(
            self.keystone.projects['alpha'], self.server().project_id
        )
        self.assertEachOnce()
        self.assertNotIn(credential.secret, agent.log.read_text())

    def test_a_key_is_changed_without_a_gap(self):
        self.node.run('conductor', 'ctl')
        self.node.run('agent', 'node', bus=self.behind)
        self.wait_for_more(2, 'reports')
        path = self.node.directory / 'node' / 'agent'
        me = identity.Identity(state.State(str(path)))
        self.assertEqual(me.public, self.server().public_key)
        expected = me.rotate()
        processes.wait_for(
            lambda: signing.fingerprint(self.server().public_key) == expected,
            'the next key',
        )
        self.wait_for_more(3, 'further reports')
        self.assertFalse(me.rotating)
        self.assertEachOnce()
