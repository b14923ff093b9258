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

"""The API as a real WSGI server serves it."""

import os
import pathlib
import socket
import subprocess
import sys
import time

import requests

from tests import databases

#: Seconds that the server may take to answer after it was started.
DEADLINE = 60


class TestWsgi(databases.SqliteTestCase):
    def _configure(self, **api):
        path = pathlib.Path(self.create_tempfiles([('sentinella', '')])[0])
        lines = [f'{name} = {value}' for name, value in api.items()]
        path.write_text(
            f'[database]\nconnection = {self.conf.database.connection}\n'
            '[keystone_authtoken]\nauth_type = password\n'
            'auth_url = http://127.0.0.1:1/v3\n'
            'www_authenticate_uri = http://127.0.0.1:1/v3\n'
            '[api]\n' + '\n'.join(lines) + '\n'
        )
        return {
            **os.environ,
            'PYTHONWARNINGS': 'ignore',
            'OS_SENTINELLA_CONFIG_FILE': str(path),
        }

    def _serve(self, environment):
        with socket.socket() as one:
            one.bind(('127.0.0.1', 0))
            port = one.getsockname()[1]
        process = subprocess.Popen(
            [
                sys.executable,
                '-m',
                'gunicorn',
                '--no-control-socket',
                '--preload',
                '--workers=2',
                f'--bind=127.0.0.1:{port}',
                'sentinella.wsgi.api:application',
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.terminate)
        return process, f'http://127.0.0.1:{port}'

    def _wait(self, process, url):
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline and process.poll() is None:
            try:
                return requests.get(url, timeout=5)
            except requests.ConnectionError:
                time.sleep(0.1)
        self.fail('no answer')

    def test_served_with_arguments_and_loaded_before_the_fork(self):
        process, url = self._serve(self._configure())
        self.assertEqual(200, self._wait(process, url).status_code)
        for _ in range(10):
            health = requests.get(f'{url}/healthcheck', timeout=10)
            self.assertEqual(200, health.status_code, health.text)
        answer = requests.get(f'{url}/v1/servers', timeout=10)
        self.assertEqual(401, answer.status_code)
        self.assertEqual(
            'sentinella.unauthorized', answer.json()['errors'][0]['code']
        )

    def test_without_tokens_it_does_not_start(self):
        done = subprocess.run(
            [sys.executable, '-c', 'import sentinella.wsgi.api'],
            env=self._configure(auth_strategy='noauth'),
            capture_output=True,
            text=True,
        )
        self.assertEqual(1, done.returncode)
        self.assertIn(
            '[api] auth_strategy: noauth is for sentinella-standalone only',
            done.stdout + done.stderr,
        )
