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

"""Servers of others that notifications become alerts at: real ones."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import fixtures
import sqlalchemy as sa

from tests import databases
from tests import servers

#: Of each request, so that what listens but does not answer fails a test.
TIMEOUT = 30

#: What would hide somebody's labels in a proxy's answer is not asked.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url, headers=()):
    """
    :returns: JSON of what is there
    """
    request = urllib.request.Request(url, headers=dict(headers))
    with _OPENER.open(request, timeout=TIMEOUT) as answer:
        return json.load(answer)


def answers(url):
    """Whether it answers, whatever it says."""
    try:
        _OPENER.open(url, timeout=TIMEOUT).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Alertmanager(fixtures.Fixture):
    """Debian's prometheus-alertmanager.

    :param webhook: URL that it notifies
    :ivar url: where it is
    """

    def __init__(self, webhook):
        self._webhook = webhook

    def _setUp(self):
        folder = self.useFixture(servers.FolderFixture()).path
        port = servers.free_port()
        self.url = f'http://127.0.0.1:{port}'
        config = folder / 'alertmanager.yml'
        config.write_text(
            ALERTMANAGER.format(webhook=json.dumps(self._webhook))
        )
        self._server = servers.ServerFixture(
            [
                shutil.which('prometheus-alertmanager') or 'alertmanager',
                f'--config.file={config}',
                f'--storage.path={folder}/data',
                f'--web.listen-address=127.0.0.1:{port}',
                '--cluster.listen-address=',
            ],
            lambda: answers(f'{self.url}/-/ready'),
        )
        self.useFixture(self._server)

    def alerts(self):
        """Those that are on."""
        return ask(f'{self.url}/api/v2/alerts')

    def stop(self):
        self._server.stop()


ALERTMANAGER = """
route:
  receiver: page
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
receivers:
- name: page
  webhook_configs:
  - url: {webhook}
    send_resolved: true
"""


class Alerta(fixtures.Fixture):
    """alerta-server on PostgreSQL, from an environment of its own.

    :ivar url: of its API; :ivar key: that may write, and nothing else;
        :ivar reader: that may read
    """

    def _setUp(self):
        self.key, self.reader = str(uuid.uuid4()), str(uuid.uuid4())
        folder = self.useFixture(servers.FolderFixture()).path
        port = servers.free_port()
        self.url = f'http://127.0.0.1:{port}'
        settings = folder / 'alertad.conf'
        settings.write_text(
            f'SECRET_KEY = {str(uuid.uuid4())!r}\n'
            f'DATABASE_URL = {self._database()!r}\n'
            'DATABASE_NAME = None\n'
            'AUTH_REQUIRED = True\n'
            "ADMIN_USERS = ['admin']\n"
        )
        program = find_alerta()
        environment = {'ALERTA_SVR_CONF_FILE': str(settings)}
        for key, scope in ((self.key, 'write:alerts'), (self.reader, 'read')):
            subprocess.run(
                [program, 'key', '-u', 'admin', '-K', key, '--scope', scope]
                + ['--force'],
                env={**os.environ, **environment},
                check=True,
                capture_output=True,
                timeout=120,
            )
        self.useFixture(
            servers.ServerFixture(
                [program, 'run', '--host', '127.0.0.1', '--port', port],
                lambda: answers(f'{self.url}/_'),
                env=environment,
            )
        )

    def _database(self):
        """
        :returns: URL of an empty one, which goes with the test
        """
        url = sa.make_url(databases.postgresql_url())
        engine = sa.create_engine(
            url, isolation_level='AUTOCOMMIT', poolclass=sa.NullPool
        )
        name = f'sentinella_alerta_{uuid.uuid4().hex[:12]}'

        def execute(statement):
            with engine.connect() as connection:
                connection.execute(sa.text(statement))

        execute(f'CREATE DATABASE {name}')
        self.addCleanup(execute, f'DROP DATABASE {name} WITH (FORCE)')
        return url.set(
            drivername='postgresql', database=name
        ).render_as_string(hide_password=False)

    def alerts(self):
        """All of them, closed ones as well."""
        headers = {'Authorization': f'Key {self.reader}'}
        return ask(f'{self.url}/alerts', headers)['alerts']


def find_alerta():
    """
    :returns: path of `alertad`, which tools/test-servers.sh installs
    """
    default = pathlib.Path(sys.prefix, 'alerta')
    folder = os.environ.get('SENTINELLA_TEST_ALERTA', default)
    return str(pathlib.Path(folder, 'bin', 'alertad'))
