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
import subprocess

from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import openvswitch
from tests import collectors
from tests import processes
from tests import servers
from tests import switches


class SwitchFixture(switches.DatabaseFixture):
    """Open vSwitch with a datapath that is only in its memory."""

    def __init__(self):
        super().__init__('openvswitch/vswitch', 'db')

    def _setUp(self):
        super()._setUp()
        control = f'{self.path}/ovs-vswitchd.1.ctl'
        self.switch = self.useFixture(
            servers.ServerFixture(
                ['ovs-vswitchd', self.remote, '--disable-system',
                 '--disable-system-route', '--enable-dummy=override',
                 f'--unixctl={control}'],
                lambda: servers.listens(control),
                env=switches.environment(self.path),
            )
        )  # fmt: skip

    def set(self, *arguments, check=True):
        subprocess.run(
            ['ovs-vsctl', f'--db={self.remote}', '--timeout=10', *arguments],
            check=check,
            capture_output=True,
            timeout=60,
        )


class TestOpenvswitch(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.ovs = self.useFixture(SwitchFixture())
        self.collector = collectors.make(
            openvswitch.OpenvswitchCollector,
            servers.Node('ovs-vswitchd', 'ovsdb-server'),
            run_directory=str(self.ovs.path),
        )

    def test_a_switch(self):
        self.ovs.set(
            'add-br', 'br0', '--', 'set', 'bridge', 'br0',
            'datapath_type=dummy', '--', 'add-port', 'br0', 'p1', '--',
            'set', 'interface', 'p1', 'type=dummy',
        )  # fmt: skip
        servers.ask(self.collector)
        self.assertEqual(
            {
                ('openvswitch.up', 'ovsdb-server'): 1,
                ('openvswitch.up', 'ovs-vswitchd'): 1,
                ('openvswitch.applied',): 1,
                ('openvswitch.bridges',): 1,
                ('openvswitch.ports',): 2,
                ('openvswitch.interfaces_in_error',): 0,
                ('openvswitch.controllers',): 0,
                ('openvswitch.controllers_connected',): 0,
                ('openvswitch.datapath_missed',): 0,
                ('openvswitch.datapath_lost',): 0,
            },
            servers.ask(self.collector),
        )

    def test_what_does_not_work(self):
        port = servers.free_port()
        self.ovs.set(
            'add-br', 'br0', '--', 'set', 'bridge', 'br0',
            'datapath_type=dummy', '--', 'add-port', 'br0', 'bad', '--',
            'set', 'interface', 'bad', 'type=nosuch', check=False,
        )  # fmt: skip
        self.ovs.set('set-controller', 'br0', f'tcp:127.0.0.1:{port}')

        def seen():
            found = servers.ask(self.collector)
            return found['openvswitch.interfaces_in_error',] and found

        found = processes.wait_for(seen, 'the interface in error')
        self.assertEqual(1, found['openvswitch.interfaces_in_error',])
        self.assertEqual(1, found['openvswitch.controllers',])
        self.assertEqual(0, found['openvswitch.controllers_connected',])

    def test_the_switch_ends(self):
        self.ovs.switch.stop()
        self.ovs.set('--no-wait', 'add-br', 'br1')
        found = servers.ask(self.collector)
        self.assertEqual(0, found['openvswitch.up', 'ovs-vswitchd'])
        self.assertEqual(1, found['openvswitch.up', 'ovsdb-server'])
        self.assertTrue(math.isnan(found['openvswitch.datapath_lost',]))

    def test_the_database_ends(self):
        self.ovs.server.stop()
        found = servers.ask(self.collector)
        self.assertEqual(0, found['openvswitch.up', 'ovsdb-server'])
        self.assertNotIn(('openvswitch.bridges',), found)

    def test_over_tcp(self):
        port = servers.free_port()
        self.ovs.set('set-manager', f'ptcp:{port}:127.0.0.1')
        subprocess.run(
            ['ovs-appctl', '-t', self.ovs.control, 'ovsdb-server/add-remote',
             f'ptcp:{port}:127.0.0.1'],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        collector = collectors.make(
            openvswitch.OpenvswitchCollector,
            servers.Node('ovs-vswitchd', 'ovsdb-server'),
            database=('127.0.0.1', port),
            run_directory=str(self.ovs.path / 'nosuch'),
        )
        found = servers.ask(collector)
        self.assertEqual(1, found['openvswitch.up', 'ovsdb-server'])
        self.assertTrue(math.isnan(found['openvswitch.up', 'ovs-vswitchd']))

    def test_another_database(self):
        other = self.useFixture(
            switches.DatabaseFixture('ovn/ovn-nb', 'ovnnb_db')
        )
        collector = collectors.make(
            openvswitch.OpenvswitchCollector,
            servers.Node('ovsdb-server'),
            database=other.socket,
        )
        error = self.assertRaises(exceptions.Lacking, servers.ask, collector)
        self.assertIn('as the database of Open vSwitch does', str(error))
