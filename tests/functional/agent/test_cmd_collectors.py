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
import pathlib

import fixtures
from oslotest import base

from tests.functional.agent import command


class TestCollectors(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config = self.directory / 'sentinella.conf'
        self.config.write_text(
            '[agent]\ncollectors = host,process\n'
            '[collector_rabbitmq]\npassword = hushhush\n'
        )
        self.dropins = self.directory / 'sentinella.conf.d'
        self.dropins.mkdir()
        self.file = self.dropins / '90-collectors.conf'

    def run_command(self, *words):
        return command.run(
            *words,
            f'--config-file={self.config}',
            f'--config-dir={self.dropins}',
        )

    def states(self):
        done = self.run_command('list', '--format=json')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        return {e['collector']: e['state'] for e in json.loads(done.stdout)}

    def change(self, *words):
        done = self.run_command(*words)
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        return done.stdout

    def test_there_and_back(self):
        before = self.states()
        self.assertEqual('enabled', before['host'])
        self.assertEqual('not enabled', before['logs'])
        self.assertIn('restarted', self.change('enable', 'logs'))
        self.change('disable', 'host')
        self.assertEqual(
            {**before, 'logs': 'enabled', 'host': 'disabled'}, self.states()
        )
        self.assertEqual(0o640, self.file.stat().st_mode & 0o777)
        self.change('enable', 'host')
        self.change('disable', 'logs')
        self.assertEqual({**before, 'logs': 'disabled'}, self.states())
        self.change('clear')
        self.assertEqual(before, self.states())
        self.assertEqual([], list(self.dropins.iterdir()))
        self.assertIn('nothing to clear', self.change('clear'))

    def test_what_another_file_says_later(self):
        later = self.dropins / '95-ours.conf'
        later.write_text('[agent]\ndisabled_collectors = host\n')
        done = self.run_command('enable', 'host')
        self.assertEqual(1, done.returncode)
        self.assertIn('host is not enabled', done.stderr)

    def test_what_can_not_be_written(self):
        done = command.run('disable', 'host', '--config-dir=/proc')
        self.assertEqual((1, ''), (done.returncode, done.stdout))
        self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
        self.assertIn('/proc/90-collectors.conf', done.stderr)

    def test_what_there_is_not(self):
        done = self.run_command('enable', 'host', 'nothing')
        self.assertEqual(2, done.returncode)
        self.assertIn("no collector 'nothing'", done.stderr)
        self.assertFalse(self.file.exists())

    def test_list_for_people(self):
        done = self.run_command('list')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn('CPU, memory', done.stdout)

    def test_show(self):
        done = self.run_command('show', 'host', '--format=json')
        found = json.loads(done.stdout)
        self.assertEqual('enabled', found['state'])
        self.assertIn('cpu.percent', found['metrics'])
        self.assertIn('sentinella ', found['package'])
        done = self.run_command('show', 'host')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn('cpu.percent', done.stdout)

    def test_a_secret_is_not_shown(self):
        for form in ('json', 'table'):
            done = self.run_command('show', 'rabbitmq', f'--format={form}')
            self.assertEqual((0, ''), (done.returncode, done.stderr))
            self.assertIn('(set)', done.stdout)
            self.assertNotIn('hushhush', done.stdout)
