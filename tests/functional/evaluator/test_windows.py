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

"""Windows, and whose alarms they mute, in an evaluator."""

import dataclasses
import uuid

from sentinella import model
from sentinella.db import ledger
from sentinella.db import servers
from sentinella.db import services
from sentinella.db import windows
from sentinella.evaluator import recurrence
from sentinella.evaluator import service
from sentinella.knowledge import cloud
from tests import databases
from tests.functional.evaluator import scene


class Windows(scene.Scene):
    def setUp(self):
        super().setUp()
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        self.server = self.add_server('ctl-01')
        self.add_definition('last(process.up) < 1')

    def add_window(self, mode='maintenance', start=-60, length=3600, **fields):
        now = self.now()
        window = model.Window(
            **{
                'uuid': str(uuid.uuid4()),
                'name': str(uuid.uuid4()),
                'project_id': scene.PROJECT,
                'mode': model.Mode(mode),
                'starts_at': now + start,
                'ends_at': now + start + length,
                **fields,
            }
        )
        window = dataclasses.replace(
            window, over_at=recurrence.over_at(window)
        )
        with self.database.writer() as session:
            return windows.create(session, window, now - 3600)

    def remove(self, window):
        with self.database.writer() as session:
            windows.delete(session, window.uuid, self.now())

    def say(self, value, service='nova-api', server=None):
        self.write(server or self.server, value, service=service)
        self.poke()
        while self.evaluator.work():
            pass

    def told(self):
        return [
            (one.alarm.group['service'], str(one.transition.to_state))
            for one in self.outbox()
        ]


class WindowsTests(Windows):
    def test_maintenance_mutes_all_and_ends_by_itself(self):
        self.add_channel()
        window = self.add_window()
        self.say(0)
        self.assertEqual(['ALARM'], [one.state for one in self.alarms()])
        self.assertEqual([], self.told())
        self.remove(window)
        self.say(0)
        self.assertEqual([('nova-api', 'ALARM')], self.told())

    def test_one_that_is_over_or_to_come_mutes_nothing(self):
        self.add_channel()
        self.add_window(start=-3600, length=3500)
        self.add_window(start=600)
        self.add_window(start=-4000, length=60, rrule='FREQ=HOURLY')
        self.say(0)
        self.assertEqual([('nova-api', 'ALARM')], self.told())

    def test_one_that_recurs(self):
        self.add_channel()
        self.add_window(start=-86400 - 60, rrule='FREQ=DAILY')
        self.say(0)
        self.assertEqual([], self.told())

    def test_blackout_lets_recoveries_pass(self):
        self.add_channel()
        self.say(0)
        self.add_window('blackout')
        self.say(0, 'nova-scheduler')
        self.say(1)
        self.assertEqual(
            [('nova-api', 'ALARM'), ('nova-api', 'OK')], self.told()
        )

    def test_maintenance_keeps_recoveries_until_it_is_over(self):
        self.add_channel()
        self.say(0)
        window = self.add_window()
        self.say(1)
        self.assertEqual([('nova-api', 'ALARM')], self.told())
        self.remove(window)
        self.say(1)
        self.assertEqual(
            [('nova-api', 'ALARM'), ('nova-api', 'OK')], self.told()
        )

    def test_only_what_it_covers(self):
        self.add_channel()
        self.add_window(services=('nova-api',))
        self.say(0)
        self.say(0, 'nova-scheduler')
        self.assertEqual([('nova-scheduler', 'ALARM')], self.told())

    def test_windows_of_servers_and_of_definitions(self):
        self.add_channel()
        other = self.add_server('ctl-02')
        definition = self.add_definition('last(process.up) < 0.5')
        self.add_window(servers=(other.uuid,))
        self.add_window(definitions=(definition.uuid,))
        self.say(0)
        self.say(0, server=other)
        ((alarm, notified),) = [
            (one, one.notified_state)
            for one in self.alarms()
            if one.notified_state
        ]
        self.assertEqual('last(process.up) < 1', alarm.definition.name)
        self.assertEqual('ctl-01', alarm.server.hostname)
        self.assertEqual(4, len(self.alarms()))

    def test_what_is_told_of_a_host_is_muted_with_it(self):
        self.add_channel()
        teller = self.add_server('cloud')
        self.add_definition(
            'last(nova.service.up) < 1', match_by=('service', 'host')
        )
        self.add_window(servers=(self.server.uuid,))
        for host in ('ctl-01', 'ctl-02'):
            self.write(teller, 0, 'nova.service.up', service=host, host=host)
            self.poke('nova.service.up')
        self.evaluator.work()
        self.assertEqual(2, len(self.alarms()))
        self.assertEqual([('ctl-02', 'ALARM')], self.told())


class TenantsTests(Windows):
    """What projects see, are paged of, and may mute."""

    def setUp(self):
        super().setUp()
        self.theirs = self.add_server('vm-01', project_id='p1')
        for project in (scene.PROJECT, 'p1', 'p2'):
            self.add_channel(project_id=project, name=project)

    def paged(self):
        return sorted(
            (one.channel.name, one.alarm.project_id) for one in self.outbox()
        )

    def both(self, value=0):
        self.say(value, server=self.server)
        self.say(value, server=self.theirs)

    def test_a_built_in_s_alarm_goes_to_its_server_s_project(self):
        self.both()
        self.assertEqual(
            [('p1', 'p1'), (scene.PROJECT, scene.PROJECT)], self.paged()
        )

    def test_a_project_s_window_mutes_its_own(self):
        self.add_window(project_id='p1')
        self.both()
        self.assertEqual([(scene.PROJECT, scene.PROJECT)], self.paged())

    def test_the_cloud_s_own_window_does_not_mute_projects(self):
        self.add_window(project_id=scene.PROJECT)
        self.both()
        self.assertEqual([('p1', 'p1')], self.paged())

    def test_a_window_for_all_mutes_all(self):
        self.add_window(project_id=None)
        self.both()
        self.assertEqual(2, len(self.alarms()))
        self.assertEqual([], self.paged())

    def test_naming_another_s_server_does_not_help(self):
        self.add_window(project_id='p1', servers=(self.server.uuid,))
        self.both()
        self.assertEqual(2, len(self.paged()))

    def test_a_project_s_definition_sees_its_own_samples(self):
        for text in (
            'last(process.up) <= 0',
            'count(process.up, 60) >= 1',
            'share(last(process.up) < 1 by server) > 40 %',
        ):
            self.add_definition(
                text, project_id='p2', match_by=(), name=f'p2 {text}'
            )
            self.add_definition(
                text, project_id='p1', match_by=(), name=f'p1 {text}'
            )
        self.both()
        self.assertEqual(
            ['p1'] * 3,
            [
                one.project_id
                for one in self.alarms()
                if one.definition.project_id
            ],
        )

    def test_silence_of_others_is_not_seen(self):
        self.add_definition(
            'last(agent.silence) > 35', 'gauge', ('server',), project_id='p1'
        )
        for server in (self.server, self.theirs):
            self.seen(server, ago=100)
        self.evaluator.work()
        self.assertEqual(
            ['vm-01'], [one.server.hostname for one in self.alarms()]
        )


class DisabledTests(Windows):
    """Operators disable what they are to work on."""

    implies = True

    def setUp(self):
        super().setUp()
        self.conf.set_override(
            'disabled_implies_maintenance', self.implies, 'evaluator'
        )
        self.conf.set_override('service_project_id', scene.PROJECT)
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        registration = model.Registration(cloud.SERVER, 'e', cloud.HOSTNAME)
        with self.database.writer() as session:
            self.cloud = servers.hold(
                session, registration, scene.PROJECT, self.now()
            )
        self.add_channel()

    def tell(self, **reasons):
        """What Nova says of its services on ctl-01."""
        statuses = [
            model.ServiceStatus(
                cloud.service_name(name.replace('_', '-'), 'ctl-01'),
                model.ServiceState.UP,
                1.0,
                reason=reason,
            )
            for name, reason in reasons.items()
        ]
        with self.database.writer() as session:
            services.apply(session, self.cloud.id, statuses, True, self.now())

    def ledger(self):
        with self.database.reader() as session:
            found = ledger.of_server(
                session, ledger.MODES, self.server.id, 0.0, self.now() + 9
            )
        return {
            name: [str(mode) for _, mode in changes]
            for name, changes in found.items()
        }

    def test_one_that_is_disabled(self):
        other = self.add_server('ctl-01', project_id='p1')
        self.add_channel(project_id='p1')
        self.tell(nova_compute=cloud.disabled('CHG-1'), nova_api='')
        self.say(0, 'nova-compute')
        self.say(0, 'nova-api')
        self.assertEqual([('nova-api', 'ALARM')], self.told())
        self.say(0, 'nova-compute', other)
        self.assertEqual(('nova-compute', 'ALARM'), self.told()[-1])
        self.tell(nova_compute='')
        self.say(0, 'nova-compute')
        self.assertEqual(3, len(self.told()))
        self.assertEqual(
            {'nova-compute': ['maintenance', 'active']}, self.ledger()
        )

    def test_one_that_disabled_itself(self):
        self.tell(nova_compute=cloud.disabled('AUTO: Connection to libvirt'))
        self.say(0, 'nova-compute')
        self.assertEqual([('nova-compute', 'ALARM')], self.told())
        self.assertEqual({}, self.ledger())

    def test_two_evaluators_keep_one_ledger(self):
        self.tell(nova_compute=cloud.disabled(None))
        self.say(0, 'nova-compute')
        another = service.Evaluator(self.conf, self.database, self.storage)
        self.poke()
        another.work()
        self.assertEqual([], self.told())
        self.assertEqual({'nova-compute': ['maintenance']}, self.ledger())

    def test_it_ends_with_the_option(self):
        self.tell(nova_compute=cloud.disabled(None))
        self.say(0, 'nova-compute')
        self.conf.set_override(
            'disabled_implies_maintenance', False, 'evaluator'
        )
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        self.say(0, 'nova-compute')
        self.assertEqual([('nova-compute', 'ALARM')], self.told())
        self.assertEqual(
            {'nova-compute': ['maintenance', 'active']}, self.ledger()
        )

    def test_a_part_of_one(self):
        volume = 'cinder-volume@ctl-01@'
        for reason, expected in (
            (cloud.disabled('x'), []),
            ('', [('cinder-volume', 'ALARM')]),
        ):
            with self.database.writer() as session:
                services.apply(
                    session,
                    self.cloud.id,
                    [
                        model.ServiceStatus(
                            f'{volume}lvm',
                            model.ServiceState.UP,
                            1.0,
                            reason=cloud.disabled('x'),
                        ),
                        model.ServiceStatus(
                            f'{volume}ceph',
                            model.ServiceState.UP,
                            1.0,
                            reason=reason,
                        ),
                    ],
                    True,
                    self.now(),
                )
            self.say(0, 'cinder-volume')
            self.assertEqual(expected, self.told())


class TestWindowsOnSqlite(WindowsTests, databases.SqliteTestCase):
    pass


class TestWindowsOnMysql(WindowsTests, databases.MysqlTestCase):
    pass


class TestWindowsOnPostgresql(WindowsTests, databases.PostgresqlTestCase):
    pass


class TestDisabledOnSqlite(DisabledTests, databases.SqliteTestCase):
    pass


class TestDisabledOnMysql(DisabledTests, databases.MysqlTestCase):
    pass


class TestDisabledOnPostgresql(DisabledTests, databases.PostgresqlTestCase):
    pass


class TestTenants(TenantsTests, databases.SqliteTestCase):
    pass
