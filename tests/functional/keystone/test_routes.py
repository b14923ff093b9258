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

"""Every route, walked without a token and without a role that counts."""

import re

from sentinella.api import auth
from sentinella.api import resource
from sentinella.api import root
from tests.functional.api import seed
from tests.functional.keystone import base


class TestRoutes(base.KeystoneTestCase):
    def _walk(self):
        absent = seed.number('absent', 'alpha')
        for path, _, _, route in resource.walk(root.Root):
            yield route.method, re.sub('{[^}]*}', absent, path), route

    def test_without_a_token(self):
        api = self.without_token()
        for method, path, route in self._walk():
            expected = 200 if path in auth.PUBLIC_PATHS else 401
            response = api.ask(method, path, route.body and {})
            self.assertEqual(expected, response.status_int, f'{method} {path}')
            if expected == 401:
                self.assertEqual(
                    'sentinella.unauthorized',
                    response.json['errors'][0]['code'],
                )

    def test_without_a_role(self):
        for persona in ('nobody', 'guest'):
            api = self.as_(persona)
            for method, path, route in self._walk():
                expected = 200 if path in auth.PUBLIC_PATHS else 403
                response = api.ask(method, path, route.body and {})
                self.assertEqual(
                    expected, response.status_int, f'{method} {path}'
                )

    def test_admin_gets_past_all_policies(self):
        """So that the refusals above were of policy, and of nothing else."""
        api = self.as_('operator')
        for method, path, route in self._walk():
            response = api.ask(method, path, route.body and {})
            self.assertIn(
                response.status_int, (200, 400, 404), f'{method} {path}'
            )
