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
"""The heartbeat that somebody outside listens to."""

import fixtures

from sentinella import exceptions
from sentinella.db import models
from sentinella.evaluator import outgoing
from sentinella.evaluator import service
from tests import databases
from tests import processes
from tests.functional.evaluator import scene


class OutgoingTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.conf.set_override(
            'heartbeat_url', f'{self.receiver.url}/s3cret', 'evaluator'
        )

    def make(self, owner):
        return outgoing.of(self.conf, self.database, owner)

    def heard(self):
        return len(self.receiver.messages)

    def test_one_of_all_tells_it(self):
        one, other = self.make('one'), self.make('other')
        for _ in range(2):
            one.beat()
            other.beat()
        self.assertEqual(2, self.heard())
        one.stop()
        other.beat()
        self.assertEqual(3, self.heard())

    def test_another_takes_over(self):
        self.make('dead').beat()
        other = self.make('other')
        other.beat()
        self.assertEqual(1, self.heard())
        with self.database.writer() as session:
            session.execute(models.leases.update().values(until=1.0))
        other.beat()
        self.assertEqual(2, self.heard())

    def late(self, seconds):
        with self.database.writer() as session:
            session.execute(
                models.definitions.update().values(
                    next_evaluation=self.now() - seconds
                )
            )

    def test_not_while_what_is_due_waits(self):
        self.add_definition('last(process.up) < 1')
        one = self.make('one')
        self.late(50.0)
        one.beat()
        self.assertEqual(1, self.heard())
        self.late(70.0)
        said = self.assertRaises(exceptions.Retry, one.beat)
        self.assertIn('has waited for 70 s', str(said))
        self.assertEqual(1, self.heard())
        with self.database.writer() as session:
            session.execute(models.definitions.update().values(enabled=False))
        one.beat()
        self.assertEqual(2, self.heard())

    def test_who_does_not_hear_is_told_of_once_and_secrets_never(self):
        log = self.useFixture(fixtures.FakeLogger('sentinella'))
        self.receiver.status = 500
        self.conf.set_override('heartbeat_interval', 0.05, 'evaluator')
        one = self.make('one')
        one.start()
        self.addCleanup(one.stop)
        processes.wait_for(lambda: one.failures >= 3, 'failures')
        self.assertEqual(1, log.output.count('HTTP 500'))
        self.receiver.status = 204
        processes.wait_for(
            lambda: 'outgoing heartbeat works again' in log.output, 'an end'
        )
        self.assertNotIn('s3cret', log.output)

    def test_nobody_there(self):
        self.conf.set_override(
            'heartbeat_url', 'http://127.0.0.1:1/s3cret', 'evaluator'
        )
        said = self.assertRaises(exceptions.Retry, self.make('one').beat)
        self.assertEqual('heartbeat_url: ConnectionError', str(said))

    def test_an_evaluator_does_it(self):
        evaluator = service.Evaluator(self.conf, self.database, self.storage)
        evaluator.start()
        self.addCleanup(evaluator.stop)
        processes.wait_for(self.heard, 'a heartbeat')

    def test_without_a_url_there_is_none(self):
        self.conf.set_override('heartbeat_url', None, 'evaluator')
        self.assertIsNone(self.make('one'))

    def test_no_url(self):
        self.conf.set_override('heartbeat_url', 's3cret', 'evaluator')
        said = self.assertRaises(
            exceptions.InvalidConfiguration, self.make, 'one'
        )
        self.assertNotIn('s3cret', str(said))


class TestOnSqlite(OutgoingTests, databases.SqliteTestCase):
    """SQLite."""


class TestOnMysql(OutgoingTests, databases.MysqlTestCase):
    """MariaDB."""


class TestOnPostgresql(OutgoingTests, databases.PostgresqlTestCase):
    """PostgreSQL."""
