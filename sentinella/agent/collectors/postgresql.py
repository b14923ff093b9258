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

"""The database, where it is PostgreSQL, and its standbys."""

import os
import re
import select
import time

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import dialogue

#: Where distributions have its socket.
SOCKETS = tuple(
    f'{folder}/.s.PGSQL.5432'
    for folder in ('/run/postgresql', '/var/run/postgresql', '/tmp')  # noqa: S108
)
#: Seconds that all questions of one round take at most.
DEADLINE = 8.0
#: Standbys that are named in samples.
NAMED = 20

#: What a server says, in English, to one client too many.
_FULL = re.compile(r'too many clients|connection slots are reserved')
#: What it says while it can't take anybody; what libpq says when it ends.
_AWAY = re.compile(
    r'system is (starting up|shutting down|in recovery mode|not yet)|'
    r'not accepting connections|unexpectedly|could not (receive|send)'
)

_SERVER = """
SELECT pg_has_role('pg_monitor', 'usage') AS entitled,
  (SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend') AS connections,
  current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int AS allowed,
  (SELECT sum(deadlocks) FROM pg_stat_database) AS deadlocks,
  (SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)
    FROM pg_stat_activity WHERE backend_type = 'client backend')
    AS longest,
  extract(epoch FROM now() - pg_postmaster_start_time()) AS uptime,
  (SELECT count(*) FROM pg_replication_slots WHERE NOT active) AS slots,
  pg_is_in_recovery() AS standby,
  EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming')
    AS streaming,
  CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp())
    END AS behind
"""
_STANDBYS = f"""
SELECT coalesce(nullif(application_name, ''), client_addr::text, 'local'),
  pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery()
    THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
    replay_lsn),
  extract(epoch FROM replay_lag)
FROM pg_stat_replication WHERE state <> 'backup'
ORDER BY 2 DESC NULLS FIRST LIMIT {NAMED}
"""  # noqa: S608


class PostgresqlCollector(base.Collector):
    """The database, where it is PostgreSQL, and its standbys.

    It needs psycopg2 and a user with the role `pg_monitor`. Best is one
    without a password, known by the Unix socket that the agent comes through
    (peer authentication, as distributions have it): ``CREATE ROLE sentinella
    LOGIN IN ROLE pg_monitor``. On a standby it tells whether that still
    follows its primary, and how far behind it is.
    """

    SERVICES = ('postgresql',)
    PROBES = True

    OPTIONS = (
        cfg.Opt(
            'address',
            type=dialogue.Address(5432),
            help='Where it is asked: the path of its Unix socket, such as '
            '/run/postgresql/.s.PGSQL.5432, or host:port. Not set: the usual '
            'socket, or where the database of this node listens.',
        ),
        cfg.StrOpt('user', default='sentinella', help='A user of it.'),
        cfg.StrOpt(
            'password',
            secret=True,
            help="That user's password. Not set: it is known by the socket.",
        ),
        cfg.StrOpt(
            'database', default='postgres', help='A database to connect to.'
        ),
    )

    METRICS = {
        'postgresql.up': 'Whether it lets clients in and answers: 1 or 0',
        'postgresql.connections': 'Connections that are open',
        'postgresql.connections_percent': 'Connections that are open, % of '
        'those that are not kept for administrators',
        'postgresql.deadlocks': 'Transactions since the last look that ended '
        'in a deadlock',
        'postgresql.longest_transaction_seconds': 'Age of the oldest '
        'transaction, s',
        'postgresql.uptime_seconds': 'Time since it started, s',
        'postgresql.inactive_slots': 'Replication slots that nobody reads, '
        'for which it keeps all that is written',
        'postgresql.standbys': f'Standbys that follow it, {NAMED} at most',
        'postgresql.standby_lag_bytes': 'What a standby has not applied yet, '
        'bytes; by standby',
        'postgresql.standby_lag_seconds': 'How long ago that was written, s; '
        'by standby',
        'postgresql.streaming': 'Of a standby: whether its primary sends it '
        'what is written: 1 or 0',
        'postgresql.replay_lag_seconds': 'Of a standby: age of the last '
        'transaction it has applied, s; 0 where it has applied all it got '
        'and still gets more',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._growth = counting.Growth()

    def collect(self, now):
        address = self.options.address or dialogue.locate(
            self.node, 'postgresql', SOCKETS, 5432
        )
        try:
            server, standbys = self._ask(address)
        except OSError as error:
            down = dialogue.is_down(self.node, 'postgresql')
            up = dialogue.judge(error, address, _REMEDY, down)
            return [base.sample('postgresql.up', up)]
        except Full:
            # who can't connect finds it as good as down
            return [
                base.sample('postgresql.up', 0),
                base.sample('postgresql.connections_percent', 100),
            ]
        return [*self._server(server), *_standbys(standbys)]

    def _ask(self, address):
        """
        :returns: {name: value} of the server, list of (standby, bytes,
            seconds)
        :raises OSError: it does not answer
        :raises Full: it takes no more clients
        """
        try:
            # a library that few nodes need
            import psycopg2
        except ImportError:
            raise exceptions.Lacking(
                'psycopg2 is not installed', 'install it with pip or apt'
            )
        try:
            with Session(psycopg2, address, self.options) as session:
                names, (row,) = session.rows(_SERVER)
                server = dict(zip(names, row, strict=True))
                _, standbys = session.rows(_STANDBYS)
        except psycopg2.Error as error:
            self.explain(str(error), address)
        if not server['entitled']:
            user = self.options.user
            raise exceptions.Lacking(
                f'{dialogue.text(address)} does not show {user} what others '
                'do',
                f'GRANT pg_monitor TO {user}',
            )
        return server, standbys

    def explain(self, text, address):
        """Raise what an error of the server, or of libpq, means."""
        place = dialogue.text(address)
        line = ' '.join(text.split())
        if _FULL.search(line):
            raise Full
        if _AWAY.search(line):
            raise ConnectionError(line)
        _, fatal, said = line.partition('FATAL: ')
        if not fatal:
            # what keeps us out is clearer from this than from libpq
            dialogue.connect(address, dialogue.PATIENCE).close()
            raise exceptions.Lacking(
                f'{place} does not answer as PostgreSQL does', _REMEDY
            )
        user = self.options.user
        raise exceptions.Lacking(
            f'{place} does not let {user} in ({said.strip()[:200]})',
            f'CREATE ROLE {user} LOGIN IN ROLE pg_monitor; or set '
            '[collector_postgresql] address, user and password',
        )

    def _server(self, server):
        get = server.get
        for name, value in {
            'up': 1,
            'connections': get('connections'),
            'connections_percent': counting.percent(
                get('connections'), get('allowed')
            ),
            'deadlocks': self._growth.of('deadlocks', get('deadlocks')),
            'longest_transaction_seconds': get('longest'),
            'uptime_seconds': get('uptime'),
            'inactive_slots': get('slots'),
        }.items():
            yield base.sample(f'postgresql.{name}', value)
        if server['standby']:
            yield from _standby(server)


_REMEDY = 'set [collector_postgresql] address to its socket, or host:port'


class Full(Exception):
    """It has as many clients as it takes."""


class Session:
    """A connection that ends within `DEADLINE`, used in a `with` statement.

    psycopg2 waits without an end unless one waits for it, as here.

    :raises psycopg2.Error: it will not have us, or is none
    """

    def __init__(self, psycopg2, address, options):
        self._psycopg2 = psycopg2
        self._until = time.monotonic() + DEADLINE
        self._connection = psycopg2.connect(
            **parameters(address),
            user=options.user,
            password=options.password,
            dbname=options.database,
            application_name='sentinella-agent',
            gssencmode='disable',
            async_=True,
        )

    def __enter__(self):
        try:
            self._wait()
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(self, *exc_info):
        self._connection.close()

    def rows(self, query):
        """
        :returns: list of the columns' names, list of rows
        """
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            self._wait()
            return [column.name for column in cursor.description], list(cursor)

    def _wait(self):
        events = {
            self._psycopg2.extensions.POLL_READ: select.POLLIN,
            self._psycopg2.extensions.POLL_WRITE: select.POLLOUT,
        }
        state = self._connection.poll()
        while state != self._psycopg2.extensions.POLL_OK:
            left = self._until - time.monotonic()
            waiting = select.poll()
            waiting.register(self._connection.fileno(), events[state])
            if left <= 0 or not waiting.poll(1000 * left):
                raise TimeoutError('no answer in time')
            state = self._connection.poll()


def parameters(address):
    """What libpq calls an address."""
    if isinstance(address, str):
        folder, name = os.path.split(address)
        return {'host': folder, 'port': name.rpartition('.')[2]}
    host, port = address
    return {'host': host, 'port': port}


def _standby(server):
    """What the server tells of itself as one."""
    behind = server['behind']
    if not server['streaming'] and behind == 0:
        # it has applied all that it got, and gets no more
        behind = None
    yield base.sample('postgresql.streaming', server['streaming'])
    yield base.sample('postgresql.replay_lag_seconds', behind)


def _standbys(rows):
    yield base.sample('postgresql.standbys', len(rows))
    seen = set()
    for name, size, seconds in rows:
        # of several of one name the one farthest behind, which comes first
        if name in seen:
            continue
        seen.add(name)
        if seconds is None and size == 0:
            seconds = 0
        yield base.sample('postgresql.standby_lag_bytes', size, standby=name)
        yield base.sample(
            'postgresql.standby_lag_seconds', seconds, standby=name
        )
