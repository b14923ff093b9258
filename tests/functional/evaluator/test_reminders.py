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
"""Who is told again of what nobody acknowledges, by the evaluator itself."""

import uuid

import sqlalchemy as sa

from sentinella import model
from sentinella.db import alarms
from sentinella.db import notifications
from sentinella.evaluator import service
from tests import databases
from tests.functional.evaluator import scene


class ReminderTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        self.server = self.add_server('ctl-01')
        self.add_definition('last(process.up) < 1')
        self.last = self.add_channel(
            name='last', uuid=str(uuid.uuid4()), escalations_only=True
        )
        self.first = self.add_channel(
            name='first',
            repeat_interval=300.0,
            escalate_after=900.0,
            escalate_to=self.last.uuid,
        )

    def say(self, value):
        self.write(self.server, value, service='nova-api')
        self.poke()
        self.evaluator.work()
        self.assertEqual(0, self.evaluator.failures)

    def all_sent(self):
        """Whatever waits is delivered now."""
        table = notifications.TABLE
        with self.database.writer() as session:
            session.execute(
                table.update()
                .where(table.c.state == model.NotificationState.PENDING)
                .values(
                    state=model.NotificationState.SENT,
                    delivered_at=table.c.created_at,
                )
            )

    def later(self, seconds):
        """All that was told is so much older."""
        table = notifications.TABLE
        with self.database.writer() as session:
            session.execute(
                sa.update(table).values(
                    created_at=table.c.created_at - seconds,
                    delivered_at=table.c.delivered_at - seconds,
                )
            )

    def told(self):
        return [(str(one.kind), one.channel.name) for one in self.outbox()]

    def test_repeated_escalated_and_over(self):
        self.say(0)
        self.all_sent()
        self.say(0)
        told = [('alarm', 'first')]
        self.assertEqual(told, self.told())
        for _ in range(2):
            self.later(301)
            self.say(0)
            # one waits: no more of them
            self.say(0)
            self.all_sent()
            told.append(('repeat', 'first'))
            self.assertEqual(sorted(told), sorted(self.told()))
        self.later(301)
        self.say(0)
        self.all_sent()
        told += [('repeat', 'first'), ('escalation', 'last')]
        self.assertEqual(sorted(told), sorted(self.told()))
        self.assertEqual(
            [0, 1, 2, 3],
            sorted(
                one.ordinal
                for one in self.outbox()
                if one.channel.id == self.first.id
            ),
        )
        self.say(1)
        told += [('recovery', 'first'), ('recovery', 'last')]
        self.assertEqual(sorted(told), sorted(self.told()))

    def test_not_once_somebody_looks_after_it(self):
        self.say(0)
        self.all_sent()
        (alarm,) = self.alarms()
        with self.database.writer() as session:
            alarms.acknowledge(session, alarm.uuid, 'me', None, self.now())
        self.later(10000)
        self.say(0)
        self.assertEqual([('alarm', 'first')], self.told())

    def test_not_during_maintenance(self):
        self.say(0)
        self.all_sent()
        self.set_mode(self.server, 'maintenance')
        self.later(10000)
        self.say(0)
        self.assertEqual([('alarm', 'first')], self.told())
        self.set_mode(self.server, 'active')
        self.say(0)
        self.assertEqual(
            [('alarm', 'first'), ('escalation', 'last'), ('repeat', 'first')],
            sorted(self.told()),
        )

    def test_at_once_where_it_could_not_be_delivered(self):
        self.say(0)
        with self.database.writer() as session:
            session.execute(
                notifications.TABLE.update().values(
                    state=model.NotificationState.DEAD
                )
            )
        self.say(0)
        self.assertEqual(
            [('alarm', 'first'), ('escalation', 'last')], self.told()
        )
        self.say(1)
        self.assertEqual(('recovery', 'last'), self.told()[-1])
        self.assertEqual(3, len(self.told()))


class TestOnSqlite(ReminderTests, databases.SqliteTestCase):
    pass


class TestOnMysql(ReminderTests, databases.MysqlTestCase):
    pass


class TestOnPostgresql(ReminderTests, databases.PostgresqlTestCase):
    pass
