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

from sentinella import exceptions
from sentinella.knowledge import releases


class TestReleases(base.BaseTestCase):
    def test_within_bounds(self):
        for text, inside, outside in [
            ('', ('2023.1', '2030.2'), ()),
            ('>=2024.1', ('2024.1', '2024.2', '2025.1'), ('2023.2',)),
            ('> 2024.1', ('2024.2',), ('2024.1', '2023.2')),
            ('<=2024.1', ('2024.1', '2023.1'), ('2024.2',)),
            ('>=2024.1,<2025.2', ('2024.1', '2025.1'), ('2025.2', '2023.2')),
        ]:
            for release in inside:
                self.assertTrue(releases.holds(text, release), (text, release))
            for release in outside:
                self.assertFalse(
                    releases.holds(text, release), (text, release)
                )

    def test_what_is_not_known_is_taken_to_be_within(self):
        for release in (None, '', 'zebra', '2024', '2024.3'):
            self.assertTrue(releases.holds('>=2024.2,<2024.2', release))

    def test_what_are_no_bounds(self):
        for text in ('2024.1', '>=2024', '>=2024.1;<2025.1', '>=zebra', ','):
            error = self.assertRaises(
                exceptions.InvalidInput, releases.bounds, text
            )
            self.assertIn('releases: expected bounds', str(error))
