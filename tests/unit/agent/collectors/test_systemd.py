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
import types

import fixtures
from hypothesis import given
from hypothesis import strategies
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import systemd
from tests import collectors

#: As `systemctl show` of systemd 252 prints it; the order is its own.
SHOWN = """\
Type=notify
NRestarts=2
Id=apache2.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
ConditionResult=yes
TriggeredBy=

Type=simple
NRestarts=0
Id=nova-compute.service
LoadState=loaded
ActiveState=failed
SubState=failed
UnitFileState=enabled
ConditionResult=yes
TriggeredBy=

Id=apt-daily.timer
LoadState=loaded
ActiveState=active
SubState=waiting
UnitFileState=enabled
ConditionResult=yes
"""
FAILED = """\
nova-compute.service loaded failed failed OpenStack Compute
● gone.mount         not-found failed failed /gone
"""

UP = {
    'Id': 'a.service',
    'LoadState': 'loaded',
    'ActiveState': 'active',
    'SubState': 'running',
    'UnitFileState': 'enabled',
    'Type': 'simple',
    'ConditionResult': 'yes',
    'TriggeredBy': '',
}


class TestStates(base.BaseTestCase):
    def check(self, expected, **changed):
        found = systemd.is_up({**UP, **changed})
        if math.isnan(expected):
            self.assertTrue(math.isnan(found), (found, changed))
        else:
            self.assertEqual(expected, found, changed)

    def test_each(self):
        stopped = {'ActiveState': 'inactive', 'SubState': 'dead'}
        self.check(1)
        self.check(1, ActiveState='reloading')
        self.check(0, ActiveState='failed', SubState='failed')
        self.check(0, ActiveState='activating', SubState='auto-restart')
        self.check(math.nan, ActiveState='activating', SubState='start')
        self.check(math.nan, ActiveState='deactivating')
        self.check(0, **stopped)
        for changed in (
            {'UnitFileState': 'disabled'},
            {'UnitFileState': 'static'},
            {'UnitFileState': ''},
            {'LoadState': 'not-found'},
            {'LoadState': 'masked'},
            {'Type': 'oneshot'},
            {'ConditionResult': 'no'},
            {'TriggeredBy': 'libvirtd.socket'},
        ):
            self.check(math.nan, **stopped, **changed)
        self.assertTrue(math.isnan(systemd.is_up({})))


class TestReading(base.BaseTestCase):
    def test_units(self):
        found = systemd.read_units(SHOWN)
        self.assertEqual(
            ['apache2.service', 'apt-daily.timer', 'nova-compute.service'],
            sorted(found),
        )
        self.assertEqual('2', found['apache2.service']['NRestarts'])

    def test_failed(self):
        self.assertEqual(
            ['nova-compute.service', 'gone.mount'],
            systemd.read_failed(FAILED),
        )

    @given(strategies.text('\n= aId●'))
    def test_whatever_it_prints(self, text):
        systemd.read_units(text)
        self.assertNotIn('', systemd.read_failed(text))


class TestSystemd(base.BaseTestCase):
    """With a program that prints what systemctl does."""

    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        path = f'{self.directory}:{os.environ["PATH"]}'
        self.useFixture(fixtures.EnvironmentVariable('PATH', path))
        self.program(
            f'echo "$@" >> {self.directory}/asked\n'
            f'case "$*" in *list-units*) cat {self.directory}/failed;; '
            f'*) cat {self.directory}/shown;; esac'
        )
        self.says(FAILED, SHOWN)

    def program(self, text):
        path = os.path.join(self.directory, 'systemctl')
        with open(path, 'w') as file:
            file.write(f'#!/bin/sh\n{text}\n')
        os.chmod(path, 0o700)

    def says(self, failed, shown):
        for name, text in (('failed', failed), ('shown', shown)):
            with open(os.path.join(self.directory, name), 'w') as file:
                file.write(text)

    def asked(self):
        with open(os.path.join(self.directory, 'asked')) as file:
            return file.read().splitlines()

    def make(self, **options):
        return collectors.make(systemd.SystemdCollector, **options)

    def collect(self, collector):
        return collectors.values(collector.collect(0.0))

    def test_samples(self):
        collector = self.make(units=['apache2*'])
        first = self.collect(collector)
        self.assertEqual(2, first['systemd.failed_units',])
        self.assertEqual(1, first['systemd.up', '', 'apache2.service'])
        self.assertEqual(0, first['systemd.up', '', 'nova-compute.service'])
        self.assertTrue(
            math.isnan(first['systemd.restarts', '', 'apache2.service'])
        )
        self.assertNotIn(('systemd.restarts', '', 'apt-daily.timer'), first)
        self.assertIn(
            '-- apache2* gone.mount nova-compute.service', self.asked()[-1]
        )
        for count, expected in ((5, 3), (5, 0), (1, 1)):
            self.says(
                FAILED, SHOWN.replace('NRestarts=2', f'NRestarts={count}')
            )
            found = self.collect(collector)
            self.assertEqual(
                expected, found['systemd.restarts', '', 'apache2.service']
            )

    def test_one_that_failed_is_told_of_when_it_is_well_again(self):
        collector = self.make()
        self.collect(collector)
        self.says('', SHOWN.replace('failed', 'active'))
        found = self.collect(collector)
        self.assertEqual(0, found['systemd.failed_units',])
        self.assertEqual(1, found['systemd.up', '', 'nova-compute.service'])

    def test_those_that_failed_now_rather_than_those_that_did(self):
        def failed(numbers):
            return ''.join(f'{n}.service loaded failed f\n' for n in numbers)

        collector = self.make()
        for numbers in (range(40), range(30, 70)):
            self.says(failed(numbers), '')
            self.collect(collector)
        asked = set(self.asked()[-1].split())
        self.assertLessEqual({f'{n}.service' for n in range(30, 70)}, asked)
        self.assertEqual(systemd.FAILED, sum('service' in a for a in asked))

    def test_more_have_failed_than_are_told_of(self):
        names = [f'{n:03}.service' for n in range(systemd.FAILED + 1)]
        self.says(''.join(f'{n} loaded failed failed x\n' for n in names), '')
        found = self.collect(self.make())
        self.assertEqual(len(names), found['systemd.failed_units',])
        self.assertIn(names[-2], self.asked()[-1])
        self.assertNotIn(names[-1], self.asked()[-1])

    def test_units_of_watched_services(self):
        masters = {
            (7, 1): types.SimpleNamespace(master=types.SimpleNamespace(pid=7))
        }
        node = types.SimpleNamespace(
            services={'nova-compute': types.SimpleNamespace(masters=masters)}
        )
        collector = collectors.make(systemd.SystemdCollector, node)
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.proc.ROOT', self.directory
            )
        )
        os.mkdir(os.path.join(self.directory, '7'))
        with open(os.path.join(self.directory, '7', 'cgroup'), 'w') as file:
            file.write('0::/system.slice/nova-compute.service\n')
        self.says('', SHOWN)
        first = self.collect(collector)
        self.assertIn('-- nova-compute.service', self.asked()[-1])
        ours = 'systemd.up', 'nova-compute', 'nova-compute.service'
        self.assertEqual(0, first[ours])
        self.assertEqual(1, first['systemd.up', '', 'apache2.service'])
        masters.clear()
        self.assertEqual(0, self.collect(collector)[ours])

    def test_it_can_not_be_asked(self):
        self.program('echo "Failed to connect to bus" >&2; exit 1')
        error = self.assertRaises(
            exceptions.Lacking, self.collect, self.make()
        )
        self.assertEqual(
            'systemctl failed (Failed to connect to bus): see whether '
            'systemd and dbus work',
            str(error),
        )

    def test_it_hangs(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.systemd._PATIENCE', 0.1
            )
        )
        self.program('exec sleep 10')
        error = self.assertRaises(
            exceptions.Lacking, self.collect, self.make()
        )
        self.assertIn('gave no answer', str(error))

    def test_there_is_none(self):
        self.useFixture(fixtures.EnvironmentVariable('PATH', '/nowhere'))
        error = self.assertRaises(
            exceptions.Lacking, self.collect, self.make()
        )
        self.assertIn('systemctl can not be run: No such file', str(error))

    def test_is_wanted_where_systemd_started_the_machine(self):
        for path, expected in ((self.directory, True), ('/no/such', False)):
            self.useFixture(
                fixtures.MonkeyPatch(
                    'sentinella.agent.collectors.systemd.BOOTED', path
                )
            )
            self.assertEqual(expected, self.make().wanted())

    def test_a_unit_is_no_option_of_systemctl(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration, self.make, units=['--root=/x']
        )
        self.assertEqual(
            '[collector_systemd] units: expected the name of a unit, got '
            "'--root=/x'",
            str(error),
        )
