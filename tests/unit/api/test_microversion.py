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

from sentinella.api import errors
from sentinella.api import microversion


class TestRead(base.BaseTestCase):
    def test_supported(self):
        for header in (
            '',
            'sentinella 1.0',
            'sentinella latest',
            ' sentinella   1.0 ',
            'compute 2.1,sentinella 1.0',
            'compute latest',
            'nonsense',
        ):
            self.assertEqual((1, 0), microversion.read(header), header)

    def test_unsupported(self):
        for header in ('sentinella 0.9', 'sentinella 1.1', 'sentinella 2.0'):
            error = self.assertRaises(
                errors.HttpError, microversion.read, header
            )
            self.assertIn(error.status, (400, 406), header)

    def test_unreadable(self):
        for header in (
            'sentinella',
            'sentinella 1',
            'sentinella 1.0.0',
            'sentinella 1.-1',
            'sentinella 1.' + '9' * 10000,
            'sentinella ١.٠',
        ):
            error = self.assertRaises(
                errors.HttpError, microversion.read, header
            )
            self.assertEqual(400, error.status, header)
