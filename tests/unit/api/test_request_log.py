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

import fixtures
import webob
from oslotest import base

from sentinella.api import request_log


class TestRequestLog(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(request_log.LOG.name))
        self.app = request_log.RequestLog(webob.Response('ok'), None)

    def test_a_line(self):
        request = webob.Request.blank('/v1/logs?level=ERROR')
        request.remote_addr = '10.0.0.1'
        request.get_response(self.app)
        self.assertRegex(
            self.log.output,
            r'^10\.0\.0\.1 "GET /v1/logs\?level=ERROR" 200 0\.\d{3}s$',
        )

    def test_nobody_writes_lines_of_their_own(self):
        webob.Request.blank('/a%0Ab%ff').get_response(self.app)
        request = webob.Request.blank('/')
        request.environ['QUERY_STRING'] = 'a\nERROR forged'
        request.get_response(self.app)
        self.assertEqual(2, self.log.output.count('\n'))
        self.assertIn('/a%0Ab%FF', self.log.output)
