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


"""sentinella-standalone as a newcomer runs it."""

import glob
import json
import os
import re
import signal
import subprocess
import urllib.request

import fixtures
import testtools

from tests import processes

COMMAND = processes.BIN / 'sentinella-standalone'


def environment():
    return {**os.environ, 'PYTHONWARNINGS': 'ignore'}


class TestDemo(testtools.TestCase):
    def test_the_page_is_delivered(self):
        done = subprocess.run(
            [COMMAND, '--demo'],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env=environment(),
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertRegex(
            done.stdout.splitlines()[-1],
            r'^demo: page delivered \d+ ms after the kill$',
        )
        self.assertIn('demo-service is down on', done.stdout)


class TestWatch(testtools.TestCase):
    def start(self, *options):
        self.directory = self.useFixture(fixtures.TempDir()).path
        running = subprocess.Popen(
            [
                COMMAND,
                *('--port', '0', '--state-path', self.directory),
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
        self.addCleanup(running.stdout.close)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        return running

    def read_until(self, running, pattern):
        seen = ''
        for line in running.stdout:
            seen += line
            if found := re.search(pattern, line):
                return found
        self.fail(f'{pattern!r} was not printed, but:\n{seen}')

    def test_it_says_what_it_is_serves_and_ends(self):
        running = self.start()
        self.read_until(running, 'NO KEYSTONE')
        url = self.read_until(running, r'API\s+(http://127.0.0.1:\d+)')[1]
        self.read_until(running, 'sentinella server list')
        self.read_until(running, r'^\d+ services, \d+ alarms')
        with urllib.request.urlopen(f'{url}/v1/servers') as answer:
            (server,) = json.load(answer)['servers']
        self.assertEqual('active', server['mode'])
        self.keep_a_secret(url)
        running.send_signal(signal.SIGINT)
        self.assertEqual(0, running.wait(30))

    def keep_a_secret(self, url):
        body = {
            'name': 'hook',
            'driver': 'webhook',
            'settings': {'url': 'http://127.0.0.1:1/', 'secret': 's3cret'},
        }
        request = urllib.request.Request(
            f'{url}/v1/channels',
            json.dumps(body).encode(),
            {'Content-Type': 'application/json'},
        )
        with urllib.request.urlopen(request) as answer:
            self.assertEqual(201, answer.status)
        key = os.path.join(self.directory, 'secret.key')
        self.assertEqual(0o600, os.stat(key).st_mode & 0o777)
        for path in glob.glob(f'{self.directory}/*'):
            if os.path.isfile(path):
                with open(path, 'rb') as file:
                    self.assertNotIn(b's3cret', file.read(), path)

    def test_a_port_that_is_taken_is_one_clear_line(self):
        first = self.start()
        url = self.read_until(first, r'API\s+(http://127.0.0.1:\d+)')[1]
        second = self.start('--port', url.rpartition(':')[2])
        output = second.stdout.read()
        self.assertNotEqual(0, second.wait(30))
        self.assertIn('Address already in use', output.splitlines()[-1])
        self.assertNotIn('Traceback', output)

    def test_a_wrong_option_is_one_clear_line(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, 'c')
        with open(path, 'w') as file:
            file.write('[agent]\ninterval = soon\n')
        running = self.start('--config-file', path)
        output = running.stdout.read()
        self.assertNotEqual(0, running.wait(30))
        self.assertIn('[agent] interval: could not', output.splitlines()[-1])
        self.assertNotIn('Traceback', output)
