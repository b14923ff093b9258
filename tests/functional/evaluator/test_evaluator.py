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

import fixtures
from oslo_config import fixture as config_fixture

from sentinella import model
from sentinella.db import alarms
from sentinella.db import definitions
from sentinella.db import notifications
from sentinella.db import servers
from sentinella.evaluator import service
from sentinella.rpc import evaluator as rpc
from sentinella.rpc import transport as bus
from sentinella.storage import base as storage
from tests import databases
from tests import processes
from tests.functional.evaluator import scene


class EvaluatorTests(scene.Scene):
    """One evaluator, asked to work step by step."""

    def setUp(self):
        super().setUp()
        self.woken = 0
        self.evaluator = self.make_evaluator()
        self.server = self.add_server('ctl-01')

    def make_evaluator(self, **kwargs):
        return service.Evaluator(
            self.conf, self.database, self.storage, notify=self.wake, **kwargs
        )

    def wake(self):
        self.woken += 1

    def say(self, value, service='nova-api', **kwargs):
        """Have a service's state evaluated."""
        self.write(self.server, value, service=service, **kwargs)
        self.poke()
        while self.evaluator.work():
            pass

    def told(self):
        return [
            (one.channel.name, str(one.transition.to_state))
            for one in self.outbox()
        ]

    def test_an_alarm_from_its_birth_to_its_end(self):
        self.add_definition('last(process.up) < 1')
        self.add_channel(name='a')
        self.say(1)
        self.assertEqual([], self.alarms())
        self.say(0)
        (alarm,) = self.alarms()
        self.assertEqual(
            ('ALARM', 'OPEN', 1, 'ctl-01', scene.PROJECT, 0.0),
            (
                alarm.state,
                alarm.lifecycle,
                alarm.count,
                alarm.server.hostname,
                alarm.project_id,
                alarm.value,
            ),
        )
        self.assertEqual(
            {'server': self.server.uuid, 'service': 'nova-api'}, alarm.group
        )
        self.assertEqual('ALARM', alarm.notified_state)
        self.say(0)
        self.say(1)
        (alarm,) = self.alarms()
        self.assertEqual(('OK', 'RESOLVED'), (alarm.state, alarm.lifecycle))
        self.assertEqual(['ALARM', 'OK'], self.transitions(alarm))
        self.assertEqual([('a', 'ALARM'), ('a', 'OK')], self.told())
        self.assertEqual(2, self.woken)
        self.assertEqual(0, self.evaluator.failures)

    def test_nobody_is_paged_for_what_was_just_put_into_maintenance(self):
        self.add_definition('last(process.up) < 1')
        self.add_channel(name='a')
        self.say(1)
        with self.database.writer() as session:
            servers.set_(
                session, self.server.uuid, mode=model.Mode.MAINTENANCE
            )
        self.say(0)
        (alarm,) = self.alarms()
        self.assertEqual(('ALARM', None), (alarm.state, alarm.notified_state))
        self.assertEqual([], self.told())

    def test_a_server_that_comes_between_two_passes(self):
        self.add_definition('last(process.up) < 1')
        self.say(1)
        later = self.add_server('ctl-02')
        self.write(later, 0, service='nova-api')
        self.say(1)
        (alarm,) = self.alarms()
        self.assertEqual('ctl-02', alarm.server.hostname)

    def test_only_what_is_due_is_evaluated(self):
        self.add_definition('last(process.up) < 1')
        self.assertEqual(1, self.evaluator.work())
        self.assertEqual(0, self.evaluator.work())
        self.assertEqual(0, self.poke('another.metric'))
        self.assertEqual(1, self.poke())
        self.assertEqual(1, self.evaluator.work())

    def test_channels_of_other_projects_and_of_worse_alarms(self):
        self.add_definition(
            'last(process.up) < 1', severity=model.Severity.WARNING
        )
        self.add_channel(name='a')
        self.add_channel(name='b', project_id='other')
        self.add_channel(name='c', min_severity=model.Severity.MAJOR)
        self.add_channel(name='d', enabled=False)
        self.say(0)
        self.assertEqual([('a', 'ALARM')], self.told())

    def test_a_project_s_definition_reads_its_own_servers(self):
        other = self.add_server('vm-01', project_id='p1')
        self.add_definition('last(process.up) < 1', project_id='p1')
        self.write(other, 0, service='nova-api')
        self.say(0)
        self.assertEqual(
            [('vm-01', 'p1')],
            [(a.server.hostname, a.project_id) for a in self.alarms()],
        )

    def test_an_alarm_about_no_server_belongs_to_the_cloud(self):
        self.add_definition('last(process.up) < 1', match_by=('service',))
        self.add_channel(name='a')
        self.say(0)
        (alarm,) = self.alarms()
        self.assertIsNone(alarm.server)
        self.assertEqual(self.conf.service_project_id, alarm.project_id)
        self.assertEqual([('a', 'ALARM')], self.told())

    def test_silence_is_told_by_the_server_side(self):
        self.add_definition('last(agent.silence) > 35', 'gauge', ('server',))
        self.seen(self.server, ago=30)
        self.evaluator.work()
        self.assertEqual([], self.alarms())
        self.seen(self.server, ago=40)
        self.poke('agent.silence')
        self.evaluator.work()
        (alarm,) = self.alarms()
        self.assertEqual('ALARM', alarm.state)
        self.assertAlmostEqual(40, alarm.value, delta=2)
        self.seen(self.server)
        self.poke('agent.silence')
        self.evaluator.work()
        (alarm,) = self.alarms()
        self.assertEqual('OK', alarm.state)

    def test_a_dead_agent_s_alarm_is_undetermined_and_not_recovered(self):
        self.add_definition('last(process.up, 300) < 1')
        self.add_channel(name='a')
        self.conf.set_override('silent_after', 2.0, 'evaluator')
        self.say(0)
        later = service.Evaluator(
            self.conf, self.database, _Later(self.storage, 40)
        )
        self.poke()
        later.work()
        (alarm,) = self.alarms()
        self.assertEqual(
            ('UNDETERMINED', 'OPEN'), (alarm.state, alarm.lifecycle)
        )
        self.assertIn('old', alarm.reason)
        self.assertEqual([('a', 'ALARM')], self.told())

    def test_maintenance(self):
        self.add_definition('last(process.up) < 1')
        self.add_channel(name='a')
        self.set_mode(self.server, 'maintenance')
        self.say(0)
        (alarm,) = self.alarms()
        self.assertEqual('ALARM', alarm.state)
        self.assertEqual([], self.told())
        self.set_mode(self.server, 'active')
        self.say(0)
        self.say(0)
        self.assertEqual([('a', 'ALARM')], self.told())
        (alarm,) = self.alarms()
        self.assertEqual(['ALARM'], self.transitions(alarm))

    def test_a_recovery_during_maintenance_is_told_after_it(self):
        self.add_definition('last(process.up) < 1')
        self.add_channel(name='a')
        self.say(0)
        self.set_mode(self.server, 'maintenance')
        self.say(1)
        (alarm,) = self.alarms()
        self.assertEqual(('OK', 'RESOLVED'), (alarm.state, alarm.lifecycle))
        self.assertEqual([('a', 'ALARM')], self.told())
        self.set_mode(self.server, 'active')
        self.say(1)
        self.say(1)
        self.assertEqual([('a', 'ALARM'), ('a', 'OK')], self.told())

    def test_one_that_comes_back_is_the_same_alarm(self):
        self.add_definition('last(process.up) < 1')
        self.add_channel(name='a')
        for up in (0, 1, 1, 0):
            self.say(up)
        (alarm,) = self.alarms()
        self.assertEqual(
            ('ALARM', 'OPEN', 2),
            (
                alarm.state,
                alarm.lifecycle,
                alarm.count,
            ),
        )
        self.assertEqual(['ALARM', 'OK', 'ALARM'], self.transitions(alarm))
        self.assertEqual(
            [('a', 'ALARM'), ('a', 'OK'), ('a', 'ALARM')], self.told()
        )

    def test_blackout(self):
        self.add_definition('last(process.up) < 1')
        self.add_channel(name='a')
        self.say(0)
        self.set_mode(self.server, 'blackout')
        self.say(0, 'nova-scheduler')
        self.say(1)
        self.assertEqual([('a', 'ALARM'), ('a', 'OK')], self.told())

    def test_a_page_waits_for_the_first_channel(self):
        self.add_definition('last(process.up) < 1')
        self.say(0)
        self.say(0, 'nova-scheduler')
        self.say(1, 'nova-scheduler')
        self.add_channel(name='a')
        self.say(0)
        self.assertEqual([('a', 'ALARM')], self.told())

    def test_what_people_did_is_kept(self):
        self.add_definition('last(process.up) < 1')
        self.say(0)
        (alarm,) = self.alarms()
        with self.database.writer() as session:
            alarms.acknowledge(session, alarm.uuid, 'u', 'n', self.now())
        self.say(0)
        (alarm,) = self.alarms()
        self.assertEqual(
            ('ACKNOWLEDGED', 'u', 'n'),
            (alarm.lifecycle, alarm.acknowledged_by, alarm.note),
        )

    def test_a_broken_definition_does_not_stop_the_others(self):
        log = self.useFixture(fixtures.FakeLogger('sentinella.service'))
        broken = self.add_definition('last(process.up <', name='broken')
        self.add_definition('last(process.up) < 1')
        self.poke('broken')
        self.say(0)
        self.assertEqual(1, len(self.alarms()))
        self.assertEqual(1, self.evaluator.failures)
        self.release(broken)
        self.evaluator.work()
        self.assertEqual(2, self.evaluator.failures)
        (line,) = log.output.splitlines()
        self.assertIn("Alarm definition 'broken' failed", line)
        self.assertIn('column 17: expected ")"', line)

    def test_a_storage_that_fails_stops_only_who_reads_it(self):
        log = self.useFixture(fixtures.FakeLogger('sentinella.service'))
        self.add_definition('last(process.up) < 1')
        self.add_definition('last(agent.silence) > 35', 'gauge', ('server',))
        self.seen(self.server, ago=40)
        broken = service.Evaluator(self.conf, self.database, _Broken())
        broken.work()
        self.assertEqual(1, broken.failures)
        self.assertEqual(1, len(self.alarms()))
        self.assertIn('OSError: disk on fire', log.output)

    def release(self, definition):
        """Make due what a failure left claimed."""
        with self.database.writer() as session:
            definitions.update(session, definition, {'broken'}, self.now())

    def test_who_lost_the_claim_stores_nothing(self):
        log = self.useFixture(fixtures.FakeLogger('sentinella.evaluator'))
        definition = self.add_definition('last(process.up) < 1')
        self.write(self.server, 0, service='nova-api')
        slow = service.Evaluator(
            self.conf,
            self.database,
            _Meanwhile(self.storage, lambda: self.release(definition)),
        )
        slow.work()
        self.assertEqual([], self.alarms())
        self.assertIn('was lost; nothing of it was stored', log.output)
        self.evaluator.work()
        self.assertEqual(1, len(self.alarms()))

    def test_a_crash_between_leaves_no_half(self):
        """All of a transaction, or nothing of it."""
        self.add_definition('last(process.up) < 1')
        self.add_channel(name='a')
        self.write(self.server, 0, service='nova-api')
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.db.notifications.rows.insert', _fail_late()
            )
        )
        self.evaluator.work()
        self.assertEqual(1, self.evaluator.failures)
        self.assertEqual([], self.alarms())
        self.assertEqual([], self.outbox())


class _Asked:
    """A storage that keeps nothing in memory."""

    def recent(self):
        return storage.Recent(self)


class _Later(_Asked):
    """A storage whose samples are older than they were."""

    def __init__(self, storage, seconds):
        self._storage = storage
        self._seconds = seconds

    def windows(self, *args):
        found = self._storage.windows(*args)
        for window in found.values():
            window.times[:] -= self._seconds
        return found


class _Broken(_Asked):
    def windows(self, *args):
        raise OSError('disk on fire')


class _Meanwhile(_Asked):
    """A storage that takes so long that something happens meanwhile."""

    def __init__(self, storage, happen):
        self._storage = storage
        self._happen = happen

    def windows(self, *args):
        self._happen()
        return self._storage.windows(*args)


def _fail_late():
    insert = notifications.rows.insert

    def fail(session, table, values, name):
        if table is notifications.TABLE:
            raise OSError('power cut')
        return insert(session, table, values, name)

    return fail


class TestOnSqlite(EvaluatorTests, databases.SqliteTestCase):
    def test_a_poke_through_the_bus_wakes_it(self):
        # oslo.messaging has options that exist only there
        conf = self.useFixture(config_fixture.Config()).conf
        conf([], default_config_files=[])
        transport = bus.get_transport(conf, bus.IN_PROCESS)
        self.add_definition('last(process.up) < 1')
        evaluator = self.make_evaluator(transport=transport)
        evaluator.start()
        self.addCleanup(evaluator.stop)
        self.write(self.server, 0, service='nova-api')
        self.poke()
        client = rpc.EvaluatorClient(transport)
        (alarm,) = processes.wait_for(
            lambda: client.wake() or self.alarms(), 'an alarm', seconds=5
        )
        self.assertEqual('ALARM', alarm.state)


class TestOnMysql(EvaluatorTests, databases.MysqlTestCase):
    pass


class TestOnPostgresql(EvaluatorTests, databases.PostgresqlTestCase):
    pass
