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

"""Sessions, transactions and what threads do to each other."""

import multiprocessing
import threading

from oslo_db import exception as db_exception
import sqlalchemy as sa

from sentinella.db import database as db
from sentinella.db import servers
from tests import databases
from tests.functional.db import things


def count(session):
    return len(servers.all_(session))


def register(url, number):
    """Of another process: many small writes."""
    database = db.Database(databases.make_conf(url))
    for i in range(number):
        with database.writer() as session:
            count(session)
            things.server(session, f'p{i}')


class DatabaseTests:
    def known(self):
        with self.database.reader() as session:
            return count(session)

    def test_a_writer_commits_at_its_end(self):
        with self.database.writer() as session:
            things.server(session)
        self.assertEqual(1, self.known())

    def test_a_writer_that_fails_leaves_nothing(self):
        def fail():
            with self.database.writer() as session:
                things.server(session)
                raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, fail)
        self.assertEqual(0, self.known())
        self.test_a_writer_commits_at_its_end()

    def test_a_session_inside_another_is_that_one(self):
        with self.database.writer() as outer:
            things.server(outer)
            with self.database.reader() as inner:
                self.assertEqual(1, count(inner))
            with self.database.writer() as inner:
                things.server(inner)
            outer.rollback()
        self.assertEqual(0, self.known())

    def test_nobody_sees_what_is_not_committed(self):
        with self.database.writer() as session:
            things.server(session)
            seen = []
            thread = threading.Thread(target=lambda: seen.append(self.known()))
            thread.start()
            thread.join()
        self.assertEqual([0], seen)

    def test_a_unit_of_work_is_done_again_after_a_deadlock(self):
        calls = []

        def work(session):
            calls.append(1)
            things.server(session)
            if len(calls) < 3:
                raise db_exception.DBDeadlock
            return 'done'

        self.assertEqual('done', self.database.write(work))
        self.assertEqual(3, len(calls))
        self.assertEqual(1, self.known())

    def test_a_part_of_a_unit_is_not_done_again(self):
        calls = []

        def part(session):
            calls.append(1)
            raise db_exception.DBDeadlock

        def whole():
            with self.database.writer():
                self.database.write(part)

        self.assertRaises(db_exception.DBDeadlock, whole)
        self.assertEqual(1, len(calls))

    def test_threads_that_read_and_write(self):
        failures = []

        def work(number):
            try:
                for i in range(10):
                    with self.database.writer() as session:
                        count(session)
                        things.server(session, f's{number}-{i}')
                    self.known()
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        self.assertEqual(60, self.known())

    def test_after_dispose_it_opens_again(self):
        self.database.dispose()
        self.assertEqual(0, self.known())
        self.database.dispose()


class TestDatabaseOnSqlite(DatabaseTests, databases.SqliteTestCase):
    def pragma(self, name):
        with self.database.reader() as session:
            return session.scalar(sa.text(f'PRAGMA {name}'))

    def test_pragmas(self):
        self.assertEqual('wal', self.pragma('journal_mode'))
        self.assertEqual(1, self.pragma('foreign_keys'))
        self.assertEqual(30000, self.pragma('busy_timeout'))

    def test_processes_that_write(self):
        url = self.conf.database.connection
        other = multiprocessing.get_context('spawn').Process(
            target=register, args=(url, 10)
        )
        other.start()
        while self.known() == 0 and other.is_alive():
            threading.Event().wait(0.01)
        register(url, 30)
        other.join()
        self.assertEqual(0, other.exitcode)
        self.assertEqual(40, self.known())

    def test_a_reader_does_not_wait_for_a_writer(self):
        with self.database.writer() as session:
            things.server(session)
            done = threading.Event()
            thread = threading.Thread(
                target=lambda: (self.known(), done.set())
            )
            thread.start()
            self.assertTrue(done.wait(10))
        thread.join()


class TestDatabaseOnMysql(DatabaseTests, databases.MysqlTestCase):
    def test_who_waited_sees_what_the_one_before_it_wrote(self):
        with self.database.reader() as session:
            level = session.scalar(sa.text('SELECT @@tx_isolation'))
            charset = session.scalar(
                sa.text('SELECT @@character_set_connection')
            )
        self.assertEqual(('READ-COMMITTED', 'utf8mb4'), (level, charset))


class TestDatabaseOnPostgresql(DatabaseTests, databases.PostgresqlTestCase):
    pass
