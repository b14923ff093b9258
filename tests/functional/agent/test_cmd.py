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

import gzip
import json
import os
import pathlib
import subprocess
import sys

import fixtures
from oslotest import base

from sentinella import version
from sentinella.cmd import agent
from tests import processes
from tests.functional.agent import command

DATA = os.path.join(
    os.path.dirname(__file__),
    os.pardir,
    os.pardir,
    'unit',
    'agent',
    'logs',
    'data',
)


class TestParseLog(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(DATA, 'mixed.log')

    def test_json(self):
        done = command.run('parse-log', self.path, '--format', 'json')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        (found,) = json.loads(done.stdout)
        self.assertEqual(
            {'file', 'lines', 'records', 'tracebacks', 'unplaced'}, set(found)
        )
        self.assertEqual((self.path, 274, 0), (
            found['file'], found['lines'], found['unplaced']
        ))  # fmt: skip
        self.assertEqual(1, found['records']['CRITICAL'])

    def test_compressed_is_the_same(self):
        directory = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(directory, 'a.log.gz')
        with open(self.path, 'rb') as file, gzip.open(path, 'wb') as packed:
            packed.write(file.read())
        done = command.run('parse-log', self.path, path, '--format=json')
        plain, packed = json.loads(done.stdout)
        self.assertEqual({**plain, 'file': path}, packed)

    def test_one_that_can_not_be_read_does_not_stop_others(self):
        directory = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(directory, 'a.log.gz')
        with open(path, 'wb') as file:
            file.write(b'\x1f\x8b\x08\x00rubbish')
        done = command.run(
            'parse-log', '/no/such.log', path, directory, self.path
        )
        self.assertEqual(1, done.returncode)
        lines = done.stderr.splitlines()
        self.assertEqual(
            'sentinella-agent: /no/such.log: No such file or directory',
            lines[0],
        )
        self.assertEqual(3, len(lines), done.stderr)
        self.assertIn('274', done.stdout)


class TestDiscover(base.BaseTestCase):
    def test_formats(self):
        done = command.run('discover', '--format', 'json')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        for entry in json.loads(done.stdout):
            self.assertTrue(entry['pids'])
            self.assertTrue(entry['evidence'])
        self.assertEqual(0, command.run('discover').returncode)

    def test_a_bad_services_file_is_named(self):
        directory = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(directory, 'sentinella.conf')
        with open(path, 'w') as file:
            file.write('[agent]\nservices_file = /no/such.yaml\n')
        done = command.run('discover', '--config-file', path)
        self.assertEqual(
            (
                1,
                'sentinella-agent: services_file /no/such.yaml: '
                'No such file or directory\n',
            ),
            (done.returncode, done.stderr),
        )

    def test_a_bad_value_is_named(self):
        directory = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(directory, 'sentinella.conf')
        with open(path, 'w') as file:
            file.write('[agent]\ninterval = soon\n')
        done = command.run('--config-file', path)
        self.assertEqual(1, done.returncode)
        self.assertIn('interval', done.stderr)
        self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)


class TestMain(base.BaseTestCase):
    def test_help_names_every_command(self):
        done = command.run('--help')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        for name in agent.COMMANDS:
            self.assertIn(f'\n  {name} ', done.stdout)

    def test_each_command_has_a_help_of_its_own(self):
        for name in agent.COMMANDS:
            done = command.run(name, '--help')
            self.assertEqual((0, ''), (done.returncode, done.stderr), name)
            self.assertIn('sentinella-agent', done.stdout)

    def test_version(self):
        done = command.run('--version')
        self.assertEqual(
            (0, f'sentinella-agent {version.version_string()}\n', ''),
            (done.returncode, done.stdout, done.stderr),
        )

    def test_what_is_asked_wrongly(self):
        for words, expected in (
            (['discovre'], "no command 'discovre': did you mean 'discover'"),
            (['xyz'], "no command 'xyz': see --help"),
            (['discover', '--formt', 'json'], '--formt'),
            (['show'], 'COLLECTOR'),
            (['show', 'nothing'], 'expected one of: '),
        ):
            done = command.run(*words)
            self.assertEqual((2, ''), (done.returncode, done.stdout), words)
            self.assertIn(expected, done.stderr)
            self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)


class TestRun(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config = self.directory / 'sentinella.conf'
        self.config.write_text(
            '[DEFAULT]\ntransport_url = fake://\n'
            f'state_path = {self.directory}\n'
            f'pidfile = {self.directory}/agent.pid\n'
        )
        self.pidfile = self.directory / 'agent.pid'

    def test_pidfile(self):
        agent = self.useFixture(
            processes.ProcessFixture(
                'sentinella-agent', self.config, self.directory
            )
        )
        pid = processes.wait_for(
            lambda: self.pidfile.exists() and self.pidfile.read_text(),
            'a pidfile',
        )
        self.assertEqual(f'{agent.pid}\n', pid)
        second = command.run('--config-file', self.config)
        self.assertEqual(
            (
                1,
                f'sentinella-agent: pidfile {self.pidfile}: an agent runs '
                f'already, process {agent.pid}\n',
            ),
            (second.returncode, second.stderr),
        )
        self.assertEqual(f'{agent.pid}\n', self.pidfile.read_text())
        self.assertEqual(0, agent.terminate())
        self.assertFalse(self.pidfile.exists())

    def test_the_pidfile_of_a_killed_one_is_taken_over(self):
        self.pidfile.write_text('1234567\n')
        agent = self.useFixture(
            processes.ProcessFixture(
                'sentinella-agent', self.config, self.directory
            )
        )
        processes.wait_for(
            lambda: self.pidfile.read_text() == f'{agent.pid}\n', 'its pid'
        )

    def test_a_running_agent_has_nothing_that_its_commands_need(self):
        # each would stay in the memory of every node
        source = (
            'import sys, importlib\n'
            'import sentinella.cmd.agent.run\n'
            'print(*sorted(sys.modules))'
        )
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', source],
            capture_output=True,
            text=True,
            check=True,
        )
        found = set(done.stdout.split())
        self.assertIn('sentinella.agent.service', found)
        self.assertEqual(
            set(),
            found & {'rich', 'pip', 'getpass', 'sqlalchemy'},
        )
