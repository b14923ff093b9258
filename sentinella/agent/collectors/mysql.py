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

"""The database, and its Galera cluster."""

import contextlib
import socket
import threading

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import dialogue

#: Where distributions have its socket.
SOCKETS = (
    '/run/mysqld/mysqld.sock',
    '/var/run/mysqld/mysqld.sock',
    '/var/lib/mysql/mysql.sock',
    '/run/mysql/mysql.sock',
)
#: Seconds that one answer may take, and all of them.
PATIENCE = 4.0
DEADLINE = 8.0

#: What it says to whom it does not know, or who comes from elsewhere.
_DENIED = {1044, 1045, 1130, 1227, 1275, 1698, 4151}
_TOO_MANY = 1040

_STATUS = (
    'Aborted_connects', 'Innodb_deadlocks', 'Slow_queries',
    'Threads_connected', 'Threads_running', 'Uptime', 'wsrep_cluster_size',
    'wsrep_cluster_status', 'wsrep_connected', 'wsrep_flow_control_paused_ns',
    'wsrep_local_cert_failures', 'wsrep_local_recv_queue',
    'wsrep_local_state', 'wsrep_ready',
)  # fmt: skip
_VARIABLES = (
    'max_connections', 'wsrep_cluster_address', 'wsrep_cluster_name',
    'wsrep_on',
)  # fmt: skip
_SYNCED = 4


class MysqlCollector(base.Collector):
    """The database, and its Galera cluster.

    Nothing of OpenStack works without it. A node that has lost the majority
    of its cluster still runs and refuses each statement; one that can't keep
    up slows down all others.

    It needs PyMySQL, and a user who may do nothing but log in. Best is one
    without a password, known by the Unix socket that the agent comes through:
    ``CREATE USER sentinella@localhost IDENTIFIED VIA unix_socket`` (MySQL:
    ``IDENTIFIED WITH auth_socket``).
    """

    SERVICES = ('mariadb',)
    PROBES = True

    OPTIONS = (
        cfg.Opt(
            'address',
            type=dialogue.Address(3306),
            help='Where it is asked: the path of its Unix socket, or '
            'host:port. Not set: the usual socket, or where the database of '
            'this node listens.',
        ),
        cfg.StrOpt('user', default='sentinella', help='A user of it.'),
        cfg.StrOpt(
            'password',
            secret=True,
            help="That user's password. Not set: it is known by the socket.",
        ),
    )

    METRICS = {
        'mysql.up': 'Whether it lets clients in and answers: 1 or 0',
        'mysql.connections': 'Connections that are open',
        'mysql.connections_percent': 'Connections that are open, % of '
        'max_connections',
        'mysql.threads_running': 'Connections that are not idle',
        'mysql.slow_queries': 'Statements since the last look that took '
        'longer than long_query_time',
        'mysql.aborted_connects': 'Clients since the last look that came but '
        'were not let in',
        'mysql.deadlocks': 'Transactions since the last look that ended in a '
        'deadlock',
        'mysql.uptime_seconds': 'Time since it started, s',
        'galera.up': 'Whether the node is in its cluster and takes '
        'statements: 1 or 0',
        'galera.primary': 'Whether it is in the part of the cluster that has '
        'the majority: 1 or 0',
        'galera.synced': 'Whether it has all that the others have: 1, or 0 '
        'for one that joins, lags on purpose or gives another its state',
        'galera.members': 'Nodes in its part of the cluster; by cluster',
        'galera.members_missing': 'Nodes that wsrep_cluster_address names '
        'beyond those; by cluster',
        'galera.flow_control_percent': 'Share of the time since the last '
        'look that the cluster waited for a slow node, %',
        'galera.receive_queue': 'Transactions that wait to be applied',
        'galera.certification_failures': 'Transactions since the last look '
        'that another one was faster than',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._growth = counting.Growth()
        self._connection = None

    def collect(self, now):
        address = self.options.address or dialogue.locate(
            self.node, 'mariadb', SOCKETS, 3306
        )
        try:
            status = self._ask(address)
        except OSError as error:
            down = dialogue.is_down(self.node, 'mariadb')
            up = dialogue.judge(error, address, _REMEDY, down)
            return [base.sample('mysql.up', up)]
        except Full:
            # who can't connect finds it as good as down
            return [
                base.sample('mysql.up', 0),
                base.sample('mysql.connections_percent', 100),
            ]
        return self.read(status, now)

    def _ask(self, address):
        """
        :returns: {status or variable, in lower case: value, as text}
        :raises OSError: nobody answers
        :raises Full: it takes no more clients
        """
        try:
            # a library that few nodes need
            import pymysql
        except ImportError:
            raise exceptions.Lacking(
                'PyMySQL is not installed', 'install it with pip or apt'
            )
        try:
            connection = self._connection or self._prepare(pymysql, address)
            with _connected(connection, address) as cursor:
                found = dict(_rows(cursor, 'STATUS', _STATUS))
                found.update(_rows(cursor, 'VARIABLES', _VARIABLES))
        except pymysql.err.OperationalError as error:
            self._explain(error, address)
        except pymysql.err.MySQLError as error:
            raise self._stranger(address, type(error).__name__)
        except OSError:
            raise
        except Exception as error:
            # what the library makes of what is no MySQL differs
            raise self._stranger(address, type(error).__name__)
        return {name.lower(): value for name, value in found.items()}

    def _prepare(self, pymysql, address):
        """A connection that is used again and again: to make one takes 30 ms,
        for the certificates of those it will never talk to are loaded."""
        self._connection = pymysql.Connection(
            user=self.options.user,
            password=self.options.password or '',
            read_timeout=PATIENCE,
            write_timeout=PATIENCE,
            autocommit=None,
            ssl_disabled=isinstance(address, str),
            defer_connect=True,
        )
        return self._connection

    def _explain(self, error, address):
        """Raise what an error of the server, or of the connection, means."""
        code = error.args[0]
        if code == _TOO_MANY:
            raise Full
        if code in _DENIED:
            user = self.options.user
            raise exceptions.Lacking(
                f'{dialogue.text(address)} does not let {user} in ({code})',
                f'CREATE USER {user}@localhost IDENTIFIED VIA unix_socket '
                '(MySQL: WITH auth_socket); or set [collector_mysql] address, '
                'user and password',
            )
        raise ConnectionError(f'error {code}')

    def _stranger(self, address, what):
        return exceptions.Lacking(
            f'{dialogue.text(address)} does not answer as MySQL does ({what})',
            _REMEDY,
        )

    def read(self, status, now):
        """
        :param status: {status or variable, in lower case: value, as text}
        :returns: list of Samples
        """
        numbers = {name: number(value) for name, value in status.items()}
        samples = list(self._server(numbers.get))
        if status.get('wsrep_on') == 'ON':
            samples += self._galera(status.get, numbers.get, now)
        return samples

    def _server(self, get):
        for name, value in {
            'up': 1,
            'connections': get('threads_connected'),
            'connections_percent': counting.percent(
                get('threads_connected'), get('max_connections')
            ),
            'threads_running': get('threads_running'),
            'slow_queries': self._growth.of('slow', get('slow_queries')),
            'aborted_connects': self._growth.of(
                'aborted', get('aborted_connects')
            ),
            'deadlocks': self._growth.of('locks', get('innodb_deadlocks')),
            'uptime_seconds': get('uptime'),
        }.items():
            yield base.sample(f'mysql.{name}', value)

    def _galera(self, text, get, now):
        paused = self._growth.of('paused', get('wsrep_flow_control_paused_ns'))
        elapsed = self._growth.of('now', now)
        for name, value in {
            'up': text('wsrep_ready') == text('wsrep_connected') == 'ON',
            'primary': text('wsrep_cluster_status') == 'Primary',
            'synced': get('wsrep_local_state') == _SYNCED,
            'flow_control_percent': counting.percent(paused / 1e9, elapsed),
            'receive_queue': get('wsrep_local_recv_queue'),
            'certification_failures': self._growth.of(
                'failures', get('wsrep_local_cert_failures')
            ),
        }.items():
            yield base.sample(f'galera.{name}', value)
        yield from _members(text, get('wsrep_cluster_size'))


def _members(text, size):
    """What all nodes of a cluster tell alike, or should."""
    lacking = missing(text('wsrep_cluster_address'), size)
    cluster = (text('wsrep_cluster_name') or '')[:255]
    yield base.sample('galera.members', size, cluster=cluster)
    yield base.sample('galera.members_missing', lacking, cluster=cluster)


_REMEDY = 'set [collector_mysql] address to its socket, or host:port'


class Full(Exception):
    """It has as many clients as it takes."""


@contextlib.contextmanager
def _connected(connection, address):
    """A cursor; gone in `DEADLINE` seconds, whatever the other side does."""
    with dialogue.connect(address, PATIENCE) as sock:
        timer = threading.Timer(DEADLINE, _hang_up, (sock,))
        timer.daemon = True
        timer.start()
        try:
            connection.connect(sock)
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            timer.cancel()


def _hang_up(sock):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _rows(cursor, what, names):
    cursor.execute(
        f'SHOW GLOBAL {what} WHERE Variable_name IN %s', (list(names),)
    )
    return cursor.fetchall()


def number(text):
    """
    :returns: None for what is none
    """
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def missing(address, size):
    """How many of its members a cluster lacks.

    :param address: that they find each other by, such as
        gcomm://10.0.0.1,10.0.0.2:4567?gmcast.segment=1
    :param size: how many there are
    :returns: None where that does not name them
    """
    names = (address or '').partition('://')[2].partition('?')[0]
    members = {name.strip() for name in names.split(',')} - {''}
    if not members or size is None:
        return None
    return max(0, len(members) - size)
