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

"""Who is believed, on real databases and with real signatures."""

import dataclasses
import uuid

import fixtures

from sentinella import model
from sentinella import signing
from sentinella.db import clock
from sentinella.db import servers
from sentinella.db import services
from sentinella.ingest import intake
from sentinella.ingest import refusals
from tests import databases
from tests import signers
from tests.functional.ingest import base
from tests.functional.ingest.base import frame

UP = model.ServiceStatus('nova-api', model.ServiceState.UP, 1.0)
DOWN = dataclasses.replace(UP, state=model.ServiceState.DOWN)


class TestTrust(base.IngestTests):
    def setUp(self):
        super().setUp()
        self.thief = signers.Signer()

    def be_strict(self):
        """As with `accept_agents = false`."""
        self.ingest.stop()
        self.conf.set_override('accept_agents', False, 'conductor')
        self.ingest = intake.Ingest(
            self.conf, self.database, self.storage, lambda: None
        )
        self.addCleanup(self.ingest.stop)

    def refused(self):
        """How many are counted, once they are."""
        self.ingest._refusals.flush(last=True)
        return self.server().refused

    def report(self, sequence, **changes):
        return model.Report(
            self.registration.server,
            self.registration.epoch,
            sequence,
            frame=frame(self.now + sequence),
            **changes,
        )

    def accept(self, **kwargs):
        with self.database.writer() as session:
            return servers.accept_key(
                session, self.registration.server, **kwargs
            )

    def test_what_others_sign_is_refused_and_counted(self):
        self.register()
        good = self.signer.report(self.report(1))
        forged = self.thief.report(self.report(1))
        other = signing.PrivateKey.generate().sign(
            signing.REGISTRATION, good.body
        )
        for signed in (
            forged,
            dataclasses.replace(good, signatures=()),
            dataclasses.replace(good, body=good.body.replace('e":1', 'e":2')),
            dataclasses.replace(good, signatures=good.signatures * 2),
            dataclasses.replace(
                good, signatures=good.signatures + forged.signatures
            ),
            # the key is its own, the signature of another kind
            dataclasses.replace(
                good,
                signatures=(
                    self.signer.key.sign(signing.REGISTRATION, good.body),
                ),
            ),
            dataclasses.replace(good, signatures=(other,)),
        ):
            self.assertStatus('UNTRUSTED', self.take_report(signed))
        self.assertEqual(0, self.count('frames'))
        self.assertEqual(7, self.refused())
        server = self.server()
        with self.database.reader() as session:
            self.assertAlmostEqual(
                clock.read(session), server.refused_at, delta=30
            )
        self.assertEqual(self.signer.key.public, server.public_key)
        self.assertStatus('ACCEPTED', self.take_report(good))
        self.assertEqual(7, self.refused())

    def test_nobody_speaks_for_another_server(self):
        mine = self.registration
        self.register()
        theirs = dataclasses.replace(
            mine, server=str(uuid.uuid4()), hostname='ctl-02'
        )
        self.assertStatus(
            'ACCEPTED',
            self.take_registration(self.thief.registration(theirs)),
        )
        self.assertStatus(
            'UNTRUSTED', self.take_report(self.thief.report(self.report(1)))
        )
        self.assertEqual(1, self.refused())

    def test_a_registration_that_was_overheard_is_of_no_use(self):
        first = self.signer.registration(self.registration)
        self.assertStatus('ACCEPTED', self.take_registration(first))
        self.send(1, frame=frame(self.now))
        self.register(epoch='epoch-2')
        receipt = self.take_registration(first)
        self.assertStatus('REFUSED', receipt)
        self.assertIn('replayed', receipt.reason)
        self.assertEqual('epoch-2', self.server().epoch)
        self.assertEqual(1, self.refused())

    def test_a_report_that_was_overheard_is_harmless(self):
        self.register()
        signed = self.signer.report(self.report(1))
        for status in ('ACCEPTED', 'DUPLICATE', 'DUPLICATE'):
            self.assertStatus(status, self.take_report(signed))
        self.assertEqual(0, self.refused())

    def test_a_key_changes_without_a_gap(self):
        self.register()
        old = self.signer.key
        self.send(1, frame=frame(self.now))
        self.signer.key = signing.PrivateKey.generate()
        rotation = self.signer.registration(self.registration, old)
        self.assertStatus('ACCEPTED', self.take_registration(rotation))
        self.assertStatus('ACCEPTED', self.send(2, frame=frame(self.now + 1)))
        # its receipt may have been lost
        again = self.signer.registration(self.registration, old)
        self.assertStatus('ACCEPTED', self.take_registration(again))
        server = self.server()
        self.assertEqual(self.signer.key.public, server.public_key)
        self.assertEqual([old.public], list(server.former_keys))
        self.assertEqual(2, server.sequence)
        self.signer.key = old
        self.assertStatus('UNTRUSTED', self.send(3))

    def test_another_key_waits_for_an_operator(self):
        self.register()
        self.send(1, frame=frame(self.now))
        self.signer.key = signing.PrivateKey.generate()
        self.assertStatus('UNTRUSTED', self.register(epoch='epoch-2'))
        self.assertStatus('UNTRUSTED', self.send(1))
        self.assertEqual(2, self.refused())
        server = self.server()
        self.assertEqual(model.Enrolment.CHANGED, server.enrolment)
        self.assertEqual(self.signer.key.public, server.candidate_key)
        self.assertEqual('epoch-1', server.epoch)
        self.accept(fingerprint=signing.fingerprint(self.signer.key.public))
        self.assertStatus('UNREGISTERED', self.send(1))
        self.assertStatus('ACCEPTED', self.register())
        self.assertStatus('ACCEPTED', self.send(1))
        self.assertEqual(model.Enrolment.ACCEPTED, self.server().enrolment)

    def test_the_known_agent_goes_on_whoever_asks(self):
        self.register()
        self.assertStatus(
            'UNTRUSTED',
            self.take_registration(self.thief.registration(self.registration)),
        )
        self.assertEqual(1, self.refused())
        self.assertEqual(model.Enrolment.CHANGED, self.server().enrolment)
        self.assertStatus('ACCEPTED', self.send(1, frame=frame(self.now)))
        self.assertStatus('ACCEPTED', self.register())
        self.assertEqual(model.Enrolment.ACCEPTED, self.server().enrolment)

    def test_new_servers_wait_where_it_is_configured(self):
        self.be_strict()
        self.assertStatus('PENDING', self.register())
        self.assertStatus('PENDING', self.send(1, frame=frame(self.now)))
        self.assertEqual(0, self.count('frames'))
        server = self.server()
        self.assertEqual(model.Enrolment.PENDING, server.enrolment)
        self.assertIsNone(server.last_report_at)
        self.assertEqual(0, self.refused())
        self.accept()
        self.assertStatus('UNREGISTERED', self.send(1))
        self.assertStatus('ACCEPTED', self.register())
        self.assertStatus('ACCEPTED', self.send(1, frame=frame(self.now)))

    def test_servers_of_before_there_were_keys(self):
        with self.database.writer() as session:
            known = servers.hold(
                session, self.registration, 'service', self.now
            )
            servers.register(session, known, self.registration, 'service')
        self.assertEqual('', self.server().public_key)
        self.assertStatus('UNREGISTERED', self.send(1))
        self.assertStatus('ACCEPTED', self.register())
        self.assertStatus('ACCEPTED', self.send(1))

    def test_a_project_speaks_for_its_own(self):
        signed = self.signer.registration(self.registration)
        self.assertStatus('ACCEPTED', self.take_registration(signed, 'mine'))
        self.assertEqual('mine', self.server().project_id)
        report = self.signer.report(self.report(1))
        self.assertStatus('UNTRUSTED', self.take_report(report, 'theirs'))
        again = self.signer.registration(self.registration)
        self.assertStatus('UNTRUSTED', self.take_registration(again, 'theirs'))
        self.assertEqual(2, self.refused())
        self.assertEqual('', self.server().candidate_key)
        self.assertStatus('ACCEPTED', self.take_report(report, 'mine'))

    def test_no_stranger_teaches_schemas(self):
        self.register()
        before = self.count('metric_schemas')
        self.assertStatus(
            'UNTRUSTED', self.take_report(self.thief.report(self.report(1)))
        )
        self.assertEqual(before, self.count('metric_schemas'))

    def test_urgent_reports_overtake(self):
        self.register()
        self.send(1, services=(UP,), complete=True)
        self.assertStatus(
            'ACCEPTED', self.send(4, services=(DOWN,), overtakes=True)
        )
        # what waited meanwhile is older, but for its samples and events
        event = model.LogEvent(self.now, 'nova-api', 'ERROR', 'boom')
        receipt = self.send(
            2,
            frame=frame(self.now),
            services=(UP,),
            complete=True,
            events=(event,),
        )
        self.assertStatus('ACCEPTED', receipt)
        self.assertEqual(DOWN.state, self.state())
        self.assertEqual(1, self.count('frames'))
        self.assertEqual(1, self.count('log_events'))
        self.assertStatus('DUPLICATE', self.send(4, overtakes=True))
        self.assertStatus('DUPLICATE', self.send(2))
        self.assertStatus('ACCEPTED', self.send(3))
        self.assertStatus('ACCEPTED', self.send(5, services=(UP,)))
        self.assertEqual(UP.state, self.state())
        server = self.server()
        self.assertEqual((5, 4), (server.sequence, server.urgent_sequence))
        self.register(epoch='epoch-2')
        server = self.server()
        self.assertEqual((0, 0), (server.sequence, server.urgent_sequence))

    def state(self):
        with self.database.reader() as session:
            (found,) = services.list_(session, limit=10)
        return found.status.state


class TestRefusals(base.IngestTests):
    """With a clock of its own."""

    def setUp(self):
        super().setUp()
        self.register()
        self.monotonic = 100.0
        self.logged = self.useFixture(fixtures.FakeLogger())
        self.refusals = refusals.Refusals(
            self.database, lambda: self.monotonic
        )

    def wait(self, seconds):
        self.monotonic += seconds
        self.refusals.flush()

    def test_a_flood_is_written_once_a_second(self):
        uuid_ = self.registration.server
        self.wait(0)
        for _ in range(100):
            self.refusals.count(uuid_)
            self.wait(0.005)
        self.assertEqual(0, self.server().refused)
        self.wait(0.6)
        self.assertEqual(100, self.server().refused)

    def test_what_can_not_be_written_now_is_later(self):
        uuid_ = self.registration.server
        write = servers.refuse
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.db.servers.refuse', self.storage.fail
            )
        )
        self.refusals.count(uuid_, self.signer.key.public)
        self.wait(1)
        servers.refuse = write
        self.refusals.count(uuid_)
        self.wait(1)
        self.assertEqual(2, self.server().refused)

    def test_strangers_are_counted_together(self):
        for number in range(refusals.MAX_SENDERS + 5):
            stranger = str(uuid.uuid4())
            self.refusals.count(stranger)
            self.refusals.tell(stranger, f'reason {number}')
        self.wait(refusals.PERIOD)
        lines = self.logged.output.splitlines()
        self.assertEqual(refusals.MAX_LINES + 1, len(lines))
        self.assertIn(
            f'Refused {refusals.MAX_SENDERS + 5} more that named no server',
            lines[-1],
        )

    def test_the_same_is_said_once(self):
        for _ in range(3):
            self.refusals.tell('me', 'one')
        self.refusals.tell('me', 'two')
        self.assertEqual(2, self.logged.output.count('Refused'))


class TestTrustOnSqlite(TestTrust, databases.SqliteTestCase):
    """SQLite."""


class TestTrustOnMysql(TestTrust, databases.MysqlTestCase):
    """MariaDB."""


class TestTrustOnPostgresql(TestTrust, databases.PostgresqlTestCase):
    """PostgreSQL."""


class TestRefusalsOnSqlite(TestRefusals, databases.SqliteTestCase):
    """SQLite."""


class TestRefusalsOnMysql(TestRefusals, databases.MysqlTestCase):
    """MariaDB."""


class TestRefusalsOnPostgresql(TestRefusals, databases.PostgresqlTestCase):
    """PostgreSQL."""
