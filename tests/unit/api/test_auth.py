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

import webob
from oslotest import base

from sentinella.api import auth
from sentinella.api import errors


def _application(environ, start_response):
    return webob.Response(environ[auth.CONTEXT].user_id)(
        environ, start_response
    )


class TestAnybody(base.BaseTestCase):
    def _ask(self, **headers):
        request = webob.Request.blank('/')
        request.headers.update(headers)
        return request.get_response(auth.Anybody(_application))

    def test_loopback(self):
        for host in (
            'localhost',
            'LOCALHOST:9899',
            '127.0.0.1',
            '127.1.2.3:80',
            '[::1]',
            '[::1]:9899',
        ):
            self.assertEqual('standalone', self._ask(Host=host).text, host)

    def test_elsewhere(self):
        for host in (
            '',
            'example.org',
            'localhost.example.org',
            '127.0.0.1.example.org',
            '127.0.0.1@example.org',
            '0.0.0.0',
            '10.0.0.1:9899',
            '[::]',
            '[::ffff:10.0.0.1]',
            'localhost:9899:1',
        ):
            self.assertRaises(errors.HttpError, self._ask, Host=host)

    def test_origins(self):
        ours = self._ask(Host='localhost:1', Origin='http://localhost:1')
        self.assertEqual(200, ours.status_int)
        for origin in (
            'null',
            'http://localhost',
            'https://localhost:1',
            'http://example.org',
        ):
            self.assertRaises(
                errors.HttpError,
                self._ask,
                Host='localhost:1',
                Origin=origin,
            )
