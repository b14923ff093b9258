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
from sentinella import model
from sentinella.db import clock
from sentinella.db import heartbeat
from sentinella.db import instances
from sentinella.db import models
from tests import databases

CONDUCTOR, EVALUATOR = model.InstanceKind


class InstanceTests:
    def start(self, kind=CONDUCTOR, host='ctl-01', **kwargs):
        started = heartbeat.Heartbeat(self.database, kind, host, **kwargs)
        started.beat()
        return started

    def all(self):
        with self.database.reader() as session:
            return instances.all_(session)

    def numbers(self, kind=CONDUCTOR, host='ctl-01'):
        return sorted(
            one.number
            for one in self.all()
            if (one.kind, one.host) == (kind, host)
        )

    def silence(self, number, seconds=60.0):
        """One was last heard of so long ago."""
        with self.database.writer() as session:
            session.execute(
                models.instances.update()
                .where(models.instances.c.number == number)
                .values(beat_at=clock.now() - seconds)
            )

    def test_what_is_kept(self):
        started = self.start(facts=lambda: {'bus': True})
        started.beat()
        (one,) = self.all()
        self.assertEqual(
            ('conductor', 'ctl-01', 1, {'bus': True}),
            (one.kind, one.host, one.number, one.facts),
        )
        self.assertGreater(one.pid, 1)
        self.assertLessEqual(one.started_at, one.beat_at)
        self.assertEqual(one.started_at, one.unbroken_since)

    def test_each_has_a_number_of_its_own(self):
        for kind, host in [
            (CONDUCTOR, 'ctl-01'),
            (CONDUCTOR, 'ctl-01'),
            (CONDUCTOR, 'ctl-02'),
            (EVALUATOR, 'ctl-01'),
        ]:
            self.start(kind, host)
        self.assertEqual([1, 2], self.numbers())
        self.assertEqual([1], self.numbers(host='ctl-02'))
        self.assertEqual([1], self.numbers(EVALUATOR))

    def test_who_stops_is_not_missed(self):
        first, second = self.start(), self.start()
        first.stop()
        self.assertEqual([2], self.numbers())
        third = self.start()
        self.assertEqual([1, 2], self.numbers())
        for one in (second, third):
            one.stop()
        self.assertEqual([], self.all())

    def test_who_starts_takes_the_place_of_the_dead(self):
        self.start()
        self.start()
        self.silence(1)
        self.start()
        self.assertEqual([1, 2], self.numbers())

    def test_who_was_started_at_once_takes_it_later(self):
        self.start()
        again = self.start()
        again.beat()
        self.assertEqual([1, 2], self.numbers())
        self.silence(1)
        again.beat()
        self.assertEqual([1], self.numbers())
        again.beat()
        self.assertEqual([1], self.numbers())

    def test_one_takes_the_place_of_one(self):
        for _ in range(3):
            self.start()
        fourth = self.start()
        self.silence(1)
        self.silence(2)
        fourth.beat()
        self.assertEqual([1, 2, 3], self.numbers())

    def test_what_was_forgotten_begins_anew(self):
        started = self.start()
        with self.database.writer() as session:
            forgotten = instances.expire(session, clock.read(session) + 1)
        self.assertEqual((1, []), (forgotten, self.all()))
        started.beat()
        self.assertEqual([1], self.numbers())

    def test_only_what_is_old_is_forgotten(self):
        self.start()
        self.start()
        self.silence(2, 86500.0)
        with self.database.writer() as session:
            now = clock.read(session)
            self.assertEqual(1, instances.expire(session, now - 86400))
        self.assertEqual([1], self.numbers())

    def test_a_missed_beat_is_remembered(self):
        started = self.start()
        started.beat()
        (before,) = self.all()
        self.assertEqual(before.started_at, before.unbroken_since)
        self.silence(1)
        started.beat()
        (after,) = self.all()
        self.assertGreater(after.unbroken_since, before.unbroken_since)
        self.assertEqual(before.started_at, after.started_at)
        started.beat()
        self.assertEqual(after.unbroken_since, self.all()[0].unbroken_since)

    def test_it_beats_by_itself(self):
        started = heartbeat.Heartbeat(self.database, EVALUATOR, 'ctl-01')
        started.start()
        self.addCleanup(started.stop)
        started.beat()
        self.assertEqual([1], self.numbers(EVALUATOR))


class TestOnSqlite(InstanceTests, databases.SqliteTestCase):
    """SQLite."""


class TestOnMysql(InstanceTests, databases.MysqlTestCase):
    """MariaDB."""


class TestOnPostgresql(InstanceTests, databases.PostgresqlTestCase):
    """PostgreSQL."""
