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

import contextlib
import getpass
import math
import pathlib
import subprocess

from oslotest import base
import pymysql

from sentinella import exceptions
from sentinella.agent.collectors import mysql
from tests import collectors
from tests import processes
from tests import servers

GALERA = pathlib.Path('/usr/lib/galera/libgalera_smm.so')


class MariadbFixture(servers.FolderFixture):
    """A MariaDB of its own, the only node of its Galera cluster.

    :ivar socket: path of its Unix socket
    :ivar address: where it listens
    """

    def _setUp(self):
        super()._setUp()
        self.user = getpass.getuser()
        self.socket = str(self.path / 'socket')
        self.address = '127.0.0.1', servers.free_port()
        subprocess.run(
            [
                'mariadb-install-db',
                '--no-defaults',
                f'--user={self.user}',
                f'--datadir={self.path}/data',
                '--auth-root-authentication-method=socket',
                f'--auth-root-socket-user={self.user}',
                '--skip-test-db',
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        self.server = self.useFixture(
            servers.ServerFixture(self._command(), self._is_up)
        )

    def _command(self):
        listen, receive = servers.free_port(), servers.free_port()
        return [
            'mariadbd',
            '--no-defaults',
            f'--user={self.user}',
            f'--datadir={self.path}/data',
            f'--socket={self.socket}',
            f'--bind-address={self.address[0]}',
            f'--port={self.address[1]}',
            '--max-connections=10',
            '--innodb-flush-log-at-trx-commit=0',
            '--innodb-buffer-pool-size=16M',
            '--innodb-log-file-size=8M',
            '--binlog-format=ROW',
            '--innodb-autoinc-lock-mode=2',
            '--wsrep-on=ON',
            f'--wsrep-provider={GALERA}',
            '--wsrep-cluster-address=gcomm://',
            '--wsrep-node-address=127.0.0.1',
            '--wsrep-provider-options='
            f'gmcast.listen_addr=tcp://127.0.0.1:{listen};'
            f'ist.recv_addr=127.0.0.1:{receive};gcache.size=1M;'
            'pc.wait_prim_timeout=PT0.5S;pc.announce_timeout=PT0.5S',
        ]

    def _is_up(self):
        if not servers.listens(self.socket):
            return False
        try:
            return self.execute('SHOW STATUS LIKE "wsrep_ready"') == (
                ('wsrep_ready', 'ON'),
            )
        except pymysql.err.OperationalError:
            return False

    def connect(self):
        return pymysql.connect(
            unix_socket=self.socket, user=self.user, ssl_disabled=True
        )

    def execute(self, statement):
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()


class TestMysql(base.BaseTestCase):
    """The tests of this class share a server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = MariadbFixture()
        cls.server.setUp()
        cls.addClassCleanup(cls.server.cleanUp)

    def collector(self, **options):
        node = servers.Node('mariadb')
        options = {
            'address': self.server.socket,
            'user': self.server.user,
            **options,
        }
        return collectors.make(mysql.MysqlCollector, node, **options)

    def test_by_the_socket_without_a_password(self):
        collector = self.collector()
        found = servers.ask(collector)
        self.assertEqual(1, found['mysql.up',])
        self.assertTrue(math.isnan(found['mysql.slow_queries',]))
        found = servers.ask(collector)
        for name, expected in (
            ('mysql.slow_queries', 0),
            ('mysql.aborted_connects', 0),
            ('mysql.deadlocks', 0),
            ('galera.up', 1),
            ('galera.primary', 1),
            ('galera.synced', 1),
            ('galera.flow_control_percent', 0),
            ('galera.certification_failures', 0),
        ):
            self.assertEqual(expected, found[name,], name)
        self.assertEqual(1, found['galera.members', 'my_wsrep_cluster'])
        self.assertGreaterEqual(found['mysql.connections',], 1)
        self.assertGreaterEqual(found['mysql.threads_running',], 1)

    def test_a_user_with_a_password_and_no_rights(self):
        self.server.execute(
            "CREATE USER sentinella@localhost IDENTIFIED BY 'secret'"
        )
        self.addCleanup(self.server.execute, 'DROP USER sentinella@localhost')
        collector = self.collector(
            address=self.server.address, user='sentinella', password='secret'
        )
        servers.ask(collector)
        self.assertEqual(1, servers.ask(collector)['galera.synced',])
        wrong = self.collector(
            address=self.server.address, user='sentinella', password='wrong'
        )
        error = self.assertRaises(exceptions.Lacking, servers.ask, wrong)
        self.assertNotIn('wrong', str(error))
        # it has taken note of that
        self.assertEqual(1, servers.ask(collector)['mysql.aborted_connects',])

    def test_a_user_that_is_not_there(self):
        error = self.assertRaises(
            exceptions.Lacking, servers.ask, self.collector(user='nosuch')
        )
        self.assertIn(
            'CREATE USER nosuch@localhost IDENTIFIED VIA unix_socket',
            str(error),
        )

    def test_all_connections_are_taken(self):
        with contextlib.ExitStack() as stack:
            # one more is kept for the administrator
            for _ in range(11):
                stack.enter_context(self.server.connect())
            found = servers.ask(self.collector())
        self.assertEqual(
            {('mysql.up',): 0.0, ('mysql.connections_percent',): 100.0}, found
        )

    def test_slow_queries(self):
        collector = self.collector()
        servers.ask(collector)
        with self.server.connect() as connection:
            with connection.cursor() as cursor:
                cursor.execute('SET SESSION long_query_time = 0.01')
                cursor.execute('SELECT SLEEP(0.05)')
        self.assertEqual(1, servers.ask(collector)['mysql.slow_queries',])

    def test_a_node_that_lags_on_purpose(self):
        self.addCleanup(self.server.execute, 'SET GLOBAL wsrep_desync = OFF')
        self.server.execute('SET GLOBAL wsrep_desync = ON')
        collector = self.collector()
        processes.wait_for(
            lambda: servers.ask(collector)['galera.synced',] == 0, 'it lags'
        )
        self.assertEqual(1, servers.ask(collector)['galera.up',])

    def test_a_node_that_has_lost_its_cluster(self):
        nobody = f'gcomm://127.0.0.1:{servers.free_port()},127.0.0.2'
        change = 'SET GLOBAL wsrep_cluster_address = %r'
        self.addCleanup(self.server.execute, change % 'gcomm://')
        self.server.execute(change % nobody)
        found = servers.ask(self.collector())
        self.assertEqual(1, found['mysql.up',])
        self.assertEqual(0, found['galera.up',])
        self.assertEqual(0, found['galera.primary',])
        missing = found['galera.members_missing', 'my_wsrep_cluster']
        self.assertEqual(2, missing)


class TestDeath(base.BaseTestCase):
    def test_a_server_that_dies(self):
        server = self.useFixture(MariadbFixture())
        collector = collectors.make(
            mysql.MysqlCollector,
            servers.Node('mariadb'),
            address=server.socket,
            user=server.user,
        )
        self.assertEqual(1, servers.ask(collector)['mysql.up',])
        server.server.stop()
        self.assertEqual({('mysql.up',): 0.0}, servers.ask(collector))
