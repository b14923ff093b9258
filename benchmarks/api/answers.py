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

"""How long the API takes for the answers that people wait for.

One gunicorn worker with four threads on MariaDB, behind a real Keystone whose
tokens keystonemiddleware caches in memcached; one client that asks again and
again, for another server each time. What an operator may expect is beside it.
"""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import psutil
import requests

from benchmarks import figures
from benchmarks.api import cloud
from tests import databases
from tests import keystone
from tests import processes

#: By what is asked for: the path, and milliseconds that 95 of 100 may take.
TARGETS = {
    'server view': ('/v1/servers/{server}/view', 60.0),
    'summary': ('/v1/summary', 100.0),
}

CONFIG = """\
[DEFAULT]
transport_url = rabbit://nobody:secret@127.0.0.1:1/
service_project_id = {service}
[database]
connection = {connection}
[keystone_authtoken]
memcached_servers = 127.0.0.1:{memcached}
www_authenticate_uri = {url}
auth_type = password
auth_url = {url}
username = sentinella
password = {password}
project_name = service
user_domain_id = default
project_domain_id = default
"""


def run(quick, console):
    size, count = (100, 200) if quick else (1000, 500)
    with (
        databases.DatabaseFixture('mysql') as stored,
        keystone.KeystoneFixture() as identity,
        contextlib.ExitStack() as stack,
    ):
        with console.status(f'a month of {size} servers'):
            filled = cloud.Cloud(stored, size)
        api = _Api(stack, stored, identity)
        for name, (path, target) in TARGETS.items():
            with console.status(name):
                yield from _measure(api, filled, name, path, target, count)


def _measure(api, filled, name, path, target, count):
    paths = [path.format(server=one) for one in filled.uuids]
    filled.beat()
    for one in paths:
        api.get(one)
    took, before = [], api.cpu()
    for number in range(count):
        if number % 100 == 0:
            filled.beat()
        started = time.perf_counter()
        api.get(paths[number % len(paths)])
        took.append((time.perf_counter() - started) * 1e3)
    cpu = (api.cpu() - before) / count * 1e3
    took.sort()
    yield figures.Figure(f'{name}, p50', took[count // 2], 'ms')
    high = took[int(count * 0.95)]
    yield figures.Figure(f'{name}, p95', high, 'ms', 'target', target)
    yield figures.Figure(f'{name}, CPU of the API', cpu, 'ms')


class _Api:
    """The API and what it needs, until the stack is closed."""

    def __init__(self, stack, stored, identity):
        memcached = _free_port()
        _run(
            stack, ['memcached', '-u', 'nobody', '-l', '127.0.0.1',
                    '-p', str(memcached)],
        )  # fmt: skip
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        path = pathlib.Path(folder, 'sentinella.conf')
        path.write_text(
            CONFIG.format(
                service=identity.projects['service'],
                connection=stored.conf.database.connection,
                memcached=memcached,
                url=identity.url,
                password=keystone.PASSWORD,
            )
        )
        port = _free_port()
        process = _run(
            stack,
            [
                sys.executable, '-m', 'gunicorn', '--no-control-socket',
                '--workers=1', '--threads=4', f'--bind=127.0.0.1:{port}',
                '--log-level=error', 'sentinella.wsgi.api:application',
            ],
            OS_SENTINELLA_CONFIG_FILE=str(path),
            PYTHONWARNINGS='ignore',
        )  # fmt: skip
        self._url = f'http://127.0.0.1:{port}'
        self._session = stack.enter_context(requests.Session())
        token = identity.token('operator')
        self._session.headers['X-Auth-Token'] = token
        processes.wait_for(self._answers, 'the API')
        (self._worker,) = psutil.Process(process.pid).children()

    def get(self, path):
        response = self._session.get(self._url + path, timeout=30)
        response.raise_for_status()
        # to have read it is a part of it
        return response.json()

    def cpu(self):
        """Seconds that the worker used."""
        times = self._worker.cpu_times()
        return times.user + times.system

    def _answers(self):
        try:
            return self._session.get(self._url, timeout=5).ok
        except requests.ConnectionError:
            return False


def _run(stack, command, **environment):
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def _free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]
