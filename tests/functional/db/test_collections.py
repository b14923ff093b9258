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

"""What the collections keep, find and refuse, on all three databases."""

import dataclasses
import math
import threading

import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import log_events
from sentinella.db import models
from sentinella.db import notifications
from sentinella.db import servers
from sentinella.db import services
from tests import databases
from tests.functional.db import things

NOW = things.NOW
UP = model.ServiceState.UP
DOWN = model.ServiceState.DOWN


class CollectionTests:
    def setUp(self):
        super().setUp()
        writer = self.database.writer()
        self.session = writer.__enter__()
        self.addCleanup(writer.__exit__, None, None, None)

    def refused(self, error, function, *args, **kwargs):
        """Call a collection's function that is to raise `error`.

        :returns: what it says
        """

        def attempt():
            with self.session.begin_nested():
                function(*args, **kwargs)

        return str(self.assertRaises(error, attempt))

    def pages(self, list_, marker_of, **filters):
        """All pages of a list, two at a time."""
        found, marker = [], None
        while True:
            page = list_(self.session, limit=2, marker=marker, **filters)
            found.append(page)
            if len(page) < 2:
                return found
            marker = marker_of(page[-1])

    def all_pages(self, list_, marker_of, **filters):
        return [x for p in self.pages(list_, marker_of, **filters) for x in p]

    def uuids(self, list_, **filters):
        return [x.uuid for x in list_(self.session, limit=100, **filters)]

    # clock

    def test_the_clock_is_ours_within_reason(self):
        first = clock.read(self.session)
        self.assertIs(float, type(first))
        self.assertLess(abs(first - 1.8e9), 1e9)
        self.assertLessEqual(first, clock.read(self.session))

    def test_the_clock_is_utc_whatever_the_session_thinks(self):
        dialect = self.session.get_bind().dialect.name
        before = clock.read(self.session)
        if dialect != 'sqlite':
            statement = {
                'mysql': "SET time_zone = '-08:00'",
                'postgresql': "SET TIME ZONE '-08:00'",
            }[dialect]
            self.session.execute(sa.text(statement))
        self.assertLess(abs(clock.read(self.session) - before), 60)

    # servers

    def test_a_registration_becomes_a_server(self):
        registration = things.registration(
            cloud_group='east',
            location='rack 4',
            agent_version='1.2',
            interval=5.0,
            facts={'cpu': 4, 'disks': ['sda'], 'ü': None},
        )
        server = things.register(self.session, registration, 'p')
        self.assertEqual(
            model.Server(
                id=server.id,
                uuid=registration.server,
                hostname='ctl-01',
                project_id='p',
                cloud_group='east',
                location='rack 4',
                facts=registration.facts,
                agent_version='1.2',
                interval=5.0,
                epoch='e1',
                created_at=NOW,
            ),
            server,
        )
        self.assertEqual(server, servers.get(self.session, server.uuid))
        self.assertEqual([server], servers.all_(self.session))
        self.assertEqual(
            [
                dataclasses.replace(
                    server, facts={}, location='', agent_version=''
                )
            ],
            servers.watched(self.session),
        )
        self.assertEqual(
            {server.id: registration.facts}, servers.facts(self.session)
        )

    def test_another_registration_keeps_what_an_operator_set(self):
        server = things.server(self.session, cloud_group='east')
        servers.set_(
            self.session,
            server.uuid,
            mode=model.Mode.MAINTENANCE,
            cloud_group='west',
        )
        servers.accept(self.session, {server.id: 7}, NOW)
        registration = things.registration(
            'new-name', server=server.uuid, cloud_group='east', location='r1'
        )
        again = things.register(self.session, registration, 'p')
        self.assertEqual(
            ('new-name', 'west', 'r1', model.Mode.MAINTENANCE, 7, NOW, 'p'),
            (
                again.hostname,
                again.cloud_group,
                again.location,
                again.mode,
                again.sequence,
                again.created_at,
                again.project_id,
            ),
        )
        self.assertEqual(again, servers.get(self.session, server.uuid))

    def test_another_epoch_begins_at_sequence_zero(self):
        server = things.server(self.session)
        servers.accept(self.session, {server.id: 7}, NOW)
        renewed = dataclasses.replace(
            things.registration(server=server.uuid), epoch='e2'
        )
        again = things.register(self.session, renewed)
        self.assertEqual(('e2', 0), (again.epoch, again.sequence))

    def test_accepted_reports(self):
        one, two, other = (
            things.server(self.session, name) for name in ('a', 'b', 'c')
        )
        servers.accept(self.session, {one.id: 3, two.id: 4}, NOW + 1)
        servers.correct(self.session, [(one.id, -2.5, 7)])
        servers.correct(self.session, [(one.id, -2.0, 1)])
        servers.accept(self.session, {}, NOW + 2)
        servers.correct(self.session, [])
        found = servers.lock(self.session, [one.uuid, two.uuid, things.uuid()])
        self.assertEqual(
            {
                one.uuid: dataclasses.replace(
                    one,
                    sequence=3,
                    last_report_at=NOW + 1,
                    clock_offset=-2.0,
                    dropped=8,
                ),
                two.uuid: dataclasses.replace(
                    two, sequence=4, last_report_at=NOW + 1
                ),
            },
            found,
        )
        self.assertEqual(other, servers.get(self.session, other.uuid))
        self.assertEqual({}, servers.lock(self.session, []))

    def test_a_project_sees_its_own_servers(self):
        mine = things.server(self.session, 'a', 'mine')
        theirs = things.server(self.session, 'b', 'theirs')
        self.assertEqual(
            [mine.uuid], self.uuids(servers.list_, project_id='mine')
        )
        self.assertEqual([mine.uuid, theirs.uuid], self.uuids(servers.list_))
        for function in (servers.get, servers.set_):
            self.refused(
                exceptions.NotFound,
                function,
                self.session,
                theirs.uuid,
                'mine',
            )
        self.refused(
            exceptions.NotFound,
            servers.delete,
            self.session,
            theirs.uuid,
            NOW + 9999,
            'mine',
        )

    def test_servers_by_what_they_are(self):
        one = things.server(self.session, 'a', cloud_group='east')
        two = things.server(self.session, 'b')
        servers.set_(self.session, two.uuid, mode=model.Mode.BLACKOUT)
        for filters, expected in (
            ({'hostname': 'a'}, [one]),
            ({'hostname': 'A'}, []),
            ({'mode': model.Mode.BLACKOUT}, [two]),
            ({'cloud_group': 'east'}, [one]),
            ({'cloud_group': ''}, [two]),
            ({'cloud_group': 'east', 'hostname': 'b'}, []),
        ):
            self.assertEqual(
                [server.uuid for server in expected],
                self.uuids(servers.list_, **filters),
                filters,
            )

    def test_pages_of_servers(self):
        made = [
            things.server(self.session, hostname)
            for hostname in ('b', 'a', 'c', 'a', 'a')
        ]
        expected = sorted(made, key=lambda s: (s.hostname, s.id))
        found = self.all_pages(servers.list_, lambda s: s.uuid)
        self.assertEqual(expected, found)

    def test_an_unknown_marker(self):
        for list_ in (
            servers.list_,
            services.list_,
            log_events.list_,
            definitions.list_,
            alarms.list_,
            channels.list_,
            notifications.list_,
        ):
            for marker in ('nonsense', '17', '9' * 30, "'; --", 'a/b'):
                said = self.refused(
                    exceptions.InvalidInput,
                    list_,
                    self.session,
                    limit=1,
                    marker=marker,
                )
                self.assertIn(marker, said)

    def test_a_server_that_reports_is_not_deleted(self):
        server = things.server(self.session)
        said = self.refused(
            exceptions.Conflict,
            servers.delete,
            self.session,
            server.uuid,
            NOW + 599.5,
        )
        self.assertIn('try again in 1 s', said)
        servers.accept(self.session, {server.id: 1}, NOW + 300)
        self.refused(
            exceptions.Conflict,
            servers.delete,
            self.session,
            server.uuid,
            NOW + 800,
        )

    def test_all_of_a_server_goes_with_it(self):
        self.full_house()
        server = servers.all_(self.session)[0]
        self.session.execute(
            models.frames.insert(),
            [
                {'at': 1, 'server_id': id_, 'schema_id': 1, 'packed': b'x'}
                for id_ in (server.id, server.id + 1)
            ],
        )
        servers.delete(self.session, server.uuid, NOW + 600)
        counts = {
            table.name: self.session.scalar(
                sa.select(sa.func.count()).select_from(table)
            )
            for table in models.METADATA.sorted_tables
        }
        self.assertEqual(
            {
                'alarm_definition_metrics': 1,
                'alarm_definitions': 1,
                'alarms': 0,
                'channel_turns': 0,
                'channels': 1,
                'counters': 0,
                'events': 0,
                'frames': 1,
                'instances': 0,
                'leases': 0,
                'log_events': 0,
                'metric_names': 0,
                'metric_schemas': 0,
                'mode_changes': 0,
                'notification_attempts': 0,
                'notifications': 0,
                'servers': 0,
                'services': 0,
                'state_changes': 0,
                'transitions': 0,
                'windows': 0,
            },
            counts,
        )

    def full_house(self):
        """One of everything.

        :returns: the alarm, its transition, and the notification of it
        """
        server = things.server(self.session)
        services.apply(self.session, server.id, [things.status()], True, NOW)
        server = servers.set_(
            self.session, server.uuid, mode=model.Mode.BLACKOUT
        )
        log_events.add(
            self.session,
            [(server.id, model.LogEvent(NOW, 'nova-api', 'ERROR', 'm'))],
        )
        definition = things.definition(self.session)
        alarm = things.alarm(self.session, definition, server)
        transition = things.transition(self.session, alarm)
        channel = things.channel(self.session)
        (notification,) = notifications.add(
            self.session, alarm, transition, [channel], NOW
        )
        return alarm, transition, notification

    # services

    def test_services_come_change_and_go(self):
        server = things.server(self.session)

        def apply(*statuses, complete=False):
            return services.apply(
                self.session, server.id, statuses, complete, NOW + 5
            )

        def known():
            found = services.list_(self.session, limit=10)
            return {item.status.name: item.status for item in found}

        api = things.status(
            'nova-api',
            project='nova',
            pids=(7, 8),
            log_files=('/var/log/nova/api.log',),
            evidence='argv',
            reason='running',
            restarts=2,
        )
        undated = things.status('glance-api', since=0.0)
        self.assertEqual(
            [('nova-api', None, UP), ('glance-api', None, UP)],
            apply(api, undated, complete=True),
        )
        self.assertEqual(
            {
                'nova-api': api,
                'glance-api': dataclasses.replace(undated, since=NOW + 5),
            },
            known(),
        )
        self.assertEqual([], apply(api, undated, complete=True))
        more = dataclasses.replace(api, pids=(7, 9), restarts=3)
        self.assertEqual([], apply(more))
        self.assertEqual(more, known()['nova-api'])
        # as before that change: there is something to do all the same
        self.assertEqual([], apply(api, undated, complete=True))
        self.assertEqual(api, known()['nova-api'])
        down = dataclasses.replace(api, state=DOWN, pids=())
        self.assertEqual([('nova-api', UP, DOWN)], apply(down))
        self.assertEqual([('nova-api', DOWN, UP)], apply(api, complete=True))
        self.assertEqual({'nova-api': api}, known())
        self.assertEqual([], apply(complete=True))
        self.assertEqual({}, known())

    def test_a_batch_of_services_in_order(self):
        one = things.server(self.session, 'a')
        two = things.server(self.session, 'b')
        up, down = things.status(), things.status(state=DOWN)
        self.assertEqual(
            [
                (one.id, 'nova-api', None, UP),
                (two.id, 'nova-api', None, DOWN),
                (one.id, 'nova-api', UP, DOWN),
                (one.id, 'nova-api', DOWN, UP),
            ],
            services.apply_many(
                self.session,
                [
                    (one.id, [up], True),
                    (two.id, [down], False),
                    (one.id, [down], False),
                    (one.id, [up], True),
                ],
                NOW,
            ),
        )
        self.assertEqual([], services.apply_many(self.session, [], NOW))

    def test_an_endless_name_of_a_service(self):
        server = things.server(self.session)
        for name in ('x' * 300, 'x' * 300 + 'y'):
            services.apply(
                self.session, server.id, [things.status(name)], False, NOW
            )
        (found,) = services.list_(self.session, limit=10)
        self.assertEqual('x' * 255, found.status.name)

    def test_services_by_what_they_are(self):
        mine = things.server(self.session, 'a', 'mine')
        theirs = things.server(self.session, 'b', 'theirs')
        for server, state in ((mine, UP), (theirs, DOWN)):
            services.apply(
                self.session,
                server.id,
                [
                    things.status('nova-api', state, project='nova'),
                    things.status('glance-api', project='glance'),
                ],
                True,
                NOW,
            )

        def found(**filters):
            return [
                (item.server.hostname, item.status.name)
                for item in self.all_pages(
                    services.list_,
                    lambda s: f'{s.server.uuid}/{s.status.name}',
                    **filters,
                )
            ]

        a, b = ('a', 'nova-api'), ('b', 'nova-api')
        self.assertEqual(
            [('a', 'glance-api'), a, ('b', 'glance-api'), b], found()
        )
        self.assertEqual([a, b], found(name='nova-api'))
        self.assertEqual([b], found(state=DOWN))
        self.assertEqual([a, b], found(project='nova'))
        self.assertEqual([a], found(server=mine.uuid, name='nova-api'))
        self.assertEqual([b], found(name='nova-api', project_id='theirs'))

    # log events

    def log(self, *events):
        server = things.server(self.session)
        log_events.add(self.session, [(server.id, event) for event in events])
        return server

    def test_a_log_event_whatever_is_in_it(self):
        event = model.LogEvent(
            at=NOW,
            service='nova-api',
            level='ERROR',
            message='ünïcode \U0001f600 %s %(x)s \' " \\ :name',
            module='nova.api',
            request_id='req-1',
            traceback='Traceback\n  File "x"\n' * 20000,
            signature='lost-rabbit',
            count=3,
        )
        server = self.log(event)
        (found,) = log_events.list_(self.session, limit=10)
        self.assertEqual((server, event), (found.server, found.event))

    def test_a_log_event_that_no_column_would_take(self):
        event = model.LogEvent(
            at=NOW,
            service='s' * 300,
            level='CRITICAL' * 9,
            message='a\x00b\ud800c',
            module='m' * 300,
            request_id='r' * 300,
            traceback='\x00',
            signature='s' * 300,
        )
        self.log(event)
        (found,) = log_events.list_(self.session, limit=10)
        self.assertEqual('a\ufffdb?c', found.event.message)
        self.assertEqual('\ufffd', found.event.traceback)
        self.assertEqual('r' * 64, found.event.request_id)

    def test_log_events_by_what_they_are(self):
        server = self.log(
            model.LogEvent(NOW, 'nova-api', 'ERROR', '0', signature='s'),
            model.LogEvent(NOW + 2, 'nova-api', 'WARNING', '1'),
            model.LogEvent(NOW + 1, 'glance-api', 'ERROR', '2'),
            model.LogEvent(NOW + 1, 'glance-api', 'ERROR', '3'),
        )
        other = things.server(self.session, 'b', 'other')

        def found(**filters):
            return ''.join(
                item.event.message
                for item in self.all_pages(
                    log_events.list_, lambda e: str(e.id), **filters
                )
            )

        self.assertEqual('1320', found())
        self.assertEqual('10', found(service='nova-api'))
        self.assertEqual('320', found(level='ERROR'))
        self.assertEqual('0', found(signature='s'))
        self.assertEqual('132', found(since=NOW + 1))
        self.assertEqual('320', found(until=NOW + 2))
        self.assertEqual('1320', found(server=server.uuid))
        self.assertEqual('', found(server=other.uuid))
        self.assertEqual('', found(project_id='other'))

    def test_log_events_expire(self):
        self.log(
            *(model.LogEvent(NOW + i, 's', 'ERROR', str(i)) for i in range(7))
        )
        expire = log_events.expire
        self.assertEqual(3, expire(self.session, NOW + 5, limit=3))
        self.assertEqual(2, expire(self.session, NOW + 5, limit=3))
        self.assertEqual(0, expire(self.session, NOW + 5, limit=3))
        left = log_events.list_(self.session, limit=10)
        self.assertEqual(['6', '5'], [item.event.message for item in left])

    # alarm definitions

    def test_a_definition_is_kept_whole(self):
        made = things.definition(
            self.session,
            match_by=('server', 'mount'),
            description='d',
            cause='c',
            remedy='r ' * 9999,
            project_id='p',
            channels=('c1', 'c2'),
            enabled=False,
        )
        self.assertEqual((NOW, NOW), (made.created_at, made.updated_at))
        self.assertEqual(made, definitions.get(self.session, made.uuid))

    def test_a_name_is_one_definition_s_of_a_project(self):
        things.definition(self.session, 'cpu')
        things.definition(self.session, 'cpu', project_id='p')
        things.definition(self.session, 'CPU')
        other = things.definition(self.session, 'ram', project_id='p')
        for project_id in (None, 'p'):
            said = self.refused(
                exceptions.Conflict,
                things.definition,
                self.session,
                'cpu',
                project_id=project_id,
            )
            self.assertEqual("alarm definition 'cpu' exists already", said)
        self.refused(
            exceptions.Conflict,
            definitions.update,
            self.session,
            dataclasses.replace(other, name='cpu'),
            set(),
            NOW,
        )

    def test_a_project_sees_its_own_definitions_and_those_for_all(self):
        for_all = things.definition(self.session, 'a')
        mine = things.definition(self.session, 'b', project_id='mine')
        theirs = things.definition(self.session, 'c', project_id='theirs')
        self.assertEqual(
            [for_all.uuid, mine.uuid],
            self.uuids(definitions.list_, project_id='mine'),
        )
        definitions.get(self.session, for_all.uuid, 'mine')
        for function in (definitions.get, definitions.delete):
            self.refused(
                exceptions.NotFound,
                function,
                self.session,
                theirs.uuid,
                'mine',
            )

    def test_definitions_by_what_they_are(self):
        one = things.definition(self.session, 'a', enabled=False)
        two = things.definition(
            self.session,
            'b',
            type=model.ThresholdType.BINARY,
            severity=model.Severity.INFO,
        )
        for filters, expected in (
            ({'name': 'a'}, one),
            ({'enabled': False}, one),
            ({'enabled': True}, two),
            ({'type': model.ThresholdType.BINARY}, two),
            ({'severity': model.Severity.MAJOR}, one),
        ):
            self.assertEqual(
                [expected.uuid],
                self.uuids(definitions.list_, **filters),
                filters,
            )
        self.assertEqual(
            [one, two],
            self.all_pages(definitions.list_, lambda d: d.uuid),
        )

    def test_a_definition_is_replaced(self):
        made = things.definition(self.session)
        changed = dataclasses.replace(
            made, expression='avg(load.1m) > 3', id=0, created_at=0.0
        )
        updated = definitions.update(
            self.session, changed, {'load.1m'}, NOW + 1
        )
        self.assertEqual(
            dataclasses.replace(
                changed, id=made.id, created_at=NOW, updated_at=NOW + 1
            ),
            updated,
        )
        self.assertEqual(updated, definitions.get(self.session, made.uuid))
        self.assertEqual(
            ['load.1m'],
            self.session.scalars(
                sa.select(models.definition_metrics.c.metric)
            ).all(),
        )

    def test_a_built_in_definition_is_not_deleted(self):
        uuid = things.definition(self.session, 'a', builtin=True).uuid
        said = self.refused(
            exceptions.Conflict, definitions.delete, self.session, uuid
        )
        self.assertIn('disable it instead', said)

    def test_the_alarms_of_a_definition_go_with_it(self):
        alarm, _, _ = self.full_house()
        definitions.delete(self.session, alarm.definition.uuid)
        self.assertEqual([], alarms.list_(self.session, limit=1))
        self.assertEqual([], notifications.list_(self.session, limit=1))

    # alarms

    def test_an_alarm_is_kept_whole(self):
        server = things.server(self.session)
        definition = things.definition(self.session)
        made = things.alarm(
            self.session,
            definition,
            server,
            group={'server': server.uuid, 'mount': '/ü'},
            notified_state=model.AlarmState.ALARM,
            acknowledged_by='me',
            acknowledged_at=NOW,
            note='n',
        )
        self.assertEqual(made, alarms.get(self.session, made.uuid))
        self.assertEqual(
            [made], alarms.of_definition(self.session, definition)
        )
        changed = dataclasses.replace(
            made,
            state=model.AlarmState.OK,
            value=None,
            count=2,
            acknowledged_by=None,
        )
        alarms.save(self.session, changed)
        self.assertEqual(changed, alarms.get(self.session, made.uuid))

    def test_an_alarm_of_no_server(self):
        definition = things.definition(self.session)
        made = things.alarm(self.session, definition, None)
        self.assertEqual(made, alarms.get(self.session, made.uuid))
        self.assertIsNone(made.server)

    def test_a_value_that_is_no_number(self):
        server = things.server(self.session)
        definition = things.definition(self.session)
        for i, value in enumerate((math.nan, math.inf, -math.inf)):
            made = things.alarm(
                self.session, definition, server, group={'i': i}, value=value
            )
            things.transition(self.session, made)
            found = alarms.get(self.session, made.uuid)
            self.assertIsNone(found.value)

    def test_a_group_has_one_alarm(self):
        server = things.server(self.session)
        definition = things.definition(self.session)
        things.alarm(
            self.session, definition, server, group={'a': '1', 'b': '2'}
        )
        self.refused(
            exceptions.Conflict,
            things.alarm,
            self.session,
            definition,
            server,
            group={'b': '2', 'a': '1'},
        )

    def test_transitions_newest_first(self):
        alarm, first, _ = self.full_house()
        later = [
            things.transition(
                self.session, alarm, NOW + i, model.AlarmState.OK
            )
            for i in (1, 2, 2)
        ]

        def list_(session, **kwargs):
            return alarms.transitions(session, alarm.uuid, **kwargs)

        self.assertEqual(
            [*reversed(later), first],
            self.all_pages(list_, lambda t: t.uuid),
        )
        self.refused(
            exceptions.NotFound,
            alarms.transitions,
            self.session,
            alarm.uuid,
            'other',
            limit=1,
        )

    def test_alarms_by_what_they_are(self):
        one, _, _ = self.full_house()
        server = things.server(self.session, 'b')
        definition = things.definition(
            self.session, 'ram', severity=model.Severity.INFO
        )
        two = things.alarm(
            self.session,
            definition,
            server,
            state=model.AlarmState.OK,
            lifecycle=model.Lifecycle.RESOLVED,
            project_id='p',
            changed_at=NOW + 1,
        )
        for filters, expected in (
            ({}, [two, one]),
            ({'state': model.AlarmState.OK}, [two]),
            ({'lifecycle': model.Lifecycle.OPEN}, [one]),
            ({'severity': model.Severity.INFO}, [two]),
            ({'server': server.uuid}, [two]),
            ({'definition': one.definition.uuid}, [one]),
            ({'project_id': 'p'}, [two]),
        ):
            self.assertEqual(
                expected,
                self.all_pages(alarms.list_, lambda a: a.uuid, **filters),
                filters,
            )
        self.refused(
            exceptions.NotFound, alarms.get, self.session, one.uuid, 'p'
        )

    def test_an_alarm_is_acknowledged_once(self):
        alarm, _, _ = self.full_house()
        found = alarms.acknowledge(
            self.session, alarm.uuid, 'me', 'on it', NOW + 1
        )
        self.assertEqual(
            (model.Lifecycle.ACKNOWLEDGED, 'me', NOW + 1, 'on it'),
            (
                found.lifecycle,
                found.acknowledged_by,
                found.acknowledged_at,
                found.note,
            ),
        )
        self.assertEqual(found, alarms.get(self.session, alarm.uuid))
        said = self.refused(
            exceptions.Conflict,
            alarms.acknowledge,
            self.session,
            alarm.uuid,
            'you',
            None,
            NOW,
        )
        self.assertIn('acknowledged already', said)

    def test_an_alarm_is_resolved_once(self):
        alarm, _, _ = self.full_house()
        alarms.acknowledge(self.session, alarm.uuid, 'me', 'n', NOW + 1)
        found = alarms.resolve(self.session, alarm.uuid, 'you', None, NOW + 2)
        self.assertEqual(
            (model.Lifecycle.RESOLVED, model.AlarmState.ALARM, 'me', 'n'),
            (
                found.lifecycle,
                found.state,
                found.acknowledged_by,
                found.note,
            ),
        )
        for function in (alarms.resolve, alarms.acknowledge):
            self.refused(
                exceptions.Conflict,
                function,
                self.session,
                alarm.uuid,
                'me',
                None,
                NOW,
            )
            self.refused(
                exceptions.NotFound,
                function,
                self.session,
                alarm.uuid,
                'me',
                None,
                NOW,
                'other',
            )

    def test_what_is_over_is_not_read_at_each_evaluation(self):
        alarm, _, _ = self.full_house()
        ok, resolved = model.AlarmState.OK, model.Lifecycle.RESOLVED
        for goes_on, changes in (
            (True, {'state': ok}),
            (True, {'lifecycle': resolved}),
            (False, {'state': ok, 'lifecycle': resolved}),
            (
                True,
                {
                    'state': ok,
                    'lifecycle': resolved,
                    'notified_state': model.AlarmState.ALARM,
                },
            ),
            (
                False,
                {
                    'state': ok,
                    'lifecycle': resolved,
                    'notified_state': ok,
                },
            ),
        ):
            changed = dataclasses.replace(alarm, **changes)
            alarms.save(self.session, changed)
            found = alarms.of_definition(self.session, alarm.definition)
            self.assertEqual([changed] if goes_on else [], found, changes)
            again = alarms.of_groups(
                self.session, alarm.definition, [alarm.group, {'a': 'b'}]
            )
            self.assertEqual([changed], again)
        self.assertEqual(
            [], alarms.of_groups(self.session, alarm.definition, [])
        )

    def test_alarms_of_what_is_not_evaluated_any_more_are_settled(self):
        alarm, _, _ = self.full_house()
        told = dataclasses.replace(
            alarm, notified_state=model.AlarmState.ALARM
        )
        alarms.save(self.session, told)
        for _ in range(2):
            alarms.settle(
                self.session, alarm.definition, 'it was disabled', NOW + 1
            )
        found = alarms.get(self.session, alarm.uuid)
        self.assertEqual(model.AlarmState.UNDETERMINED, found.state)
        self.assertEqual(model.Lifecycle.RESOLVED, found.lifecycle)
        self.assertEqual('it was disabled', found.reason)
        # should it come back, somebody is told
        self.assertIsNone(found.notified_state)
        last, _ = alarms.transitions(self.session, alarm.uuid, limit=9)
        self.assertEqual(model.AlarmState.UNDETERMINED, last.to_state)
        self.assertEqual(NOW + 1, last.at)

    def test_resolved_alarms_expire(self):
        alarm, _, _ = self.full_house()
        self.assertEqual(0, alarms.expire(self.session, NOW + 1))
        alarms.resolve(self.session, alarm.uuid, 'me', None, NOW)
        self.assertEqual(0, alarms.expire(self.session, NOW))
        self.assertEqual(1, alarms.expire(self.session, NOW + 1))
        self.assertEqual([], notifications.list_(self.session, limit=1))

    # channels

    def test_a_channel_is_kept_changed_and_deleted(self):
        made = things.channel(
            self.session,
            settings={'url': 'https://x', 'headers': {'a': 'b'}},
            min_severity=model.Severity.MAJOR,
        )
        self.assertEqual(made, channels.get(self.session, made.uuid))
        changed = channels.update(
            self.session, dataclasses.replace(made, enabled=False), NOW + 1
        )
        self.assertEqual(changed, channels.get(self.session, made.uuid))
        self.assertEqual(NOW + 1, changed.updated_at)
        for function in (channels.get, channels.delete):
            self.refused(
                exceptions.NotFound,
                function,
                self.session,
                made.uuid,
                'other',
            )
        channels.delete(self.session, made.uuid)
        self.refused(
            exceptions.NotFound, channels.update, self.session, made, NOW
        )

    def test_channels_by_what_they_are(self):
        one = things.channel(self.session, 'a', enabled=False)
        two = things.channel(self.session, 'b', driver='webhook')
        three = things.channel(self.session, 'a', 'p')
        for filters, expected in (
            ({}, [one, three, two]),
            ({'name': 'a'}, [one, three]),
            ({'enabled': False}, [one]),
            ({'driver': 'webhook'}, [two]),
            ({'project_id': 'p'}, [three]),
        ):
            self.assertEqual(
                expected,
                self.all_pages(channels.list_, lambda c: c.uuid, **filters),
                filters,
            )
        said = self.refused(
            exceptions.Conflict, things.channel, self.session, 'a'
        )
        self.assertEqual("channel 'a' exists already", said)

    def test_channels_for_an_alarm(self):
        alarm, _, _ = self.full_house()
        (pager,) = channels.list_(self.session, limit=9)
        exact = things.channel(
            self.session, 'exact', min_severity=model.Severity.MAJOR
        )
        things.channel(
            self.session, 'high', min_severity=model.Severity.CRITICAL
        )
        things.channel(self.session, 'off', enabled=False)
        foreign = things.channel(self.session, 'foreign', 'other')
        self.assertEqual(
            [pager, exact], channels.for_alarm(self.session, alarm)
        )
        chosen = dataclasses.replace(
            alarm,
            definition=dataclasses.replace(
                alarm.definition, channels=(exact.uuid, foreign.uuid)
            ),
        )
        self.assertEqual([exact], channels.for_alarm(self.session, chosen))

    def test_channels_hear_of_what_they_subscribe_to(self):
        server = things.server(self.session, cloud_group='one')
        definition = things.definition(self.session)
        alarm = things.alarm(
            self.session, definition, server, group={'service': 'nova-api'}
        )
        for name, wanted in (
            ('a', {'services': ('nova-api', 'nova-compute')}),
            ('b', {'cloud_groups': ('one',), 'services': ('nova-api',)}),
            ('c', {'definitions': (definition.uuid,)}),
            ('not d', {'services': ('nova-compute',)}),
            ('not e', {'cloud_groups': ('two',)}),
            ('not f', {'cloud_groups': ('two',), 'services': ('nova-api',)}),
            ('not g', {'definitions': (things.uuid(),)}),
            ('not h', {'escalations_only': True}),
        ):
            things.channel(self.session, name, **wanted)
        self.assertEqual(
            ['a', 'b', 'c'],
            [one.name for one in channels.for_alarm(self.session, alarm)],
        )
        of_nothing = dataclasses.replace(alarm, group={}, server=None)
        self.assertEqual(
            ['c'],
            [one.name for one in channels.for_alarm(self.session, of_nothing)],
        )

    def test_a_definition_may_name_who_waits_for_escalations(self):
        alarm, _, _ = self.full_house()
        last = things.channel(self.session, 'last', escalations_only=True)
        named = dataclasses.replace(
            alarm,
            definition=dataclasses.replace(
                alarm.definition, channels=(last.uuid,)
            ),
        )
        self.assertEqual([last], channels.for_alarm(self.session, named))

    def test_who_is_escalated_to_is_not_deleted(self):
        last = things.channel(self.session, 'last')
        first = things.channel(
            self.session, 'first', escalate_after=60.0, escalate_to=last.uuid
        )
        said = self.refused(
            exceptions.Conflict, channels.delete, self.session, last.uuid
        )
        self.assertEqual(
            "channel 'last': channel 'first' escalates to it", said
        )
        # nor disabled, nor handed to another project
        for change in ({'enabled': False}, {'project_id': 'another'}):
            changed = dataclasses.replace(last, **change)
            self.refused(
                exceptions.Conflict,
                channels.update,
                self.session,
                changed,
                NOW,
            )
        channels.update(self.session, last, NOW)
        channels.delete(self.session, first.uuid)
        disabled = dataclasses.replace(last, enabled=False)
        channels.update(self.session, disabled, NOW)
        channels.delete(self.session, last.uuid)

    # notifications

    def test_notifications_by_what_they_are(self):
        alarm, _, first = self.full_house()
        other = things.channel(self.session, 'other')
        transition = things.transition(self.session, alarm)
        two = notifications.add(
            self.session, alarm, transition, [first.channel, other], NOW + 1
        )
        pending = model.NotificationState.PENDING
        for filters, expected in (
            ({}, [two[1], two[0], first]),
            ({'state': pending}, [two[1], two[0], first]),
            ({'state': model.NotificationState.DEAD}, []),
            ({'channel': other.uuid}, [two[1]]),
            ({'alarm': alarm.uuid}, [two[1], two[0], first]),
            ({'alarm': things.uuid()}, []),
            ({'project_id': 'service'}, [two[1], two[0], first]),
            ({'project_id': 'other'}, []),
        ):
            found = self.all_pages(
                notifications.list_, lambda n: n.uuid, **filters
            )
            self.assertEqual(
                [n.uuid for n in expected], [n.uuid for n in found], filters
            )


class ConcurrencyTests:
    def at_once(self, *works):
        failures = []

        def run(work):
            try:
                work()
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(w,)) for w in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)

    def test_one_agent_registers_with_two_conductors(self):
        registration = things.registration()
        barrier = threading.Barrier(4)

        def register():
            barrier.wait()
            with self.database.writer() as session:
                things.register(session, registration, 'p')

        self.at_once(*[register] * 4)
        with self.database.reader() as session:
            (server,) = servers.all_(session)
        self.assertEqual(registration.server, server.uuid)

    def test_batches_that_share_servers_wait_for_each_other(self):
        with self.database.writer() as session:
            made = [things.server(session, f's{i}') for i in range(8)]
        uuids = [server.uuid for server in made]

        def ingest(order):
            for _ in range(10):
                with self.database.writer() as session:
                    found = servers.lock(session, order).values()
                    servers.accept(
                        session, {s.id: s.sequence + 1 for s in found}, NOW
                    )

        self.at_once(
            lambda: ingest(uuids),
            lambda: ingest(uuids[::-1]),
            lambda: ingest(uuids[4:] + uuids[:4]),
        )
        with self.database.reader() as session:
            found = servers.all_(session)
        self.assertEqual({30}, {server.sequence for server in found})


class TestCollectionsOnSqlite(CollectionTests, databases.SqliteTestCase):
    pass


class TestCollectionsOnMysql(CollectionTests, databases.MysqlTestCase):
    pass


class TestCollectionsOnPostgresql(
    CollectionTests, databases.PostgresqlTestCase
):
    pass


class TestConcurrencyOnSqlite(ConcurrencyTests, databases.SqliteTestCase):
    pass


class TestConcurrencyOnMysql(ConcurrencyTests, databases.MysqlTestCase):
    pass


class TestConcurrencyOnPostgresql(
    ConcurrencyTests, databases.PostgresqlTestCase
):
    pass
