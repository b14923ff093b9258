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

"""Whole expressions, over frames in real databases."""

from sentinella.evaluator import service
from tests import databases
from tests.functional.evaluator import scene


class ExpressionTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.evaluator = self.make_evaluator()
        self.server = self.add_server('ctl-01')

    def make_evaluator(self):
        return service.Evaluator(self.conf, self.database, self.storage)

    def say(self, *metrics):
        """Have what reads these evaluated."""
        for metric in metrics:
            self.poke(metric)
        while self.evaluator.work():
            pass
        self.assertEqual(0, self.evaluator.failures)

    def states(self):
        return {
            (alarm.server and alarm.server.hostname): str(alarm.state)
            for alarm in self.alarms()
        }

    def test_each_of_its_metrics_wakes_it(self):
        self.add_definition(
            'last(a) > 1 and last(b{x=y}) > 1 clear last(c) < 1',
            'gauge',
            ('server',),
        )
        self.say()
        self.write(self.server, 2, 'a')
        self.write(self.server, 2, 'b', x='y')
        self.say('b')
        self.assertEqual({'ctl-01': 'ALARM'}, self.states())
        self.write(self.server, 0, 'a')
        self.write(self.server, 1, 'c')
        self.say('a')
        self.assertEqual({'ctl-01': 'ALARM'}, self.states())
        self.write(self.server, 0, 'c')
        self.say('c')
        self.assertEqual({'ctl-01': 'OK'}, self.states())

    def test_the_next_evaluator_knows_what_is_on(self):
        """Between the two thresholds all depends on what was before."""
        self.add_definition('last(a) > 90 clear < 80', 'gauge', ('server',))
        other = self.add_server('ctl-02')
        self.write(self.server, 95, 'a')
        self.write(other, 85, 'a')
        self.say('a')
        self.write(self.server, 85, 'a')
        self.evaluator = self.make_evaluator()
        self.say('a')
        self.assertEqual({'ctl-01': 'ALARM'}, self.states())
        self.write(self.server, 75, 'a')
        self.evaluator = self.make_evaluator()
        self.say('a')
        self.assertEqual({'ctl-01': 'OK'}, self.states())
        (alarm,) = self.alarms()
        self.assertEqual(['ALARM', 'OK'], self.transitions(alarm))

    def test_a_hold_time_is_answered_from_the_windows(self):
        self.add_definition('last(a, 30) < 1 for 60', 'gauge', ('server',))
        other = self.add_server('ctl-02')
        now = self.now()
        for ago in range(90, -1, -10):
            self.write(self.server, 0, 'a', at=now - ago)
            self.write(other, ago == 40, 'a', at=now - ago)
        self.say('a')
        self.assertEqual({'ctl-01': 'ALARM'}, self.states())

    def test_a_share_of_a_project_s_servers(self):
        self.add_definition(
            'share(last(a.up) < 1 by server) > 30 %',
            'binary',
            (),
            project_id='p1',
        )
        mine = [self.add_server(f'vm-{n}', 'p1') for n in range(3)]
        for server in mine:
            self.write(server, 1, 'a.up')
        self.write(self.server, 0, 'a.up')
        self.say('a.up')
        self.assertEqual({}, self.states())
        self.write(mine[0], 0, 'a.up')
        self.say('a.up')
        (alarm,) = self.alarms()
        self.assertEqual(('p1', {}), (alarm.project_id, alarm.group))
        self.assertEqual(
            'share(last(a.up) < 1 by server) is 33.3 % (1 of 3), more than '
            '30 %',
            alarm.reason,
        )

    def test_only_servers_of_some_releases(self):
        self.add_definition(
            'last(a) > 1', 'gauge', ('server',), releases='>=2024.1'
        )
        for name, facts in (
            ('old', {'openstack_release': '2023.2'}),
            ('new', {'openstack_release': '2024.1'}),
            ('storage', {}),
            ('odd', {'openstack_release': ['2023.1']}),
        ):
            self.write(self.add_server(name, facts=facts), 2, 'a')
        self.say('a')
        self.assertEqual(
            dict.fromkeys(('new', 'storage', 'odd'), 'ALARM'), self.states()
        )

    def test_who_falls_silent_is_missed(self):
        self.add_definition('absent(a, 60)', 'gauge', ('server',))
        now = self.now()
        self.write(self.server, 1, 'a', at=now - 70)
        self.write(self.add_server('ctl-02'), 1, 'a', at=now - 5)
        self.say('a')
        self.assertEqual({'ctl-01': 'ALARM'}, self.states())

    def test_two_that_read_the_same_for_different_times(self):
        self.add_definition('max(a) > 5', 'gauge', ('server',), name='short')
        self.add_definition('max(a, 300) > 5', 'gauge', ('server',), name='l')
        self.write(self.server, 9, 'a', at=self.now() - 100)
        self.write(self.server, 0, 'a')
        self.say('a')
        (alarm,) = self.alarms()
        self.assertEqual('l', alarm.definition.name)


class TestOnSqlite(ExpressionTests, databases.SqliteTestCase):
    pass


class TestOnMysql(ExpressionTests, databases.MysqlTestCase):
    pass


class TestOnPostgresql(ExpressionTests, databases.PostgresqlTestCase):
    pass
