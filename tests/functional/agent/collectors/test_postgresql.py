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
import os
import pathlib
import subprocess

from oslotest import base
import psycopg2

from sentinella import exceptions
from sentinella.agent.collectors import postgresql
from tests import collectors
from tests import processes
from tests import servers

BIN = max(
    pathlib.Path('/usr/lib/postgresql').glob('*/bin'),
    key=lambda path: float(path.parent.name),
)
#: It does not run as root.
OWNER = 'postgres' if os.getuid() == 0 else None
ADMIN = getpass.getuser()
ACCESS = """
local all all peer
local replication all trust
host all all 127.0.0.1/32 scram-sha-256
"""
SETTINGS = (
    'listen_addresses=127.0.0.1',
    'fsync=off',
    'max_connections=10',
    'shared_buffers=4MB',
    'deadlock_timeout=10ms',
    'wal_receiver_status_interval=1s',
    'wal_retrieve_retry_interval=100ms',
)


def run(*command):
    subprocess.run(
        list(map(str, command)),
        check=True,
        capture_output=True,
        timeout=60,
        cwd='/',
        **servers.as_user(OWNER),
    )


class PostgresqlFixture(servers.FolderFixture):
    """A PostgreSQL of its own; whoever runs the tests is its superuser.

    :param primary: another one that this follows
    :ivar socket: path of its Unix socket
    :ivar address: where it listens
    """

    def __init__(self, primary=None):
        super().__init__(OWNER)
        self._primary = primary

    def _setUp(self):
        super()._setUp()
        port = servers.free_port()
        self.address = '127.0.0.1', port
        self.socket = f'{self.path}/.s.PGSQL.{port}'
        if self._primary is None:
            self._create()
        else:
            self._copy()
        settings = (*SETTINGS, f'port={port}',
                    f'unix_socket_directories={self.path}')  # fmt: skip
        command = [BIN / 'postgres', '-D', self.path / 'data']
        for setting in settings:
            command += ['-c', setting]
        self.server = self.useFixture(
            servers.ServerFixture(command, self._is_up, user=OWNER)
        )

    def _create(self):
        data = self.path / 'data'
        run(
            BIN / 'initdb', '-D', data, '-U', ADMIN, '-E', 'UTF8',
            '--locale=C', '--no-sync', '--auth=trust',
        )  # fmt: skip
        (data / 'pg_hba.conf').write_text(ACCESS)

    def _copy(self):
        _, port = self._primary.address
        run(
            BIN / 'pg_basebackup', '-D', self.path / 'data', '-R', '-c',
            'fast', '-X', 'stream', '-C', '-S', 'second', '--no-sync',
            '-d', f'host={self._primary.path} port={port} user={ADMIN} '
            'application_name=second',
        )  # fmt: skip

    def _is_up(self):
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def connect(self):
        found = psycopg2.connect(
            host=str(self.path),
            port=self.address[1],
            user=ADMIN,
            dbname='postgres',
        )
        found.autocommit = True
        return found

    def execute(self, *statements):
        with contextlib.closing(self.connect()) as connection:
            for statement in statements:
                connection.cursor().execute(statement)


def make(server, **options):
    options = {'address': server.socket, 'user': ADMIN, **options}
    return collectors.make(
        postgresql.PostgresqlCollector, servers.Node('postgresql'), **options
    )


class TestPostgresql(base.BaseTestCase):
    """The tests of this class share a server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = PostgresqlFixture()
        cls.server.setUp()
        cls.addClassCleanup(cls.server.cleanUp)

    def test_by_the_socket_without_a_password(self):
        collector = make(self.server)
        found = servers.ask(collector)
        self.assertTrue(math.isnan(found['postgresql.deadlocks',]))
        found = servers.ask(collector)
        self.assertEqual(1, found['postgresql.up',])
        self.assertEqual(0, found['postgresql.deadlocks',])
        self.assertEqual(0, found['postgresql.standbys',])
        self.assertEqual(0, found['postgresql.inactive_slots',])
        self.assertNotIn(('postgresql.streaming',), found)
        # a server may take a while to see that those before have hung up
        processes.wait_for(
            lambda: (
                servers.ask(collector)['postgresql.connections_percent',]
                == 14.3
            ),
            'only our own connection',
        )

    def test_a_long_transaction(self):
        with contextlib.closing(self.server.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute('BEGIN')
            cursor.execute('SELECT pg_sleep(0.1)')
            found = servers.ask(make(self.server))
        longest = found['postgresql.longest_transaction_seconds',]
        self.assertTrue(0.1 < longest < 60, longest)

    def test_the_user_that_the_remedy_makes(self):
        self.server.execute("CREATE ROLE sentinella LOGIN PASSWORD 'secret'")
        self.addCleanup(self.server.execute, 'DROP ROLE sentinella')
        options = {'address': self.server.address, 'user': 'sentinella'}
        collector = make(self.server, password='secret', **options)
        error = self.assertRaises(exceptions.Lacking, servers.ask, collector)
        self.assertIn('GRANT pg_monitor TO sentinella', str(error))
        self.server.execute('GRANT pg_monitor TO sentinella')
        self.assertEqual(1, servers.ask(collector)['postgresql.up',])
        wrong = make(self.server, password='wrong-one', **options)
        error = self.assertRaises(exceptions.Lacking, servers.ask, wrong)
        self.assertIn('CREATE ROLE sentinella LOGIN', str(error))
        self.assertNotIn('wrong-one', str(error))

    def test_a_user_that_is_not_there(self):
        collector = make(self.server, user='nosuch')
        error = self.assertRaises(exceptions.Lacking, servers.ask, collector)
        self.assertIn('CREATE ROLE nosuch LOGIN', str(error))

    def test_all_connections_are_taken(self):
        self.server.execute(
            "CREATE ROLE sentinella LOGIN PASSWORD 'a' IN ROLE pg_monitor"
        )
        self.addCleanup(self.server.execute, 'DROP ROLE sentinella')
        collector = make(
            self.server,
            address=self.server.address,
            user='sentinella',
            password='a',
        )
        with contextlib.ExitStack() as stack:
            for _ in range(7):
                connection = contextlib.closing(self.server.connect())
                stack.enter_context(connection)
            found = servers.ask(collector)
        self.assertEqual(
            {
                ('postgresql.up',): 0.0,
                ('postgresql.connections_percent',): 100.0,
            },
            found,
        )


class TestStandby(base.BaseTestCase):
    def test_one_that_follows_and_one_that_does_not(self):
        primary = self.useFixture(PostgresqlFixture())
        standby = self.useFixture(PostgresqlFixture(primary))
        first, second = make(primary), make(standby)

        found = processes.wait_for(
            lambda: self.lag(first, lambda lag: lag == 0), 'it follows'
        )
        self.assertEqual(1, found['postgresql.standbys',])
        self.assertEqual(0, found['postgresql.inactive_slots',])
        found = servers.ask(second)
        self.assertEqual(1, found['postgresql.streaming',])
        self.assertEqual(0, found['postgresql.replay_lag_seconds',])

        primary.execute('CREATE TABLE a (b int)')
        processes.wait_for(
            lambda: self.lag(first, lambda lag: lag == 0), 'it has the table'
        )
        standby.execute('SELECT pg_wal_replay_pause()')
        primary.execute('INSERT INTO a SELECT * FROM generate_series(1, 9999)')
        processes.wait_for(
            lambda: self.lag(first, lambda lag: lag > 1000), 'it lags'
        )
        found = servers.ask(second)
        self.assertGreater(found['postgresql.replay_lag_seconds',], 0)
        standby.execute('SELECT pg_wal_replay_resume()')
        processes.wait_for(
            lambda: self.lag(first, lambda lag: lag == 0), 'it follows again'
        )

        primary.server.stop()
        self.assertEqual({('postgresql.up',): 0.0}, servers.ask(first))
        found = processes.wait_for(
            lambda: self.cut_off(second), 'it gets no more'
        )
        self.assertEqual(1, found['postgresql.up',])
        # it has applied all it got, which does not say that it has all
        self.assertTrue(math.isnan(found['postgresql.replay_lag_seconds',]))

    def lag(self, collector, wanted):
        found = servers.ask(collector)
        lag = found.get(('postgresql.standby_lag_bytes', 'second'))
        return found if lag is not None and wanted(lag) else None

    def cut_off(self, collector):
        found = servers.ask(collector)
        return None if found['postgresql.streaming',] else found
