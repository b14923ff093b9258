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

import json
import os
import threading
import time

import fixtures
from oslo_config import cfg
from oslotest import base

from sentinella import conf as options
from sentinella import exceptions
from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.agent import identity
from sentinella.agent.publish import spool
from sentinella.agent import state
from sentinella.agent.publish import publisher
from sentinella.agent.publish import routes
from tests.unit import test_imports

STATUS = model.ReceiptStatus


class Conductor:
    """Keeps what it is sent; answers as it is told to, if it is there.

    :ivar key: that reports are to be signed with; None before the first
        registration
    """

    def __init__(self, name='bus'):
        self.name = name
        self.away = False
        self.key = None
        self.registrations = []
        self.reports = []
        self.answers = []
        self.registering = []
        self.stored = set()
        self.knocks = 0
        self.changed = threading.Condition()

    def register(self, signed):
        self._answer_at_all()
        keys = []
        for signature in signed.signatures:
            assert signing.verify(signature, signing.REGISTRATION, signed.body)
            keys.append(signature.key)
        found = wire.from_wire(model.Registration, json.loads(signed.body))
        assert found.public_key == keys[0]
        with self.changed:
            self.registrations.append(found)
            self.changed.notify_all()
        answer = (
            self.registering.pop(0) if self.registering else STATUS.ACCEPTED
        )
        if self.key not in (None, *keys):
            answer = STATUS.UNTRUSTED
        if answer is STATUS.ACCEPTED:
            self.key = keys[0]
        return model.Receipt(answer, 'because')

    def report(self, signed):
        self._answer_at_all()
        (signature,) = signed.signatures
        assert signing.verify(signature, signing.REPORT, signed.body)
        report = wire.from_wire(model.Report, json.loads(signed.body))
        identity_ = report.epoch, report.sequence
        if signature.key == self.key and identity_ in self.stored:
            self.knocks += 1
            return model.Receipt(STATUS.DUPLICATE)
        answer = self.answers.pop(0) if self.answers else STATUS.ACCEPTED
        if signature.key != self.key:
            answer = STATUS.UNTRUSTED
        if answer in (STATUS.ACCEPTED, STATUS.DUPLICATE):
            self.stored.add(identity_)
        with self.changed:
            self.reports.append((report, answer))
            self.changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return model.Receipt(answer, 'because')

    def _answer_at_all(self):
        if self.away:
            raise exceptions.BusUnavailable('no answer: 7')

    def wait_for(self, count):
        with self.changed:
            self.changed.wait_for(lambda: len(self.reports) >= count, 20)
        return self.reports

    @property
    def sequences(self):
        return [report.sequence for report, _ in self.reports]


class PublisherCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.path = self.useFixture(fixtures.TempDir()).path
        self.spool = spool.Spool(os.path.join(self.path, 'spool'), 1 << 20)
        self.addCleanup(self.spool.close)
        self.conductor = Conductor()
        self.me = identity.Identity(state.State(self.path))
        for name, seconds in (
            ('publisher.SHORTEST', 0.01),
            ('publisher.LONGEST', 0.05),
            ('publisher.PATIENT', 0.1),
            ('routes.SHORTEST', 0.05),
            ('routes.LONGEST', 0.1),
        ):
            self.useFixture(
                fixtures.MonkeyPatch(
                    f'sentinella.agent.publish.{name}', seconds
                )
            )
        self.publisher = self.make(self.conductor)

    def make(self, *ways):
        made = publisher.Publisher(
            self.spool,
            ways,
            self.me,
            lambda epoch: model.Registration(self.me.server, epoch, 'host'),
        )
        self.addCleanup(made.stop)
        return made

    def append(self, number, overtakes=False):
        sample = model.Sample(model.Metric.of('m'), float(number))
        frame = model.Frame.of(float(number), [sample])
        self.spool.append(
            model.Report(
                self.me.server, '', 0, frame=frame, overtakes=overtakes
            )
        )

    def send(self, count, expected=None):
        for i in range(count):
            self.append(i)
        self.publisher.start()
        found = self.conductor.wait_for(expected or count)
        self.publisher.stop()
        return found

    def until(self, wanted):
        deadline = time.monotonic() + 20
        while not wanted():
            if time.monotonic() > deadline:
                self.fail(self.logger.output)
            time.sleep(0.01)


class TestPublisher(PublisherCase):
    def test_registers_then_sends_in_order(self):
        found = self.send(3)
        self.assertEqual([1, 2, 3], self.conductor.sequences)
        (registration,) = self.conductor.registrations
        self.assertEqual(
            (self.spool.epoch, self.me.public),
            (registration.epoch, registration.public_key),
        )
        self.assertEqual(0, len(self.spool))
        self.assertGreater(found[0][0].sent_at, 0.0)

    def test_those_that_overtake_go_first(self):
        for i in range(4):
            self.append(i, overtakes=i > 1)
        self.publisher.start()
        self.conductor.wait_for(4)
        self.assertEqual([3, 4, 1, 2], self.conductor.sequences)

    def test_metrics_go_once(self):
        found = self.send(3)
        self.assertEqual(
            [True, False, False],
            [report.frame.metrics is not None for report, _ in found],
        )

    def test_an_unknown_schema_is_sent_again_with_it(self):
        self.conductor.answers = [STATUS.ACCEPTED, STATUS.UNKNOWN_SCHEMA]
        found = self.send(2, 3)
        self.assertEqual([1, 2, 2], self.conductor.sequences)
        self.assertIsNotNone(found[2][0].frame.metrics)

    def test_a_schema_that_is_never_known_holds_nothing_up(self):
        self.conductor.answers = [STATUS.UNKNOWN_SCHEMA]
        self.send(2)
        self.assertEqual([1, 2], self.conductor.sequences)
        self.assertEqual(1, self.publisher.refused)

    def test_registers_again_when_asked(self):
        self.conductor.answers = [STATUS.ACCEPTED, STATUS.UNREGISTERED]
        found = self.send(2, 3)
        self.assertEqual([1, 2, 2], self.conductor.sequences)
        self.assertEqual(2, len(self.conductor.registrations))
        self.assertIsNotNone(found[2][0].frame.metrics)

    def test_what_was_stored_before_is_done(self):
        self.conductor.answers = [STATUS.DUPLICATE]
        self.send(2)
        self.assertEqual([1, 2], self.conductor.sequences)

    def test_what_can_not_be_stored_yet_waits_in_order(self):
        self.conductor.answers = [STATUS.LATER, STATUS.LATER]
        self.send(2, 4)
        self.assertEqual([1, 1, 1, 2], self.conductor.sequences)
        self.assertEqual(0, self.publisher.refused)
        self.assertEqual(1, self.logger.output.count('Reports wait'))

    def test_what_is_refused_is_dropped_and_said_once(self):
        self.conductor.answers = [STATUS.REFUSED, STATUS.REFUSED]
        self.send(3)
        self.assertEqual([1, 2, 3], self.conductor.sequences)
        self.assertEqual(2, self.publisher.refused)
        # an operator sees it among agent.dropped, and with the server
        self.assertEqual(2, self.spool.take_dropped())
        self.assertEqual(1, self.logger.output.count('does not take'))

    def test_nothing_is_lost_while_nobody_answers(self):
        error = exceptions.BusUnavailable('conductor.report: no answer')
        self.conductor.answers = [error, error]
        self.send(2, 4)
        self.assertEqual([1, 1, 1, 2], self.conductor.sequences)
        self.assertEqual(1, self.logger.output.count('Reports wait'))
        self.assertIn('Reports are taken again', self.logger.output)

    def test_a_registration_that_is_put_off(self):
        self.conductor.registering = [STATUS.LATER, STATUS.REFUSED]
        self.send(1)
        self.assertEqual([1], self.conductor.sequences)
        self.assertEqual(3, len(self.conductor.registrations))
        counters = [r.counter for r in self.conductor.registrations]
        self.assertEqual(sorted(set(counters)), counters)


class TestTrust(PublisherCase):
    def test_waits_to_be_accepted_and_says_once_what_to_accept(self):
        self.conductor.registering = [STATUS.PENDING] * 3
        self.conductor.answers = [STATUS.PENDING] * 2
        self.send(2, 4)
        self.assertEqual([1, 1, 1, 2], self.conductor.sequences)
        self.assertEqual(4, len(self.conductor.registrations))
        self.assertEqual(
            1,
            self.logger.output.count(
                'an operator has to accept this server, whose key is '
                f'{self.me.fingerprint}'
            ),
        )
        self.assertEqual(0, self.spool.take_dropped())

    def test_one_that_is_not_trusted_keeps_all_and_asks_again(self):
        self.conductor.key = 'another'
        self.append(1)
        self.append(2)
        self.publisher.start()
        self.until(lambda: len(self.conductor.registrations) > 3)
        self.assertEqual([], self.conductor.reports)
        self.assertEqual(1, self.logger.output.count('is not trusted'))
        # an operator accepts the present key
        self.conductor.key = self.me.public
        self.conductor.wait_for(2)
        self.assertEqual([1, 2], self.conductor.sequences)

    def test_a_key_that_is_changed_meanwhile_loses_nothing(self):
        old = self.me.public
        self.append(1)
        self.publisher.start()
        self.conductor.wait_for(1)
        # by another process
        identity.Identity(state.State(self.path)).rotate()
        self.append(2)
        self.conductor.wait_for(2)
        self.assertNotEqual(old, self.conductor.key)
        self.assertEqual(self.conductor.key, self.me.public)
        self.append(3)
        self.conductor.wait_for(3)
        self.assertEqual([1, 2, 3], self.conductor.sequences)
        self.assertEqual(
            [STATUS.ACCEPTED] * 3, [a for _, a in self.conductor.reports]
        )

    def test_a_lost_receipt_of_the_next_key(self):
        self.append(1)
        self.publisher.start()
        self.conductor.wait_for(1)
        self.me.rotate()
        # the conductor goes over to it, and the agent does not hear of it
        lost = self.me.sign_registration(
            model.Registration(self.me.server, self.spool.epoch, 'host')
        )
        self.conductor.register(lost)
        # it is said again before the next report is sent
        self.append(2)
        self.conductor.wait_for(2)
        self.assertEqual([1, 2], self.conductor.sequences)
        self.assertEqual(lost.signatures[0].key, self.me.public)

    def test_a_next_key_that_is_not_taken_holds_nothing_up(self):
        self.append(1)
        self.publisher.start()
        self.conductor.wait_for(1)
        old = self.me.public
        self.conductor.registering = [STATUS.REFUSED]
        self.me.rotate()
        self.append(2)
        self.conductor.wait_for(2)
        self.assertEqual((old, old), (self.me.public, self.conductor.key))
        self.assertIn('not changed yet: REFUSED', self.logger.output)
        # and it is tried again
        time.sleep(0.1)
        self.append(3)
        self.conductor.wait_for(3)
        self.assertNotEqual(old, self.me.public)


class TestRoutes(PublisherCase):
    def setUp(self):
        super().setUp()
        self.rest = Conductor('https')
        # one memory behind both
        for name in ('registrations', 'reports', 'stored', 'changed'):
            setattr(self.rest, name, getattr(self.conductor, name))
        self.publisher = self.make(self.conductor, self.rest)

    def names(self):
        found = []
        for route in (self.conductor, self.rest):
            original = route.report

            def noted(signed, route=route, original=original):
                found.append(route.name)
                return original(signed)

            route.report = noted
        return found

    def test_the_next_one_at_once_and_back(self):
        names = self.names()
        self.rest.key = self.conductor.key = self.me.public
        self.append(1)
        self.publisher.start()
        self.conductor.wait_for(1)
        self.conductor.away = True
        for i in range(2, 5):
            self.append(i)
        self.conductor.wait_for(4)
        # that it looks for the bus meanwhile is not among them
        self.assertEqual(['https'] * 3, [n for n in names if n != 'bus'])
        self.assertNotIn('Reports wait', self.logger.output)
        self.assertIn(
            'Reports go over https: bus: no answer: 7', self.logger.output
        )
        self.conductor.away = False
        self.until(lambda: self.conductor.knocks)
        self.until(lambda: self.publisher._routes.present is self.conductor)
        self.append(5)
        self.conductor.wait_for(5)
        self.assertEqual('bus', names[-1])
        # one that came late would look like one that was overheard
        self.assertEqual(1, len(self.conductor.registrations))
        self.until(lambda: 'over bus again' in self.logger.output)
        self.assertEqual([1, 2, 3, 4, 5], self.conductor.sequences)
        self.assertEqual(1, self.logger.output.count('go over https'))

    def test_none_works(self):
        self.conductor.away = self.rest.away = True
        self.append(1)
        self.append(2)
        self.publisher.start()
        self.until(lambda: 'Reports wait' in self.logger.output)
        time.sleep(0.2)
        self.rest.away = False
        self.conductor.wait_for(2)
        self.assertEqual([1, 2], self.conductor.sequences)
        self.assertEqual(1, self.logger.output.count('Reports wait'))

    def test_a_better_one_is_looked_for_ever_more_rarely(self):
        asked = []

        def knock(route):
            asked.append(time.monotonic())
            raise exceptions.BusUnavailable('no answer')

        looked = routes.Routes([self.conductor, self.rest], knock)
        looked.start()
        self.addCleanup(looked.stop)
        looked.failed(self.conductor, 'no answer')
        self.until(lambda: len(asked) > 4)
        self.assertIs(self.rest, looked.present)
        gaps = [b - a for a, b in zip(asked, asked[1:], strict=False)]
        self.assertGreater(min(gaps), 0.045)

    def test_what_failed_meanwhile_is_no_longer_taken(self):
        ways = routes.Routes([self.conductor, self.rest], None)
        self.assertTrue(ways.failed(self.conductor, 'a'))
        self.assertTrue(ways.failed(self.conductor, 'a'))
        self.assertIs(self.rest, ways.present)
        self.assertFalse(ways.failed(self.rest, 'b'))
        self.assertIs(self.conductor, ways.present)


class TestCost(base.BaseTestCase):
    def test_an_agent_on_the_bus_does_not_pay_for_https(self):
        packages, own = test_imports.imported('sentinella.agent.service')
        self.assertIn('sentinella.agent.publish.https', own)
        self.assertNotIn('keystoneauth1', packages)
        self.assertNotIn('requests', packages)


class TestLoad(base.BaseTestCase):
    def load(self, *names):
        conf = cfg.ConfigOpts()
        options.register_opts(conf)
        conf([], project='sentinella', default_config_files=[])
        conf.set_override('routes', list(names), 'agent')
        return routes.load(conf, Conductor())

    def test_in_order_each_once(self):
        self.assertEqual(
            ['bus'], [route.name for route in self.load('bus', 'bus')]
        )

    def test_none(self):
        error = self.assertRaises(exceptions.InvalidConfiguration, self.load)
        self.assertIn('[agent] routes is empty', str(error))

    def test_over_https_a_credential_is_needed(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration, self.load, 'bus', 'https'
        )
        self.assertEqual(
            '[agent_rest] auth_type is missing: expected one such as '
            'v3applicationcredential',
            str(error),
        )
