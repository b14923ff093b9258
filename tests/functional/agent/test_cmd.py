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
import subprocess
import sys

import fixtures
from oslotest import base

DATA = os.path.join(
    os.path.dirname(__file__), os.pardir, os.pardir, 'unit', 'agent', 'data'
)


def run(*arguments):
    return subprocess.run(
        [sys.executable, '-m', 'sentinella.cmd.agent', *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
    )


class TestParseLog(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(DATA, 'mixed.log')

    def test_json(self):
        done = run('parse-log', self.path, '--format', 'json')
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
        done = run('parse-log', self.path, path, '--format=json')
        plain, packed = json.loads(done.stdout)
        self.assertEqual({**plain, 'file': path}, packed)

    def test_one_that_can_not_be_read_does_not_stop_others(self):
        directory = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(directory, 'a.log.gz')
        with open(path, 'wb') as file:
            file.write(b'\x1f\x8b\x08\x00rubbish')
        done = run('parse-log', '/no/such.log', path, directory, self.path)
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
        done = run('discover', '--format', 'json')
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        for entry in json.loads(done.stdout):
            self.assertTrue(entry['pids'])
            self.assertTrue(entry['evidence'])
        self.assertEqual(0, run('discover').returncode)

    def test_a_bad_services_file_is_named(self):
        directory = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(directory, 'sentinella.conf')
        with open(path, 'w') as file:
            file.write('[agent]\nservices_file = /no/such.yaml\n')
        done = run('discover', '--config-file', path)
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
        done = run('--config-file', path)
        self.assertEqual(1, done.returncode)
        self.assertIn('interval', done.stderr)
        self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
