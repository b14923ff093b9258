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

"""A real Keystone, for the tests of who may do what.

It is installed from PyPI, keeps its things in a directory of its own, and is
served by gunicorn on a free port. Started once in a test process, by the
first test that asks for it, which takes some ten seconds::

    keystone = self.useFixture(keystone.KeystoneFixture())
    keystone.configure(conf)            # [keystone_authtoken]
    keystone.token('member')            # of one of PERSONAS
    keystone.projects['alpha']          # IDs
"""

import atexit
import base64
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import fixtures
from keystoneauth1 import loading
from keystoneauth1 import session
from keystoneauth1.identity import v3
from keystoneclient.v3 import client
from keystonemiddleware import auth_token
import requests

PASSWORD = 'not-a-secret'

# at import: oslotest gives each test a temporary directory, and removes it
_TEMPORARY = tempfile.gettempdir()

#: Seconds that Keystone may take to answer after it was started.
DEADLINE = 60

PROJECTS = ('alpha', 'beta', 'service')

#: Role and project of each user; `system` is no project, None no scope.
PERSONAS = {
    'reader': ('reader', 'alpha'),
    'member': ('member', 'alpha'),
    'manager': ('manager', 'alpha'),
    'operator': ('admin', 'alpha'),
    'service': ('service', 'service'),
    # a role that no rule knows
    'guest': ('guest', 'alpha'),
    # of another project
    'stranger': ('manager', 'beta'),
    'system-reader': ('reader', 'system'),
    'system-admin': ('admin', 'system'),
    # no role anywhere, so its token has no scope
    'nobody': (None, None),
}

KEYSTONE_CONF = """
[DEFAULT]
public_endpoint = {url}
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/fernet
[fernet_receipts]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memory
[oslo_messaging_notifications]
driver = noop
"""

GUNICORN_CONF = """
bind = '127.0.0.1:{port}'
workers = 1
threads = 8
wsgi_app = 'keystone.wsgi.api:application'
control_socket_disable = True
"""

_started = []


class KeystoneFixture(fixtures.Fixture):
    """
    :ivar url: where Keystone is, with `/v3`
    :ivar projects: IDs by name
    """

    def _setUp(self):
        if not _started:
            _started.append(_Keystone())
        self._keystone = _started[0]
        self.url = self._keystone.url
        self.projects = self._keystone.projects

    def token(self, persona):
        """A token of one of `PERSONAS`."""
        return self._keystone.token(persona)

    def register(self, region, url_of):
        """Have a region in the catalog, until the test ends.

        :param url_of: mapping of services' types to the URL of each
        """
        client = self._keystone.client()
        client.regions.create(region)
        self.addCleanup(client.regions.delete, region)
        for type_, url in url_of.items():
            known = client.services.list(type=type_)
            service = (
                known[0] if known else client.services.create(type_, type_)
            )
            endpoint = client.endpoints.create(
                service, url, interface='internal', region=region
            )
            self.addCleanup(client.endpoints.delete, endpoint)

    def configure(self, conf):
        """Have keystonemiddleware ask this Keystone."""
        group = 'keystone_authtoken'
        for _, options in auth_token.list_opts():
            conf.register_opts(options, group)
        password = loading.get_plugin_loader('password')
        conf.register_opts(
            loading.get_auth_plugin_conf_options(password), group
        )
        for name, value in {
            'auth_type': 'password',
            'auth_url': self.url,
            'www_authenticate_uri': self.url,
            'username': 'sentinella',
            'password': PASSWORD,
            'project_name': 'service',
            'user_domain_id': 'default',
            'project_domain_id': 'default',
        }.items():
            conf.set_override(name, value, group)


class _Keystone:
    def __init__(self):
        self._folder = pathlib.Path(
            tempfile.mkdtemp(prefix='sentinella-keystone-', dir=_TEMPORARY)
        )
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        port = _free_port()
        self._root = f'http://127.0.0.1:{port}'
        self.url = f'{self._root}/v3'
        self._environment = {
            **os.environ,
            'TMPDIR': _TEMPORARY,
            'HOME': str(self._folder),
            'PYTHONWARNINGS': 'ignore',
            'OS_KEYSTONE_CONFIG_DIR': str(self._folder),
            'OS_KEYSTONE_CONFIG_FILES': 'keystone.conf',
            # its own command line must be empty: oslo.config reads that too
            'GUNICORN_CMD_ARGS': f'-c {self._folder}/gunicorn.conf.py',
        }
        self._tokens = {}
        self._write('keystone.conf', KEYSTONE_CONF, url=self._root)
        self._write('gunicorn.conf.py', GUNICORN_CONF, port=port)
        self._prepare()
        self._serve()
        self._populate()

    def token(self, persona):
        if persona not in self._tokens:
            self._tokens[persona] = self._authenticate(persona)
        return self._tokens[persona]

    def _write(self, name, text, **values):
        text = text.format(folder=self._folder, **values)
        (self._folder / name).write_text(text)

    def _prepare(self):
        for name in ('fernet', 'credential'):
            self._make_keys(self._folder / name)
        self._manage('db_sync')
        self._manage(
            'bootstrap',
            '--bootstrap-password',
            PASSWORD,
            '--bootstrap-internal-url',
            self.url,
            '--bootstrap-public-url',
            self.url,
        )

    @staticmethod
    def _make_keys(folder):
        """As fernet_setup and credential_setup do, which take seconds."""
        folder.mkdir(mode=0o700)
        for name in ('0', '1'):
            key = folder / name
            key.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
            key.chmod(0o600)

    def _manage(self, *arguments):
        done = subprocess.run(
            [
                str(pathlib.Path(sys.executable).parent / 'keystone-manage'),
                f'--config-file={self._folder}/keystone.conf',
                *arguments,
            ],
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(
                f'keystone-manage {arguments[0]}: {done.stderr[-2000:]}'
            )

    def _serve(self):
        with (self._folder / 'gunicorn.out').open('wb') as output:
            process = subprocess.Popen(
                [sys.executable, '-m', 'gunicorn'],
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        atexit.register(_stop, process)
        # not the port: that listens while its workers crash in a loop
        deadline = time.monotonic() + DEADLINE
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                output = (self._folder / 'gunicorn.out').read_text()
                raise RuntimeError(f'Keystone: {output[-2000:]}')
            time.sleep(0.1)

    def _answers(self):
        try:
            return requests.get(self.url, timeout=2).ok
        except requests.RequestException:
            return False

    def client(self):
        """The client of its admin."""
        return client.Client(session=self._session('admin', 'admin'))

    def _populate(self):
        keystone = self.client()
        self.projects = {
            name: keystone.projects.create(name, 'default').id
            for name in PROJECTS
        }
        roles = {role.name: role for role in keystone.roles.list()}
        roles['guest'] = keystone.roles.create('guest')
        people = {**PERSONAS, 'sentinella': ('service', 'service')}
        for name, (role, where) in people.items():
            user = keystone.users.create(
                name, domain='default', password=PASSWORD
            )
            if where == 'system':
                keystone.roles.grant(roles[role], user=user, system='all')
            elif where is not None:
                keystone.roles.grant(
                    roles[role], user=user, project=self.projects[where]
                )

    def _authenticate(self, persona):
        _, where = PERSONAS[persona]
        return self._session(persona, where).get_token()

    def _session(self, user, where):
        scope = {}
        if where == 'system':
            scope = {'system_scope': 'all'}
        elif where is not None:
            scope = {'project_name': where, 'project_domain_id': 'default'}
        return session.Session(
            v3.Password(
                self.url,
                username=user,
                password=PASSWORD,
                user_domain_id='default',
                unscoped=where is None,
                **scope,
            )
        )


def _free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def _stop(process):
    """The master first, so that its workers end as they should."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
