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

"""The contract of every driver, then what the webhook promises besides."""

import concurrent.futures
import hashlib
import hmac
import json
import logging
import socket

import fixtures
import jsonschema
from oslo_config import cfg
from oslotest import base

from sentinella import conf as options
from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella.notifier import base as interface
from sentinella.notifier import message
from tests import target

CHANNEL = model.Channel(
    uuid='c', name='ops', project_id='p', driver='x', settings={}
)
SECRET = 'hunter2-hunter2'
LOOPBACK = ('127.0.0.0/8', '::1/128')


def make_conf(timeout=5.0, allowed=LOOPBACK):
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], project='sentinella', default_config_files=[])
    conf.set_override('timeout', timeout, 'notifier')
    conf.set_override('allowed_networks', allowed, 'notifier')
    return conf


class DriverContract:
    """What holds for each; a subclass says which, and what it sent.

    :cvar driver: its name; :ivar settings: that work
    """

    driver = None

    def setUp(self):
        super().setUp()
        self.settings = self.make_settings()
        self.sender = plugins.load(
            'sentinella.notifiers', self.driver, self.configured()
        )
        self.message = message.test(CHANNEL, 1.0)
        # of what others log, only what an operator would see
        self.useFixture(fixtures.FakeLogger(level=logging.WARNING))

    def make_settings(self):
        return {}

    def configured(self):
        return make_conf()

    def sent(self):
        """Texts of the messages that arrived."""
        raise NotImplementedError

    def test_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(self.sender.schema)
        self.assertIs(False, self.sender.schema['additionalProperties'])
        self.assertLessEqual(
            set(self.sender.secrets),
            set(self.sender.schema.get('properties', ())),
        )

    def test_check(self):
        self.sender.check(self.settings)
        error = self.assertRaises(
            exceptions.InvalidInput,
            self.sender.check,
            {**self.settings, 'nosuch': SECRET},
        )
        self.assertIn("('nosuch' was unexpected)", str(error))
        self.assertNotIn(SECRET, str(error))

    def test_what_is_sent_arrives(self):
        delivered = self.sender.send(self.settings, self.message)
        self.assertIsInstance(delivered, interface.Delivered)
        (text,) = self.sent()
        self.assertIn(self.message['id'], text)
        self.assertIn(self.message['summary'], text)

    def test_any_text_arrives(self):
        odd = '<b>"größe" 温度 \U0001f525 %s {0} \\'
        self.sender.send(self.settings, {**self.message, 'summary': odd})
        self.assertEqual(1, len(self.sent()))

    def test_threads_share_it(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in range(40):
                pool.submit(self.sender.send, self.settings, self.message)
        self.assertEqual(40, len(self.sent()))


class TestLogDriver(DriverContract, base.BaseTestCase):
    driver = 'log'

    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))

    def sent(self):
        return self.log.output.splitlines()


class TestWebhookDriver(DriverContract, base.BaseTestCase):
    driver = 'webhook'

    def make_settings(self):
        self.target = self.useFixture(target.Target())
        return {
            'url': self.target.url,
            'secret': SECRET,
            'headers': {'Authorization': f'Bearer {SECRET}'},
        }

    def sent(self):
        return [
            json.dumps(json.loads(body), ensure_ascii=False)
            for _, _, body in self.target.requests
        ]

    def assert_raises(self, error, *words):
        raised = self.assertRaises(
            error, self.sender.send, self.settings, self.message
        )
        for word in words:
            self.assertIn(word, str(raised))
        self.assertNotIn('/page', str(raised))
        self.assertNotIn(SECRET, str(raised))

    def test_settings(self):
        for settings, where in [
            ({}, "settings: 'url' is a required property"),
            ({'url': 'ftp://x/'}, 'settings.url'),
            ({'url': 'file:///etc/passwd'}, 'settings.url'),
            ({'url': f'http://u:{SECRET}@x/'}, 'settings.url'),
            ({'url': 'http://x/ y'}, 'settings.url'),
            ({'url': 5}, 'settings.url'),
            ({'headers': {'A': f'{SECRET}\r\nB: c'}}, 'settings.headers.A'),
            ({'headers': {'A:': 'c'}}, 'settings.headers'),
            ({'verify': 'no'}, 'settings.verify'),
            ({'cafile': 'ca.pem'}, 'settings.cafile'),
            ({'secret': ''}, 'settings.secret'),
            ({'templates': {'body': 5}}, 'settings.templates.body'),
            (
                {'content_type': 'text/plain'},
                'settings.templates.body: missing, content_type needs it',
            ),
            (
                {
                    'content_type': f'text/plain\r\nA: {SECRET}',
                    'templates': {'body': 'x'},
                },
                'settings.content_type',
            ),
            (
                {'content_type': 'text', 'templates': {'body': 'x'}},
                'settings.content_type',
            ),
        ]:
            if 'required' not in where:
                settings = {'url': 'https://x', **settings}
            error = self.assertRaises(
                exceptions.InvalidInput, self.sender.check, settings
            )
            self.assertIn(where, str(error))
            self.assertNotIn(SECRET, str(error))

    def test_request(self):
        self.sender.send(self.settings, self.message)
        ((path, headers, body),) = self.target.requests
        self.assertEqual('/page', path)
        self.assertEqual(self.message, json.loads(body))
        self.assertEqual('application/json', headers['Content-Type'])
        self.assertEqual(self.message['id'], headers['Idempotency-Key'])
        self.assertEqual(f'Bearer {SECRET}', headers['Authorization'])
        self.assertTrue(headers['User-Agent'].startswith('sentinella/'))
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        self.assertEqual(f'sha256={digest}', headers['X-Sentinella-Signature'])

    def test_a_body_of_its_own(self):
        text = 'größe=🔥&a=b\n'
        self.settings['templates'] = {'body': 'x'}
        self.sender.check(self.settings)
        for kind in (None, 'application/x-www-form-urlencoded; charset=utf-8'):
            self.target.requests.clear()
            if kind:
                self.settings['content_type'] = kind
            self.sender.check(self.settings)
            self.sender.send(self.settings, {**self.message, 'body': text})
            ((_, headers, body),) = self.target.requests
            self.assertEqual(text, body.decode())
            self.assertEqual(
                kind or 'application/json', headers['Content-Type']
            )
            self.assertEqual(self.message['id'], headers['Idempotency-Key'])
            digest = hmac.new(SECRET.encode(), body, hashlib.sha256)
            self.assertEqual(
                f'sha256={digest.hexdigest()}',
                headers['X-Sentinella-Signature'],
            )
        # where its template could not be used it is ours, and says so
        self.sender.send(self.settings, self.message)
        *_, (_, headers, body) = self.target.requests
        self.assertEqual('application/json', headers['Content-Type'])
        self.assertEqual(self.message, json.loads(body))

    def test_connection_is_kept_and_cookies_are_not(self):
        self.target.headers = {'Set-Cookie': 'a=b'}
        for _ in range(5):
            self.sender.send(self.settings, self.message)
        self.assertEqual(1, self.target.connections)
        self.assertEqual(
            [None] * 5, [r[1]['Cookie'] for r in self.target.requests]
        )

    def test_a_connection_that_was_closed_meanwhile(self):
        self.target.idle = 0.05
        self.sender.send(self.settings, self.message)
        self.assertTrue(self.target.closed.wait(10))
        self.sender.send(self.settings, self.message)
        self.assertEqual(2, self.target.connections)

    def test_answers(self):
        for status in (200, 201, 202, 204):
            self.target.status = status
            self.sender.send(self.settings, self.message)
        for status in (408, 425, 429, 500, 502, 503, 504, 599):
            self.target.status = status
            self.assert_raises(exceptions.Retry, f'HTTP {status}')
        for status in (400, 401, 403, 404, 410, 422):
            self.target.status = status
            self.assert_raises(exceptions.Final, f'HTTP {status}')

    def test_redirects_are_not_followed(self):
        elsewhere = self.useFixture(target.Target())
        self.target.status = 307
        self.target.headers = {'Location': elsewhere.url}
        self.assert_raises(exceptions.Final, 'HTTP 307')
        self.assertEqual([], elsewhere.requests)

    def test_nobody_listens(self):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self.settings['url'] = f'http://127.0.0.1:{port}/page'
        self.assert_raises(exceptions.Retry, 'Connection refused')

    def test_host_that_can_not_be(self):
        self.settings['url'] = 'http://a..b/page'
        self.assert_raises(exceptions.Final, 'settings: not a URL')

    def test_no_answer_in_time(self):
        self.sender.conf.set_override('timeout', 0.5, 'notifier')
        self.target.hold.clear()
        self.assert_raises(exceptions.Retry, 'no answer within 0.5 s')

    def test_tls_to_a_server_without(self):
        self.settings['url'] = f'https://127.0.0.1:{self.target.port}/page'
        self.assert_raises(exceptions.Retry)

    def test_cafile_that_is_not_there(self):
        self.settings['url'] = f'https://127.0.0.1:{self.target.port}/page'
        self.settings['cafile'] = '/nosuch/page.pem'
        self.assert_raises(exceptions.Retry, 'the cafile can not be used')
