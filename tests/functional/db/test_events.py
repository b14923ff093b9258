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

"""Who follows the events sees each once, whenever it was committed."""

import time

import hypothesis
from hypothesis import strategies as st
import sqlalchemy as sa

from sentinella import model
from sentinella import plugins
from sentinella.api import tail
from sentinella.conductor import housekeeping
from sentinella.db import alarms
from sentinella.db import clock
from sentinella.db import database as db
from sentinella.db import events
from sentinella.db import models
from sentinella.evaluator import transitions
from sentinella.evaluator import writer as outbox
from tests import databases
from tests.functional.db import test_claims
from tests.functional.db import things

WRITERS = 4

#: Of each thread that writes while others follow.
WRITTEN = 40


#: Seconds that those who follow may take.
PATIENCE = 60.0


def of_an_event(alarm):
    """Values of a row."""
    return {
        'alarm_id': alarm.id,
        'at': things.NOW,
        'state': model.AlarmState.ALARM,
        'severity': model.Severity.MAJOR,
        'lifecycle': model.Lifecycle.OPEN,
        'user': '',
    }


class EventTests:
    def setUp(self):
        super().setUp()
        with self.database.writer() as session:
            definition = things.definition(session)
            self.alarms = [
                things.alarm(session, definition, None, group={'n': str(n)})
                for n in range(WRITERS)
            ]

    def happen(self, number=0):
        with self.database.writer() as session:
            return things.transition(session, self.alarms[number])

    def numbered(self):
        return self.database.write(events.give_numbers)

    def after(self, number=0, limit=1000):
        with self.database.reader() as session:
            return events.after(session, number, limit)

    def bounds(self):
        with self.database.reader() as session:
            return events.bounds(session)

    def test_none(self):
        self.assertEqual(0, self.numbered())
        self.assertEqual((0, 0), self.bounds())
        self.assertEqual([], self.after())

    def test_transition(self):
        transition = self.happen()
        self.assertEqual([], self.after())
        self.assertEqual(1, self.numbered())
        (event,) = self.after()
        self.assertEqual(transition, event.transition)
        self.assertEqual(self.alarms[0], event.alarm)
        self.assertEqual(
            (transition.at, 'ALARM', 'major', 'OPEN', ''),
            (
                event.at,
                event.state,
                event.severity,
                event.lifecycle,
                event.user,
            ),
        )
        self.assertEqual((event.number, 0), self.bounds())
        self.assertEqual([], self.after(event.number))

    def test_what_people_do(self):
        uuid = self.alarms[1].uuid
        with self.database.writer() as session:
            alarms.acknowledge(session, uuid, 'ann', 'on it', things.NOW + 1)
        with self.database.writer() as session:
            alarms.resolve(session, uuid, 'bob', None, things.NOW + 2)
        self.assertEqual(2, self.numbered())
        acknowledged, resolved = self.after()
        self.assertEqual(
            ('ACKNOWLEDGED', 'ann', things.NOW + 1, None),
            (
                acknowledged.lifecycle,
                acknowledged.user,
                acknowledged.at,
                acknowledged.transition,
            ),
        )
        self.assertEqual(
            ('RESOLVED', 'bob'), (resolved.lifecycle, resolved.user)
        )
        # the alarm is as it is by now
        self.assertEqual('RESOLVED', acknowledged.alarm.lifecycle)

    def test_an_acknowledgement_ends_without_a_transition(self):
        change = transitions.Change(
            self.alarms[0], None, None, dirty=True, lapsed=True
        )
        with self.database.writer() as session:
            outbox.Writer(session, things.NOW).save(change)
        self.numbered()
        (event,) = self.after()
        self.assertEqual(
            (things.NOW, 'OPEN', None),
            (event.at, event.lifecycle, event.transition),
        )

    def test_what_is_undone_never_was(self):
        def undone():
            with self.database.writer() as session:
                things.transition(session, self.alarms[0])
                raise RuntimeError

        self.assertRaises(RuntimeError, undone)
        self.assertEqual(0, self.numbered())

    def test_numbers_are_not_used_again(self):
        self.happen(0)
        self.happen(1)
        self.numbered()
        last = self.after()[-1]
        with self.database.writer() as session:
            session.execute(
                models.alarms.delete().where(
                    models.alarms.c.id == last.alarm.id
                )
            )
        self.happen(2)
        self.numbered()
        (event,) = self.after(last.number)
        self.assertEqual(self.alarms[2].uuid, event.alarm.uuid)

    def test_more_than_one_transaction_numbers(self):
        one = of_an_event(self.alarms[0])
        with self.database.writer() as session:
            session.execute(models.events.insert(), [one] * 1001)
        tail.number_all(self.database)
        numbers = [event.number for event in self.after(limit=2000)]
        self.assertEqual(1001, len(numbers))
        self.assertEqual(sorted(set(numbers)), numbers)
        self.assertEqual(numbers[-1], self.bounds()[0])

    def test_expiry(self):
        for position in range(3):
            with self.database.writer() as session:
                things.transition(
                    session, self.alarms[0], at=things.NOW + position
                )
        self.numbered()
        first, second, third = self.after()
        with self.database.writer() as session:
            self.assertEqual(2, events.expire(session, third.at))
            self.assertEqual(0, events.expire(session, third.at))
        self.assertEqual([third], self.after())
        self.assertEqual((third.number, second.number), self.bounds())

    def test_conductors_number_and_forget(self):
        with self.database.reader() as session:
            now = clock.read(session)
        for ago in (25, 23):
            with self.database.writer() as session:
                things.transition(session, self.alarms[0], at=now - ago * 3600)
        storage = plugins.load(
            'sentinella.storage', 'sql', self.conf, self.database
        )
        housekeeping.Housekeeping(self.conf, self.database, storage).work()
        (event,) = self.after()
        self.assertEqual(now - 23 * 3600, event.at)
        given, forgotten = self.bounds()
        self.assertEqual((event.number, event.number - 1), (given, forgotten))

    def test_many_write_number_and_follow_at_once(self):
        """Threads, each of which is what a process would be."""
        seen = [[] for _ in range(3)]

        @db.retry_on_deadlock
        def write(number):
            self.happen(number)

        def follow(found):
            last, end = 0, time.monotonic() + PATIENCE
            while len(found) < WRITERS * WRITTEN and time.monotonic() < end:
                tail.number_all(self.database)
                # now and then with little of it, as one who lags
                new = self.after(last, 7)
                found += [
                    (event.alarm.uuid, event.transition.id) for event in new
                ]
                last = new[-1].number if new else last

        def work(number):
            if number < WRITERS:
                for _ in range(WRITTEN):
                    write(number)
            else:
                follow(seen[number - WRITERS])

        errors = test_claims.at_once(WRITERS + len(seen), work)
        self.assertEqual([], errors)
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0], seen[2])
        self.assertEqual(WRITERS * WRITTEN, len(set(seen[0])))
        for alarm in self.alarms:
            mine = [id_ for uuid, id_ in seen[0] if uuid == alarm.uuid]
            self.assertEqual(sorted(mine), mine)


class TestEventsOnSqlite(EventTests, databases.SqliteTestCase):
    pass


class TestEventsOnMysql(EventTests, databases.MysqlTestCase):
    pass


class TestEventsOnPostgresql(EventTests, databases.PostgresqlTestCase):
    pass


STEPS = st.lists(
    st.tuples(
        st.sampled_from(('turn', 'turn', 'turn', 'number', 'read')),
        st.integers(0, WRITERS - 1),
        st.booleans(),
    ),
    min_size=15,
    max_size=40,
)


class Interleaved:
    """Transactions that end in another order than they began in.

    All from one thread: who would wait for another would wait for ever.
    """

    def __init__(self, database, its_alarms):
        self.database = database
        self.alarms = its_alarms
        self.open = {}
        self.committed = []
        self.seen = [[], []]
        self.last = [0, 0]
        with database.engine.begin() as connection:
            connection.execute(models.events.delete())
            connection.execute(models.counters.delete())

    def turn(self, writer, well):
        """A writer begins with an event, or ends its transaction."""
        if writer not in self.open:
            connection = self.database.engine.connect()
            self.open[writer] = connection, connection.begin(), []
            self.insert(writer)
            return
        if not well and len(self.open[writer][2]) == 1:
            self.insert(writer)
            return
        connection, transaction, ids = self.open.pop(writer)
        if well:
            transaction.commit()
            self.committed += ids
        else:
            transaction.rollback()
        connection.close()

    def insert(self, writer):
        connection, _, ids = self.open[writer]
        values = of_an_event(self.alarms[writer])
        inserted = connection.execute(models.events.insert().values(values))
        ids.append((writer, inserted.inserted_primary_key[0]))

    def number(self, writer=0, well=True):
        tail.number_all(self.database)

    def read(self, reader, well, limit=None):
        """Two readers, of one or of three at a time."""
        reader %= 2
        with self.database.reader() as session:
            found = events.after(
                session, self.last[reader], limit or 1 + 2 * well
            )
            ids = dict(
                session.execute(
                    sa.select(models.events.c.number, models.events.c.id)
                ).all()
            )
        writers = {alarm.uuid: n for n, alarm in enumerate(self.alarms)}
        for event in found:
            told = writers[event.alarm.uuid], ids[event.number]
            assert told in self.committed
            assert told not in self.seen[reader]
            self.seen[reader].append(told)
            self.last[reader] = event.number

    def finish(self):
        for writer in list(self.open):
            self.turn(writer, True)
        self.number()
        for reader in range(2):
            self.read(reader, True, limit=1000)
        assert self.seen[0] == self.seen[1], self.seen
        assert sorted(self.seen[0]) == sorted(self.committed)
        for writer in range(WRITERS):
            mine = [id_ for who, id_ in self.seen[0] if who == writer]
            assert mine == sorted(mine)


class InterleavedTests:
    def test_every_order(self):
        with self.database.writer() as session:
            definition = things.definition(session)
            made = [
                things.alarm(session, definition, None, group={'n': str(n)})
                for n in range(WRITERS)
            ]

        @hypothesis.settings(max_examples=50, deadline=None)
        @hypothesis.given(STEPS)
        def holds(steps):
            scene = Interleaved(self.database, made)
            try:
                for name, who, well in steps:
                    getattr(scene, name)(who, well)
            finally:
                scene.finish()

        holds()


class TestInterleavedOnMysql(InterleavedTests, databases.MysqlTestCase):
    pass


class TestInterleavedOnPostgresql(
    InterleavedTests, databases.PostgresqlTestCase
):
    pass
