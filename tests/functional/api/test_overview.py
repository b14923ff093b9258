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

"""The two answers that hold much: the summary, and a server's view."""

import dataclasses
import pathlib
import tempfile
import uuid

from oslo_policy import opts as policy_opts
import sqlalchemy as sa

from sentinella import model
from sentinella.db import alarms
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import heartbeat
from sentinella.db import log_events
from sentinella.db import servers
from sentinella.db import services
from sentinella.db import windows
from tests.functional.api import base
from tests.functional.api import client
from tests.functional.api import seed

SERVER = seed.number('server', 'alpha')
SUMMARY = '/v1/summary'
VIEW = f'/v1/servers/{SERVER}/view'

UP, DOWN, UNDETERMINED = model.ServiceState


class OverviewTestCase(base.ApiTestCase):
    def setUp(self):
        super().setUp()
        self.report()

    def report(self, *names):
        """Have servers of the seed be heard of just now."""
        with self.database.writer() as session:
            now = clock.read(session)
            ids = [
                servers.get(session, seed.number('server', name)).id
                for name in names or ('alpha', 'beta')
            ]
            reports = dict.fromkeys(ids, 1)
            seen = dict.fromkeys(ids, now)
            servers.accept(session, reports, now, observed=seen)


class TestSummary(OverviewTestCase):
    def healths(self):
        found = self.api.get(SUMMARY)['servers']
        total = found.pop('total')
        self.assertEqual(total, sum(found.values()))
        return {name: count for name, count in found.items() if count}

    def plan(self, **fields):
        with self.database.writer() as session:
            now = clock.read(session)
            window = model.Window(
                uuid=str(uuid.uuid4()),
                name=str(uuid.uuid4()),
                project_id='alpha',
                starts_at=now - 60,
                ends_at=now + 3600,
                over_at=now + 3600,
                **fields,
            )
            windows.create(session, window, now - 60)

    def test_healths(self):
        self.assertEqual({'alarm': 2}, self.healths())
        for name in ('alpha', 'beta'):
            alarm = seed.number('alarm', name)
            self.api.ask('POST', f'/v1/alarms/{alarm}/resolve')
        self.assertEqual({'up': 2}, self.healths())
        self.plan(mode=model.Mode.BLACKOUT, services=('nova-api',))
        self.plan(mode=model.Mode.BLACKOUT, cloud_groups=('region-two',))
        self.assertEqual({'up': 2}, self.healths())
        # it would cover both, were it of all projects
        self.plan(mode=model.Mode.BLACKOUT)
        self.assertEqual({'blackout': 1, 'up': 1}, self.healths())
        self.plan(mode=model.Mode.MAINTENANCE, servers=(SERVER,))
        self.assertEqual({'maintenance': 1, 'up': 1}, self.healths())
        with self.database.writer() as session:
            theirs = seed.number('server', 'beta')
            known = servers.get(session, theirs)
            servers.accept(session, {known.id: 2}, clock.read(session) - 36)
        self.assertEqual({'maintenance': 1, 'silent': 1}, self.healths())

    def test_one_that_waits_to_be_accepted(self):
        registration = model.Registration(str(uuid.uuid4()), 'e', 'ctl-03')
        with self.database.writer() as session:
            servers.hold(session, registration, 'alpha', self.seen_at)
        self.assertEqual({'alarm': 2, 'pending': 1}, self.healths())

    def test_services(self):
        self.assertEqual(
            [{'project': 'nova', 'up': 2, 'down': 2, 'undetermined': 0}],
            self.api.get(SUMMARY)['services'],
        )

    def test_log_events_of_the_last_hour(self):
        with self.database.writer() as session:
            known = servers.get(session, SERVER)
            old = model.LogEvent(self.seen_at - 3600, 'x', 'ERROR', 'x', 'x')
            new = dataclasses.replace(old, at=self.seen_at, count=5)
            log_events.add(session, [(known.id, old), (known.id, new)])
        found = self.api.get(SUMMARY)['log_events']
        del found['since']
        self.assertEqual({'critical': 2, 'error': 7, 'warning': 2}, found)

    def test_our_own_processes(self):
        beating = heartbeat.Heartbeat(
            self.database, model.InstanceKind.EVALUATOR, 'ctl-01'
        )
        beating.beat()
        self.addCleanup(beating.stop)
        with self.database.writer() as session:
            session.execute(
                definitions.TABLE.update().values(
                    next_evaluation=clock.now() - 90
                )
            )
        own = self.api.get(SUMMARY)['sentinella']
        self.assertAlmostEqual(90, own['evaluation_lag'], delta=5)
        (one,) = own['instances']
        self.assertEqual(
            ('evaluator', 'ctl-01', 1, True),
            (one['kind'], one['host'], one['number'], one['alive']),
        )

    def test_the_worst_are_bounded(self):
        found = self.api.get(f'{SUMMARY}?limit=1')['alarms']
        self.assertEqual(
            (2, 1), (found['open'], len(found['worst'])), found['worst']
        )


class TestView(OverviewTestCase):
    def view(self):
        return self.api.get(VIEW)

    def test_services_of_a_silent_server_are_undetermined(self):
        (project,) = self.view()['services']
        states = [one['state'] for one in project['services']]
        self.assertEqual(['UP', 'DOWN'], states)
        with self.database.writer() as session:
            known = servers.get(session, SERVER)
            servers.accept(session, {known.id: 2}, clock.read(session) - 36)
        view = self.view()
        self.assertEqual('silent', view['health'])
        (project,) = view['services']
        for one, was in zip(project['services'], ('UP', 'DOWN'), strict=True):
            self.assertEqual('UNDETERMINED', one['state'])
            self.assertIn(f'it was {was} when', one['reason'])
            self.assertEqual(view['server']['last_report_at'], one['since'])
        self.assertEqual(
            {'up': 0, 'down': 0, 'undetermined': 2}, view['counts']['services']
        )

    def test_uptime_is_that_of_its_own_path(self):
        mine = self.view()['uptime']
        theirs = self.api.get(f'/v1/servers/{SERVER}/uptime')['uptime']
        self.assertEqual(9, len(mine))
        for one, other in zip(mine, theirs, strict=True):
            self.assertEqual(one['service'], other['service'])
            self.assertEqual(one['percent'], other['percent'])

    def test_what_closed_lately(self):
        alarm = seed.number('alarm', 'alpha')
        view = self.view()
        self.assertEqual([alarm], [a['id'] for a in view['alarms']['open']])
        self.assertEqual(1, view['counts']['alarms'][0]['open'])
        self.api.ask('POST', f'/v1/alarms/{alarm}/resolve')
        view = self.view()
        self.assertEqual([], view['alarms']['open'])
        self.assertEqual([alarm], [a['id'] for a in view['alarms']['closed']])
        self.assertEqual('up', view['health'])

    def test_vital_signs(self):
        signs = self.view()['vital_signs']
        self.assertEqual(12.5, signs['cpu']['percent'])
        self.assertIsNone(signs['swap']['percent'])
        (one,) = signs['filesystems']
        self.assertEqual(('/', 40.0), (one['mount'], one['percent']))


class TestParts(OverviewTestCase):
    """What has a rule of its own is not shown where that refuses it."""

    def refusing(self, **rules):
        """
        :returns: a Client of an API whose policies refuse these
        """
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name, 'policy.yaml')
        lines = [
            f'"sentinella:{resource}:{action}": "!"\n'
            for resource, action in rules.items()
        ]
        path.write_text(''.join(lines))
        policy_opts.set_defaults(self.conf, str(path))
        made = client.make_app(self.conf, self.database, self.storage)
        return client.Client(made)

    def test_summary(self):
        for rule, part in (
            ('servers', 'servers'),
            ('services', 'services'),
            ('alarms', 'alarms'),
            ('logs', 'log_events'),
        ):
            found = self.refusing(**{rule: 'list'}).get(SUMMARY)
            gone = [name for name, shown in found.items() if shown is None]
            self.assertEqual([part], gone)

    def test_view(self):
        for rule, action, part in (
            ('metrics', 'list', 'vital_signs'),
            ('services', 'list', 'services'),
            ('alarms', 'list', 'alarms'),
            ('logs', 'list', 'log_events'),
            ('servers', 'uptime', 'uptime'),
        ):
            found = self.refusing(**{rule: action}).get(VIEW)
            gone = [name for name, shown in found.items() if shown is None]
            self.assertEqual([part], gone)
            counts = found['counts']
            hidden = [name for name in counts if counts[name] is None]
            self.assertEqual([part] if part in counts else [], hidden)


class TestStatements(OverviewTestCase):
    """However many rows there are, the statements are as many."""

    def setUp(self):
        super().setUp()
        self.count = 0
        engine = self.database.engine
        sa.event.listen(engine, 'before_cursor_execute', self._note)

    def _note(self, *args):
        self.count += 1

    def statements(self, path):
        self.api.get(path)
        self.count = 0
        self.api.get(path)
        return self.count

    def grow(self):
        with self.database.writer() as session:
            now = clock.read(session)
            definition = definitions.get(session, seed.BUILTIN)
            mine = servers.get(session, SERVER)
            for number in range(20):
                self.fill(session, mine, definition, number, now)
                registration = model.Registration(
                    str(uuid.uuid4()), 'e', f'cmp-{number}'
                )
                other = servers.hold(session, registration, 'alpha', now)
                self.fill(session, other, definition, number, now)

    def fill(self, session, server, definition, number, now):
        name = f'service-{number}'
        status = model.ServiceStatus(name, UP, now, project=f'p{number}')
        services.apply(session, server.id, [status], False, now)
        event = model.LogEvent(now - number, name, 'ERROR', 'x', 'x')
        log_events.add(session, [(server.id, event)])
        for lifecycle in model.Lifecycle:
            alarm = model.Alarm(
                uuid=str(uuid.uuid4()),
                definition=definition,
                group={'server': server.uuid, 'number': f'{name}{lifecycle}'},
                project_id=server.project_id,
                state=model.AlarmState.ALARM,
                lifecycle=lifecycle,
                severity=model.Severity.MAJOR,
                reason='x',
                first_at=now,
                changed_at=now,
                last_at=now,
                server=server,
            )
            alarms.save(session, alarm)
        window = model.Window(
            uuid=str(uuid.uuid4()),
            name=str(uuid.uuid4()),
            project_id='alpha',
            mode=model.Mode.BLACKOUT,
            starts_at=now - 60,
            ends_at=now + 60,
            over_at=now + 60,
        )
        windows.create(session, window, now)

    def test_they_do_not_grow(self):
        for path in (SUMMARY, VIEW):
            self.statements(path)
        before = [self.statements(path) for path in (SUMMARY, VIEW)]
        self.grow()
        after = [self.statements(path) for path in (SUMMARY, VIEW)]
        self.assertEqual(before, after)
        self.assertLess(max(after), 25)
        self.assertEqual(22, self.api.get(SUMMARY)['servers']['total'])
        view = self.api.get(VIEW)
        self.assertEqual(41, len(view['alarms']['open']))
        self.assertEqual(20, len(view['alarms']['closed']))
        self.assertEqual(21, len(view['services']))
