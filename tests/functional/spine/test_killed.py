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

"""For ten seconds; `tools/run-benchmarks.sh soak` does it for five minutes."""

import testtools

from tests import killing


class TestKilled(testtools.TestCase):
    def test_each_transition_once_whoever_is_killed(self):
        result = self.useFixture(killing.KillingFixture(6)).run(10.0)
        self.assertGreater(result.kills, 1)
        self.assertGreater(result.faults, 6)
        self.assertEqual((0, 0), (result.missing, result.doubled), result)
        self.assertEqual(2 * result.faults, result.transitions)
        self.assertEqual(2 * result.faults, result.pages)
