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

from oslotest import base

from sentinella.agent.asking import counting


class TestGrowth(base.BaseTestCase):
    def test_needs_two_looks(self):
        growth = counting.Growth()
        self.assertTrue(math.isnan(growth.of('a', 5)))
        self.assertEqual(3, growth.of('a', 8))
        self.assertEqual(0, growth.of('a', 8))
        self.assertTrue(math.isnan(growth.of('b', 8)))

    def test_resets_and_gaps(self):
        growth = counting.Growth()
        growth.of('a', 5)
        self.assertTrue(math.isnan(growth.of('a', 2)))
        self.assertEqual(1, growth.of('a', 3))
        self.assertTrue(math.isnan(growth.of('a', None)))
        self.assertTrue(math.isnan(growth.of('a', 9)))


class TestPercent(base.BaseTestCase):
    def test_values(self):
        self.assertEqual(33.3, counting.percent(1, 3))
        self.assertEqual(50, counting.percent('1', '2'))
        for part, whole in ((None, 1), (1, None), (1, 0), (1, math.nan)):
            self.assertTrue(math.isnan(counting.percent(part, whole)))
