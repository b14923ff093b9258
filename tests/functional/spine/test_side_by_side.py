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


"""Two conductors and two evaluators, as real processes, on the real bus."""

import concurrent.futures
import time
import uuid

import sqlalchemy as sa
import testtools

from sentinella import model
from sentinella.db import alarms
from sentinella.db import definitions
from sentinella.db import log_events
from tests import cloud
from tests import processes
from tests import receiver
from tests import speaking


class TestSideBySide(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.cloud = self.useFixture(cloud.CloudFixture('mysql', interval=3))
        self.receiver = self.useFixture(receiver.ReceiverFixture())
        with self.cloud.database.writer() as session:
            definition = model.AlarmDefinition(
                uuid=str(uuid.uuid4()),
                name='service-down',
                expression='last(process.up, 60) < 1',
                type=model.ThresholdType.BINARY,
                severity=model.Severity.CRITICAL,
                match_by=('server', 'service'),
            )
            definitions.create(session, definition, {'process.up'}, 0.0)
        self.cloud.page_to(self.receiver.url)
        self.conductors = [
            self.cloud.run('conductor', f'ctl-{i}') for i in range(2)
        ]
        self.client = self.cloud.bus.client()

    def servers(self, count):
        several = [
            speaking.SpeakingServer(self.client, i) for i in range(count)
        ]
        for server in several:
            receipt = server.register()
            self.assertEqual(model.ReceiptStatus.ACCEPTED, receipt.status)
        return several

    def count(self, table):
        with self.cloud.database.reader() as session:
            return session.scalar(sa.text(f'SELECT COUNT(*) FROM {table}'))

    def test_a_report_sent_twice_at_once_is_stored_once(self):
        event = model.LogEvent(time.time(), 'nova-api', 'ERROR', 'boom')
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for _ in range(20):
                reports = [
                    server.next_report(events=[event])
                    for server in self.servers(8)
                ]
                receipts = list(pool.map(self.client.report, reports * 2))
                for first, second in zip(
                    receipts[:8], receipts[8:], strict=True
                ):
                    self.assertEqual(
                        [
                            model.ReceiptStatus.ACCEPTED,
                            model.ReceiptStatus.DUPLICATE,
                        ],
                        sorted([first.status, second.status]),
                    )
        self.assertEqual(160, self.count('frames'))
        with self.cloud.database.reader() as session:
            events = log_events.list_(session, limit=1000)
        self.assertEqual(160, len(events))

    def wait_for_state(self, server, state):
        def reached():
            with self.cloud.database.reader() as session:
                found = alarms.list_(session, limit=10, server=server.uuid)
            return [a for a in found if a.state == state]

        return processes.wait_for(reached, f'{server.uuid} {state}')[0]

    def ids(self, kind=None):
        return {body['id'] for body in self.receiver.bodies(kind)}

    def test_each_fault_is_paged_once_whoever_dies(self):
        # eight changes each are meant here
        evaluators = [
            self.cloud.run(
                'evaluator', f'ctl-{i}', evaluator='flap_changes = 100'
            )
            for i in range(2)
        ]
        several = self.servers(6)
        for server in several:
            server.say(up=1.0)
        for round_ in range(4):
            if round_ == 2:
                evaluators[0].kill()
            for server in several:
                server.say(up=0.0)
            for server in several:
                self.wait_for_state(server, model.AlarmState.ALARM)
            for server in several:
                server.say(up=1.0)
            for server in several:
                self.wait_for_state(server, model.AlarmState.OK)
        # what the one that died had sent, but not noted as sent, comes again
        # once its claim has ended: with the same id
        processes.wait_for(
            lambda: len(self.ids()) >= 48, '24 pages, 24 ends', 120
        )
        self.assertEqual(24, len(self.ids('alarm')))
        self.assertEqual(24, len(self.ids('recovery')))
        self.assertEqual(48, self.count('transitions'))
        self.assertEqual(6, self.count('alarms'))
