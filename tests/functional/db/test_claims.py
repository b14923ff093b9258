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

"""Nothing is ever worked on twice at once, whoever asks when."""

import collections
import threading

import sqlalchemy as sa

from sentinella import exceptions
from sentinella.db import clock
from sentinella.db import database as db
from sentinella.db import definitions
from sentinella.db import models
from tests import databases
from tests.functional.db import things


def at_once(count, work):
    """Call `work(number)` in many threads that begin together."""
    barrier = threading.Barrier(count)
    failures = []

    def run(number):
        barrier.wait()
        try:
            work(number)
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=run, args=(number,)) for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


class ClaimTests:
    def claim(self, owner='me', lease=60, interval=60, limit=10):
        with self.database.writer() as session:
            return definitions.claim_due(
                session, owner, lease, interval, limit
            )

    def define(self, count=1, **kwargs):
        with self.database.writer() as session:
            return [
                things.definition(session, f'd{i}', **kwargs)
                for i in range(count)
            ]

    def age(self, **seconds):
        """Let time pass for all definitions."""
        table = models.definitions
        with self.database.writer() as session:
            session.execute(
                table.update().values(
                    {
                        name: table.c[name] - value
                        for name, value in seconds.items()
                    }
                )
            )

    def test_what_is_new_is_due(self):
        (definition,) = self.define()
        with self.database.reader() as session:
            self.assertEqual(0.0, definitions.seconds_until_due(session))
        (claim,) = self.claim()
        self.assertEqual(definition, claim.definition)

    def test_what_is_claimed_is_not_claimed_again(self):
        self.define(3)
        self.assertEqual(2, len(self.claim('me', limit=2)))
        self.assertEqual(1, len(self.claim('you')))
        self.assertEqual([], self.claim('you'))

    def test_the_one_due_longest_comes_first(self):
        self.define(3)
        table = models.definitions
        with self.database.writer() as session:
            session.execute(
                table.update()
                .where(table.c.name == 'd1')
                .values(next_evaluation=clock.now() - 5)
            )
        (claim,) = self.claim(limit=1)
        self.assertEqual('d1', claim.definition.name)

    def test_what_is_disabled_is_never_due(self):
        self.define(enabled=False)
        self.assertEqual([], self.claim())
        with self.database.reader() as session:
            self.assertIsNone(definitions.seconds_until_due(session))
        with self.database.writer() as session:
            self.assertEqual(0, definitions.poke(session, ['cpu.percent']))

    def test_finished_is_due_after_its_interval(self):
        self.define()
        (claim,) = self.claim(lease=5, interval=60)
        with self.database.writer() as session:
            definitions.finish(session, claim)
        self.assertEqual([], self.claim())
        with self.database.reader() as session:
            left = definitions.seconds_until_due(session)
        self.assertTrue(55 < left <= 60, left)
        self.age(next_evaluation=60)
        self.assertEqual(1, len(self.claim()))

    def test_a_poke_makes_due(self):
        self.define()
        (claim,) = self.claim()
        with self.database.writer() as session:
            definitions.finish(session, claim)
            self.assertEqual(0, definitions.poke(session, ['load.1m']))
            self.assertEqual(
                1, definitions.poke(session, {'load.1m', 'cpu.percent'})
            )
            # it is due by now
            self.assertEqual(0, definitions.poke(session, ['cpu.percent']))
        self.assertEqual(1, len(self.claim()))

    def test_a_poke_survives_the_claim_that_it_came_during(self):
        self.define()
        (claim,) = self.claim()
        with self.database.writer() as session:
            definitions.poke(session, ['cpu.percent'])
        self.assertEqual([], self.claim())
        with self.database.reader() as session:
            left = definitions.seconds_until_due(session)
        self.assertTrue(55 < left <= 60, left)
        with self.database.writer() as session:
            definitions.finish(session, claim)
        self.assertEqual(1, len(self.claim()))

    def test_a_lease_that_ended_is_taken_over(self):
        self.define()
        (stale,) = self.claim('dead', lease=10, interval=5)
        self.age(next_evaluation=8, claimed_until=8)
        self.assertEqual([], self.claim('heir'))
        self.age(claimed_until=8)
        (claim,) = self.claim('heir')
        self.assertNotEqual(stale.token, claim.token)
        with self.database.writer() as session:
            self.assertRaises(
                exceptions.Conflict, definitions.finish, session, stale
            )
        with self.database.writer() as session:
            definitions.finish(session, claim)

    def test_a_stale_holder_stores_nothing(self):
        self.define()
        (stale,) = self.claim()
        self.age(next_evaluation=100, claimed_until=100)
        self.claim('heir')
        try:
            with self.database.writer() as session:
                server = things.server(session)
                things.alarm(session, stale.definition, server)
                definitions.finish(session, stale)
        except exceptions.Conflict:
            with self.database.reader() as session:
                count = session.scalar(
                    sa.select(sa.func.count()).select_from(models.alarms)
                )
        self.assertEqual(0, count)

    def test_a_slow_holder_whom_nobody_followed_may_finish(self):
        self.define()
        (claim,) = self.claim()
        self.age(claimed_until=100)
        with self.database.writer() as session:
            definitions.finish(session, claim)
        with self.database.reader() as session:
            holder = session.scalar(
                sa.select(models.definitions.c.claim_token)
            )
        self.assertIsNone(holder)

    def test_a_changed_definition_voids_its_evaluation(self):
        self.define()
        (claim,) = self.claim()
        with self.database.writer() as session:
            definitions.update(
                session, claim.definition, {'load.1m'}, things.NOW
            )
        with self.database.writer() as session:
            self.assertRaises(
                exceptions.Conflict, definitions.finish, session, claim
            )
        self.assertEqual(1, len(self.claim()))

    def test_a_deleted_definition_voids_its_evaluation(self):
        self.define()
        (claim,) = self.claim()
        with self.database.writer() as session:
            definitions.delete(session, claim.definition.uuid)
        with self.database.writer() as session:
            self.assertRaises(
                exceptions.Conflict, definitions.finish, session, claim
            )

    def test_definitions_claimed_by_many_at_once(self):
        rounds = 12
        self.define(10)
        held = collections.Counter()
        twice = []
        done = collections.Counter()
        lock = threading.Lock()

        def hold(name):
            with lock:
                held[name] += 1
                if held[name] > 1:
                    twice.append(name)

        def release(name):
            with lock:
                held[name] -= 1
                done[name] += 1

        @db.retry_on_deadlock
        def claim(owner):
            # always due: the interval is none
            return self.claim(owner, lease=60, interval=0, limit=3)

        @db.retry_on_deadlock
        def finish(one):
            with self.database.writer() as session:
                definitions.finish(session, one)

        @db.retry_on_deadlock
        def poke():
            with self.database.writer() as session:
                definitions.poke(session, ['cpu.percent'])

        def work(number):
            for _ in range(rounds):
                poke()
                claims = claim(f'evaluator-{number}')
                for one in claims:
                    hold(one.definition.name)
                for one in claims:
                    release(one.definition.name)
                    finish(one)

        self.assertEqual([], at_once(5, work))
        self.assertEqual([], twice)
        self.assertGreaterEqual(sum(done.values()), 10)


class TestClaimsOnSqlite(ClaimTests, databases.SqliteTestCase):
    pass


class TestClaimsOnMysql(ClaimTests, databases.MysqlTestCase):
    pass


class TestClaimsOnPostgresql(ClaimTests, databases.PostgresqlTestCase):
    pass
