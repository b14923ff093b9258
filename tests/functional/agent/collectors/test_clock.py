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

import math
import os
import socket
import subprocess

import fixtures
from oslotest import base

from sentinella.agent.collectors import clock
from tests import collectors
from tests import processes

SERVER = """\
local stratum 1
allow 127.0.0.1
port {port}
cmdport 0
"""
#: One whose server is five seconds ahead of it, as far as it knows.
CLIENT = """\
server 127.0.0.1 port {port} iburst minpoll -4 maxpoll -4 offset 5.0
port 0
cmdport {command_port}
bindcmdaddress 127.0.0.1
"""


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class TestChrony(base.BaseTestCase):
    """A real chronyd, that leaves this node's clock alone."""

    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.port, self.command_port = free_port(), free_port()
        # the one that is asked, whichever runs besides
        real = subprocess.check_output(['which', 'chronyc'], text=True).strip()
        self.program(f'exec {real} -h 127.0.0.1 -p {self.command_port} "$@"')
        self.useFixture(
            fixtures.EnvironmentVariable(
                'PATH', f'{self.directory}:{os.environ["PATH"]}'
            )
        )

    def program(self, text):
        path = os.path.join(self.directory, 'chronyc')
        with open(path, 'w') as file:
            file.write(f'#!/bin/sh\n{text}\n')
        os.chmod(path, 0o700)

    def start(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, 'w') as file:
            file.write(
                text.format(port=self.port, command_port=self.command_port)
                + 'bindaddress 127.0.0.1\nbindcmdaddress /\n'
                f'pidfile {path}.pid\n'
            )
        user = subprocess.check_output(['id', '-un'], text=True).strip()
        # chronyd is where only root looks for programs
        environ = {**os.environ, 'PATH': f'{os.environ["PATH"]}:/usr/sbin'}
        process = subprocess.Popen(
            ['chronyd', '-U', '-x', '-d', '-u', user, '-f', path],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def collect(self):
        found = collectors.values(
            collectors.make(clock.ClockCollector).collect(0.0)
        )
        return found['clock.offset_seconds',], found['clock.synchronised',]

    def test_behind_its_server(self):
        self.start('server', SERVER)
        self.start('client', CLIENT)
        offset, _ = processes.wait_for(
            lambda: (found := self.collect())[1] == 1 and found,
            'chronyd has synchronised',
        )
        self.assertAlmostEqual(-5, offset, places=1)

    def test_without_a_server(self):
        self.start('client', CLIENT)
        processes.wait_for(clock.ask_chrony, 'chronyd answers')
        offset, synchronised = self.collect()
        self.assertTrue(math.isnan(offset))
        self.assertEqual(0, synchronised)

    def test_where_none_runs_the_kernel_is_asked(self):
        self.assertIsNone(clock.ask_chrony())
        kernel = clock.ask_kernel()
        self.assertEqual(kernel[1], self.collect()[1])

    def test_one_that_hangs(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.clock._PATIENCE', 0.1
            )
        )
        self.program('exec sleep 10')
        self.assertIsNone(clock.ask_chrony())
