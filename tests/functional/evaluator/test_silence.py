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
"""Who has fallen silent: agents, conductors, evaluators, or all at once."""

from sentinella import model
from sentinella.db import clock
from sentinella.db import heartbeat
from sentinella.db import models
from sentinella.evaluator import builtin
from sentinella.evaluator import service
from tests import databases
from tests.functional.evaluator import scene

CONDUCTOR, EVALUATOR = model.InstanceKind


class SilenceTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        self.bus = True

    def start(self, kind, host='ctl-01'):
        started = heartbeat.Heartbeat(
            self.database, kind, host, lambda: {'bus': self.bus}
        )
        started.beat()
        started.beat()
        return started

    def set_instances(self, condition, **ago):
        """Some of their times were so long ago."""
        with self.database.writer() as session:
            session.execute(
                models.instances.update()
                .where(condition)
                .values({name: clock.now() - age for name, age in ago.items()})
            )

    def watch(self, ago=1000.0):
        """An evaluator that has been heard since then."""
        self.start(EVALUATOR, 'watcher')
        self.set_instances(
            models.instances.c.host == 'watcher', unbroken_since=ago
        )

    def evaluate(self, *metrics):
        for name in metrics:
            self.poke(name)
        self.evaluator.work()
        self.assertEqual(0, self.evaluator.failures)
        return {
            (
                one.definition.name,
                one.group.get('host', one.group.get('server', '')),
            ): str(one.state)
            for one in self.alarms()
        }

    def define(self, name, text, *match_by):
        return self.add_definition(text, 'gauge', match_by, name=name)

    def conductors(self):
        self.define(
            'conductor-silent', 'last(conductor.silence) > 45', 'host',
            'instance',
        )  # fmt: skip

    def test_a_conductor_that_died(self):
        self.conductors()
        self.watch()
        for host in ('ctl-01', 'ctl-02'):
            self.start(CONDUCTOR, host)
        self.assertEqual({}, self.evaluate())
        mine = models.instances.c.host == 'ctl-02'
        self.set_instances(mine, beat_at=50.0)
        silent = {('conductor-silent', 'ctl-02'): 'ALARM'}
        self.assertEqual(silent, self.evaluate('conductor.silence'))
        (alarm,) = self.alarms()
        self.assertEqual({'host': 'ctl-02', 'instance': '1'}, alarm.group)
        self.assertIsNone(alarm.server)
        self.assertEqual(scene.PROJECT, alarm.project_id)
        # another takes its place
        self.start(CONDUCTOR, 'ctl-02')
        silent = {('conductor-silent', 'ctl-02'): 'OK'}
        self.assertEqual(silent, self.evaluate('conductor.silence'))

    def test_one_that_stopped_is_not_missed(self):
        self.conductors()
        self.watch()
        self.start(CONDUCTOR).stop()
        self.assertEqual({}, self.evaluate())

    def test_an_evaluator_that_died(self):
        self.define(
            'evaluator-silent', 'last(evaluator.silence) > 45', 'host',
            'instance',
        )  # fmt: skip
        self.watch()
        self.start(EVALUATOR, 'ctl-01')
        self.start(CONDUCTOR, 'ctl-02')
        self.set_instances(models.instances.c.host != 'watcher', beat_at=50.0)
        self.assertEqual(
            {('evaluator-silent', 'ctl-01'): 'ALARM'}, self.evaluate()
        )

    def test_a_bus_that_is_lost(self):
        self.define(
            'conductor-bus-lost', 'last(conductor.bus.up) < 1', 'host',
            'instance',
        )  # fmt: skip
        self.watch()
        self.start(CONDUCTOR)
        self.assertEqual({}, self.evaluate())
        self.bus = False
        self.start(CONDUCTOR, 'ctl-02')
        lost = ('conductor-bus-lost', 'ctl-02')
        self.assertEqual({lost: 'ALARM'}, self.evaluate('conductor.bus.up'))
        # one that says nothing says nothing of the bus
        mine = models.instances.c.host == 'ctl-02'
        self.set_instances(mine, beat_at=30.0)
        self.assertEqual(
            {lost: 'UNDETERMINED'}, self.evaluate('conductor.bus.up')
        )

    def test_where_nobody_could_be_heard_nobody_is_silent(self):
        """The database was away: whose turn it is first is chance."""
        self.conductors()
        self.define(
            'agent-silent', 'last(agent.missed_reports) > 3.5', 'server'
        )
        self.define(
            'agents-silent',
            'share(last(agent.missed_reports) > 2.5 by server) > 50 %',
        )
        server = self.add_server('cmp-01')
        self.start(CONDUCTOR)
        self.watch(ago=3600.0)
        self.seen(server, ago=90.0)
        everybody = models.instances.c.id > 0
        self.set_instances(everybody, beat_at=60.0)
        self.assertEqual({}, self.evaluate())
        # the evaluator is heard again before the others are
        self.watch(ago=5.0)
        metrics = 'conductor.silence', 'agent.missed_reports'
        self.assertEqual({}, self.evaluate(*metrics))
        self.watch(ago=31.0)
        self.assertEqual(
            {
                ('conductor-silent', 'ctl-01'): 'ALARM',
                ('agent-silent', server.uuid): 'ALARM',
                ('agents-silent', ''): 'ALARM',
            },
            self.evaluate(*metrics),
        )

    def test_what_was_on_is_not_over_meanwhile(self):
        self.conductors()
        self.define(
            'agents-silent',
            'share(last(agent.missed_reports) > 2.5 by server) > 50 %',
        )
        self.watch()
        self.start(CONDUCTOR)
        self.seen(self.add_server('cmp-01'), ago=90.0)
        mine = models.instances.c.host == 'ctl-01'
        self.set_instances(mine, beat_at=90.0)
        self.assertEqual({'ALARM'}, set(self.evaluate().values()))
        self.watch(ago=5.0)
        self.assertEqual(
            {'UNDETERMINED'},
            set(
                self.evaluate(
                    'conductor.silence', 'agent.missed_reports'
                ).values()
            ),
        )

    def test_many_at_once_are_one_page(self):
        builtin.install(self.database)
        self.watch()
        self.add_channel(name='all')
        many = [self.add_server(f'cmp-{number}') for number in range(4)]
        for ago in (10.0, 26.0, 40.0):
            for server in many:
                self.seen(server, ago)
            self.poke('agent.missed_reports')
            while self.evaluator.work():
                pass
        self.assertEqual(5, sum(one.state == 'ALARM' for one in self.alarms()))
        (page,) = self.outbox()
        self.assertEqual('agents-silent-together', page.alarm.definition.name)
        # one of them does not come back with the others
        for server in many[1:]:
            self.seen(server)
        self.poke('agent.missed_reports')
        while self.evaluator.work():
            pass
        kinds = [str(one.kind) for one in self.outbox()]
        self.assertEqual(['alarm', 'recovery'], kinds)
        silent = [one for one in self.alarms() if one.state == 'ALARM']
        self.assertEqual([many[0].uuid], [one.server.uuid for one in silent])

    def test_only_the_clouds_own_definitions_see_processes(self):
        self.watch()
        self.start(CONDUCTOR)
        self.set_instances(models.instances.c.host == 'ctl-01', beat_at=50.0)
        self.add_definition(
            'last(conductor.silence) > 45', 'gauge', ('host',),
            project_id=scene.PROJECT,
        )  # fmt: skip
        self.assertEqual({}, self.evaluate())

    def test_all_of_one_host(self):
        self.add_definition(
            'last(conductor.silence{host=ctl-01}) > 45', 'gauge', ()
        )
        self.watch()
        for host in ('ctl-01', 'ctl-02'):
            self.start(CONDUCTOR, host)
        self.set_instances(models.instances.c.host == 'ctl-02', beat_at=50.0)
        self.assertEqual({}, self.evaluate())
        self.set_instances(models.instances.c.host == 'ctl-01', beat_at=50.0)
        self.assertEqual(
            ['ALARM'], list(self.evaluate('conductor.silence').values())
        )


class TestOnSqlite(SilenceTests, databases.SqliteTestCase):
    """SQLite."""


class TestOnMysql(SilenceTests, databases.MysqlTestCase):
    """MariaDB."""


class TestOnPostgresql(SilenceTests, databases.PostgresqlTestCase):
    """PostgreSQL."""
