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
import testtools

from sentinella import exceptions
from sentinella import service


class Work:
    """Fails as often as told, and says when it was done."""

    def __init__(self, failures=0):
        self.failures = failures
        self.done = threading.Semaphore(0)

    def __call__(self):
        self.done.release()
        if self.failures:
            self.failures -= 1
            raise ValueError('not yet')


class TestLoop(testtools.TestCase):
    def run_loop(self, work, interval):
        loop = service.Loop('test', work, interval)
        self.addCleanup(loop.stop)
        return loop.start()

    def test_it_works_at_once_and_when_woken(self):
        work = Work()
        loop = self.run_loop(work, interval=3600)
        self.assertTrue(work.done.acquire(timeout=10))
        self.assertFalse(work.done.acquire(blocking=False))
        loop.wake()
        self.assertTrue(work.done.acquire(timeout=10))

    def test_it_survives_and_counts_failures(self):
        work = Work(failures=2)
        loop = self.run_loop(work, interval=0)
        for _ in range(4):
            self.assertTrue(work.done.acquire(timeout=10))
        self.assertEqual(2, loop.failures)

    def test_it_works_when_more_is_due(self):
        work = Work()
        answers = iter([0.0, 0.01, None])
        loop = service.Loop('test', work, 3600, due=lambda: next(answers))
        self.addCleanup(loop.stop)
        loop.start()
        for _ in range(3):
            self.assertTrue(work.done.acquire(timeout=10))
        self.assertFalse(work.done.acquire(timeout=0.05))

    def test_it_ends_when_told(self):
        work = Work()
        loop = service.Loop('test', work, 0).start()
        work.done.acquire(timeout=10)
        loop.stop()
        while work.done.acquire(blocking=False):
            pass
        self.assertFalse(work.done.acquire(timeout=0.05))


class TestGuard(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.output = self.useFixture(fixtures.FakeLogger())

    def test_a_failure_is_logged_once_per_change(self):
        guard = service.Guard('thing')
        for reason in ('a', 'a', 'b', None, 'b'):
            went_well = guard.run(self.work, reason)
            self.assertEqual(reason is None, went_well)
        self.assertEqual(4, guard.failures)
        lines = self.output.output.splitlines()
        self.assertEqual(
            [
                'thing failed, and goes on: a',
                'thing failed, and goes on: b',
                'thing works again',
                'thing failed, and goes on: b',
            ],
            lines,
        )

    @staticmethod
    def work(reason):
        if reason:
            raise exceptions.Conflict(reason)

    def test_what_is_not_ours_comes_with_its_traceback(self):
        service.Guard('thing').run(lambda: 1 / 0)
        self.assertIn('goes on: ZeroDivisionError', self.output.output)
        self.assertIn('Traceback', self.output.output)
