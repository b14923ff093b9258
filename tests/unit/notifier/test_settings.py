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

"""Every driver says what is secret, and what each setting is for."""

import re

from oslotest import base

from sentinella import plugins

_SOUNDS_SECRET = re.compile('passw|secret|token|(^|_)key$|headers')


class TestSettings(base.BaseTestCase):
    def test_each_driver(self):
        names = plugins.names('sentinella.notifiers')
        self.assertIn('webhook', names)
        for name in names:
            driver = plugins.load_class('sentinella.notifiers', name)
            self.check(name, driver)

    def check(self, name, driver):
        known = driver.schema['properties']
        self.assertEqual([], sorted({*driver.secrets} - {*known}), name)
        self.assertFalse(driver.schema['additionalProperties'], name)
        for setting, schema in known.items():
            where = f'{name}: {setting}'
            self.assertTrue(schema.get('title'), where)
            self.assertTrue(schema.get('description'), where)
            if _SOUNDS_SECRET.search(setting):
                self.assertIn(setting, driver.secrets, where)
