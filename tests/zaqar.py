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

"""A real Zaqar on a Redis of its own, for a Keystone that runs already."""

import os
import pathlib
import shutil
import sys
import uuid

import fixtures

from tests import alerting
from tests import keystone
from tests import servers

ZAQAR_CONF = """
[DEFAULT]
auth_strategy = keystone
log_file = {folder}/zaqar.log
[keystone_authtoken]
auth_type = password
auth_url = {keystone}
www_authenticate_uri = {keystone}
username = sentinella
password = {password}
project_name = service
user_domain_id = default
project_domain_id = default
[drivers]
transport = wsgi
management_store = redis
message_store = redis
[drivers:management_store:redis]
uri = redis://127.0.0.1:{redis}
[drivers:message_store:redis]
uri = redis://127.0.0.1:{redis}
[signed_url]
secret_key = not-a-secret
[oslo_policy]
enforce_scope = false
"""


class Zaqar(fixtures.Fixture):
    """
    :param keystone_url: with `/v3`
    :ivar url: as the catalog has it
    """

    def __init__(self, keystone_url):
        self._keystone_url = keystone_url

    def _setUp(self):
        folder = self.useFixture(servers.FolderFixture()).path
        redis, port = self._redis(folder), servers.free_port()
        self.url = f'http://127.0.0.1:{port}'
        (folder / 'zaqar.conf').write_text(
            ZAQAR_CONF.format(
                folder=folder,
                keystone=self._keystone_url,
                password=keystone.PASSWORD,
                redis=redis,
            )
        )
        (folder / 'gunicorn.conf.py').write_text(
            f"bind = '127.0.0.1:{port}'\n"
            'threads = 4\n'
            "wsgi_app = 'zaqar.transport.wsgi.app:application'\n"
            'control_socket_disable = True\n'
        )
        self.useFixture(
            servers.ServerFixture(
                [find('gunicorn')],
                lambda: alerting.answers(self.url),
                env={
                    # where it looks for zaqar.conf
                    'HOME': str(folder),
                    'PYTHONWARNINGS': 'ignore',
                    'GUNICORN_CMD_ARGS': f'-c {folder}/gunicorn.conf.py',
                },
            )
        )

    def _redis(self, folder):
        """
        :returns: its port
        """
        port = servers.free_port()
        self.useFixture(
            servers.ServerFixture(
                [shutil.which('redis-server') or 'redis-server']
                + ['--port', port, '--bind', '127.0.0.1', '--save', '']
                + ['--dir', folder],
                lambda: servers.listens(('127.0.0.1', port)),
            )
        )
        return port

    def messages(self, queue, token):
        """Those in a queue, of the token's project."""
        found = alerting.ask(
            f'{self.url}/v2/queues/{queue}/messages?echo=true&limit=20',
            {'X-Auth-Token': token, 'Client-ID': str(uuid.uuid4())},
        )
        return found['messages']


def find(program):
    """
    :returns: path of what tools/test-servers.sh installs
    """
    default = pathlib.Path(sys.prefix, 'zaqar')
    folder = os.environ.get('SENTINELLA_TEST_ZAQAR', default)
    return str(pathlib.Path(folder, 'bin', program))
