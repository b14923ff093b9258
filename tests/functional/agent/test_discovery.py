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

"""Real servers serve what is named as OpenStack's, and are known for it."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from oslotest import base

from sentinella.agent.node import identify
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.knowledge import services
from tests import processes
from tests import servers

APPLICATION = """
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'ok']
"""
SETTINGS = """
[uwsgi]
plugins = python3
http-socket = 127.0.0.1:{port}
wsgi-file = {directory}/app.py
master = true
processes = 2
"""
APACHE = """
ServerRoot {directory}
PidFile {directory}/apache.pid
DefaultRuntimeDir {directory}
Listen 127.0.0.1:{port}
ErrorLog {directory}/error.log
ServerName localhost
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {wsgi}
{user}
WSGISocketPrefix {directory}/wsgi
WSGIDaemonProcess keystone-public processes=2 threads=1 display-name=%{{GROUP}}
WSGIProcessGroup keystone-public
WSGIScriptAlias / {directory}/app.py
"""
SEARCHED = f'{os.environ["PATH"]}:/usr/sbin'
#: Where distributions have Apache's modules.
MODULES = ('/usr/lib/apache2/modules', '/usr/lib64/httpd/modules')


class TestWebServers(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        folder = self.useFixture(servers.FolderFixture())
        self.directory = pathlib.Path(folder.path)
        (self.directory / 'app.py').write_text(APPLICATION)
        self.port = servers.free_port()
        self.scanner = scan.Scanner(identify.Identifier(services.load()))
        self.now = time.monotonic()

    def start(self, *command, **environ):
        with open(self.directory / 'out', 'ab') as output:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **environ},
            )
        self.addCleanup(process.wait)
        self.addCleanup(os.killpg, process.pid, signal.SIGKILL)
        return process.pid

    def found(self, pid):
        """
        :returns: {service that this is the master of: number of its workers}
        """
        # as often as one likes, though processes are looked at less and less
        self.now += 30.0
        table = self.scanner.scan(self.now)
        return {
            found.name: len(found.workers)
            for found in scan.assemble(table, dict, services.load())
            if found.master.pid == pid
        }

    def expect(self, pid, **expected):
        expected = {n.replace('_', '-'): c for n, c in expected.items()}
        try:
            processes.wait_for(lambda: self.found(pid) == expected, expected)
        except AssertionError:
            output = (self.directory / 'out').read_text()
            self.fail(f'{self.found(pid)}, {proc.title(pid)!r}: {output}')

    def settings(self, name):
        path = self.directory / name
        path.write_text(
            SETTINGS.format(port=self.port, directory=self.directory)
        )
        return str(path)

    def test_uwsgi_with_a_prefix(self):
        pid = self.start(
            'uwsgi', '--procname-prefix', 'nova-api',
            '--ini', self.settings('x.ini'),
        )  # fmt: skip
        self.expect(pid, nova_api=2)
        self.assertEqual('nova-apiuWSGI master', proc.title(pid))

    def test_uwsgi_as_kolla_starts_it(self):
        pid = self.start('uwsgi', self.settings('glance-api-uwsgi.ini'))
        self.expect(pid, glance_api=2)

    def test_uwsgi_and_its_settings(self):
        path = self.settings('x.ini')
        package = self.directory / 'placement' / 'wsgi'
        package.mkdir(parents=True)
        (package / 'api.py').write_text(APPLICATION)
        text = pathlib.Path(path).read_text()
        module = 'module = placement.wsgi.api:application'
        pathlib.Path(path).write_text(
            text.replace(f'wsgi-file = {self.directory}/app.py', module)
        )
        pid = self.start('uwsgi', path)
        self.expect(pid, placement_api=2)

    def test_gunicorn(self):
        package = self.directory / 'cinder' / 'wsgi'
        package.mkdir(parents=True)
        (package / 'api.py').write_text(APPLICATION)
        gunicorn = str(pathlib.Path(sys.executable).parent / 'gunicorn')
        pid = self.start(
            sys.executable, gunicorn, '--workers', '2',
            '--bind', f'127.0.0.1:{self.port}', 'cinder.wsgi.api:application',
        )  # fmt: skip
        self.expect(pid, cinder_api=2)

    def test_gunicorn_and_its_settings(self):
        package = self.directory / 'heat' / 'wsgi'
        package.mkdir(parents=True)
        (package / 'api.py').write_text(APPLICATION)
        (self.directory / 'gunicorn.conf.py').write_text(
            f'bind = "127.0.0.1:{self.port}"\n'
            'wsgi_app = "heat.wsgi.api:application"\n'
        )
        gunicorn = str(pathlib.Path(sys.executable).parent / 'gunicorn')
        pid = self.start(sys.executable, gunicorn)
        self.expect(pid, heat_api=1)

    def test_apache_and_what_it_serves(self):
        program = shutil.which('apache2', path=SEARCHED) or shutil.which(
            'httpd', path=SEARCHED
        )
        modules = next(filter(os.path.isdir, MODULES))
        (wsgi, *_) = sorted(pathlib.Path(modules).glob('mod_wsgi*.so*'))
        (self.directory / 'apache.conf').write_text(
            APACHE.format(
                directory=self.directory,
                port=self.port,
                modules=modules,
                wsgi=wsgi,
                user='' if os.getuid() else 'User nobody',
            )
        )
        pid = self.start(
            program, '-f', str(self.directory / 'apache.conf'), '-DFOREGROUND'
        )
        processes.wait_for(
            lambda: self.found(pid).get('keystone') == 2, 'two for keystone'
        )
        self.assertEqual({'apache', 'keystone'}, set(self.found(pid)))
        # it has another one in no time
        (worker,) = [
            found.workers[0].pid
            for found in scan.assemble(self.scanner.scan(self.now))
            if found.master.pid == pid and found.name == 'keystone'
        ]
        self.assertIn('(wsgi:keystone', proc.title(worker))
        os.kill(worker, signal.SIGKILL)
        processes.wait_for(
            lambda: (
                proc.process(worker) is None
                and self.found(pid).get('keystone') == 2
            ),
            'another one',
        )
