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


import json
import urllib.request

import fixtures
import testtools

from sentinella import exceptions
from sentinella.standalone import demo


class TestReceiver(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch('sentinella.standalone.demo.PATIENCE', 0.3)
        )
        self.receiver = demo.Receiver()
        self.addCleanup(self.receiver.stop)

    def post(self, **page):
        request = urllib.request.Request(
            self.receiver.url, json.dumps(page).encode(), method='POST'
        )
        urllib.request.urlopen(request).close()

    def test_a_page_that_does_not_come_is_said(self):
        error = self.assertRaises(
            exceptions.SentinellaError, self.receiver.wait, 'alarm'
        )
        self.assertIn('no alarm was delivered', str(error))

    def test_another_services_page_is_not_taken_for_it(self):
        self.post(kind='alarm', service='nova-api')
        self.post(kind='recovery', service=demo.SERVICE)
        self.assertRaises(
            exceptions.SentinellaError, self.receiver.wait, 'alarm'
        )
        self.post(kind='alarm', service=demo.SERVICE)
        _, page = self.receiver.wait('alarm')
        self.assertEqual(demo.SERVICE, page['service'])
