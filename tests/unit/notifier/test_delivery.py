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

from sentinella.notifier import delivery


class TestWaitBefore(base.BaseTestCase):
    def test_twice_as_long_each_time_within_limits(self):
        waits = [delivery.wait_before(n, 2.0) for n in range(2, 14)]
        self.assertEqual([2, 4, 8, 16, 32, 64, 128, 256, 512], waits[:9])
        self.assertEqual([600, 600, 600], waits[9:])

    def test_of_any_attempt(self):
        self.assertEqual(600, delivery.wait_before(100_000, 0.1))
        self.assertEqual(600, delivery.wait_before(2, 1e9))
