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

"""What gabbits can't say."""

import io
import json
import threading

import webob

from sentinella import model
from sentinella.api import healthcheck
from sentinella import vault
from sentinella.db import channels
from sentinella.db import database
from tests import databases
from tests import receiver
from tests.functional.api import base
from tests.functional.api import client
from tests.functional.api import seed


class TestErrors(base.ApiTestCase):
    def test_path_that_is_no_utf8(self):
        response = self.api.ask('GET', '/v1/%ff')
        self.assertEqual(404, response.status_int)
        self.assertEqual(
            'sentinella.not_found', response.json['errors'][0]['code']
        )

    def test_body_too_large(self):
        response = self.api.ask(
            'POST', '/v1/channels', {'name': 'a' * 1100000}
        )
        self.assertEqual(413, response.status_int)
        self.assertEqual(
            'sentinella.body_too_large', response.json['errors'][0]['code']
        )

    def test_body_too_large_whose_length_is_not_told(self):
        request = webob.Request.blank('/v1/channels', method='POST')
        request.content_type = 'application/json'
        request.environ['wsgi.input'] = io.BytesIO(b' ' * 1100000)
        request.environ['wsgi.input_terminated'] = True
        request.environ.pop('CONTENT_LENGTH', None)
        request.is_body_readable = True
        response = request.get_response(self.application)
        self.assertEqual(413, response.status_int)

    def test_body_nested_too_deeply(self):
        response = self.api.ask('POST', '/v1/channels', b'[' * 100000)
        self.assertEqual(400, response.status_int)
        self.assertEqual(
            'body: expected JSON, not so deep',
            response.json['errors'][0]['detail'],
        )

    def test_settings_nested_deeply(self):
        deep = b'{"a":' * 900 + b'1' + b'}' * 900
        response = self.api.ask(
            'POST',
            '/v1/channels',
            b'{"name": "x", "driver": "webhook", "settings": %s}' % deep,
        )
        self.assertEqual(400, response.status_int)

    def test_unexpected_error_tells_nothing(self):
        class Broken:
            def latest(self, server_id, since):
                raise RuntimeError('secret')

        api = client.Client(
            client.make_app(self.conf, self.database, Broken())
        )
        server = seed.number('server', 'alpha')
        response = api.ask('GET', f'/v1/metrics?server={server}')
        self.assertEqual(500, response.status_int)
        error = response.json['errors'][0]
        self.assertEqual('sentinella.internal_error', error['code'])
        self.assertEqual(
            response.headers['x-openstack-request-id'], error['request_id']
        )
        self.assertNotIn('secret', response.text)

    def test_database_away(self):
        nowhere = databases.make_conf(
            'postgresql+psycopg2://nobody@127.0.0.1:1/none'
        )
        away = database.Database(nowhere)
        self.addCleanup(away.dispose)
        api = client.Client(client.make_app(nowhere, away, None))
        response = api.ask('GET', '/v1/servers')
        self.assertEqual(503, response.status_int)
        error = response.json['errors'][0]
        self.assertEqual('sentinella.unavailable', error['code'])
        self.assertEqual('The database can not be used now.', error['detail'])
        self.assertEqual(503, api.status('GET', '/healthcheck'))

    def test_numbers_that_json_has_not(self):
        server = seed.number('server', 'alpha')
        self.storage.latest = lambda *_: [
            (model.Metric('m', ()), float('inf'), float('nan'))
        ]
        answer = self.api.get(f'/v1/metrics?server={server}')
        self.assertEqual(
            [
                {
                    'name': 'm',
                    'dimensions': {},
                    'at': '9999-12-31T23:59:59.000000Z',
                    'value': None,
                }
            ],
            answer['metrics'],
        )

    def test_dimensions_of_any_name(self):
        server = seed.number('server', 'alpha')
        answer = self.api.get(
            f'/v1/metrics/range?server={server}&name=m'
            '&dimensions=name:a,self:b,cls:c:d'
        )
        self.assertEqual(
            {'name': 'a', 'self': 'b', 'cls': 'c:d'}, answer['dimensions']
        )

    def test_inbound_request_id_is_not_ours(self):
        theirs = 'req-00000000-0000-4000-8000-000000000000'
        response = self.api.ask(
            'GET', '/v1/servers', X_OpenStack_Request_Id=theirs
        )
        self.assertNotEqual(theirs, response.headers['x-openstack-request-id'])

    def test_proxy_is_not_believed_by_default(self):
        response = self.api.ask(
            'GET', '/v1', X_Forwarded_Proto='https', X_Forwarded_Host='a.b'
        )
        links = response.json['version']['links']
        self.assertEqual('http://localhost/v1/', links[0]['href'])

    def test_below_another_path(self):
        request = webob.Request.blank('/monitoring/v1/servers?limit=1')
        request.script_name, request.path_info = '/monitoring', '/v1/servers'
        page = request.get_response(self.application).json
        self.assertTrue(
            page['servers_links'][0]['href'].startswith(
                'http://localhost/monitoring/v1/servers?limit=1&marker='
            )
        )


class TestPaging(base.ApiTestCase):
    def test_limit_is_capped(self):
        self.conf.set_override('max_limit', 1, 'api')
        page = self.api.get('/v1/servers?limit=1000')
        self.assertEqual(1, len(page['servers']))

    def test_last_page_has_no_link(self):
        page = self.api.get('/v1/servers?limit=2')
        self.assertEqual(['servers'], list(page))

    def test_links_lead_through_every_list(self):
        for path, name in (
            ('servers', 'servers'),
            ('services', 'services'),
            ('alarms', 'alarms'),
            ('alarm-definitions', 'alarm_definitions'),
            ('channels', 'channels'),
            ('logs', 'logs'),
            ('notifications', 'notifications'),
        ):
            whole = self.api.get(f'/v1/{path}')[name]
            found, href = [], f'/v1/{path}?limit=1'
            while href:
                page = self.api.get(href)
                found += page[name]
                href = page.get(f'{name}_links', [{}])[0].get('href')
            self.assertEqual(whole, found)


class TestHealthcheck(base.ApiTestCase):
    def test_database_that_hangs(self):
        self.addCleanup(setattr, healthcheck, 'TIMEOUT', healthcheck.TIMEOUT)
        healthcheck.TIMEOUT = 0.05
        released = threading.Event()
        self.addCleanup(released.set)

        class Hanging:
            def reader(self):
                released.wait(10)
                raise TimeoutError

        api = client.Client(client.make_app(self.conf, Hanging(), None))
        response = api.ask('GET', '/healthcheck')
        self.assertEqual(503, response.status_int)
        self.assertEqual('the database does not answer\n', response.text)

    def test_no_host_is_asked_for(self):
        self.assertEqual(
            200, self.api.status('GET', '/healthcheck', Host='10.0.0.1')
        )


class TestChannels(base.ApiTestCase):
    """Against a receiver of its own, with the webhook driver."""

    def setUp(self):
        super().setUp()
        self.receiver = self.useFixture(receiver.ReceiverFixture())

    def _create(self, **settings):
        response = self.api.ask(
            'POST',
            '/v1/channels',
            {
                'name': 'hook',
                'driver': 'webhook',
                'settings': {'url': self.receiver.url, **settings},
            },
        )
        self.assertEqual(201, response.status_int, response.text)
        return response.json

    def _stored(self, id_):
        with self.database.reader() as session:
            stored = channels.get(session, id_).settings
        return vault.Vault(self.conf).open(stored)

    def test_test_delivers(self):
        created = self._create()
        response = self.api.ask('POST', f'/v1/channels/{created["id"]}/test')
        self.assertTrue(response.json['delivered'])
        self.assertEqual('HTTP 204 No Content', response.json['answer'])
        self.assertTrue(0 < response.json['seconds'] < 60)
        self.assertEqual(['test'], [b['kind'] for b in self.receiver.bodies()])

    def test_test_refused(self):
        created = self._create()
        self.receiver.status = 404
        response = self.api.ask('POST', f'/v1/channels/{created["id"]}/test')
        self.assertEqual(502, response.status_int)
        self.assertEqual(
            'sentinella.delivery_refused', response.json['errors'][0]['code']
        )

    def test_test_not_now(self):
        created = self._create()
        self.receiver.status = 503
        response = self.api.ask('POST', f'/v1/channels/{created["id"]}/test')
        self.assertEqual(502, response.status_int)
        self.assertEqual(
            'sentinella.delivery_failed', response.json['errors'][0]['code']
        )

    def test_secrets_are_hidden_and_kept(self):
        created = self._create(secret='s3cret')
        self.assertEqual('***', created['settings']['secret'])
        path = f'/v1/channels/{created["id"]}'
        for answer in (self.api.get(path), self.api.get('/v1/channels')):
            self.assertNotIn('s3cret', json.dumps(answer))
        changed = self.api.ask(
            'PATCH',
            path,
            {'settings': {'url': self.receiver.url, 'secret': '***'}},
        )
        self.assertEqual(200, changed.status_int, changed.text)
        self.assertEqual('s3cret', self._stored(created['id'])['secret'])

    def test_secrets_are_replaced(self):
        created = self._create(secret='s3cret')
        changed = self.api.ask(
            'PATCH',
            f'/v1/channels/{created["id"]}',
            {'settings': {'url': self.receiver.url, 'secret': 'new'}},
        )
        self.assertEqual('***', changed.json['settings']['secret'])
        self.assertEqual('new', self._stored(created['id'])['secret'])

    def test_what_is_hidden_is_no_secret(self):
        response = self.api.ask(
            'POST',
            '/v1/channels',
            {
                'name': 'hook',
                'driver': 'webhook',
                'settings': {'url': self.receiver.url, 'secret': '***'},
            },
        )
        self.assertEqual(400, response.status_int)
        self.assertIn('settings.secret', response.text)

    def test_a_secret_does_not_follow_to_another_address(self):
        created = self._create(secret='s3cret')
        response = self.api.ask(
            'PATCH',
            f'/v1/channels/{created["id"]}',
            {'settings': {'url': 'http://127.0.0.1:1/', 'secret': '***'}},
        )
        self.assertEqual(400, response.status_int)
        self.assertIn('settings.secret', response.text)
        stored = self._stored(created['id'])
        self.assertEqual(self.receiver.url, stored['url'])

    def test_a_secret_does_not_cross_to_another_driver(self):
        created = self._create(secret='s3cret')
        response = self.api.ask(
            'PATCH',
            f'/v1/channels/{created["id"]}',
            {'driver': 'log', 'settings': {'secret': '***'}},
        )
        self.assertEqual(400, response.status_int)

    def test_a_driver_that_is_gone_hides_all(self):
        created = self._create(secret='s3cret')
        with self.database.writer() as session:
            session.connection().exec_driver_sql(
                "UPDATE channels SET driver = 'gone' "
                f"WHERE uuid = '{created['id']}'"
            )
        shown = self.api.get(f'/v1/channels/{created["id"]}')
        self.assertEqual({'***'}, set(shown['settings'].values()))
