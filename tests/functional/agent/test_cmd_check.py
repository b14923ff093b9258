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

import http.server
import json
import os
import pathlib
import pwd
import shutil
import tempfile
import threading

import fixtures
from oslotest import base

from tests import processes
from tests import rabbit
from tests.functional.agent import command


#: This machine may have a user sentinella, who may not look in here.
ME = f'--user={pwd.getpwuid(os.geteuid()).pw_name}'


class Cases(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config = self.directory / 'sentinella.conf'
        self.configure()

    def configure(self, url='fake://', more=''):
        self.config.write_text(
            f'[DEFAULT]\ntransport_url = {url}\n'
            f'state_path = {self.directory}/state\n'
            f'[agent]\ncollectors = host,process,logs\n{more}'
        )
        self.config.chmod(0o640)

    def run_json(self, name, *words):
        if name == 'check':
            words = (ME, *words)
        done = command.run(
            name, '--config-file', self.config, '--format=json', *words
        )
        self.assertEqual('', done.stderr)
        return json.loads(done.stdout), done.returncode


class TestCheck(Cases):
    def check(self, *words):
        found, code = self.run_json('check', *words)
        fails = [f for f in found if f['verdict'] == 'fails']
        self.assertEqual(code, int(bool(fails)))
        return {f['subject']: f for f in fails}, found

    def test_all_is_well(self):
        fails, found = self.check()
        fails = {n for n in fails if not n.startswith('logs of')}
        self.assertEqual(set(), fails)
        subjects = {f['subject'] for f in found}
        for name in (
            'user', 'configuration', 'state_path', 'identity', 'services',
            'message bus', 'clock', 'collector host', 'collector process',
        ):  # fmt: skip
            self.assertIn(name, subjects)
        # it only looks
        self.assertFalse((self.directory / 'state').exists())

    def test_a_value_that_can_not_be_used(self):
        self.configure(more='interval = soon\n')
        fails, _ = self.check()
        self.assertIn('interval', fails['configuration']['what'])

    def test_a_file_that_all_may_read(self):
        self.config.chmod(0o644)
        fails, _ = self.check()
        self.assertEqual(
            f'chmod 0640 {self.config}', fails['configuration']['remedy']
        )

    def test_collectors(self):
        self.configure(more='disabled_collectors = host, none\n')
        fails, found = self.check()
        self.assertNotIn('collector host', {f['subject'] for f in found})
        self.configure()
        with open(self.config, 'a') as file:
            file.write('[agent]\ncollectors = host,nothing\n')
        fails, found = self.check()
        self.assertIn('nothing', fails['collector nothing']['what'])
        self.assertIn('disable', fails['collector nothing']['remedy'])

    def test_the_state_of_another_user(self):
        # where nobody may look, whoever runs this test
        directory = tempfile.mkdtemp(prefix='sentinella-tests-')
        self.addCleanup(shutil.rmtree, directory)
        os.chmod(directory, 0o755)
        config = pathlib.Path(directory) / 'a.conf'
        config.write_text(
            f'[DEFAULT]\ntransport_url = fake://\nstate_path = {directory}\n'
        )
        state = pathlib.Path(directory) / 'agent'
        state.mkdir(0o700)
        done = command.run(
            'check', '--config-file', config, '--format=json',
            '--user=nobody',
        )  # fmt: skip
        found = {f['subject']: f for f in json.loads(done.stdout)}
        if os.geteuid() == 0:
            self.assertIn('looks as nobody', found['user']['what'])
            # a Python in somebody's home is not for nobody either
            (fails,) = {'program', 'state_path'} & found.keys()
            self.assertEqual('fails', found[fails]['verdict'])
            self.assertEqual(1, done.returncode)
        else:
            self.assertEqual('note', found['user']['verdict'])

    def test_for_people(self):
        done = command.run('check', ME, '--config-file', self.config)
        self.assertEqual('', done.stderr)
        self.assertIn('collector host', done.stdout)


class TestBus(Cases):
    def setUp(self):
        super().setUp()
        self.bus = self.useFixture(rabbit.RabbitFixture())

    def finding(self, url):
        self.configure(url)
        found, _ = self.run_json('check')
        (finding,) = [f for f in found if f['subject'] == 'message bus']
        return finding

    def test_with_a_conductor_and_without(self):
        finding = self.finding(self.bus.url)
        self.assertEqual('fails', finding['verdict'])
        self.assertIn('no conductor listens', finding['what'])
        conf = self.directory / 'conductor.conf'
        conf.write_text(
            f'[DEFAULT]\ntransport_url = {self.bus.url}\n'
            f'[database]\nconnection = sqlite:///{self.directory}/a.db\n'
        )
        self.useFixture(
            processes.ProcessFixture(
                'sentinella-conductor', conf, self.directory
            )
        )
        processes.wait_for(
            lambda: self.bus.consumers('sentinella-conductor'), 'a conductor'
        )
        # it consumes before it answers
        processes.wait_for(
            lambda: self.finding(self.bus.url)['verdict'] == 'ok',
            'the conductor to answer',
        )

    def test_why_it_does_not_let_us_in(self):
        user, _, where = self.bus.url.partition('://')[2].rpartition('@')
        host = where.partition('/')[0]
        for url, expected in (
            (f'rabbit://nobody:hushhush@{host}/', 'user name and password'),
            (f'rabbit://{user}@{host}/hush', 'virtual host'),
            ('rabbit://a:hushhush@127.0.0.1:1/', 'Connection refused'),
            ('rabbit://a:hushhush@localhost.invalid/', 'localhost.invalid'),
            ('hush', 'is not a URL'),
        ):
            finding = self.finding(url)
            self.assertEqual('fails', finding['verdict'])
            self.assertIn(expected, finding['what'])
            self.assertTrue(finding['remedy'])
            self.assertNotIn('hush', str(finding))


class _Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args):
        pass


class TestRest(Cases):
    def finding(self, options):
        self.configure(more='routes = https\n')
        with open(self.config, 'a') as file:
            file.write(f'[agent_rest]\n{options}\n')
        found, _ = self.run_json('check')
        self.assertNotIn('message bus', {f['subject'] for f in found})
        (finding,) = [f for f in found if f['subject'] == 'REST API']
        self.assertNotIn('hush', str(finding))
        return finding

    def test_what_answers(self):
        server = http.server.HTTPServer(('127.0.0.1', 0), _Api)
        url = f'http://127.0.0.1:{server.server_port}'
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        options = f'auth_type = none\nendpoint = {url}'
        server.body = b'{"versions": [{"id": "v1"}]}'
        finding = self.finding(options)
        self.assertEqual('ok', finding['verdict'], finding)
        self.assertIn(url, finding['what'])
        for body in (b'<html>', b'[]', b'{"versions": []}'):
            server.body = body
            finding = self.finding(options)
            self.assertIn('is not the API of Sentinella', finding['what'])

    def test_what_does_not(self):
        for options, expected in (
            ('', 'auth_type is missing'),
            ('auth_type = none\nendpoint = http://127.0.0.1:1', 'refused'),
            (
                'auth_type = v3applicationcredential\n'
                'auth_url = http://127.0.0.1:1/v3\n'
                'application_credential_id = a\n'
                'application_credential_secret = hushhush',
                'refused',
            ),
        ):
            finding = self.finding(options)
            self.assertEqual('fails', finding['verdict'])
            self.assertIn(expected, finding['what'])
            self.assertIn('[agent_rest]', finding['remedy'])


class TestOnce(Cases):
    def test_it_is_all_there_and_leaves_no_trace(self):
        found, code = self.run_json('once')
        self.assertEqual(0, code)
        values = {
            (s['name'], *s['dimensions'].values()): s['value']
            for s in found['samples']
        }
        # a rate needs two looks
        self.assertIsNotNone(values['cpu.percent',])
        self.assertGreater(values['memory.total_bytes',], 0)
        for service in found['services']:
            self.assertEqual(1, values['process.up', service['name']])
        outcomes = {c['collector']: c['outcome'] for c in found['collectors']}
        self.assertEqual(
            {'host': 'works', 'process': 'works', 'logs': 'works'}, outcomes
        )
        self.assertEqual([self.config], list(self.directory.iterdir()))

    def test_for_people(self):
        done = command.run('once', '--config-file', self.config)
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn('memory.total_bytes', done.stdout)

    def test_a_collector_that_is_not_there(self):
        self.configure(more='disabled_collectors = process\n')
        with open(self.config, 'a') as file:
            file.write('[agent]\ncollectors = host,nothing\n')
        found, code = self.run_json('once')
        self.assertEqual(0, code)
        by_name = {c['collector']: c for c in found['collectors']}
        self.assertEqual('fails', by_name['nothing']['outcome'])
