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

from oslotest import base

from sentinella.notifier import backoff


class TestWaitBefore(base.BaseTestCase):
    def test_twice_as_long_each_time_within_limits(self):
        waits = [backoff.wait_before(n, 2.0) for n in range(2, 14)]
        self.assertEqual([2, 4, 8, 16, 32, 64, 128, 256, 512], waits[:9])
        self.assertEqual([600, 600, 600], waits[9:])

    def test_of_any_attempt(self):
        self.assertEqual(600, backoff.wait_before(100_000, 0.1))
        self.assertEqual(600, backoff.wait_before(2, 1e9))


class TestIsTooLate(base.BaseTestCase):
    def test_after_so_many_seconds_of_attempts(self):
        late = [backoff.is_too_late(n, 2.0, 13.9) for n in range(1, 5)]
        self.assertEqual([False, False, True, True], late)

    def test_never_again(self):
        self.assertTrue(backoff.is_too_late(1, 2.0, 0.0))

    def test_four_hours_are_some_thirty_attempts(self):
        many = [n for n in range(1, 99) if backoff.is_too_late(n, 2.0, 14400)]
        self.assertEqual(32, many[0])
