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

"""Agents that sign nonsense: each is told what to do with it, which is never
to try again, and nobody else notices."""

import json
import uuid

import fixtures
import hypothesis
from hypothesis import strategies as st

from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.db import ledger
from sentinella.db import log_events
from sentinella.db import servers
from sentinella.db import services
from tests import databases
from tests import signers
from tests.functional.ingest import base

#: In its place stands what Python's own JSON does not write.
ENDLESS = '@1e999@'
MEGABYTE = 2**20

NUMBERS = st.sampled_from(
    [0, -1, 1e-300, 0.001, 2**31, 2**32, 2**53, -(2**53), 2**63, 10**400]
    + [float('nan'), float('inf'), ENDLESS, 1e308]
)
TEXTS = st.sampled_from(
    ['', ' ', 'nova-api ', '\0', 'nova\0api', '\ud800', 'Ŋ' * 70, 'é' * 300]
    + ['x' * MEGABYTE, '\n', '\U0001f600' * 300, '\u202e', "'; --"]
)
SERVICE = {'name': 'a', 'state': 'UP', 'since': 1.0}
OTHERS = (
    NUMBERS
    | TEXTS
    | st.sampled_from([None, True, [], {}, [[]], {'a': ENDLESS}])
    | st.builds(lambda depth: _nested(depth), st.sampled_from([3, 900]))
)


def _nested(depth):
    thing = []
    for _ in range(depth):
        thing = [thing]
    return {'deep': thing}


TOO_MUCH = [
    (('services', 0, 'since'), ENDLESS, 'ServiceStatus.since: expected a num'),
    (('services', 0, 'since'), 2.0**33, 'ServiceStatus.since: expected sec'),
    (('services', 0, 'name'), 'x' * MEGABYTE, 'ServiceStatus.name: expected'),
    (('services', 0, 'name'), 'nova-api ', 'ServiceStatus.name: expected a'),
    (('events', 0, 'at'), float('nan'), 'Signed.body: expected JSON'),
    (('events', 0, 'last_at'), -1, 'LogEvent.last_at: expected seconds'),
    (('frame', 'at'), 2**53, 'Frame.at: expected seconds since 1970'),
    (('frame', 'schema'), 'x', 'frame schema: expected 32 hexadecimal'),
    (('frame', 'metrics', 0, 0), 'x' * 256, 'Metric.name: expected a name'),
    (
        ('frame', 'metrics', 0, 1),
        {'a': 'x' * MEGABYTE},
        'Metric process.up, a: expected 4096 characters at most, got 1048576',
    ),
    (
        ('frame', 'metrics', 0, 1),
        {f'd{i}': '' for i in range(33)},
        'Metric process.up, dimensions: expected 32 at most, got 33',
    ),
    (('dropped',), 2**53, 'Report.dropped: expected 0 to'),
    (('services',), [SERVICE] * 2001, 'Report.services: expected 2000 at'),
    (('events',), [{'at': 1}], 'LogEvent.service is missing'),
    (('events', 0, 'message'), 'x' * 5 * MEGABYTE, 'at most 4194304 bytes'),
    (('epoch',), 'x' * 65, 'Report.epoch: expected a name of 1 to 64'),
]


def paths(thing, before=()):
    """
    :yields: the way to each part of a JSON value
    """
    if before:
        yield before
    if isinstance(thing, dict):
        parts = thing.items()
    elif isinstance(thing, list):
        parts = enumerate(thing)
    else:
        return
    for key, part in parts:
        yield from paths(part, (*before, key))


def changed(thing, path, value):
    first, *others = path
    copy = thing.copy()
    copy[first] = changed(thing[first], others, value) if others else value
    return copy


def spoilt(draw, thing):
    """What somebody says, but for some parts; mostly these are of the right
    type, so that more than the type is looked at."""
    ways = sorted(paths(thing), key=str)
    for path in draw(st.sets(st.sampled_from(ways), min_size=1, max_size=3)):
        part = at(thing, path)
        if part is None:
            continue
        kind = OTHERS
        if draw(st.integers(0, 9)) and not isinstance(part, bool):
            kind = {int: NUMBERS, float: NUMBERS, str: TEXTS}.get(
                type(part), OTHERS
            )
        thing = changed(thing, path, draw(kind))
    return thing


def at(thing, path):
    """
    :returns: the part there, None where what stood above it is no more
    """
    try:
        for step in path:
            if isinstance(thing, str):
                # it was spoilt before, and a character is no part
                return None
            thing = thing[step]
    except (LookupError, TypeError):
        return None
    return thing


class HostileTests(base.IngestTests):
    examples = 40

    def setUp(self):
        super().setUp()
        # refusals are told
        self.useFixture(fixtures.FakeLogger())
        self.good = self.newcomer()

    def newcomer(self):
        """
        :returns: the Registration of a server that registered, its Signer
        """
        signer = signers.Signer()
        hello = model.Registration(
            str(uuid.uuid4()), 'e', 'node', facts={'a': {'b': [1.0]}}
        )
        receipt = self.take_registration(signer.registration(hello))
        self.assertStatus('ACCEPTED', receipt)
        return hello, signer

    def report(self, hello, sequence):
        at = self.now + sequence
        up = model.Metric.of('process.up', service='nova-api')
        return model.Report(
            hello.server,
            hello.epoch,
            sequence,
            sent_at=at,
            frame=model.Frame.of(at, [model.Sample(up, 1.0)]),
            events=(
                model.LogEvent(
                    at, 'nova-api', 'ERROR', 'm', 'a.b', last_at=at
                ),
            ),
            services=(
                model.ServiceStatus(
                    'nova-api', model.ServiceState.UP, at, pids=(7,)
                ),
            ),
            complete=True,
            urgent=True,
        )

    def say(self, take, kind, signer, thing):
        """
        :returns: Receipt
        """
        body = json.dumps(thing).replace(f'"{ENDLESS}"', '1e999')
        signed = model.Signed(body, (signer.key.sign(kind, body),))
        return take(wire.to_wire(signed))

    def say_report(self, signer, thing):
        return self.say(self.ingest.report, signing.REPORT, signer, thing)

    def is_told_what_to_do(self, receipt):
        self.assertNotEqual(model.ReceiptStatus.LATER, receipt.status)
        self.assertNotIn('\n', receipt.reason)
        self.assertLess(len(receipt.reason), 300)

    def test_what_is_too_much_is_named(self):
        hello, signer = self.newcomer()
        said = wire.to_wire(self.report(hello, 1))
        for path, value, reason in TOO_MUCH:
            receipt = self.say_report(signer, changed(said, path, value))
            self.assertStatus('REFUSED', receipt)
            self.assertIn(reason, receipt.reason)
        self.assertStatus('ACCEPTED', self.say_report(signer, said))

    def test_reports(self):
        @hypothesis.settings(max_examples=self.examples, deadline=None)
        @hypothesis.given(st.data())
        def run(data):
            hello, signer = self.newcomer()
            said = spoilt(data.draw, wire.to_wire(self.report(hello, 1)))
            self.is_told_what_to_do(self.say_report(signer, said))
            if said['sequence'] == 1:
                # the next report mostly says the same
                said['sequence'] = 2
                self.is_told_what_to_do(self.say_report(signer, said))
            self.goes_on(hello, signer)

        run()

    def test_registrations(self):
        @hypothesis.settings(max_examples=self.examples, deadline=None)
        @hypothesis.given(st.data())
        def run(data):
            signer = signers.Signer()
            hello = model.Registration(
                str(uuid.uuid4()),
                'e',
                'node',
                facts={'a': {'b': [1.0]}},
                public_key=signer.key.public,
                counter=1,
            )
            said = spoilt(data.draw, wire.to_wire(hello))
            receipt = self.say(
                self.ingest.register, signing.REGISTRATION, signer, said
            )
            self.is_told_what_to_do(receipt)
            if receipt.status == 'ACCEPTED':
                # what follows is not for it to register for ever
                report = wire.to_wire(self.report(hello, 1))
                report |= {k: said[k] for k in ('server', 'epoch')}
                receipt = self.say_report(signer, report)
                self.assertStatus('ACCEPTED', receipt)
                self.can_be_read(said['server'])

        run()

    def goes_on(self, hello, signer):
        """With a new spool, as when somebody has mended it."""
        again = model.Registration(hello.server, 'e2', 'node')
        signed = signer.registration(again)
        self.assertStatus('ACCEPTED', self.take_registration(signed))
        signed = signer.report(self.report(again, 1))
        self.assertStatus('ACCEPTED', self.take_report(signed))
        self.can_be_read(hello.server)

    def can_be_read(self, server):
        with self.database.reader() as session:
            found = servers.get(session, server)
            json.dumps(found.facts, allow_nan=False)
            services.list_(session, limit=1000, server=server)
            log_events.list_(session, limit=1000, server=server)
            ledger.of_server(session, ledger.STATES, found.id, 0.0, 1e10)


class TestOnSqlite(HostileTests, databases.SqliteTestCase):
    pass


class TestOnMysql(HostileTests, databases.MysqlTestCase):
    pass


class TestOnPostgresql(HostileTests, databases.PostgresqlTestCase):
    pass
