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

import fixtures

from sentinella import exceptions
from sentinella.db import notifications
from sentinella.notifier import base
from sentinella.notifier import delivery
from tests import databases
from tests import processes
from tests.functional.evaluator import scene
from tests.functional.notifier import test_drivers


class OddDriver(base.Driver):
    """Fails as no driver should."""

    def send(self, settings, message):
        raise KeyError('/hooks/secret')


class DeliveryTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.conf.set_override('backoff', 0.1, 'notifier')
        self.conf.set_override('timeout', 5.0, 'notifier')
        self.log = self.useFixture(fixtures.FakeLogger())

    def start(self):
        running = delivery.Delivery(self.conf, self.database)
        running.start()
        self.addCleanup(running.stop)
        return running

    def settled(self, state='SENT'):
        """Wait until all of the outbox has a state.

        :returns: the Notifications
        """
        processes.wait_for(
            lambda: all(one.state == state for one in self.outbox()),
            f'all of the outbox {state}',
            seconds=30,
        )
        return self.outbox()

    def test_a_message_is_delivered_once(self):
        (queued,) = self.queue(self.add_channel())
        self.start()
        (sent,) = self.settled()
        self.assertEqual((1, None), (sent.attempts, sent.last_error))
        self.assertIsNotNone(sent.delivered_at)
        self.assertEqual(
            [queued.uuid], [body['id'] for body in self.receiver.bodies()]
        )

    def test_what_is_queued_later_goes_when_woken(self):
        running = self.start()
        self.queue(self.add_channel(), self.add_channel('log', {}))
        running.wake()
        self.settled()
        self.assertIn('[MAJOR]', self.log.output)

    def test_retry_until_it_goes(self):
        target = self.useFixture(test_drivers.Target())
        target.status = 503
        self.queue(self.add_channel(settings={'url': target.url}))
        self.start()
        processes.wait_for(lambda: len(target.requests) >= 2, 'a second one')
        target.status = 200
        (sent,) = self.settled()
        self.assertEqual(len(target.requests), sent.attempts)
        keys = {
            headers['Idempotency-Key'] for _, headers, _ in target.requests
        }
        self.assertEqual({sent.uuid}, keys)
        self.assertIn('HTTP 503 Service Unavailable', self.log.output)

    def test_dead_after_so_many_attempts(self):
        self.conf.set_override('max_attempts', 3, 'notifier')
        self.receiver.status = 500
        self.queue(self.add_channel())
        self.start()
        (dead,) = self.settled('DEAD')
        self.assertEqual(3, dead.attempts)
        self.assertEqual('HTTP 500 Internal Server Error', dead.last_error)
        self.assertEqual(3, len(self.receiver.messages))
        self.assertIn('given up', self.log.output)

    def test_final_is_dead_at_once(self):
        self.receiver.status = 404
        self.queue(self.add_channel())
        self.start()
        (dead,) = self.settled('DEAD')
        self.assertEqual(1, dead.attempts)
        self.assertEqual('HTTP 404 Not Found', dead.last_error)

    def test_what_can_never_go(self):
        self.queue(self.add_channel('pigeon'))
        self.queue(self.add_channel('webhook', {'url': 'gopher://x/'}))
        self.start()
        unknown, invalid = self.settled('DEAD')
        self.assertIn("unknown notifiers driver 'pigeon'", unknown.last_error)
        self.assertIn('webhook', unknown.last_error)
        self.assertIn('settings.url: expected', invalid.last_error)

    def test_a_driver_that_fails_otherwise_is_tried_again(self):
        self.conf.set_override('max_attempts', 2, 'notifier')
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.plugins.load',
                lambda namespace, name, conf: OddDriver(conf),
            )
        )
        self.queue(self.add_channel('odd', {}))
        running = self.start()
        (dead,) = self.settled('DEAD')
        self.assertEqual('driver odd failed: KeyError', dead.last_error)
        self.assertEqual(2, running.failures)
        failed = "Notifier 'odd' failed, and goes on: KeyError"
        self.assertEqual(1, self.log.output.count(failed))

    def test_a_slow_channel_keeps_nobody_waiting(self):
        slow = self.useFixture(test_drivers.Target())
        slow.hold.clear()
        channel = self.add_channel(settings={'url': slow.url})
        for _ in range(20):
            self.queue(channel)
        running = self.start()
        processes.wait_for(lambda: len(slow.requests) >= 4, 'some under way')
        self.queue(self.add_channel())
        running.wake()
        processes.wait_for(self.receiver.bodies, 'the other', seconds=5)
        self.assertLess(len(slow.requests), 2 * delivery.PER_CHANNEL)
        slow.hold.set()
        self.settled()
        self.assertEqual(20, len(slow.requests))

    def test_two_side_by_side_send_each_once(self):
        channels = [self.add_channel() for _ in range(3)]
        queued = [one for _ in range(20) for one in self.queue(*channels)]
        both = [self.start() for _ in range(2)]
        for running in both:
            running.wake()
        self.settled()
        self.assertEqual(
            sorted(one.uuid for one in queued),
            sorted(body['id'] for body in self.receiver.bodies()),
        )

    def test_one_dies_after_sending(self):
        """Its notification goes again after the lease, as the same message;
        and would it rise from the dead, it could not say a word."""
        (queued,) = self.queue(self.add_channel())
        with self.database.writer() as session:
            (claim,) = notifications.claim_due(session, 'dead', 0.3, 4)
        self.start()
        self.settled()
        self.assertEqual(
            [queued.uuid], [body['id'] for body in self.receiver.bodies()]
        )
        with self.database.writer() as session:
            self.assertRaises(
                exceptions.Conflict,
                notifications.retry,
                session,
                claim,
                self.now(),
                'late',
            )

    def test_stop_lets_arrive_what_is_under_way(self):
        slow = self.useFixture(test_drivers.Target())
        slow.hold.clear()
        self.queue(self.add_channel(settings={'url': slow.url}))
        running = delivery.Delivery(self.conf, self.database)
        running.start()
        processes.wait_for(lambda: slow.requests, 'one under way')
        slow.hold.set()
        running.stop()
        self.assertEqual(['SENT'], [one.state for one in self.outbox()])


class TestOnSqlite(DeliveryTests, databases.SqliteTestCase):
    pass


class TestOnMysql(DeliveryTests, databases.MysqlTestCase):
    pass


class TestOnPostgresql(DeliveryTests, databases.PostgresqlTestCase):
    pass
