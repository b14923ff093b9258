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

import dataclasses
import datetime
import json
import resource

import fixtures

from sentinella import exceptions
from sentinella import model
from sentinella.db import attempts
from sentinella.db import channels
from sentinella.db import deliveries
from sentinella.db import notifications
from sentinella.notifier import base
from sentinella.notifier import delivery
from sentinella.notifier import room
from tests import databases
from tests import outbox
from tests import processes
from tests import target
from tests.functional.evaluator import scene


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
        failing = self.useFixture(target.Target())
        failing.status = 503
        self.queue(self.add_channel(settings={'url': failing.url}))
        self.start()
        processes.wait_for(lambda: len(failing.requests) >= 2, 'a second one')
        failing.status = 200
        (sent,) = self.settled()
        self.assertEqual(len(failing.requests), sent.attempts)
        keys = {
            headers['Idempotency-Key'] for _, headers, _ in failing.requests
        }
        self.assertEqual({sent.uuid}, keys)
        self.assertIn('HTTP 503 Service Unavailable', self.log.output)

    def test_dead_after_so_many_attempts(self):
        self.conf.set_override('give_up_after', 0.4, 'notifier')
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

    def test_a_body_of_its_own(self):
        other = self.useFixture(target.Target())
        settings = {
            'url': other.url,
            'content_type': 'text/plain',
            'templates': {'body': 'pager {{ severity }}: {{ title }}'},
        }
        hostile = {**settings, 'templates': {'body': '{{ 10 ** (10 ** 10) }}'}}
        self.queue(self.add_channel(settings=settings))
        self.start()
        self.settled()
        ((_, headers, body),) = other.requests
        self.assertEqual('text/plain', headers['Content-Type'])
        self.assertTrue(body.startswith(b'pager major: [MAJOR] '))
        # it still arrives, as ours
        self.queue(self.add_channel(settings=hostile))
        self.start()
        self.settled()
        _, (_, headers, body) = other.requests
        self.assertEqual('application/json', headers['Content-Type'])
        self.assertEqual(self.outbox()[-1].uuid, json.loads(body)['id'])

    def test_a_driver_that_is_not_for_all(self):
        self.conf.set_override('restricted_drivers', ['log'], 'notifier')
        self.queue(self.add_channel('log', {}))
        self.start()
        self.settled()
        self.conf.set_override('service_project_id', 'another')
        self.queue(self.add_channel('log', {}))
        self.start()
        processes.wait_for(
            lambda: self.outbox()[-1].state == 'DEAD', 'the second one DEAD'
        )
        self.assertEqual(
            "driver log: only channels of the cloud's own project may use "
            'it; see [notifier] restricted_drivers',
            self.outbox()[-1].last_error,
        )

    def test_a_driver_that_fails_otherwise_is_tried_again(self):
        self.conf.set_override('give_up_after', 0.15, 'notifier')
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

    def test_many_become_one_where_they_may(self):
        pager = self.useFixture(target.Target())
        settings = {'routing_key': 'x', 'url': pager.base}
        both = [
            self.add_channel(digest_over=3),
            self.add_channel('pagerduty', settings, digest_over=3),
        ]
        queued = [self.queue(*both)[1] for _ in range(12)]
        self.start()
        self.settled()
        (digest,) = self.receiver.bodies()
        self.assertEqual(12, len(digest['digest']))
        self.assertEqual(
            sorted(f'sentinella-{one.alarm.uuid}' for one in queued),
            sorted(body['dedup_key'] for body in pager.bodies()),
        )

    def test_a_slow_channel_keeps_nobody_waiting(self):
        slow = self.useFixture(target.Target())
        slow.hold.clear()
        channel = self.add_channel(settings={'url': slow.url})
        for _ in range(20):
            self.queue(channel)
        running = self.start()
        processes.wait_for(
            lambda: len(slow.requests) >= room.PER_CHANNEL, 'some under way'
        )
        self.queue(self.add_channel())
        running.wake()
        processes.wait_for(self.receiver.bodies, 'the other', seconds=5)
        self.assertLess(len(slow.requests), 2 * room.PER_CHANNEL)
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
            token = deliveries.claim(session, 'dead', 0.3, [queued.id])
            (given,) = deliveries.given(session, token, [queued.id])
        self.start()
        self.settled()
        self.assertEqual(
            [queued.uuid], [body['id'] for body in self.receiver.bodies()]
        )
        dead = deliveries.Claim(
            token,
            given.notification.channel.id,
            frozenset({queued.id}),
            frozenset({given.notification.alarm.id}),
        )
        with self.database.writer() as session:
            self.assertEqual([], deliveries.lock(session, [dead]))

    def test_stop_lets_arrive_what_is_under_way(self):
        slow = self.useFixture(target.Target())
        slow.hold.clear()
        self.queue(self.add_channel(settings={'url': slow.url}))
        running = delivery.Delivery(self.conf, self.database)
        running.start()
        processes.wait_for(lambda: slow.requests, 'one under way')
        slow.hold.set()
        running.stop()
        self.assertEqual(['SENT'], [one.state for one in self.outbox()])


class RulesTests(scene.Scene):
    """What goes when, on real databases; see also the rules' own tests."""

    def setUp(self):
        super().setUp()
        self.conf.set_override('backoff', 0.1, 'notifier')
        self.log = self.useFixture(fixtures.FakeLogger())
        self.feeder = outbox.Feeder(self.database, count=3)

    def start(self):
        running = delivery.Delivery(self.conf, self.database)
        running.start()
        self.addCleanup(running.stop)
        return running

    def settled(self, *states):
        processes.wait_for(
            lambda: all(one.state in states for one in self.outbox()),
            f'all of the outbox {states}',
            seconds=30,
        )
        return self.outbox()

    def kinds(self):
        return [body['kind'] for body in self.receiver.bodies()]

    def test_nothing_overtakes(self):
        pager = self.useFixture(target.Target())
        pager.status = 503
        channel = self.add_channel(settings={'url': pager.url})
        for _ in range(3):
            self.feeder.feed([channel], 3)
        running = self.start()
        processes.wait_for(lambda: len(pager.requests) > 6, 'some attempts')
        # of each alarm the first one only
        bodies = [json.loads(body) for _, _, body in pager.requests]
        self.assertEqual({'alarm'}, {body['kind'] for body in bodies})
        self.assertEqual(3, len({body['id'] for body in bodies}))
        waiting = {one.waits_for for one in self.outbox()[3:]}
        self.assertEqual({model.WaitsFor.ORDER}, waiting)
        pager.status = 200
        running.wake()
        self.settled('SENT')
        arrived = {}
        for _, _, body in pager.requests:
            body = json.loads(body)
            ids = arrived.setdefault(body['alarm']['id'], {})
            ids[body['id']] = body['kind']
        for ids in arrived.values():
            self.assertEqual(
                ['alarm', 'recovery', 'alarm'], list(ids.values())
            )

    def test_a_digest(self):
        channel = self.add_channel(digest_over=5)
        queued = [self.queue(channel)[0] for _ in range(20)]
        self.start()
        sent = self.settled('SENT')
        (body,) = self.receiver.bodies()
        self.assertEqual('digest', body['kind'])
        self.assertEqual(
            {one.uuid for one in queued},
            {entry['id'] for entry in body['digest']},
        )
        self.assertEqual({body['id']}, {one.digest_id for one in sent})

    def test_a_digest_that_does_not_go_at_first_is_the_same(self):
        self.receiver.status = 503
        channel = self.add_channel(digest_over=1)
        for _ in range(5):
            self.queue(channel)
        running = self.start()
        processes.wait_for(lambda: len(self.receiver.messages) > 1, 'two')
        self.queue(channel)
        self.receiver.status = 200
        running.wake()
        processes.wait_for(
            lambda: [one.state for one in self.outbox()][:5] == ['SENT'] * 5,
            'all of the digest sent',
        )
        digests = self.receiver.bodies('digest')
        self.assertEqual(1, len({body['id'] for body in digests}))
        self.assertEqual({5}, {len(body['digest']) for body in digests})
        with self.database.reader() as session:
            record = attempts.of_message(session, [digests[0]['id']])
        self.assertEqual(
            ['PENDING', 'SENT'], sorted({str(one.outcome) for one in record})
        )
        self.assertEqual(len(digests), len(record))

    def test_quiet_hours_end_with_a_digest(self):
        end = datetime.datetime.now(datetime.UTC)
        hours = {'from': '00:00', 'to': '00:00', 'max_severity': 'major'}
        channel = self.add_channel(quiet=hours)
        for _ in range(3):
            self.queue(channel)
        running = self.start()
        processes.wait_for(
            lambda: {one.waits_for for one in self.outbox()} == {'quiet'},
            'all to wait',
        )
        midnight = self.outbox()[0].next_attempt_at
        self.assertTrue(0 < midnight - end.timestamp() <= 86400)
        with self.database.writer() as session:
            channels.update(
                session, dataclasses.replace(channel, quiet={}), self.now()
            )
            session.execute(
                notifications.TABLE.update().values(next_attempt_at=0.0)
            )
        running.wake()
        self.settled('SENT')
        self.assertEqual(['digest'], self.kinds())

    def test_a_recovery_goes_where_the_alarm_went(self):
        dead = self.add_channel(settings={'url': 'gopher://x/'})
        channel = self.add_channel()
        self.feeder.feed([channel, dead], 3)
        self.feeder.feed([channel, dead], 3)
        self.start()
        found = self.settled('SENT', 'DEAD', 'SKIPPED')
        self.assertEqual(
            ['DEAD'] * 3 + ['SKIPPED'] * 3,
            [one.state for one in found if one.channel.id == dead.id],
        )
        self.assertEqual(3, self.kinds().count('recovery'))

    def test_a_disabled_channel(self):
        self.queue(self.add_channel(enabled=False))
        self.start()
        (skipped,) = self.settled('SKIPPED')
        self.assertEqual('the channel was disabled', skipped.last_error)
        self.assertEqual([], self.receiver.messages)

    def test_one_that_wants_to_be_left_alone(self):
        pager = self.useFixture(target.Target())
        pager.status, pager.headers = 429, {'Retry-After': '600'}
        channel = self.add_channel(settings={'url': pager.url})
        self.queue(channel)
        running = self.start()
        processes.wait_for(lambda: pager.requests, 'one')
        processes.wait_for(lambda: self.outbox()[0].attempts, 'it is noted')
        self.queue(channel)
        running.wake()
        processes.wait_for(
            lambda: self.outbox()[1].waits_for == 'receiver', 'it to wait'
        )
        self.assertEqual(1, len(pager.requests))

    def test_sent_once_more_with_the_same_id(self):
        (queued,) = self.queue(self.add_channel())
        running = self.start()
        self.settled('SENT')
        with self.database.writer() as session:
            notifications.resend(session, queued.uuid, 'me')
        running.wake()
        processes.wait_for(lambda: len(self.receiver.messages) > 1, 'again')
        (sent,) = self.settled('SENT')
        self.assertEqual(('me', 1), (sent.resent_by, sent.attempts))
        self.assertEqual(
            {queued.uuid}, {body['id'] for body in self.receiver.bodies()}
        )

    def test_what_is_under_way_is_not_sent_once_more(self):
        (queued,) = self.queue(self.add_channel())
        with self.database.writer() as session:
            deliveries.claim(session, 'other', 60.0, [queued.id])
            self.assertRaises(
                exceptions.Conflict,
                notifications.resend,
                session,
                queued.uuid,
                'me',
            )


class StormTests(scene.Scene):
    def test_a_storm_is_told_whole_in_few_messages(self):
        """5,000 transitions; those of a minute, all at once."""
        feeder = outbox.Feeder(self.database, count=5000)
        channel = self.add_channel(digest_over=10)
        for _ in range(10):
            feeder.feed([channel], 500)
        running = delivery.Delivery(self.conf, self.database)
        began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        running.start()
        self.addCleanup(running.stop)
        sent = model.NotificationState.SENT
        processes.wait_for(
            lambda: self.count(sent) == 5000, 'all of them', seconds=120
        )
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - began
        self.assertLess(grown, 150_000)
        bodies = self.receiver.bodies('digest')
        self.assertEqual(len(self.receiver.messages), len(bodies))
        self.assertLess(len(bodies), 25)
        told = sum(len(b['digest']) + b['digest_left_out'] for b in bodies)
        self.assertEqual(5000, told)

    def count(self, state):
        with self.database.reader() as session:
            return notifications.count(session, state)


class TestRulesOnSqlite(RulesTests, databases.SqliteTestCase):
    pass


class TestRulesOnMysql(RulesTests, databases.MysqlTestCase):
    pass


class TestRulesOnPostgresql(RulesTests, databases.PostgresqlTestCase):
    pass


class TestStormOnMysql(StormTests, databases.MysqlTestCase):
    pass


class TestOnSqlite(DeliveryTests, databases.SqliteTestCase):
    pass


class TestOnMysql(DeliveryTests, databases.MysqlTestCase):
    pass


class TestOnPostgresql(DeliveryTests, databases.PostgresqlTestCase):
    pass
