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

"""The rules of trust, alone and against everybody who may try them."""

import dataclasses

import hypothesis
import testtools
from hypothesis import stateful
from hypothesis import strategies as st

from sentinella import model
from sentinella.db import servers
from sentinella.ingest import intake
from sentinella.ingest import trust

SERVER = model.Server(
    id=1,
    uuid='u',
    hostname='h',
    project_id='p',
    epoch='e',
    public_key='key',
    registration_counter=5,
)
HELLO = model.Registration('u', 'e', 'h', public_key='key', counter=6)


def registration(signers='key', server=SERVER, project=None, **changes):
    accept = changes.pop('accept_agents', True)
    return trust.of_registration(
        dataclasses.replace(HELLO, **changes),
        frozenset(signers.split()),
        server,
        project,
        accept,
    )


def report(signers='key', server=SERVER, project=None, accept_agents=True):
    return trust.of_report(
        frozenset(signers.split()), server, project, accept_agents
    )


class TestRegistrations(testtools.TestCase):
    def assertVerdict(self, status, refused, verdict):
        self.assertEqual(
            (model.ReceiptStatus[status], refused),
            (verdict.receipt.status, verdict.refused),
        )
        self.assertEqual(refused, bool(verdict.receipt.reason and refused))

    def test_the_first_key_is_taken(self):
        verdict = registration(server=None)
        self.assertVerdict('ACCEPTED', False, verdict)
        self.assertEqual(
            {
                'public_key': 'key',
                'candidate_key': '',
                'registration_counter': 6,
            },
            verdict.keys,
        )

    def test_or_waits(self):
        verdict = registration(server=None, accept_agents=False)
        self.assertVerdict('PENDING', False, verdict)
        self.assertEqual(
            {'candidate_key': 'key', 'registration_counter': 6}, verdict.keys
        )

    def test_a_server_of_before_there_were_keys_is_like_a_new_one(self):
        before = dataclasses.replace(SERVER, public_key='')
        self.assertEqual('key', registration(server=before).keys['public_key'])
        waits = registration(server=before, accept_agents=False)
        self.assertEqual('key', waits.keys['candidate_key'])
        self.assertNotIn('public_key', waits.keys)

    def test_what_is_not_signed_by_the_key_it_names_is_nobodys(self):
        for signers in ('', 'other'):
            for server in (None, SERVER):
                verdict = registration(signers, server)
                self.assertVerdict('UNTRUSTED', True, verdict)
                self.assertIsNone(verdict.keys)
                self.assertEqual('', verdict.candidate)

    def test_an_old_one_is_replayed(self):
        for counter in (5, 4):
            verdict = registration(counter=counter)
            self.assertVerdict('REFUSED', True, verdict)
            self.assertIsNone(verdict.keys)

    def test_another_key_takes_the_place_where_both_sign(self):
        verdict = registration('new key', public_key='new')
        self.assertVerdict('ACCEPTED', False, verdict)
        self.assertEqual('new', verdict.keys['public_key'])

    def test_both_may_sign_again_when_the_new_one_is_known(self):
        known = dataclasses.replace(SERVER, public_key='new')
        verdict = registration('new key', known, public_key='new')
        self.assertVerdict('ACCEPTED', False, verdict)

    def test_a_rotation_can_not_be_replayed(self):
        verdict = registration('new key', public_key='new', counter=5)
        self.assertVerdict('REFUSED', True, verdict)

    def test_another_key_alone_asks_for_it(self):
        verdict = registration('new', public_key='new', counter=1)
        self.assertVerdict('UNTRUSTED', True, verdict)
        self.assertIsNone(verdict.keys)
        self.assertEqual('new', verdict.candidate)

    def test_the_known_key_clears_the_one_that_asked(self):
        asked = dataclasses.replace(SERVER, candidate_key='other')
        self.assertEqual('', registration(server=asked).keys['candidate_key'])

    def test_a_project_speaks_for_its_own_servers_only(self):
        self.assertVerdict('ACCEPTED', False, registration(project='p'))
        self.assertVerdict(
            'ACCEPTED', False, registration(project='q', server=None)
        )
        pending = dataclasses.replace(SERVER, public_key='')
        for server in (SERVER, pending):
            verdict = registration(project='q', server=server)
            self.assertVerdict('UNTRUSTED', True, verdict)
            self.assertIsNone(verdict.keys)
            self.assertEqual('', verdict.candidate)


class TestReports(testtools.TestCase):
    def test_its_own_key_is_believed(self):
        self.assertIs(trust.BELIEVED, report())
        self.assertIs(trust.BELIEVED, report(project='p'))

    def test_nothing_else_is(self):
        for signers in ('', 'other', 'key other'):
            verdict = report(signers)
            self.assertEqual('UNTRUSTED', verdict.receipt.status)
            self.assertTrue(verdict.refused)

    def test_nor_another_project(self):
        self.assertEqual(trust.NOT_ITS_PROJECT, report(project='q'))

    def test_an_unknown_server_must_register(self):
        self.assertIs(trust.UNREGISTERED, report(server=None).receipt)

    def test_one_that_waits_goes_on_waiting(self):
        waits = dataclasses.replace(SERVER, public_key='', candidate_key='key')
        verdict = report(server=waits, accept_agents=False)
        self.assertIs(trust.PENDING, verdict.receipt)
        self.assertFalse(verdict.refused)

    def test_one_that_need_not_wait_any_more_registers(self):
        waits = dataclasses.replace(SERVER, public_key='', candidate_key='key')
        before = dataclasses.replace(SERVER, public_key='')
        for verdict in (
            report(server=waits, accept_agents=True),
            report(server=before, accept_agents=False),
        ):
            self.assertIs(trust.UNREGISTERED, verdict.receipt)


class Agent:
    """An honest one, as the contract has it."""

    def __init__(self, uuid):
        self.uuid = uuid
        self.number = self.counter = self.sequence = 0
        self.next_key = None
        self.reinstall()

    def reinstall(self):
        self.key, self.next_key = self._new('key'), None
        self.renew()

    def renew(self):
        """Its spool is lost."""
        self.epoch, self.sequence = self._new('epoch'), 0

    def rotate(self):
        self.next_key = self.next_key or self._new('key')

    def _new(self, what):
        self.number += 1
        return f'{what}-{self.uuid}-{self.number}'

    def registration(self):
        self.counter += 1
        keys = {self.key, self.next_key} - {None}
        return (
            model.Registration(
                self.uuid,
                self.epoch,
                'host',
                public_key=self.next_key or self.key,
                counter=self.counter,
            ),
            frozenset(keys),
        )

    def confirm(self):
        self.key, self.next_key = self.next_key or self.key, None

    def report(self, overtakes):
        self.sequence += 1
        made = model.Report(
            self.uuid, self.epoch, self.sequence, overtakes=overtakes
        )
        return made, frozenset([self.key])


class Cloud:
    """What the pure functions make of all that comes.

    :ivar stored: (report, its signers), as they were stored
    :ivar events: what followed from them, to tell a naive model
    """

    def __init__(self, accept_agents):
        self.accept_agents = accept_agents
        self.rows, self.stored, self.events = {}, [], []

    def register(self, registration, signers):
        uuid = registration.server
        row = self.rows.get(uuid)
        verdict = trust.of_registration(
            registration, signers, row, None, self.accept_agents
        )
        if verdict.keys is not None:
            row = row or model.Server(0, uuid, 'host', 'p')
            row = servers.registered(row, registration, **verdict.keys)
        elif verdict.refused and row is not None:
            key = servers.candidate(row, verdict.candidate)
            row = dataclasses.replace(row, candidate_key=key)
        if row is not None:
            self.rows[uuid] = row
        if verdict.receipt is trust.ACCEPTED:
            self.events.append((uuid, 'registered', registration))
        return verdict.receipt.status

    def report(self, report, signers):
        row = self.rows.get(report.server)
        verdict = trust.of_report(signers, row, None, self.accept_agents)
        if verdict is not trust.BELIEVED:
            return verdict.receipt.status
        receipt = intake.judge(report, row)
        if receipt is trust.ACCEPTED:
            self.rows[report.server] = intake.taken(report, row, 0.0)
            self.stored.append((report, signers))
            self.events.append((report.server, 'stored', report))
        return receipt.status

    def accept(self, uuid, key):
        """What an operator does who has compared fingerprints.

        :returns: whether that key waited
        """
        row = self.rows.get(uuid)
        if row is None or row.candidate_key != key:
            return False
        self.rows[uuid] = servers.accepting(row)
        self.events.append((uuid, 'accepted', key))
        return True


def naive(events, uuid, report, signers):
    """Whether a report is to be stored, by reading all that ever happened."""
    key = epoch = None
    for server, what, thing in events:
        if server == uuid and what == 'registered':
            key, epoch = thing.public_key, thing.epoch
        elif server == uuid and what == 'accepted':
            key, epoch = thing, None
    newest = max(
        (
            thing.sequence
            for server, what, thing in events
            if what == 'stored'
            and server == uuid
            and thing.epoch == epoch
            and thing.overtakes == report.overtakes
        ),
        default=0,
    )
    return (
        signers == {key} and report.epoch == epoch and report.sequence > newest
    )


UUIDS = st.sampled_from(['a', 'b'])


class Trust(stateful.RuleBasedStateMachine):
    """Two honest agents, whoever else is on the bus, and an operator."""

    @stateful.initialize(accept_agents=st.booleans())
    def begin(self, accept_agents):
        self.cloud = Cloud(accept_agents)
        self.agents = {uuid: Agent(uuid) for uuid in 'ab'}
        self.heard = []
        self.made = set()

    def say(self, call, thing, signers):
        """Everybody hears it."""
        self.heard.append((call, thing, signers))
        return self.deliver(call, thing, signers)

    def deliver(self, call, thing, signers):
        if call == 'register':
            return self.cloud.register(thing, signers)
        expected = naive(self.cloud.events, thing.server, thing, signers)
        status = self.cloud.report(thing, signers)
        assert expected == (status == 'ACCEPTED'), (expected, status)
        return status

    def register(self, uuid):
        agent = self.agents[uuid]
        status = self.say('register', *agent.registration())
        if status == 'ACCEPTED':
            agent.confirm()
        return status

    def report(self, uuid, overtakes):
        made = self.agents[uuid].report(overtakes)
        self.made.add(made)
        return made, self.say('report', *made)

    @stateful.rule(uuid=UUIDS)
    def an_agent_registers(self, uuid):
        self.register(uuid)

    @stateful.rule(uuid=UUIDS)
    def the_receipt_is_lost(self, uuid):
        self.say('register', *self.agents[uuid].registration())

    @stateful.rule(uuid=UUIDS, overtakes=st.booleans())
    def an_agent_reports(self, uuid, overtakes):
        self.report(uuid, overtakes)

    @stateful.rule(uuid=UUIDS, overtakes=st.booleans())
    def a_report_is_late(self, uuid, overtakes):
        made = self.agents[uuid].report(overtakes)
        self.made.add(made)
        self.heard.append(('report', *made))

    @stateful.rule(uuid=UUIDS)
    def an_agent_rotates_its_key(self, uuid):
        self.agents[uuid].rotate()

    @stateful.rule(uuid=UUIDS)
    def an_agent_loses_its_spool(self, uuid):
        self.agents[uuid].renew()

    @stateful.rule(uuid=UUIDS)
    def an_agent_is_installed_anew(self, uuid):
        self.agents[uuid].reinstall()

    @stateful.precondition(lambda self: self.heard)
    @stateful.rule(data=st.data())
    def somebody_replays(self, data):
        self.deliver(*data.draw(st.sampled_from(self.heard)))

    @stateful.rule()
    def somebody_replays_it_all(self):
        for said in self.heard:
            self.deliver(*said)

    @stateful.rule(uuid=UUIDS, counter=st.integers(0, 99), data=st.data())
    def somebody_forges_a_registration(self, uuid, counter, data):
        other = self.agents['a' if uuid == 'b' else 'b'].key
        signers = data.draw(st.sets(st.sampled_from(['evil', other])))
        named = data.draw(
            st.sampled_from(['evil', other, self.agents[uuid].key])
        )
        registration = model.Registration(
            uuid, 'evil', 'evil', public_key=named, counter=counter
        )
        self.deliver('register', registration, frozenset(signers))

    @stateful.rule(
        uuid=UUIDS,
        sequence=st.integers(1, 99),
        signer=st.sampled_from(['evil', 'other']),
    )
    def somebody_forges_a_report(self, uuid, sequence, signer):
        agent = self.agents[uuid]
        if signer == 'other':
            signer = self.agents['a' if uuid == 'b' else 'b'].key
        report = model.Report(uuid, agent.epoch, sequence)
        self.deliver('report', report, frozenset([signer]))

    @stateful.rule(uuid=UUIDS)
    def the_operator_accepts(self, uuid):
        agent = self.agents[uuid]
        self.cloud.accept(uuid, agent.next_key or agent.key)

    @stateful.rule(uuid=UUIDS, overtakes=st.booleans())
    def an_honest_agent_comes_through(self, uuid, overtakes):
        agent = self.agents[uuid]
        row = self.cloud.rows.get(uuid)
        known = row is not None and row.public_key in (
            agent.key,
            agent.next_key,
        )
        status = self.register(uuid)
        if status != 'ACCEPTED':
            # whose key is known needs nobody
            assert not known, status
            assert self.cloud.accept(uuid, agent.next_key or agent.key)
            status = self.register(uuid)
        assert status == 'ACCEPTED', status
        _, status = self.report(uuid, overtakes)
        assert status == 'ACCEPTED', status

    @stateful.invariant()
    def only_what_agents_said_is_stored_and_once(self):
        cloud = getattr(self, 'cloud', None)
        if cloud is None:
            return
        assert len(set(cloud.stored)) == len(cloud.stored)
        assert set(cloud.stored) <= self.made


Trust.TestCase.settings = hypothesis.settings(
    max_examples=300, stateful_step_count=40, deadline=None
)


class TestTrust(Trust.TestCase):
    pass
