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

import json
import os
import pathlib
import pty
import select
import sys
import time

import fixtures
from oslotest import base

from sentinella import signing
from tests.functional.agent import command

URL = 'rabbit://user:pa$$w0rd-hush@192.0.2.1:5672/'


class Typist:
    """Answers at a terminal of its own."""

    def __init__(self, *words):
        self.said = ''
        self._pid, self._terminal = pty.fork()
        if not self._pid:
            words = ['-m', 'sentinella.cmd.agent', *map(str, words)]
            os.environ['PYTHONWARNINGS'] = 'ignore'
            os.execv(sys.executable, [sys.executable, *words])

    def answer(self, question, text):
        """Wait for the question, then type."""
        self._read(lambda: question in self.said)
        self.said = self.said.partition(question)[2]
        os.write(self._terminal, f'{text}\n'.encode())

    def _read(self, enough):
        deadline = time.monotonic() + 60
        while not enough():
            if not select.select([self._terminal], [], [], 1)[0]:
                if time.monotonic() > deadline:
                    raise AssertionError(f'nothing but {self.said!r}')
                continue
            try:
                data = os.read(self._terminal, 4096)
            except OSError:
                data = b''
            if not data:
                return False
            self.said += data.decode()
        return True

    def end(self):
        """
        :returns: exit code
        """
        self._read(lambda: False)
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


class TestInit(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config = self.directory / 'etc' / 'sentinella.conf'
        self.state = self.directory / 'state'

    def init(self, *words, **environment):
        return command.run(
            'init',
            f'--config-file={self.config}',
            f'--state-path={self.state}',
            *words,
            **environment,
        )

    def identity(self):
        done = command.run(
            'identity', f'--config-file={self.config}', '--format=json'
        )
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        return json.loads(done.stdout)

    def test_without_questions(self):
        done = self.init(
            '--yes', '--from-env', '--location=rack 3',
            SENTINELLA_TRANSPORT_URL=URL,
        )  # fmt: skip
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertEqual(0o640, self.config.stat().st_mode & 0o777)
        # $ would begin the name of another option
        self.assertIn(URL.replace('$', '$$'), self.config.read_text())
        found = self.identity()
        self.assertEqual(
            signing.fingerprint(found['public_key']), found['fingerprint']
        )
        self.assertIn(found['server'], done.stdout)
        self.assertIn(found['fingerprint'], done.stdout)
        self.assertNotIn('hush', done.stdout)

    def test_it_replaces_nothing_unasked_and_keeps_the_key(self):
        words = ('--yes', f'--transport-url={URL}')
        self.assertEqual(0, self.init(*words).returncode)
        before, identity = self.config.read_text(), self.identity()
        done = self.init(*words, '--location=elsewhere')
        self.assertEqual(
            (
                1,
                f'sentinella-agent: {self.config} is there already: --force '
                'replaces it\n',
            ),
            (done.returncode, done.stderr),
        )
        self.assertEqual(before, self.config.read_text())
        done = self.init(*words, '--location=elsewhere', '--force')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn('location = elsewhere', self.config.read_text())
        self.assertEqual(identity, self.identity())

    def test_what_can_not_be_used(self):
        for words, code, expected in (
            (['--yes'], 2, 'SENTINELLA_TRANSPORT_URL'),
            (['--yes', '--from-env', 'NOT_SET'], 2, 'NOT_SET is not in'),
            (['--yes', '--transport-url=x'], 1, 'rabbit://user:password'),
            (['--transport-url', URL], 2, 'use --yes'),
            (['--yes', '--transport-url', URL, '--host=a b'], 2, 'host: '),
            (['--yes', '--transport-url', URL, '--interval=x'], 2, 'interval'),
            (['--yes', '--transport-url', URL, '--exclude=x'], 2, "'x'"),
            (['--yes', '--import=/no/such'], 2, '/no/such: No such file'),
        ):
            done = self.init(*words)
            self.assertEqual((code, ''), (done.returncode, done.stdout), words)
            self.assertIn(expected, done.stderr)
            self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
            self.assertNotIn('hush', done.stderr)
            self.assertFalse(self.config.exists())

    def test_with_questions(self):
        words = (
            'init', '--config-file', self.config, '--state-path', self.state
        )  # fmt: skip
        typist = Typist(*words)
        typist.answer('Name of this node', 'ctl-7.example.org')
        typist.answer('Cloud or region', 'blue')
        typist.answer('Where it stands', '')
        typist.answer('Seconds between two reports [10]', '')
        typist.answer('Services found here', '')
        typist.answer('URL of the message bus', URL)
        self.assertEqual(0, typist.end(), typist.said)
        self.assertNotIn('hush', typist.said)
        self.assertIn('SHA256:', typist.said)
        text = self.config.read_text()
        self.assertIn('host = ctl-7.example.org\n', text)
        self.assertIn('cloud_group = blue\n', text)
        self.assertNotIn('location', text)
        self.assertNotIn('interval', text)
        typist = Typist(*words)
        typist.answer('Replace it? [no]', '')
        self.assertEqual(1, typist.end())
        self.assertEqual(text, self.config.read_text())

    def test_an_old_file(self):
        old = self.directory / 'sentinella.conf'
        old.write_text(
            json.dumps(
                {
                    'server': {'name': 'ctl-1', 'token': 'hushhush'},
                    'period': 30,
                    'plugins': {'cinder': False, 'cpu': {}, 'odd': {'a': 1}},
                }
            )
        )
        done = self.init(
            '--yes', f'--import={old}', f'--transport-url={URL}',
            '--location=rack 3',
        )  # fmt: skip
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        text = self.config.read_text()
        for line in ('host = ctl-1', 'interval = 30.0', 'location = rack 3'):
            self.assertIn(f'{line}\n', text)
        self.assertIn('cinder-volume', text)
        for name in ('server.token', 'plugins.odd'):
            self.assertIn(f'\n  {name}: ', done.stdout)
        self.assertNotIn('hush', done.stdout)

    def test_what_it_wrote_is_what_an_agent_runs_with(self):
        self.init('--yes', '--transport-url=fake://')
        done = command.run(
            'once', f'--config-file={self.config}', '--format=json'
        )
        self.assertEqual((0, ''), (done.returncode, done.stderr))

    def test_a_node_without_the_bus(self):
        done = self.init('--yes', '--https')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn('[agent_rest]', done.stdout)
        text = self.config.read_text()
        self.assertIn('routes = https\n', text)
        self.assertNotIn('transport_url', text)

    def test_a_key_is_changed(self):
        self.init('--yes', f'--transport-url={URL}')
        before = self.identity()
        done = command.run('rotate-key', f'--config-file={self.config}')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn(before['fingerprint'], done.stdout)
        # until the running agent has registered it
        self.assertEqual({**before, 'rotating': True}, self.identity())

    def test_no_identity_yet(self):
        done = command.run('identity', '--config-dir', self.directory)
        self.assertEqual(1, done.returncode)
        self.assertIn('sentinella-agent init', done.stderr)
