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

import errno
import math
import socket
import threading
import time

from oslotest import base

from sentinella.agent.asking import probing


class TestEach(base.BaseTestCase):
    def test_results_and_exceptions_in_order(self):
        def work(number):
            time.sleep(0.02 * (3 - number))
            if number == 1:
                raise OSError('no')
            return number * 10

        zero, one, two = probing.each(work, range(3))
        self.assertEqual((0, 20), (zero, two))
        self.assertEqual('no', str(one))

    def test_nothing_to_do(self):
        self.assertEqual([], probing.each(None, []))

    def test_several_at_a_time_but_not_all(self):
        lock, running, most = threading.Lock(), [0], [0]

        def work(_):
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.02)
            with lock:
                running[0] -= 1

        probing.each(work, range(3 * probing.AT_ONCE))
        self.assertEqual(probing.AT_ONCE, most[0])

    def test_what_takes_too_long_and_what_never_had_its_turn(self):
        release = threading.Event()
        self.addCleanup(release.set)
        begun = []

        def work(number):
            begun.append(number)
            if number > 0:
                release.wait(10)
            return number

        started = time.monotonic()
        first, *others = probing.each(work, range(20), timeout=0.2)
        self.assertLess(time.monotonic() - started, 8)
        self.assertEqual(0, first)
        self.assertEqual({probing.OutOfTime}, {type(o) for o in others})
        self.assertEqual(probing.AT_ONCE + 1, len(begun))


class TestUp(base.BaseTestCase):
    def test_answers(self):
        for outcome in (None, 0, '', 'yes'):
            self.assertEqual(1.0, probing.up(outcome))

    def test_seen_to_be_down(self):
        for outcome in (
            ConnectionRefusedError(),
            TimeoutError(),
            OSError(errno.EHOSTUNREACH, 'no route'),
            ValueError('it talks nonsense'),
        ):
            self.assertEqual(0.0, probing.up(outcome))

    def test_what_can_not_be_told(self):
        for outcome in (
            probing.OutOfTime(),
            socket.gaierror(socket.EAI_NONAME, 'who?'),
            OSError(errno.EMFILE, 'too many'),
        ):
            self.assertTrue(math.isnan(probing.up(outcome)), outcome)
