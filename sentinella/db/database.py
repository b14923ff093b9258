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

"""The way to the database, through oslo.db."""

import contextlib
import threading

from oslo_db import api as retry
from oslo_db import exception
from oslo_db import exception as db_exception
from oslo_db import options
from oslo_db.sqlalchemy import enginefacade
import sqlalchemy as sa
from sqlalchemy import event

from sentinella import exceptions

#: Seconds that SQLite waits for another process that writes.
SQLITE_TIMEOUT = 30.0

#: What is raised where the database can not be used at all. oslo.db passes
#: on as they are those that it does not know, PostgreSQL 14's among them.
UNUSABLE = (
    exception.DBConnectionError,
    exception.DBNonExistentDatabase,
    sa.exc.OperationalError,
    # all connections are in use, and stay so
    sa.exc.TimeoutError,
)

#: What is raised where a database can't be used, besides our own errors.
FAILURES = (db_exception.DBError, sa.exc.SQLAlchemyError)


def retry_on_deadlock(func):
    """Have a unit of work done again where it lost against another.

    The unit must begin its transaction itself: after a deadlock nothing of
    it is left.
    """
    return retry.wrap_db_retry(
        max_retries=10,
        retry_interval=0.02,
        max_retry_interval=0.5,
        retry_on_deadlock=True,
    )(func)


def register_opts(conf, **defaults):
    """Make the options of `[database]`, oslo.db's, known to `conf`.

    :param defaults: other defaults than oslo.db's
    """
    conf.register_opts(options.database_opts, 'database')
    for name, value in defaults.items():
        conf.set_default(name, value, 'database')


def explain(error, conf):
    """What went wrong in one line: which database, and what it says, but no
    password, no statement and none of its values.

    :param error: an exception of oslo.db, SQLAlchemy, a database's driver,
        or one of ours
    """
    if isinstance(error, exceptions.SentinellaError):
        return str(error)
    error = getattr(error, 'inner_exception', None) or error
    error = getattr(error, 'orig', None) or error
    url = sa.make_url(conf.database.connection).render_as_string()
    return f'database {url}: {" ".join(str(error).split())}'


class Database:
    """Opens its connections when first used, so after a process's fork.

    :param conf: holds the options of `[database]`, which are oslo.db's
    """

    def __init__(self, conf):
        register_opts(conf)
        self._url = _url(conf.database.connection)
        self._sqlite = self._url.get_backend_name() == 'sqlite'
        self._sqlite_turn = threading.RLock()
        self._local = threading.local()
        self._anchor = None
        self._context = enginefacade.transaction_context()
        self._context.configure(
            **{
                option.dest: conf.database[option.dest]
                for option in options.database_opts
            }
        )
        self._context.configure(
            connection=self._url.render_as_string(hide_password=False),
            sqlite_fk=True,
            on_engine_create=[self._prepare],
        )

    @contextlib.contextmanager
    def reader(self):
        """Yield a Session that sees what is committed.

        Inside another of this thread's it is that very one.
        """
        with self._context.reader.using(self._local) as session:
            yield session

    @contextlib.contextmanager
    def writer(self):
        """Yield a Session whose changes are committed at the end, or undone
        where an exception leaves it.

        Inside another writer of this thread it is that very one, and the
        outermost commits.
        """
        depth = getattr(self._local, 'depth', 0)
        self._local.depth = depth + 1
        try:
            with (
                self._turn(),
                self._context.writer.using(self._local) as session,
            ):
                yield session
        finally:
            self._local.depth = depth

    def write(self, work):
        """Call `work(session)` in a writer, again after a deadlock.

        Inside another writer only once: a deadlock undoes all of that one,
        so it is for its beginner to begin anew.

        :returns: what `work` returns
        """
        once = self._once if self._writing() else retry_on_deadlock(self._once)
        return once(work)

    def dispose(self):
        """Close all connections; the next use opens new ones."""
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = None
        self._context.dispose_pool()

    @property
    def engine(self):
        """For migrations and those who measure."""
        return self._context.writer.get_engine()

    def _once(self, work):
        with self.writer() as session:
            return work(session)

    def _writing(self):
        return getattr(self._local, 'depth', 0) > 0

    def _turn(self):
        """SQLite has one writer at a time, and says 'locked' to those who
        come meanwhile: so threads queue here, and only for writing."""
        return self._sqlite_turn if self._sqlite else contextlib.nullcontext()

    def _prepare(self, engine):
        if self._sqlite:
            event.listen(engine, 'connect', _tune_sqlite)
            event.listen(engine, 'begin', self._begin_sqlite)
            # while one stays open, closing the last does not fold the WAL
            # back and shut others out meanwhile
            self._anchor = engine.connect()
        elif self._url.get_backend_name() in ('mysql', 'mariadb'):
            event.listen(engine, 'connect', _tune_mysql)

    def _begin_sqlite(self, connection):
        # oslo.db has begun one that reads first and writes later, which is
        # refused where somebody wrote in between
        if self._writing():
            connection.execute(sa.text('ROLLBACK'))
            connection.execute(sa.text('BEGIN IMMEDIATE'))


def _url(connection):
    if not connection:
        raise exceptions.InvalidConfiguration(
            '[database] connection is not set'
        )
    try:
        url = sa.make_url(connection)
    except sa.exc.ArgumentError:
        # the value itself may hold a password
        raise exceptions.InvalidConfiguration(
            '[database] connection is not a URL like '
            'mysql+pymysql://user:password@host/database'
        )
    if url.get_backend_name() == 'sqlite' and url.database in (
        None,
        '',
        ':memory:',
    ):
        raise exceptions.InvalidConfiguration(
            '[database] connection: SQLite needs a file, threads could not '
            'share what is in memory'
        )
    if url.get_backend_name() in ('mysql', 'mariadb'):
        # oslo.db's own default knows no emoji
        url = url.update_query_dict({'charset': 'utf8mb4', **url.query})
    return url


def _tune_sqlite(connection, record):
    connection.execute(f'PRAGMA busy_timeout = {int(SQLITE_TIMEOUT * 1000)}')
    connection.execute('PRAGMA journal_mode = WAL')
    # with WAL, nothing that is committed is lost in a crash of ours; a
    # power cut may lose the last moments, never the file
    connection.execute('PRAGMA synchronous = NORMAL')


def _tune_mysql(connection, record):
    # As PostgreSQL does by default: who waited for a lock must then see what
    # the one before it wrote.
    with connection.cursor() as cursor:
        cursor.execute(
            'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'
        )
