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

from http import server as http_server
import json
import threading
from urllib import parse

from keystoneauth1 import noauth
from keystoneauth1 import session
from osc_lib import exceptions
from oslotest import base

from sentinella.osc import http

UUID = 'f5d8e4c8-8a2e-4a8f-9c2b-2f0f6e2e8a11'


class Handler(http_server.BaseHTTPRequestHandler):
    """Answers from `server.answers`, (status, body) by path; remembers."""

    def _answer(self):
        length = int(self.headers.get('Content-Length') or 0)
        self.server.requests.append(
            (self.command, self.path, self.headers, self.rfile.read(length))
        )
        status, body = self.server.answers[self.path]
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, *args):
        pass


class ClientTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.server = http_server.ThreadingHTTPServer(
            ('127.0.0.1', 0), Handler
        )
        self.server.answers = self.answers = {}
        self.server.requests = []
        thread = threading.Thread(
            target=self.server.serve_forever, args=[0.01]
        )
        thread.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        self.client = self.make_client(self.url)

    def make_client(self, url, **arguments):
        auth = noauth.NoAuth(endpoint=url)
        return http.Client(
            session.Session(auth=auth),
            service_type='infra-monitoring',
            **arguments,
        )

    def paths(self):
        return [parse.unquote(path) for _, path, _, _ in self.server.requests]

    def test_a_request_names_its_microversion(self):
        self.answers['/v1/servers/a'] = 200, {'id': 'a'}
        client = self.make_client(self.url, api_version='1')
        self.assertEqual({'id': 'a'}, client.get('servers/a'))
        headers = self.server.requests[0][2]
        self.assertEqual('sentinella 1.0', headers['OpenStack-API-Version'])

    def test_bodies_are_json(self):
        self.answers['/v1/channels'] = 201, {'id': 'c'}
        self.client.post('channels', {'name': 'ops'})
        self.assertEqual(
            {'name': 'ops'}, json.loads(self.server.requests[0][3])
        )

    def test_an_answer_may_be_empty(self):
        self.answers['/v1/channels/c'] = 204, b''
        self.assertIsNone(self.client.delete('channels/c'))

    def test_queries_leave_out_what_is_none(self):
        self.answers['/v1/logs?level=ERROR'] = 200, {}
        self.client.get('logs', level='ERROR', service=None)
        self.assertEqual(['/v1/logs?level=ERROR'], self.paths())

    def test_all_pages_are_followed(self):
        self.two_pages('')
        self.assertEqual(
            ['a', 'b'],
            [s['id'] for s in self.client.pages('servers', 'servers')],
        )

    def test_a_limit_ends_it(self):
        self.two_pages('limit=1&')
        self.assertEqual(
            ['a'],
            [s['id'] for s in self.client.pages('servers', 'servers', 1)],
        )
        self.assertEqual(['/v1/servers?limit=1'], self.paths())

    def test_a_limit_is_asked_of_all_pages_together(self):
        self.answers['/v1/servers?limit=3'] = (
            200,
            self.page(['a', 'b'], 'b'),
        )
        self.answers['/v1/servers?limit=1&marker=b'] = 200, self.page(['c'])
        found = self.client.pages('servers', 'servers', 3)
        self.assertEqual(['a', 'b', 'c'], [server['id'] for server in found])

    def two_pages(self, query):
        first = '/v1/servers?' + query
        self.answers[first.rstrip('?&')] = 200, self.page(['a'], 'a')
        self.answers[f'/v1/servers?{query}marker=a'] = 200, self.page(['b'])

    def page(self, ids, marker=None):
        page = {'servers': [{'id': id_} for id_ in ids]}
        if marker:
            href = f'{self.url}/v1/servers?limit=1&marker={marker}'
            page['servers_links'] = [{'rel': 'next', 'href': href}]
        return page

    def test_a_uuid_is_read_as_it_is(self):
        self.answers[f'/v1/channels/{UUID}'] = 200, {'id': UUID}
        self.client.find('channels', 'channels', UUID)
        self.assertEqual([f'/v1/channels/{UUID}'], self.paths())

    def test_a_name_is_one_filtered_list(self):
        self.answers['/v1/channels?name=ops'] = (
            200,
            {'channels': [{'id': 'c', 'name': 'ops'}]},
        )
        found = self.client.find('channels', 'channels', 'ops')
        self.assertEqual('c', found['id'])

    def test_nothing_has_the_name(self):
        self.answers['/v1/servers?hostname=web'] = 200, {'servers': []}
        error = self.assertRaises(
            exceptions.CommandError,
            self.client.find,
            'servers',
            'servers',
            'web',
            by='hostname',
        )
        self.assertEqual(
            "None of the servers has the hostname 'web'.", str(error)
        )

    def test_two_have_the_name(self):
        items = [{'id': 'a', 'name': 'x'}, {'id': 'b', 'name': 'x'}]
        self.answers['/v1/alarm-definitions?name=x'] = (
            200,
            {'alarm_definitions': items},
        )
        error = self.assertRaises(
            exceptions.CommandError,
            self.client.find,
            'alarm-definitions',
            'alarm_definitions',
            'x',
        )
        self.assertIn('More than one of the alarm definitions', str(error))

    def test_errors_say_what_the_api_says(self):
        problem = {'title': 'Conflict', 'detail': 'It reports still.'}
        self.answers['/v1/servers/a'] = 409, {'errors': [problem]}
        error = self.assertRaises(
            exceptions.Conflict, self.client.delete, 'servers/a'
        )
        self.assertEqual('It reports still. (HTTP 409)', str(error))

    def test_an_error_without_details(self):
        problem = {'title': 'Bad Gateway', 'detail': ''}
        self.answers['/v1/channels/c/test'] = 502, {'errors': [problem]}
        error = self.assertRaises(
            exceptions.ClientException, self.client.post, 'channels/c/test'
        )
        self.assertEqual('Bad Gateway (HTTP 502)', str(error))

    def test_an_error_of_a_proxy_is_no_json(self):
        self.answers['/v1/servers'] = 503, b'<html>'
        error = self.assertRaises(
            exceptions.ClientException, self.client.get, 'servers'
        )
        self.assertEqual('Service Unavailable (HTTP 503)', str(error))

    def test_nobody_answers(self):
        client = self.make_client('http://127.0.0.1:1')
        error = self.assertRaises(
            exceptions.CommandError, client.get, 'servers'
        )
        self.assertEqual(
            'Unable to establish connection to http://127.0.0.1:1/v1/servers.',
            str(error),
        )
