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

"""Servers for collectors to ask: real ones, and what is none."""

import contextlib
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import types

import fixtures

from sentinella import model
from tests import collectors
from tests import processes


class Node:
    """A node with some services, each UP if not said otherwise.

    :param listening: {service: [(host, port)]}
    """

    def __init__(self, *services, listening=(), **states):
        states = {**dict.fromkeys(services, 'UP'), **states}
        self.services = {
            name: types.SimpleNamespace(state=model.ServiceState[state])
            for name, state in states.items()
        }
        self._listening = dict(listening)

    def listeners_of(self, service):
        return self._listening.get(service, [])


_clock = itertools.count(1000, 30)


def ask(collector):
    """Have a collector collect, 30 seconds after the time before.

    :returns: as :func:`tests.collectors.values` has it
    """
    samples = list(collector.collect(float(next(_clock))))
    found = collectors.values(samples)
    undeclared = {name for name, *_ in found} - set(collector.METRICS)
    assert not undeclared, f'not in METRICS: {undeclared}'
    assert len(found) == len(samples), 'a sample is there twice'
    return found


class StrangerFixture(fixtures.Fixture):
    """Something that listens, and is not what one thinks it is.

    :param says: bytes that it answers to whatever is said; None: nothing,
        and it does not close either
    :param path: of a Unix socket; None: a port of loopback
    :ivar address: a path, or a pair (host, port)
    """

    def __init__(self, says=None, path=None):
        self._says = says
        self._path = path
        self._taken = []

    def _setUp(self):
        if self._path:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(self._path)
            self.address = self._path
        else:
            self._socket = socket.create_server(('127.0.0.1', 0))
            self.address = self._socket.getsockname()[:2]
        self._socket.listen()
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        self.addCleanup(self._stop, thread)

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._taken.append(connection)
            if self._says is not None:
                with contextlib.suppress(OSError), connection:
                    connection.sendall(self._says)
                    connection.settimeout(1.0)
                    connection.recv(65536)

    def _stop(self, thread):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._taken:
            connection.close()
        thread.join(5.0)


class ServerFixture(fixtures.Fixture):
    """A server of others, which ends with the test.

    :param command: list
    :param ready: called until it is true
    :param user: whom it runs as; None: whoever runs the tests
    """

    def __init__(self, command, ready, user=None, env=()):
        self._command = list(map(str, command))
        self._ready = ready
        self._user = user
        self._env = {**os.environ, 'LC_ALL': 'C', **dict(env)}

    def _setUp(self):
        self._log = tempfile.TemporaryFile()
        self.addCleanup(self._log.close)
        self.start()
        self.addCleanup(self.stop)

    def start(self):
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd='/',
            env=self._env,
            **as_user(self._user),
        )
        try:
            processes.wait_for(self._is_ready, self._command[0])
        except BaseException:
            self.stop()
            raise

    def _is_ready(self):
        if self.process.poll() is not None:
            self._log.seek(0)
            said = self._log.read()[-2000:].decode(errors='replace')
            raise AssertionError(f'{self._command} ended: {said}')
        return self._ready()

    def stop(self, how=signal.SIGKILL):
        """End it with all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)
        self.process.wait(processes.DEADLINE)


def as_user(name):
    """What makes subprocess run something as somebody."""
    if name is None or os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(name)
    return {'user': entry.pw_uid, 'group': entry.pw_gid, 'extra_groups': []}


class FolderFixture(fixtures.Fixture):
    """A folder with a short name, for a socket's path is short.

    :param user: whose it is
    :ivar path: a pathlib.Path
    """

    def __init__(self, user=None):
        self._user = user

    def _setUp(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix='sn-', dir='/tmp'))
        self.addCleanup(shutil.rmtree, self.path, ignore_errors=True)
        self.path.chmod(0o755)
        if self._user and os.getuid() == 0:
            shutil.chown(self.path, self._user)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as server:
        return server.getsockname()[1]


def listens(address):
    """Whether somebody takes connections there."""
    unix = isinstance(address, (str, pathlib.Path))
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as client:
        return client.connect_ex(str(address) if unix else address) == 0
