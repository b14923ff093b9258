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
import time

import fixtures
from oslotest import base

from sentinella.agent.collectors import nagios
from tests import collectors
from tests import processes

PLUGINS = '/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins'


def has_ended(pid):
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] == 'Z'
    except FileNotFoundError:
        return True


class NagiosTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path

    def script(self, text, name='check'):
        path = os.path.join(self.directory, name)
        with open(path, 'w') as file:
            file.write(f'#!/bin/sh\n{text}\n')
        os.chmod(path, 0o700)
        return path

    def make(self, *checks, timeout=0.5):
        return collectors.make(
            nagios.NagiosCollector, checks=list(checks), timeout=timeout
        )

    def collect(self, collector, now=0.0):
        return collectors.values(collector.collect(now))

    def assertUnknown(self, found, check='a'):
        for name in ('nagios.up', 'nagios.state'):
            self.assertTrue(math.isnan(found[name, check]), found)


class TestScripts(NagiosTest):
    def test_states(self):
        for code, state, up in ((0, 0, 1), (1, 1, 1), (2, 2, 0)):
            path = self.script(f'echo "text | x=5ms"; exit {code}')
            found = self.collect(self.make(f'a={path}'))
            self.assertEqual(state, found['nagios.state', 'a'])
            self.assertEqual(up, found['nagios.up', 'a'])
            self.assertEqual(0.005, found['nagios.value', 'a', 'x'])

    def test_of_what_nothing_can_be_said(self):
        for text in ('exit 3', 'exit 127', 'kill -9 $$', 'sleep 5'):
            found = self.collect(self.make(f'a={self.script(text)}'))
            self.assertUnknown(found)
        for command in ('/no/such/check', self.directory, '/etc/passwd'):
            self.assertUnknown(self.collect(self.make(f'a={command}')))

    def test_what_it_says_is_a_status(self):
        path = self.script('echo "all wrong | x=1"; exit $1')
        collector = self.make(f'fine={path} 0', f'bad={path} 2', 'gone=/no')
        for now in (10.0, 20.0):
            self.collect(collector, now)
        found = {s.name: s for s in collector.statuses()}
        self.assertEqual(
            {
                'check:fine': ('UP', ''),
                'check:bad': ('DOWN', 'all wrong'),
                'check:gone': (
                    'UNDETERMINED',
                    'it can not be run: No such file or directory',
                ),
            },
            {n: (s.state.value, s.reason) for n, s in found.items()},
        )
        self.assertEqual(10.0, found['check:bad'].since)

    def test_one_of_several_takes_too_long(self):
        slow = self.script('sleep 30', 'slow')
        fine = self.script('exit 0', 'fine')
        started = time.monotonic()
        found = self.collect(self.make(f'a={slow}', f'b={fine}'))
        self.assertLess(time.monotonic() - started, 10)
        self.assertUnknown(found, 'a')
        self.assertEqual(1, found['nagios.up', 'b'])

    def test_it_is_ended_with_all_that_it_started(self):
        note = os.path.join(self.directory, 'pid')
        path = self.script(f'sleep 60 & echo $! > {note}; wait')
        self.collect(self.make(f'a={path}'))
        with open(note) as file:
            pid = int(file.read())
        processes.wait_for(lambda: has_ended(pid), 'the child has ended')

    def test_endless_output(self):
        path = self.script('echo "OK|a=1"; yes | head -c 10000000')
        found = self.collect(self.make(f'a={path}', timeout=5.0))
        self.assertEqual(1, found['nagios.up', 'a'])
        self.assertEqual(1, found['nagios.value', 'a', 'a'])
        self.assertUnknown(self.collect(self.make(f'a={self.script("yes")}')))

    def test_it_sees_nothing_of_the_agent(self):
        self.useFixture(fixtures.EnvironmentVariable('SECRET', 'hidden'))
        path = self.script(
            '[ -z "$SECRET" ] && [ "$(pwd)" = / ] && ! read -r line'
        )
        found = self.collect(self.make(f'a={path}'))
        self.assertEqual(1, found['nagios.up', 'a'])

    def test_counters_are_rates(self):
        count = os.path.join(self.directory, 'count')
        path = self.script(f'echo "OK | n=$(cat {count})c"')
        collector = self.make(f'a={path}')
        values = []
        for now, number in ((0.0, 100), (30.0, 160), (60.0, 5), (90.0, 5)):
            with open(count, 'w') as file:
                file.write(str(number))
            found = self.collect(collector, now)
            values.append(found['nagios.value', 'a', 'n'])
        self.assertTrue(math.isnan(values[0]))
        self.assertEqual(2, values[1])
        # it was reset
        self.assertTrue(math.isnan(values[2]))
        self.assertEqual(0, values[3])


class TestRealOnes(NagiosTest):
    """The Monitoring Plugins, as the distribution has them."""

    def path(self, name):
        for directory in PLUGINS.split(':'):
            path = os.path.join(directory, name)
            if os.path.exists(path):
                return path
        raise AssertionError(f'{name} is not installed')

    def test_them(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            port = server.getsockname()[1]
            tcp = f'{self.path("check_tcp")} -H 127.0.0.1 -p {port} -t 2'
            found = self.collect(
                self.make(
                    f'tcp={tcp}',
                    f'disk={self.path("check_disk")} -w 1% -c 0% -p /',
                    f'load={self.path("check_load")} -w 999 -c 999',
                    f'unknown={self.path("check_dummy")} 3',
                    f'warning={self.path("check_dummy")} 1',
                    timeout=5.0,
                )
            )
        self.assertEqual(1, found['nagios.up', 'tcp'])
        self.assertLess(0, found['nagios.value', 'tcp', 'time'])
        status = os.statvfs('/')
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        self.assertAlmostEqual(
            1, found['nagios.value', 'disk', '/'] / used, places=1
        )
        self.assertIn(('nagios.value', 'load', 'load15'), found)
        self.assertUnknown(found, 'unknown')
        self.assertEqual(1, found['nagios.state', 'warning'])
        found = self.collect(self.make(f'tcp={tcp}', timeout=5.0))
        self.assertEqual(0, found['nagios.up', 'tcp'])
