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

"""Fresh databases on all three kinds of servers.

    class TestThings:
        backend = None  # the body, run by the classes below

        def test_it(self):
            with self.database.writer() as session: ...

    class TestThingsOnSqlite(TestThings, databases.SqliteTestCase): ...
    class TestThingsOnMysql(TestThings, databases.MysqlTestCase): ...
    class TestThingsOnPostgresql(TestThings, databases.PostgresqlTestCase): ...

A server that is not there fails the tests, it never skips them. Where they
are is told by `SENTINELLA_TEST_MYSQL_URL` and
`SENTINELLA_TEST_POSTGRESQL_URL`, of somebody who may create databases.
"""

import atexit
import os
import pathlib
import shutil
import tempfile
import uuid

import fixtures
from oslo_config import cfg
from oslo_db import options as db_options
from oslotest import base
import sqlalchemy as sa

from sentinella import conf as options
from sentinella.db import database
from sentinella.db import migration
from sentinella.db import models

# while this module is imported it is the process's, later each test's own
_TEMPORARY = tempfile.gettempdir()


#: That channels' settings are sealed with.
KEY = 'c2VudGluZWxsYSB0ZXN0cyB1c2UgdGhpcyBhcyBrZXk='


def make_conf(connection):
    """A private configuration with a database."""
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf.register_opts(db_options.database_opts, 'database')
    conf([], project='sentinella', default_config_files=[])
    conf.set_override('connection', connection, 'database')
    conf.set_override('secret_keys', [KEY], 'notifier')
    # a server that is not there is not worth a wait
    conf.set_override('max_retries', 0, 'database')
    # where the tests' receivers are
    conf.set_override('allowed_networks', ['127.0.0.0/8'], 'notifier')
    return conf


def _name():
    return f'sentinella_test_{os.getpid()}_{uuid.uuid4().hex[:8]}'


class _Sqlite:
    """Copies of one file that was migrated once."""

    def __init__(self):
        self._folder = tempfile.mkdtemp(
            prefix='sentinella-test-', dir=_TEMPORARY
        )
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        self._template = pathlib.Path(self._folder, 'template.db')
        migration.sync(make_conf(f'sqlite:///{self._template}'))

    def create(self):
        path = pathlib.Path(self._folder, f'{_name()}.db')
        shutil.copy(self._template, path)
        return f'sqlite:///{path}'

    def drop(self, url):
        for path in pathlib.Path(self._folder).glob(
            f'{pathlib.Path(sa.make_url(url).database).name}*'
        ):
            path.unlink()


class _Server:
    """Migrated databases that are emptied and used again: to create tables,
    or to copy them, takes a server longer than most tests do."""

    variable = None
    default = None
    create_database = 'CREATE DATABASE {name}'
    drop_database = 'DROP DATABASE IF EXISTS {name}'

    def __init__(self):
        self._url = sa.make_url(os.environ.get(self.variable) or self.default)
        self._admin = sa.create_engine(
            self._url, isolation_level='AUTOCOMMIT', poolclass=sa.NullPool
        )
        self._free = []

    def create(self):
        if self._free:
            return self._free.pop()
        name = _name()
        self._execute(self.create_database.format(name=name))
        atexit.register(self._execute, self.drop_database.format(name=name))
        url = self._url.set(database=name).render_as_string(
            hide_password=False
        )
        migration.sync(make_conf(url))
        return url

    def drop(self, url):
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            for table in reversed(models.METADATA.sorted_tables):
                connection.execute(table.delete())
        self._free.append(url)

    def _execute(self, statement):
        with self._admin.connect() as connection:
            connection.execute(sa.text(statement))


class _Mysql(_Server):
    variable = 'SENTINELLA_TEST_MYSQL_URL'
    default = 'mysql+pymysql://root@127.0.0.1:3306/'
    create_database = 'CREATE DATABASE {name} CHARACTER SET utf8mb4'


class _Postgresql(_Server):
    variable = 'SENTINELLA_TEST_POSTGRESQL_URL'
    default = 'postgresql+psycopg2://postgres@127.0.0.1:5432/postgres'
    drop_database = 'DROP DATABASE IF EXISTS {name} WITH (FORCE)'


def postgresql_url():
    """Of PostgreSQL, for who makes a database for others in it."""
    return os.environ.get(_Postgresql.variable) or _Postgresql.default


_BACKENDS = {'sqlite': _Sqlite, 'mysql': _Mysql, 'postgresql': _Postgresql}
_started = {}


class DatabaseFixture(fixtures.Fixture):
    """A migrated and empty database; all are dropped when the process ends.

    :ivar url: its connection URL
    :ivar conf: a private configuration that names it
    :ivar database: the Database
    """

    def __init__(self, backend='sqlite'):
        super().__init__()
        self._backend = backend

    def _setUp(self):
        if self._backend not in _started:
            _started[self._backend] = _BACKENDS[self._backend]()
        backend = _started[self._backend]
        self.url = backend.create()
        self.addCleanup(backend.drop, self.url)
        self.conf = make_conf(self.url)
        self.database = database.Database(self.conf)
        self.addCleanup(self.database.dispose)


class DatabaseTestCase(base.BaseTestCase):
    """A test with a database of its own."""

    backend = None

    def setUp(self):
        super().setUp()
        fixture = self.useFixture(DatabaseFixture(self.backend))
        self.conf = fixture.conf
        self.database = fixture.database


class SqliteTestCase(DatabaseTestCase):
    backend = 'sqlite'


class MysqlTestCase(DatabaseTestCase):
    backend = 'mysql'


class PostgresqlTestCase(DatabaseTestCase):
    backend = 'postgresql'
