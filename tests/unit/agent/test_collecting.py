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

import math
import threading
import types

from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.agent import base as agent_base
from sentinella.agent import collecting


class Here(agent_base.Collector):
    """Gives what it is told to give."""

    SERVICES = ()
    answer = ()

    def collect(self, now):
        if isinstance(self.answer, Exception):
            raise self.answer
        yield from self.answer


class Asking(Here):
    PROBES = True


class Rabbit(Here):
    SERVICES = ('rabbitmq',)


def made(cls, services=(), **fields):
    node = types.SimpleNamespace(services=dict.fromkeys(services))
    collector = cls(None, node)
    vars(collector).update(fields)
    return collecting.Collecting(cls.__name__.lower(), collector, 0.0)


def up(value, **dimensions):
    return agent_base.sample('x.up', value, **dimensions)


class TestCollecting(base.BaseTestCase):
    def test_what_it_lacks_is_an_undetermined_service(self):
        lacking = exceptions.Lacking('no socket', 'join the group haproxy')
        one = made(Here, answer=lacking)
        self.assertEqual([], one.collect(10.0))
        status = one.status()
        self.assertEqual('collector:here', status.name)
        self.assertIs(model.ServiceState.UNDETERMINED, status.state)
        self.assertEqual('no socket: join the group haproxy', status.reason)
        self.assertEqual(10.0, status.since)
        one.collect(50.0)
        self.assertEqual(10.0, one.status().since)
        one.collector.answer = [up(1)]
        self.assertEqual([up(1)], one.collect(150.0))
        self.assertIsNone(one.status())

    def test_what_lacks_something_is_tried_less_and_less_often(self):
        tried = []

        def collect(now):
            tried.append(now)
            raise exceptions.Lacking('no user', 'make one')

        one = made(Rabbit, ['rabbitmq'])
        one.collector.collect = collect
        for now in range(0, 1200, 10):
            self.assertEqual([], one.collect(float(now)))
            self.assertIsNotNone(one.status())
        self.assertEqual([0, 30, 90, 210, 450, 750, 1050], tried)
        # the clock was set back
        one.collect(20.0)
        self.assertEqual(20.0, tried.pop())
        # what it asks was started again
        del one.collector.node.services['rabbitmq']
        one.collect(21.0)
        one.collector.node.services['rabbitmq'] = None
        one.collect(22.0)
        self.assertEqual(22.0, tried.pop())

    def test_what_it_found_in_words(self):
        said = model.ServiceStatus('check:a', model.ServiceState.UP, 1.0)
        one = made(Here, answer=[up(1)], statuses=lambda: (said,))
        all_ = collecting.Collectors([one, made(Here, answer=[])])
        # not before it was called, and not while it can't work
        self.assertEqual([], all_.statuses())
        all_.here(1.0)
        self.assertEqual([said], all_.statuses())
        one.collector.answer = exceptions.Lacking('a', 'b')
        all_.here(2.0)
        self.assertEqual(['collector:here'], [s.name for s in all_.statuses()])

    def test_a_defect_takes_nobody_along(self):
        broken = made(Here, answer=ZeroDivisionError('oops'))
        well = made(Here, answer=[up(1)])
        samples = collecting.Collectors([broken, well]).here(1.0)
        self.assertIn(up(1), samples)
        self.assertEqual('ZeroDivisionError: oops', broken.status().reason)

    def test_samples_of_one_that_fails_halfway_are_not_used(self):
        one = made(Here)

        def collect(now):
            yield up(1)
            raise OSError('gone')

        one.collector.collect = collect
        self.assertEqual([], one.collect(1.0))

    def test_nothing_to_do_is_neither_well_nor_lacking(self):
        one = made(Rabbit, answer=[up(1)])
        both = collecting.Collectors([one])
        self.assertEqual([], both.here(1.0))
        self.assertEqual([], both.statuses())
        one.collector.node.services['rabbitmq'] = None
        names = [s.metric.name for s in both.here(1.0)]
        self.assertEqual(['x.up', 'agent.collector_up'], names)

    def test_health(self):
        broken = made(Here, answer=exceptions.Lacking('a', 'b'))
        well = made(Asking, answer=[up(1)])
        all_ = collecting.Collectors([broken, well])
        all_.probed(1.0)
        health = {
            dict(s.metric.dimensions)['collector']: s.value
            for s in all_.here(1.0)
        }
        self.assertEqual(1.0, health['asking'])
        self.assertTrue(math.isnan(health['here']))


class TestProber(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.one = made(Asking, answer=[up(1)])
        self.done = threading.Semaphore(0)
        self.prober = collecting.Prober(
            collecting.Collectors([self.one]), 3600.0, self.done.release
        )
        self.addCleanup(self.prober.stop)
        self.prober.start()

    def round(self, *answer):
        self.one.collector.answer = answer
        self.prober.wake()
        self.assertTrue(self.done.acquire(timeout=10))
        return self.prober.take()

    def test_only_a_change_is_urgent(self):
        self.assertTrue(self.done.acquire(timeout=10))
        self.assertEqual(([up(1)], False), self.prober.take())
        self.assertEqual(([], False), self.prober.take())
        nan = agent_base.NAN
        for value, changed in (
            (0, True), (0, False), (1, True), (1, False), (nan, False),
            (1, False), (nan, False), (0, True), (nan, False), (0, False),
            (nan, False), (1, True),
        ):  # fmt: skip
            self.assertEqual(changed, self.round(up(value))[1], value)

    def test_what_is_down_when_first_asked_is_urgent(self):
        self.assertTrue(self.done.acquire(timeout=10))
        self.prober.take()
        self.assertTrue(self.round(up(1), up(0, target='new'))[1])
