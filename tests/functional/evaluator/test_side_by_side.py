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

"""Two evaluators, each with its own connections, and their deliveries."""

import collections
import threading

from sentinella.db import database
from sentinella.db import definitions
from sentinella.evaluator import service
from sentinella.notifier import delivery
from sentinella.storage import base as storage
from tests import databases
from tests import processes
from tests.functional.evaluator import scene

METRICS = ['a.up', 'b.up', 'c.up']


class Watched:
    """A storage that notes who reads a metric at the same time; each metric
    is read by one definition only."""

    def __init__(self, storage, seen):
        self._storage = storage
        self._seen = seen

    def recent(self):
        return storage.Recent(self)

    def windows(self, wanted, *args):
        names = [name for name, _ in wanted]
        with self._seen.lock:
            self._seen.under_way.update(names)
            self._seen.most = max(
                self._seen.most, *self._seen.under_way.values()
            )
        try:
            return self._storage.windows(wanted, *args)
        finally:
            with self._seen.lock:
                self._seen.under_way.subtract(names)


class Seen:
    def __init__(self):
        self.lock = threading.Lock()
        self.under_way = collections.Counter()
        self.most = 0


class SideBySideTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.conf.set_override('interval', 1.0, 'evaluator')
        self.seen_at_once = Seen()
        self.server = self.add_server('ctl-01')
        self.add_channel()

    def start(self):
        db = database.Database(self.conf)
        self.addCleanup(db.dispose)
        sender = delivery.Delivery(self.conf, db)
        evaluator = service.Evaluator(
            self.conf,
            db,
            Watched(self.storage, self.seen_at_once),
            notify=sender.wake,
        )
        for part in (sender, evaluator):
            part.start()
            self.addCleanup(part.stop)
        return evaluator

    def test_each_transition_and_each_message_is_one(self):
        for metric in METRICS:
            self.add_definition(f'last({metric}) < 1')
        both = [self.start() for _ in range(2)]
        rounds = 8
        for number in range(rounds):
            for metric in METRICS:
                self.write(self.server, number % 2, metric, service='x')
                self.poke(metric)
                # woken as if both had had the cast, the worst of cases
                for evaluator in both:
                    evaluator.wake()
            self.wait_for_states('OK' if number % 2 else 'ALARM')
        expected = ['ALARM', 'OK'] * (rounds // 2)
        for alarm in self.alarms():
            self.assertEqual(expected, self.transitions(alarm))
            self.assertEqual(rounds // 2, alarm.count)
        self.assertEqual(1, self.seen_at_once.most)
        self.assertEqual([0, 0], [one.failures for one in both])
        self.wait_for_messages(rounds * len(METRICS))

    def wait_for_states(self, state):
        processes.wait_for(
            lambda: (
                [state] * len(METRICS) == [one.state for one in self.alarms()]
            ),
            f'all alarms {state}',
        )

    def wait_for_messages(self, number):
        processes.wait_for(
            lambda: all(one.state == 'SENT' for one in self.outbox()),
            'all of the outbox sent',
        )
        ids = [body['id'] for body in self.receiver.bodies()]
        self.assertEqual(sorted(ids), sorted(o.uuid for o in self.outbox()))
        self.assertEqual(number, len(set(ids)))

    def test_another_takes_over_from_one_that_died(self):
        """Within one interval, which is as long as a lease."""
        self.add_definition('last(a.up) < 1')
        survivor = self.start()
        processes.wait_for(lambda: not self.due(), 'a first evaluation')
        self.poke('a.up')
        with self.database.writer() as session:
            # if it was the survivor that got it there is nothing to prove
            claims = definitions.claim_due(session, 'dead', 1.0, 1.0, 8)
        died = self.now()
        # not before, or the survivor may see it while it still has its turn
        self.write(self.server, 0, 'a.up', service='x')
        self.poke('a.up')
        processes.wait_for(self.alarms, 'an alarm', seconds=10)
        (alarm,) = self.alarms()
        self.assertLess(alarm.changed_at - died, 5.0)
        if claims:
            self.assertGreater(alarm.changed_at - died, 0.9)
        self.assertEqual(0, survivor.failures)
        self.assertEqual(['ALARM'], self.transitions(alarm))

    def test_a_poke_that_the_bus_lost(self):
        self.conf.set_override('interval', 600.0, 'evaluator')
        self.add_definition('last(a.up) < 1')
        self.start()
        processes.wait_for(lambda: not self.due(), 'a first evaluation')
        self.write(self.server, 0, 'a.up', service='x')
        self.poke('a.up')
        processes.wait_for(self.alarms, 'an alarm')

    def due(self):
        with self.database.reader() as session:
            return definitions.seconds_until_due(session) == 0


class TestOnSqlite(SideBySideTests, databases.SqliteTestCase):
    pass


class TestOnMysql(SideBySideTests, databases.MysqlTestCase):
    pass


class TestOnPostgresql(SideBySideTests, databases.PostgresqlTestCase):
    pass
