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

import os

import fixtures
from oslotest import base

from sentinella.agent.node import places
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.agent.node import traces
from sentinella.knowledge import services

KIND = services.Kind('nova-api', 'nova', ('nova-api',))


class TestTraces(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.root = self.useFixture(fixtures.TempDir()).path
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.traces.UNITS',
                (f'{self.root}/etc', f'{self.root}/lib'),
            )
        )
        self.program = self.file('bin/nova-api')

    def file(self, name):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w'):
            return path

    def enable(self, unit):
        os.makedirs(f'{self.root}/etc/multi-user.target.wants', exist_ok=True)
        link = f'{self.root}/etc/multi-user.target.wants/{unit}.service'
        os.symlink(f'{self.root}/lib/{unit}.service', link)
        return link

    def of(self, unit='', container='', title=None):
        title = title or f'/usr/bin/python3 {self.program} --config-file x'
        process = proc.Process(1, 1, 1, title)
        place = places.Place(unit, container)
        return traces.of(scan.Found(KIND, '', process, place=place))

    def test_a_program_that_is_gone(self):
        found = self.of()
        self.assertEqual(traces.Traces(self.program), found)
        self.assertEqual('', found.lost())
        os.unlink(self.program)
        self.assertEqual(f'{self.program} is gone', found.lost())

    def test_a_rewritten_title_names_it_as_well(self):
        found = self.of(title=f'nova-api: master process [{self.program} --x]')
        self.assertEqual(self.program, found.program)

    def test_what_was_never_seen_is_not_gone(self):
        for title in ('nova-api', 'gunicorn: master [nova-api]', '/no/nova'):
            self.assertEqual('', self.of(title=title).lost(), title)

    def test_in_a_container_nothing_is_known(self):
        self.assertEqual(traces.Traces(), self.of(container='3f3f3f3f3f3f'))

    def test_a_unit_that_is_gone(self):
        path = self.file('lib/nova-api.service')
        found = self.of('nova-api')
        self.assertEqual('', found.lost())
        os.unlink(path)
        self.assertEqual('its unit nova-api.service is gone', found.lost())

    def test_a_unit_that_is_disabled_since(self):
        self.file('lib/nova-api.service')
        link = self.enable('nova-api')
        found = self.of('nova-api')
        self.assertTrue(found.enabled)
        self.assertEqual('', found.lost())
        os.unlink(link)
        self.assertEqual('its unit nova-api.service is disabled', found.lost())

    def test_one_that_never_was_enabled_is_started_by_another(self):
        self.file('lib/nova-api.service')
        self.assertEqual('', self.of('nova-api').lost())

    def test_a_masked_unit(self):
        self.file('lib/nova-api.service')
        found = self.of('nova-api')
        os.makedirs(f'{self.root}/etc')
        os.symlink('/dev/null', f'{self.root}/etc/nova-api.service')
        self.assertEqual('its unit nova-api.service is masked', found.lost())

    def test_an_instance_of_a_template(self):
        self.file('lib/ceph-osd@.service')
        found = self.of('ceph-osd@3')
        self.assertEqual('ceph-osd@3', found.unit)
        self.assertEqual('', found.lost())

    def test_survives_on_disk(self):
        self.file('lib/nova-api.service')
        found = self.of('nova-api')
        self.assertEqual(found, traces.Traces.from_state(found.to_state()))
        self.assertEqual(traces.Traces(), traces.Traces.from_state({}))
