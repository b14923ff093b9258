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
"""With three kills; `tools/run-benchmarks.sh soak` does it with a hundred."""

import testtools

from tests import delivering


class TestKilled(testtools.TestCase):
    def test_all_arrives_whoever_is_killed(self):
        result = self.useFixture(delivering.DeliveringFixture(20.0)).run(3)
        self.assertGreater(result.queued, 20)
        self.assertEqual(
            (0, 0, 0, 0),
            (result.lost, result.foreign, result.disordered, result.unsent),
            result,
        )
        self.assertEqual(result.queued, result.arrived)
