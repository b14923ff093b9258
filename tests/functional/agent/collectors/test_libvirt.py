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

"""Libvirt's own test driver, asked as the agent asks."""

import time

import fixtures
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import libvirt
from tests import collectors
from tests import servers

DOMAIN = """
<domain type='test'
        xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
  <name>instance {number}: state.state=1</name>
  <memory>1</memory>
  <os><type>hvm</type></os>
  <test:runstate>{state}</test:runstate>
</domain>
"""


class TestLibvirt(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.useFixture(servers.FolderFixture()).path

    def ask(self, uri, **states):
        node = servers.Node(**states or {'libvirt': 'UP'})
        return servers.ask(
            collectors.make(libvirt.LibvirtCollector, node, uri=uri)
        )

    def lacks(self, uri):
        error = self.assertRaises(exceptions.Lacking, self.ask, uri)
        return str(error)

    def test_domains_by_state(self):
        states = [1, 1, 3, 5, 5, 5, 6]
        domains = [
            DOMAIN.format(number=number, state=state)
            for number, state in enumerate(states)
        ]
        file = self.path / 'node.xml'
        file.write_text(f'<node>{"".join(domains)}</node>')
        self.assertEqual(
            {
                ('libvirt.up',): 1,
                ('libvirt.domains', 'running'): 2,
                ('libvirt.domains', 'paused'): 1,
                ('libvirt.domains', 'shutoff'): 3,
                ('libvirt.domains', 'crashed'): 1,
                ('libvirt.domains', 'other'): 0,
            },
            self.ask(f'test://{file}'),
        )

    def test_a_hypervisor_without_domains(self):
        file = self.path / 'node.xml'
        file.write_text('<node/>')
        found = self.ask(f'test://{file}')
        self.assertEqual(1, found['libvirt.up',])
        self.assertEqual(0, found['libvirt.domains', 'running'])

    def at_socket(self):
        return f'qemu+unix:///system?socket={self.path}/socket'

    def test_one_that_hangs_is_given_up(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.libvirt.PATIENCE', 0.5
            )
        )
        self.useFixture(
            servers.StrangerFixture(path=str(self.path / 'socket'))
        )
        began = time.monotonic()
        self.assertEqual({('libvirt.up',): 0.0}, self.ask(self.at_socket()))
        self.assertTrue(0.5 <= time.monotonic() - began < 5)

    def test_one_that_hangs_up(self):
        self.useFixture(
            servers.StrangerFixture(b'', str(self.path / 'socket'))
        )
        self.assertEqual({('libvirt.up',): 0.0}, self.ask(self.at_socket()))

    def test_one_that_is_down(self):
        (self.path / 'socket').touch()
        self.assertEqual({('libvirt.up',): 0.0}, self.ask(self.at_socket()))
        (self.path / 'socket').unlink()
        self.assertEqual(
            {('libvirt.up',): 0.0}, self.ask(self.at_socket(), libvirt='DOWN')
        )

    def test_what_it_lacks_is_said(self):
        said = self.lacks(self.at_socket())
        self.assertIn('No such file or directory', said)
        self.assertIn('set [collector_libvirt] uri', said)

    def test_a_program_that_is_not_there(self):
        self.useFixture(fixtures.EnvironmentVariable('PATH', str(self.path)))
        self.assertIn('libvirt-clients', self.lacks('test:///default'))
