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

"""The API behind a real Keystone, served by processes that forked."""

import os
import pathlib
import socket
import subprocess
import sys
import uuid

import requests

from tests import processes
from tests.functional.keystone import base

CONFIG = """\
[DEFAULT]
transport_url = rabbit://nobody:secret@127.0.0.1:1/
service_project_id = {service}
[database]
connection = {connection}
{options}
[keystone_authtoken]"""


#: Seconds that what surely comes may take.
DEADLINE = 60.0


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


class ServedTestCase(base.KeystoneTestCase):
    """
    :cvar options: more of the configuration
    :cvar threads: of each of two workers
    """

    options = ''
    threads = 4

    def setUp(self):
        super().setUp()
        self.output = self.write('')
        self.configure()

    def configure(self):
        """Write what those that are started from now on read."""
        path = self.write(
            CONFIG.format(
                service=self.keystone.projects['service'],
                connection=self.conf.database.connection,
                options=self.options,
            ),
            www_authenticate_uri=self.keystone.url,
            **self.credential(),
        )
        self.environment = {
            **os.environ,
            'PYTHONWARNINGS': 'ignore',
            'OS_SENTINELLA_CONFIG_FILE': str(path),
        }

    def credential(self):
        """Options of the service user."""
        group = self.conf.keystone_authtoken
        return {
            name: group[name]
            for name in (
                'auth_type',
                'auth_url',
                'username',
                'password',
                'project_name',
                'user_domain_id',
                'project_domain_id',
            )
        }

    def write(self, head, **options):
        """Write a configuration.

        :returns: path
        """
        (name,) = self.create_tempfiles([(uuid.uuid4().hex, '')])
        lines = [head, *(f'{k} = {v}' for k, v in options.items()), '']
        path = pathlib.Path(name)
        path.write_text('\n'.join(lines))
        return path

    def serve(self, port=None):
        """
        :returns: the process, whose output is in the file `self.output`, and
            its URL
        """
        port = port or free_port()
        with self.output.open('a') as output:
            process = self._start(port, output)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        url = f'http://127.0.0.1:{port}'
        processes.wait_for(lambda: self.answers(url), 'the API')
        return process, url

    def _start(self, port, output):
        return subprocess.Popen(
            [
                sys.executable,
                '-m',
                'gunicorn',
                '--no-control-socket',
                '--preload',
                '--workers=2',
                f'--threads={self.threads}',
                '--graceful-timeout=5',
                f'--bind=127.0.0.1:{port}',
                'sentinella.wsgi.api:application',
            ],
            env=self.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def answers(self, url):
        try:
            return requests.get(url, timeout=5).status_code == 200
        except requests.ConnectionError:
            return False
