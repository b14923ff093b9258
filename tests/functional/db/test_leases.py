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

"""One holder at a time, whoever asks when."""

from sentinella.db import database as db
from sentinella.db import leases
from sentinella.db import models
from tests import databases
from tests.functional.db import test_claims


class LeaseTests:
    def take(self, owner='me', seconds=60, name='cloud'):
        with self.database.writer() as session:
            return leases.take(session, name, owner, seconds)

    def left(self):
        with self.database.reader() as session:
            return leases.seconds_left(session, 'cloud')

    def age(self, seconds):
        table = models.leases
        with self.database.writer() as session:
            session.execute(
                table.update().values(until=table.c.until - seconds)
            )

    def test_first_come_first_served(self):
        self.assertEqual(0.0, self.left())
        self.assertTrue(self.take('me'))
        self.assertFalse(self.take('you'))
        self.assertTrue(59 < self.left() <= 60)

    def test_others_are_others(self):
        self.assertTrue(self.take('me'))
        self.assertTrue(self.take('you', name='Cloud'))

    def test_renewing_makes_it_last(self):
        self.take('me')
        self.age(59)
        self.assertTrue(self.take('me'))
        self.age(2)
        self.assertFalse(self.take('you'))

    def test_it_ends(self):
        self.take('me')
        self.age(60)
        self.assertEqual(0.0, self.left())
        self.assertTrue(self.take('you'))
        self.assertFalse(self.take('me'))

    def test_one_that_ended_and_nobody_took_is_renewed(self):
        self.take('me')
        self.age(60)
        self.assertTrue(self.take('me'))

    def test_released(self):
        self.take('me')
        with self.database.writer() as session:
            leases.release(session, 'cloud', 'you')
        self.assertFalse(self.take('you'))
        with self.database.writer() as session:
            leases.release(session, 'cloud', 'me')
        self.assertTrue(self.take('you'))

    def contend(self):
        """
        :returns: who got it of many that asked at once
        """
        holders = []

        @db.retry_on_deadlock
        def ask(number):
            if self.take(f'process {number}'):
                holders.append(number)

        self.assertEqual([], test_claims.at_once(8, ask))
        return holders

    def test_at_once_when_there_was_none(self):
        self.assertEqual(1, len(self.contend()))

    def test_at_once_when_it_ended(self):
        self.take('me', seconds=60)
        self.age(61)
        self.assertEqual(1, len(self.contend()))


class TestLeasesOnSqlite(LeaseTests, databases.SqliteTestCase):
    pass


class TestLeasesOnMysql(LeaseTests, databases.MysqlTestCase):
    pass


class TestLeasesOnPostgresql(LeaseTests, databases.PostgresqlTestCase):
    pass
