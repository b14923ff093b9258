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
"""What becomes of an alarm in the course of its life."""

from sentinella import model
from sentinella.db import alarms
from sentinella.db import models
from sentinella.evaluator import service
from tests import databases
from tests.functional.evaluator import scene

FILLING = 'last(fs.percent) > 80'
TIERS = {'critical': 'last(fs.percent) > 95'}


class LifecycleTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        self.server = self.add_server('ctl-01')

    def say(self, value, name='fs.percent', **dimensions):
        """Write, and evaluate what reads it."""
        self.write(self.server, value, name, **dimensions)
        self.poke(name)
        self.evaluator.work()
        self.assertEqual(0, self.evaluator.failures)

    def told(self):
        return [
            (str(one.kind), str(one.transition.severity), one.channel.name)
            for one in self.outbox()
        ]

    def severities(self, alarm):
        with self.database.reader() as session:
            found = alarms.transitions(session, alarm.uuid, limit=100)
        return [
            (one.from_severity and str(one.from_severity), str(one.severity))
            for one in reversed(found)
        ]

    def filling(self, **fields):
        return self.add_definition(
            FILLING,
            'gauge',
            ('server',),
            severity=model.Severity.WARNING,
            tiers=TIERS,
            **fields,
        )

    def test_a_change_of_severity_is_one_of_the_same_alarm(self):
        self.filling()
        self.add_channel(name='all')
        self.add_channel(name='worst', min_severity=model.Severity.CRITICAL)
        for percent in (85, 97, 86, 85, 50):
            self.say(percent)
        (alarm,) = self.alarms()
        self.assertEqual(('OK', 'RESOLVED'), (alarm.state, alarm.lifecycle))
        self.assertEqual(1, alarm.count)
        self.assertEqual(
            [
                (None, 'warning'),
                ('warning', 'critical'),
                ('critical', 'warning'),
                ('warning', 'warning'),
            ],
            self.severities(alarm),
        )
        self.assertEqual(
            [
                ('alarm', 'warning', 'all'),
                ('alarm', 'critical', 'all'),
                ('alarm', 'critical', 'worst'),
                ('recovery', 'warning', 'all'),
                ('recovery', 'warning', 'worst'),
            ],
            self.told(),
        )

    def test_what_was_seen_is_kept(self):
        self.filling()
        self.say(85)
        (alarm,) = self.alarms()
        with self.database.reader() as session:
            (first,) = alarms.transitions(session, alarm.uuid, limit=9)
        self.assertEqual({'last(fs.percent)': 85.0}, first.values)
        self.assertEqual('last(fs.percent) is 85, more than 80', first.reason)

    def test_one_that_flaps(self):
        self.conf.set_override('flap_changes', 4, 'evaluator')
        self.conf.set_override('flap_settle', 600.0, 'evaluator')
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        self.filling()
        self.add_channel(name='all')
        for percent in (85, 50, 85, 50, 85, 50):
            self.say(percent)
        kinds = [kind for kind, _, _ in self.told()]
        self.assertEqual(['alarm', 'recovery', 'alarm', 'flapping'], kinds)
        (alarm,) = self.alarms()
        self.assertEqual(
            ('OK', 'OPEN', True),
            (alarm.state, alarm.lifecycle, alarm.flapping_since is not None),
        )
        with self.database.writer() as session:
            session.execute(
                models.alarms.update().values(changed_at=self.now() - 601)
            )
        self.say(50)
        self.say(50)
        kinds = [kind for kind, _, _ in self.told()]
        self.assertEqual(['flapping', 'recovery'], kinds[3:])
        (alarm,) = self.alarms()
        self.assertEqual(
            ('RESOLVED', None), (alarm.lifecycle, alarm.flapping_since)
        )

    def test_what_another_inhibits(self):
        """One page for all of the cloud, and the rest once it is over."""
        self.add_definition(
            'last(bus.up) < 1', 'binary', (), name='bus', description='bus'
        )
        self.filling(inhibited_by=('bus', 'of no such name'))
        self.add_channel(name='all')
        self.write(self.server, 0, 'bus.up')
        self.say(97)
        self.assertEqual([('alarm', 'critical', 'all')], self.told())
        inhibited = next(a for a in self.alarms() if a.group)
        self.assertEqual('ALARM', inhibited.state)
        self.assertIn('while there is an alarm of bus', inhibited.reason)
        self.say(1, 'bus.up')
        self.say(97)
        self.assertEqual([('recovery', 'critical', 'all')], self.told()[1:])
        self.over_since(61)
        self.say(97)
        self.assertEqual(
            [('recovery', 'critical', 'all'), ('alarm', 'critical', 'all')],
            self.told()[1:],
        )

    def over_since(self, seconds):
        with self.database.writer() as session:
            session.execute(
                models.alarms.update()
                .where(models.alarms.c.state == 'OK')
                .values(changed_at=self.now() - seconds)
            )

    def test_what_is_over_inhibits_who_still_sees_it(self):
        self.add_definition('last(bus.up) < 1', 'binary', (), name='bus')
        self.add_definition(
            'max(errors, 300) > 5', 'gauge', ('server',), inhibited_by=('bus',)
        )
        self.add_channel(name='all')
        self.write(self.server, 0, 'bus.up')
        self.say(97, 'errors')
        self.say(1, 'bus.up')
        for seconds, pages in ((61, 1), (299, 1), (301, 2)):
            self.over_since(seconds)
            self.say(0, 'errors')
            told = [kind for kind, _, _ in self.told()]
            self.assertEqual(pages, told.count('alarm'), self.told())

    def test_another_projects_definition_inhibits_nothing(self):
        self.add_definition(
            'last(bus.up) < 1', 'binary', (), name='bus', project_id='x'
        )
        self.filling(inhibited_by=('bus',))
        self.add_channel(name='all')
        other = self.add_server('x-01', 'x')
        self.write(other, 0, 'bus.up')
        self.say(97)
        self.assertEqual(2, len(self.alarms()))
        self.assertEqual([('alarm', 'critical', 'all')], self.told())

    def test_a_page_waits_for_what_inhibits(self):
        """Which may have begun, and not been evaluated yet."""
        bus = self.add_definition('last(bus.up) < 1', 'binary', (), name='bus')
        self.filling(inhibited_by=('bus',))
        self.add_channel(name='all')
        self.evaluator.work()
        with self.database.writer() as session:
            # claimed, by an evaluator that takes its time
            session.execute(
                models.definitions.update()
                .where(models.definitions.c.id == bus.id)
                .values(claim_token='x', claimed_until=self.now() + 60)
            )
        self.say(97)
        self.assertEqual([], self.told())
        with self.database.writer() as session:
            session.execute(
                models.definitions.update()
                .where(models.definitions.c.id == bus.id)
                .values(claim_token=None, claimed_until=None)
            )
        self.poke('bus.up')
        self.say(97)
        self.assertEqual([('alarm', 'critical', 'all')], self.told())

    def test_a_page_waits_for_no_interval(self):
        """What may inhibit it is looked at at once, and then it once more."""
        self.add_definition('last(fs.percent) > 99', 'gauge', (), name='worse')
        self.filling(inhibited_by=('worse',))
        self.add_channel(name='all')
        self.evaluator.work()
        self.say(97)
        while self.evaluator.work():
            pass
        self.assertEqual([('alarm', 'critical', 'all')], self.told())

    def acknowledge(self, alarm, until):
        with self.database.writer() as session:
            alarms.acknowledge(
                session, alarm.uuid, 'me', None, self.now(), until=until
            )

    def test_an_acknowledgement_that_ends(self):
        self.filling()
        self.add_channel(name='all')
        self.say(85)
        (alarm,) = self.alarms()
        self.acknowledge(alarm, self.now() + 60)
        self.say(85)
        self.assertEqual('ACKNOWLEDGED', self.alarms()[0].lifecycle)
        self.acknowledge(alarm, self.now() - 1)
        self.say(85)
        self.say(85)
        (alarm,) = self.alarms()
        self.assertEqual(
            ('OPEN', None), (alarm.lifecycle, alarm.acknowledged_until)
        )
        self.assertEqual([('alarm', 'warning', 'all')] * 2, self.told())
        self.assertEqual(['ALARM', 'ALARM'], self.transitions(alarm))

    def test_an_acknowledgement_is_of_a_severity(self):
        self.filling()
        self.add_channel(name='all')
        self.say(85)
        (alarm,) = self.alarms()
        self.acknowledge(alarm, None)
        self.say(97)
        self.assertEqual('OPEN', self.alarms()[0].lifecycle)
        self.assertEqual(('alarm', 'critical', 'all'), self.told()[-1])


class TestOnSqlite(LifecycleTests, databases.SqliteTestCase):
    """SQLite."""


class TestOnMysql(LifecycleTests, databases.MysqlTestCase):
    """MariaDB."""


class TestOnPostgresql(LifecycleTests, databases.PostgresqlTestCase):
    """PostgreSQL."""
