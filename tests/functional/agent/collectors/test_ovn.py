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

import signal
import subprocess

from oslotest import base

from sentinella.agent.collectors import ovn
from tests import collectors
from tests import processes
from tests import servers
from tests import switches


class TestOvn(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.useFixture(servers.FolderFixture()).path
        self.collector = collectors.make(
            ovn.OvnCollector,
            servers.Node('ovn-controller', 'ovn-northd', 'ovn-nb', 'ovn-sb'),
            run_directories=['/no/such', str(self.path)],
        )

    def database(self, side, clustered):
        return self.useFixture(
            switches.DatabaseFixture(
                f'ovn/ovn-{side}', f'ovn{side}_db', self.path, clustered
            )
        )

    def daemon(self, name, *arguments):
        control = f'{self.path}/{name}.1.ctl'
        return self.useFixture(
            servers.ServerFixture(
                [name, *arguments, f'--unixctl={control}'],
                lambda: servers.listens(control),
                env=switches.environment(self.path),
            )
        )

    def until(self, **expected):
        """Samples, once some of them are as they must become."""
        wanted = {
            (f'ovn.{name}', service): value
            for name, (service, value) in expected.items()
        }

        def ask():
            found = servers.ask(self.collector)
            return found if wanted.items() <= found.items() else None

        return processes.wait_for(ask, f'{wanted}')

    def test_a_cluster_and_what_stands_on_it(self):
        north = self.database('nb', clustered=True)
        south = self.database('sb', clustered=True)
        northd = self.daemon(
            'ovn-northd',
            f'--ovnnb-db={north.remote}',
            f'--ovnsb-db={south.remote}',
        )
        found = self.until(
            connected=('ovn-northd', 1), raft_leader=('ovn-sb', 1)
        )
        found = servers.ask(self.collector)
        for service in ('ovn-nb', 'ovn-sb'):
            for name, value in (
                ('up', 1),
                ('raft_leader', 1),
                ('raft_has_leader', 1),
                ('raft_members', 1),
                ('raft_elections', 0),
            ):
                self.assertEqual(value, found[f'ovn.{name}', service], name)
            # ovn-northd may just have written something
            for name in ('uncommitted', 'unapplied'):
                self.assertGreaterEqual(found[f'ovn.raft_{name}', service], 0)
        processes.wait_for(
            lambda: servers.ask(self.collector)['ovn.northd_active',] == 1,
            'ovn-northd works',
        )

        south.server.stop()
        found = self.until(up=('ovn-sb', 0), connected=('ovn-northd', 0))
        self.assertEqual(1, found['ovn.up', 'ovn-nb'])
        self.assertNotIn(('ovn.raft_leader', 'ovn-sb'), found)
        northd.stop()
        self.until(up=('ovn-northd', 0))

    def test_a_member_that_has_lost_the_majority(self):
        self.database('sb', clustered=True)
        self.until(raft_has_leader=('ovn-sb', 1))
        second = self.join()
        self.until(raft_members=('ovn-sb', 2))
        second.stop(signal.SIGKILL)
        found = self.until(raft_has_leader=('ovn-sb', 0))
        self.assertEqual(1, found['ovn.up', 'ovn-sb'])
        self.assertEqual(0, found['ovn.raft_leader', 'ovn-sb'])

    def join(self):
        """A second member of the cluster."""
        local = f'tcp:127.0.0.1:{servers.free_port()}'
        status = subprocess.run(
            ['ovs-appctl', '-t', f'{self.path}/ovnsb_db.ctl',
             'cluster/status', 'OVN_Southbound'],
            check=True, capture_output=True, timeout=60, text=True,
        ).stdout  # fmt: skip
        first = status.partition('Address: ')[2].split()[0]
        file = self.path / 'second.db'
        subprocess.run(
            ['ovsdb-tool', 'join-cluster', file, 'OVN_Southbound', local,
             first],
            check=True, capture_output=True, timeout=60,
            env=switches.environment(self.path),
        )  # fmt: skip
        control = f'{self.path}/second'
        return self.useFixture(
            servers.ServerFixture(
                ['ovsdb-server', file, f'--unixctl={control}'],
                lambda: servers.listens(control),
                env=switches.environment(self.path),
            )
        )

    def test_a_database_that_is_no_cluster(self):
        self.database('nb', clustered=False)
        found = servers.ask(self.collector)
        self.assertEqual(1, found['ovn.up', 'ovn-nb'])
        self.assertNotIn(('ovn.raft_leader', 'ovn-nb'), found)
