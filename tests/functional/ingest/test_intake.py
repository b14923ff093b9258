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


"""The ingest on real databases, its callers the threads of a test."""

import concurrent.futures
import dataclasses
import uuid

import fixtures

from sentinella import model
from sentinella.conductor import housekeeping
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import ledger
from sentinella.db import log_events
from sentinella.db import services
from sentinella.db import windows
from tests import databases
from tests.functional.ingest import base
from tests.functional.ingest.base import LOAD
from tests.functional.ingest.base import frame

UP = model.Metric.of('process.up', service='nova-api')


class TestIngest(base.IngestTests):
    def test_whoever_did_not_register_is_told_to(self):
        self.assertStatus('UNREGISTERED', self.send(1, frame=frame(self.now)))
        self.assertEqual(0, self.count('frames'))
        self.assertStatus('ACCEPTED', self.register())
        self.assertStatus('ACCEPTED', self.send(1, frame=frame(self.now)))
        self.assertEqual(1, self.count('frames'))

    def test_what_was_stored_is_not_stored_again(self):
        self.register()
        event = model.LogEvent(self.now, 'nova-api', 'ERROR', 'boom')
        for status in ('ACCEPTED', 'DUPLICATE', 'DUPLICATE'):
            receipt = self.send(1, frame=frame(self.now), events=(event,))
            self.assertStatus(status, receipt)
        self.assertEqual(1, self.count('frames'))
        self.assertEqual(1, self.count('log_events'))

    def test_a_new_spool_counts_from_one_again(self):
        self.register()
        self.send(7, frame=frame(self.now))
        self.register(epoch='epoch-2')
        receipt = self.send(1, frame=frame(self.now + 1))
        self.assertStatus('ACCEPTED', receipt)
        self.assertEqual(1, self.server().sequence)

    def test_a_schema_is_sent_once(self):
        self.register()
        bare = dataclasses.replace(frame(self.now), metrics=None)
        self.assertStatus('UNKNOWN_SCHEMA', self.send(1, frame=bare))
        self.assertStatus('ACCEPTED', self.send(1, frame=frame(self.now)))
        bare = dataclasses.replace(bare, at=self.now + 1)
        self.assertStatus('ACCEPTED', self.send(2, frame=bare))
        found = self.storage.window(
            'load.1m', {}, self.now - 1, self.now + 2, None
        )
        self.assertEqual([1.0, 1.0], list(found[0].values))

    def test_what_can_not_be_read_is_refused_in_one_line(self):
        self.register()
        good = model.Report(
            self.registration.server,
            self.registration.epoch,
            1,
            frame=frame(self.now),
        )
        for change, reason in (
            ({'sequence': None}, 'Report.sequence: expected int'),
            ({'server': 'me'}, 'Report.server: expected a UUID in lower'),
            (
                {'frame': dataclasses.replace(good.frame, values=b'\0')},
                'frame values',
            ),
            (
                {'frame': dataclasses.replace(good.frame, schema='x')},
                'frame schema',
            ),
        ):
            bad = dataclasses.replace(good, **change)
            receipt = self.take_report(self.signer.report(bad))
            self.assertStatus('REFUSED', receipt)
            self.assertIn(reason, receipt.reason)
        wrong = dataclasses.replace(frame(self.now), values=model.pack([1, 2]))
        receipt = self.send(1, frame=wrong)
        self.assertIn('expected 1 values, got 2', receipt.reason)
        for nonsense in (
            'nonsense',
            {},
            {'body': '{"server": NaN}'},
            {'body': '[' * 100000},
            {'body': '{}', 'signatures': [{'key': 1}]},
            {'body': '{}', 'signatures': [{'key': '', 'value': ''}] * 3},
            {'body': ' ' * 5 * 2**20},
        ):
            self.assertStatus('REFUSED', self.ingest.report(nonsense))
            self.assertStatus('REFUSED', self.ingest.register(nonsense))
        self.assertStatus(
            'ACCEPTED', self.take_report(self.signer.report(good))
        )
        self.assertEqual(0, self.server().refused)

    def test_many_at_once_are_stored_each_once(self):
        registrations = [
            model.Registration(str(uuid.uuid4()), 'e', f'node-{i}')
            for i in range(20)
        ]
        for registration in registrations:
            self.take_registration(self.signer.registration(registration))
        reports = [
            self.signer.report(
                model.Report(r.server, r.epoch, 1, frame=frame(self.now))
            )
            for r in registrations
        ]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            receipts = list(pool.map(self.take_report, reports * 3))
        accepted = [r for r in receipts if r.status == 'ACCEPTED']
        self.assertEqual(20, len(accepted))
        self.assertEqual(20, self.count('frames'))

    def test_one_that_can_not_be_stored_keeps_nobody_out(self):
        self.register()
        good = model.Registration(str(uuid.uuid4()), 'e', 'good')
        self.take_registration(self.signer.registration(good))
        bad = frame(self.now, value=666.0)
        self.storage.refuse(bad)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            refused = pool.submit(self.send, 1, frame=bad)
            # whatever order they come in
            taken = [
                pool.submit(
                    self.take_report,
                    self.signer.report(model.Report(good.server, 'e', i)),
                )
                for i in range(1, 7)
            ]
        self.assertStatus('REFUSED', refused.result())
        statuses = {future.result().status for future in taken}
        self.assertLessEqual(
            {model.ReceiptStatus.ACCEPTED},
            statuses,
        )
        self.assertNotIn(model.ReceiptStatus.REFUSED, statuses)
        self.assertStatus('ACCEPTED', self.send(1, frame=frame(self.now)))

    def test_while_the_database_is_away_nothing_is_acknowledged(self):
        self.register()
        self.storage.away = True
        logged = self.useFixture(fixtures.FakeLogger())
        for _ in range(3):
            self.assertStatus('LATER', self.send(1, frame=frame(self.now)))
        self.assertEqual(1, logged.output.count('Storing reports failed'))
        self.storage.away = False
        self.assertStatus('ACCEPTED', self.send(1, frame=frame(self.now)))
        self.assertEqual(1, self.count('frames'))

    def test_services_are_as_reported(self):
        self.register()
        up = model.ServiceStatus('nova-api', model.ServiceState.UP, self.now)
        self.send(1, services=(up,), complete=True)
        down = dataclasses.replace(up, state=model.ServiceState.DOWN)
        self.send(2, services=(down,))
        with self.database.reader() as session:
            (found,) = services.list_(session, limit=10)
        self.assertEqual(model.ServiceState.DOWN, found.status.state)

    def test_what_changed_wakes_those_who_read_it(self):
        self.register()
        with self.database.writer() as session:
            now = clock.read(session)
            for name, metric in (('down', 'process.up'), ('load', 'load.1m')):
                definition = model.AlarmDefinition(
                    uuid=str(uuid.uuid4()),
                    name=name,
                    expression=f'last({metric}) < 1',
                    type=model.ThresholdType.BINARY,
                    severity=model.Severity.MAJOR,
                )
                definitions.create(session, definition, {metric}, now)
        for owner in ('first', 'second'):
            # none is due any more
            with self.database.writer() as session:
                definitions.claim_due(session, owner, 0.0, 3600.0, 10)
        self.send(1, frame=frame(self.now, LOAD))
        self.assertEqual([], self.wakes)
        self.send(2, frame=frame(self.now + 1, UP, 0.0), urgent=True)
        self.assertEqual([1], self.wakes)
        with self.database.writer() as session:
            due = definitions.claim_due(session, 'third', 0.0, 3600.0, 10)
        self.assertEqual(['down'], [claim.definition.name for claim in due])

    def test_a_wrong_clock_is_set_right(self):
        self.register(sent_at=self.now - 3600)
        event = model.LogEvent(self.now - 3600, 'nova-api', 'ERROR', 'boom')
        self.send(1, frame=frame(self.now - 3600), events=(event,))
        (series,) = self.storage.window(
            'load.1m', {}, self.now - 60, self.now + 60, None
        )
        self.assertAlmostEqual(self.now, series.times[0], delta=30)
        with self.database.reader() as session:
            (stored,) = log_events.list_(session, limit=2)
        self.assertAlmostEqual(self.now, stored.event.at, delta=30)
        self.assertAlmostEqual(-3600, self.server().clock_offset, delta=30)

    def test_what_has_expired_is_forgotten(self):
        self.register()
        old = self.now - 10 * 86400
        event = model.LogEvent(old, 'nova-api', 'ERROR', 'old')
        self.send(1, frame=frame(old), events=(event,))
        fresh = dataclasses.replace(event, at=self.now)
        self.send(2, frame=frame(self.now), events=(fresh,))
        housekeeping.Housekeeping(
            self.conf, self.database, self.storage
        ).work()
        self.assertEqual(1, self.count('frames'))
        self.assertEqual(1, self.count('log_events'))

    def test_uptimes_are_forgotten_once_an_hour(self):
        self.register()
        server = self.server()
        self._changed(server, 403, 402, 401)
        window = model.Window(
            str(uuid.uuid4()),
            'old',
            None,
            model.Mode.MAINTENANCE,
            self.now - 403 * 86400,
            self.now - 401 * 86400,
            over_at=self.now - 401 * 86400,
        )
        with self.database.writer() as session:
            windows.create(session, window, self.now - 403 * 86400)
        keeper = housekeeping.Housekeeping(
            self.conf, self.database, self.storage
        )
        keeper.work()
        # the last of them says what it was when the rest begins
        self.assertEqual(1, self.count('state_changes'))
        self.assertEqual(0, self.count('windows'))
        self._changed(server, 400.5)
        keeper.work()
        self.assertEqual(2, self.count('state_changes'))

    def _changed(self, server, *days):
        with self.database.writer() as session:
            for ago in days:
                at = self.now - ago * 86400
                change = server.id, 'nova-api', at, model.ServiceState.UP
                ledger.append(session, ledger.STATES, [change])


class TestIngestOnSqlite(TestIngest, databases.SqliteTestCase):
    """SQLite."""


class TestIngestOnMysql(TestIngest, databases.MysqlTestCase):
    """MariaDB."""


class TestIngestOnPostgresql(TestIngest, databases.PostgresqlTestCase):
    """PostgreSQL."""
