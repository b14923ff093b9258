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

import threading

import fixtures
from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.agent import spool
from sentinella.agent.publish import rpc

STATUS = model.ReceiptStatus


class Conductor:
    """Keeps what it is sent; answers as it is told to."""

    def __init__(self):
        self.registrations = []
        self.reports = []
        self.answers = []
        self.schemas = {}
        self.changed = threading.Condition()

    def register(self, registration):
        self.registrations.append(registration.epoch)
        return model.Receipt(STATUS.ACCEPTED)

    def report(self, report):
        answer = self.answers.pop(0) if self.answers else STATUS.ACCEPTED
        with self.changed:
            self.reports.append((report, answer))
            self.changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return model.Receipt(answer, 'because')

    def wait_for(self, count):
        with self.changed:
            self.changed.wait_for(lambda: len(self.reports) >= count, 20)
        return self.reports


class TestPublisher(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.spool = spool.Spool(
            self.useFixture(fixtures.TempDir()).path, 1 << 20
        )
        self.conductor = Conductor()
        self.publisher = rpc.RpcPublisher(
            self.spool,
            self.conductor,
            lambda epoch: model.Registration('uuid', epoch, 'host'),
        )
        self.addCleanup(self.publisher.stop)

    def send(self, count, expected=None):
        for i in range(count):
            sample = model.Sample(model.Metric.of('m'), float(i))
            frame = model.Frame.of(float(i), [sample])
            self.spool.append(model.Report('uuid', '', 0, frame=frame))
        self.publisher.start()
        found = self.conductor.wait_for(expected or count)
        self.publisher.stop()
        return found

    def sequences(self):
        return [report.sequence for report, _ in self.conductor.reports]

    def test_registers_then_sends_in_order(self):
        found = self.send(3)
        self.assertEqual([1, 2, 3], self.sequences())
        self.assertEqual([self.spool.epoch], self.conductor.registrations)
        self.assertEqual(0, len(self.spool))
        self.assertGreater(found[0][0].sent_at, 0.0)

    def test_metrics_go_once(self):
        found = self.send(3)
        self.assertEqual(
            [True, False, False],
            [report.frame.metrics is not None for report, _ in found],
        )

    def test_an_unknown_schema_is_sent_again_with_it(self):
        self.conductor.answers = [STATUS.ACCEPTED, STATUS.UNKNOWN_SCHEMA]
        found = self.send(2, 3)
        self.assertEqual([1, 2, 2], self.sequences())
        self.assertIsNotNone(found[2][0].frame.metrics)

    def test_a_schema_that_is_never_known_holds_nothing_up(self):
        self.conductor.answers = [STATUS.UNKNOWN_SCHEMA]
        self.send(2)
        self.assertEqual([1, 2], self.sequences())
        self.assertEqual(1, self.publisher.refused)

    def test_registers_again_when_asked(self):
        self.conductor.answers = [STATUS.ACCEPTED, STATUS.UNREGISTERED]
        found = self.send(2, 3)
        self.assertEqual([1, 2, 2], self.sequences())
        self.assertEqual(2, len(self.conductor.registrations))
        self.assertIsNotNone(found[2][0].frame.metrics)

    def test_what_was_stored_before_is_done(self):
        self.conductor.answers = [STATUS.DUPLICATE]
        self.send(2)
        self.assertEqual([1, 2], self.sequences())

    def test_what_can_not_be_stored_yet_waits_in_order(self):
        self.conductor.answers = [STATUS.LATER, STATUS.LATER]
        self.send(2, 4)
        self.assertEqual([1, 1, 1, 2], self.sequences())
        self.assertEqual(0, self.publisher.refused)
        self.assertEqual(1, self.logger.output.count('Reports wait'))

    def test_what_is_refused_is_dropped_and_said_once(self):
        self.conductor.answers = [STATUS.REFUSED, STATUS.REFUSED]
        self.send(3)
        self.assertEqual([1, 2, 3], self.sequences())
        self.assertEqual(2, self.publisher.refused)
        # an operator sees it among agent.dropped, and with the server
        self.assertEqual(2, self.spool.take_dropped())
        self.assertEqual(1, self.logger.output.count('does not take'))

    def test_nothing_is_lost_while_nobody_answers(self):
        error = exceptions.BusUnavailable('conductor.report: no answer')
        self.conductor.answers = [error, error]
        self.send(2, 4)
        self.assertEqual([1, 1, 1, 2], self.sequences())
        self.assertEqual(1, self.logger.output.count('Reports wait'))
        self.assertIn('Reports are taken again', self.logger.output)
