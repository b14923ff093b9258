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

from sentinella.notifier import room


class TestRoom(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.room = room.Room()

    def begin(self, *channels, now=0.0):
        for channel in channels:
            self.room.begin(channel, now)

    def test_so_many_to_one_channel(self):
        self.begin(*[1] * (room.PER_CHANNEL - 1))
        self.assertEqual(1, self.room.free(1, 0.5))
        self.begin(1)
        self.assertEqual({1}, self.room.full(0.5))
        self.assertEqual(room.PER_CHANNEL, self.room.free(2, 0.5))
        self.room.end(1, 0.0, 0.5)
        self.assertEqual(set(), self.room.full(0.5))
        self.assertEqual(room.PER_CHANNEL - 1, len(self.room))

    def test_so_many_in_all(self):
        for channel in range(room.MOST):
            self.begin(channel)
        self.assertEqual(0, self.room.free('another', 0.5))

    def test_a_slow_one_has_one_at_a_time(self):
        self.begin(1, 1)
        self.assertEqual(0, self.room.free(1, 2.0))
        self.room.end(1, 0.0, 3.0)
        self.room.end(1, 0.0, 3.0)
        self.assertEqual(1, self.room.free(1, 3.0))

    def test_it_is_slow_until_it_is_not(self):
        self.begin(1)
        self.room.end(1, 0.0, 9.0)
        self.begin(1, now=9.0)
        self.assertEqual(0, self.room.free(1, 9.1))
        self.room.end(1, 9.0, 9.2)
        self.assertEqual(room.PER_CHANNEL, self.room.free(1, 9.2))

    def test_slow_ones_have_half_of_the_room(self):
        for channel in range(room.MOST // 2):
            self.begin(channel)
        self.begin('fast', now=5.0)
        self.room.end(0, 0.0, 5.0)
        self.assertEqual(1, self.room.free(0, 5.0))
        self.begin(0, now=5.0)
        self.begin('slow', now=3.0)
        self.room.end('slow', 3.0, 5.0)
        self.assertEqual(0, self.room.free('slow', 5.0))
        self.assertEqual(room.PER_CHANNEL - 1, self.room.free('fast', 5.0))
