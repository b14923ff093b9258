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
from sentinella.db import alarms
from sentinella.db import episodes
from sentinella.db import log_events
from sentinella.db import overview
from sentinella.db import servers
from sentinella.db import services
from tests import databases
from tests.functional.db import things

NOW = things.NOW
OK, ALARM, UNDETERMINED = model.AlarmState
OPEN, ACKNOWLEDGED, RESOLVED = model.Lifecycle
CRITICAL, MAJOR, WARNING, INFO = model.Severity


class OverviewTests:
    def setUp(self):
        super().setUp()
        with self.database.writer() as session:
            self.one = things.server(session, 'ctl-01', 'alpha')
            self.other = things.server(session, 'ctl-02', 'beta')
            self.definition = things.definition(session)

    def alarm(self, session, server=None, **kwargs):
        server = server or self.one
        group = {'server': server.uuid, 'number': things.uuid()}
        kwargs = {'project_id': server.project_id, 'group': group, **kwargs}
        return things.alarm(session, self.definition, server, **kwargs)

    def event(self, at, level='ERROR', count=1):
        return model.LogEvent(at, 'nova-api', level, 'x', 'm', count=count)

    def test_services_by_project_state_and_silence(self):
        up, down, _ = model.ServiceState
        with self.database.writer() as session:
            for server, silence in ((self.one, 1.0), (self.other, 36.0)):
                statuses = [
                    things.status('nova-api', up, project='nova'),
                    things.status('nova-compute', up, project='nova'),
                    things.status('glance-api', down, project='glance'),
                ]
                services.apply(session, server.id, statuses, True, NOW)
                servers.accept(session, {server.id: 1}, NOW - silence)
        mine = [('glance', down, False, 1), ('nova', up, False, 2)]
        theirs = [('glance', down, True, 1), ('nova', up, True, 2)]
        with self.database.reader() as session:
            for project_id, expected in (
                ('alpha', mine),
                ('beta', theirs),
                ('gamma', []),
                (None, mine + theirs),
            ):
                found = overview.count_services(session, NOW, project_id)
                self.assertCountEqual(expected, found)

    def test_a_server_that_never_reported_is_silent_after_a_while(self):
        with self.database.writer() as session:
            services.apply(session, self.one.id, [things.status()], True, NOW)
        with self.database.reader() as session:
            for now, silent in ((NOW + 34.0, False), (NOW + 36.0, True)):
                ((_, _, found, _),) = overview.count_services(session, now)
                self.assertEqual(silent, found)

    def test_what_is_open(self):
        with self.database.writer() as session:
            self.alarm(session)
            self.alarm(session, state=UNDETERMINED)
            self.alarm(session, lifecycle=ACKNOWLEDGED, severity=INFO)
            self.alarm(session, state=OK, lifecycle=RESOLVED)
            self.alarm(session, lifecycle=RESOLVED)
            self.alarm(session, self.other)
        mine = [(MAJOR, OPEN, 2), (INFO, ACKNOWLEDGED, 1)]
        everything = [(MAJOR, OPEN, 3), (INFO, ACKNOWLEDGED, 1)]
        with self.database.reader() as session:
            for args, expected in (
                ((), everything),
                (('alpha',), mine),
                ((None, self.one.id), mine),
                (('beta', self.one.id), []),
            ):
                found = overview.count_alarms(session, *args)
                self.assertCountEqual(expected, found)
            ids = {self.one.id, self.other.id}
            self.assertEqual(ids, overview.alarmed(session))
            self.assertEqual(
                {self.other.id}, overview.alarmed(session, 'beta')
            )

    def test_the_worst_first(self):
        with self.database.writer() as session:
            expected = [
                self.alarm(session, severity=severity, **kwargs).uuid
                for severity, kwargs in (
                    (CRITICAL, {'changed_at': NOW + 1}),
                    (CRITICAL, {}),
                    (
                        CRITICAL,
                        {'lifecycle': ACKNOWLEDGED, 'changed_at': NOW + 2},
                    ),
                    (MAJOR, {'changed_at': NOW + 3}),
                    (WARNING, {}),
                    (INFO, {}),
                )
            ]
            self.alarm(session, state=OK, severity=CRITICAL)
        with self.database.reader() as session:
            for limit in (1, 4, 10):
                found = [one.uuid for one in overview.worst(session, limit)]
                self.assertEqual(expected[:limit], found)
            self.assertEqual([], overview.worst(session, 9, 'beta'))
            (first, *_) = overview.worst(session, 9, 'alpha', self.one.id)
            self.assertEqual(self.one, first.server)

    def test_what_is_closed(self):
        with self.database.writer() as session:
            old = {'lifecycle': RESOLVED, 'last_at': NOW - 11}
            new = {'lifecycle': RESOLVED, 'last_at': NOW - 9}
            self.alarm(session, **old)
            expected = [
                self.alarm(session, **new).uuid,
                self.alarm(session, state=OK, **new).uuid,
            ]
            self.alarm(session)
            self.alarm(session, self.other, **new)
        ask = self.one.id, NOW - 10, 10
        with self.database.reader() as session:
            found = [one.uuid for one in overview.closed(session, *ask)]
            self.assertEqual(expected[::-1], found)
            self.assertEqual([], overview.closed(session, *ask, 'beta'))

    def test_since_when_it_goes_on(self):
        with self.database.writer() as session:
            known, unknown = self.alarm(session), self.alarm(session)
            for number, (before, after) in enumerate(
                ((OK, ALARM), (ALARM, OK), (OK, ALARM), (ALARM, UNDETERMINED))
            ):
                alarms.add_transition(
                    session,
                    known,
                    model.Transition(
                        things.uuid(), NOW + number, before, after, ''
                    ),
                )
        with self.database.reader() as session:
            found = episodes.begun(session, [known, unknown])
            self.assertEqual({}, episodes.begun(session, []))
        self.assertEqual({known.id: NOW + 2, unknown.id: NOW}, found)

    def test_log_events_by_level(self):
        with self.database.writer() as session:
            log_events.add(
                session,
                [
                    (self.one.id, self.event(NOW - 1)),
                    (self.one.id, self.event(NOW, count=4)),
                    (self.one.id, self.event(NOW, 'WARNING')),
                    (self.other.id, self.event(NOW)),
                ],
            )
        with self.database.reader() as session:
            for project_id, expected in (
                (None, {'ERROR': 5, 'WARNING': 1}),
                ('alpha', {'ERROR': 4, 'WARNING': 1}),
                ('gamma', {}),
            ):
                found = overview.count_log_events(session, NOW, project_id)
                self.assertEqual(expected, found)

    def test_log_events_by_hour(self):
        at = [0, 3599.5, 3600, 3 * 3600 - 0.5, 3 * 3600, -1]
        with self.database.writer() as session:
            events = [(self.one.id, self.event(NOW + one)) for one in at]
            events.append((self.one.id, self.event(NOW, 'CRITICAL', 7)))
            events.append((self.other.id, self.event(NOW)))
            log_events.add(session, events)
        with self.database.reader() as session:
            found = overview.log_events_by_hour(session, self.one.id, NOW, 3)
        self.assertCountEqual(
            [
                (0, 'ERROR', 2),
                (0, 'CRITICAL', 7),
                (1, 'ERROR', 1),
                (2, 'ERROR', 1),
            ],
            found,
        )


class TestOverviewOnSqlite(OverviewTests, databases.SqliteTestCase):
    pass


class TestOverviewOnMysql(OverviewTests, databases.MysqlTestCase):
    pass


class TestOverviewOnPostgresql(OverviewTests, databases.PostgresqlTestCase):
    pass
