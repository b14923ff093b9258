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

"""Secrets are planted wherever a channel takes them, and then looked for in
whatever is left behind: logs, the database, answers, and errors.
"""

import base64
import contextlib
import dataclasses
import io
import json
import logging
import pathlib
import threading
import urllib.parse
import uuid

import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella import vault
from sentinella.cmd import secrets
from sentinella.cmd import status
from sentinella.db import channels
from sentinella.db import models
from sentinella.notifier import delivery
from sentinella.notifier.drivers import webhook
from tests import databases
from tests import processes
from tests import target
from tests.functional.api import client
from tests.functional.evaluator import scene


class Clumsy(webhook.WebhookDriver):
    """Tells all it knows when it fails."""

    def send(self, settings, message):
        raise RuntimeError(json.dumps(settings))


class SecretsTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.said = []
        self.log = io.StringIO()
        self._listen()
        self.target = self.useFixture(target.Target())
        self.api = client.Client(
            client.make_app(self.conf, self.database, self.storage)
        )
        self.conf.set_override('backoff', 0.1, 'notifier')
        self.planted = {
            name: f'{name}-{uuid.uuid4().hex}'
            for name in ('secret', 'header', 'query', 'path', 'user', 'quoted')
        }

    def _listen(self):
        handler = logging.StreamHandler(self.log)
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        self.addCleanup(root.removeHandler, handler)
        self.addCleanup(root.setLevel, level)

    def ask(self, *args):
        response = self.api.ask(*args)
        self.said.append(response.text)
        return response

    def settings(self, **others):
        planted = self.planted
        return {
            'url': f'{self.target.base}/hook?token={planted["query"]}',
            'secret': planted['secret'],
            'headers': {
                'Authorization': f'Bearer {planted["header"]}',
                'X-Odd': f'"{planted["quoted"]}"',
            },
            **others,
        }

    def create(self, driver='webhook', **settings):
        response = self.ask(
            'POST',
            '/v1/channels',
            {
                'name': str(uuid.uuid4()),
                'driver': driver,
                'settings': settings or self.settings(),
                'project_id': scene.PROJECT,
            },
        )
        self.assertEqual(201, response.status_int, response.text)
        return response.json

    def look_for_secrets(self):
        left = {
            'answers': '\n'.join(self.said),
            'log': self.log.getvalue(),
            'database': self.dump(),
        }
        for name, secret in self.planted.items():
            raw = base64.b64encode(secret.encode()).decode().rstrip('=')
            for form in (secret, urllib.parse.quote(secret), raw):
                for where, text in left.items():
                    self.assertNotIn(form, text, f'{name} is in {where}')
        return left

    def dump(self):
        """All that is in all tables, and in the files of those that have
        some."""
        tables = models.METADATA.sorted_tables
        with self.database.engine.connect() as connection:
            rows = [
                str(tuple(row))
                for table in tables
                for row in connection.execute(
                    sa.text(f'SELECT * FROM {table}')
                )
            ]
        url = self.database.engine.url
        if url.get_backend_name() == 'sqlite':
            path = pathlib.Path(url.database)
            rows += [
                file.read_bytes().decode('latin-1')
                for file in path.parent.glob(f'{path.name}*')
            ]
        return '\n'.join(rows)

    def stored(self, id_):
        with self.database.reader() as session:
            return channels.get(session, id_).settings

    # what is looked for would be found

    def test_they_would_be_found(self):
        self.add_channel(settings=self.settings())
        self.assertIn(self.planted['secret'], self.dump())
        self.assertRaises(AssertionError, self.look_for_secrets)

    # by people

    def test_in_what_is_shown(self):
        created = self.create()
        path = f'/v1/channels/{created["id"]}'
        self.assertEqual(
            {
                'url': f'{self.target.base}/hook?***',
                'secret': '***',
                'headers': '***',
            },
            created['settings'],
        )
        self.ask('GET', path)
        self.ask('GET', '/v1/channels')
        changed = self.ask('PATCH', path, {'settings': created['settings']})
        self.assertEqual(200, changed.status_int, changed.text)
        self.look_for_secrets()
        opened = vault.Vault(self.conf).open(self.stored(created['id']))
        self.assertEqual(self.settings(), opened)

    def test_in_an_address_that_is_secret_as_a_whole(self):
        address = f'{self.target.base}/hooks/{self.planted["path"]}'
        created = self.create('mattermost', url=address)
        shown = {'url': f'{self.target.base}/***'}
        self.assertEqual(shown, created['settings'])
        path = f'/v1/channels/{created["id"]}'
        for settings, status_ in (
            ({**shown, 'templates': {'title': 'x'}}, 200),
            ({'url': 'http://127.0.0.2/***'}, 400),
            ({**shown, 'verify': False}, 400),
        ):
            changed = self.ask('PATCH', path, {'settings': settings})
            self.assertEqual(status_, changed.status_int, changed.text)
        self.target.body = f'no {self.planted["path"]}'.encode()
        for answer in (200, 404):
            self.target.status = answer
            self.ask('POST', f'{path}/test')
        self.assertEqual(
            [f'/hooks/{self.planted["path"]}'] * 2,
            [request[0] for request in self.target.requests],
        )
        self.look_for_secrets()

    def test_in_errors(self):
        created = self.create()
        planted = self.planted
        bad = [
            self.settings(url=f'http://me:{planted["user"]}@127.0.0.1/'),
            self.settings(url=f'gopher://h/{planted["path"]}'),
            self.settings(headers={'A': f'{planted["header"]}\n'}),
            self.settings(headers=planted['header']),
            self.settings(secret=[planted['secret']]),
            self.settings(verify=planted['secret']),
            self.settings(templates=[planted['secret']]),
            [planted['secret']],
            planted['secret'],
        ]
        for settings in bad:
            for method, path, more in (
                ('POST', '/v1/channels', {'name': 'x', 'driver': 'webhook'}),
                ('PATCH', f'/v1/channels/{created["id"]}', {}),
            ):
                response = self.ask(
                    method, path, {**more, 'settings': settings}
                )
                self.assertEqual(400, response.status_int, response.text)
        self.ask('POST', '/v1/channels', planted['secret'].encode())
        self.look_for_secrets()

    def test_in_tests(self):
        path = f'/v1/channels/{self.create()["id"]}/test'
        for answer in (200, 301, 401, 404, 500):
            self.target.status = answer
            self.target.body = json.dumps(self.settings()).encode()
            self.target.headers = {
                'Location': f'{self.target.base}/?{self.planted["query"]}'
            }
            response = self.ask('POST', path)
            expected = 200 if answer == 200 else 502
            self.assertEqual(expected, response.status_int, response.text)
        self.assertEqual(5, len(self.target.requests))
        sent = str([(one[0], one[1].items()) for one in self.target.requests])
        for name in ('query', 'header', 'quoted'):
            self.assertIn(self.planted[name], sent)
        self.look_for_secrets()

    def test_in_tests_that_nobody_answers(self):
        settings = self.settings(
            url=f'http://127.0.0.1:1/?{self.planted["query"]}'
        )
        id_ = self.create(**settings)['id']
        response = self.ask('POST', f'/v1/channels/{id_}/test')
        self.assertEqual(502, response.status_int)
        missing = self.settings(cafile=f'/{self.planted["path"]}')
        id_ = self.create(**missing)['id']
        self.ask('POST', f'/v1/channels/{id_}/test')
        self.planted.pop('path')
        self.look_for_secrets()

    def test_in_tests_by_a_driver_that_tells(self):
        self._be_clumsy()
        response = self.ask('POST', f'/v1/channels/{self.create()["id"]}/test')
        self.assertEqual(502, response.status_int)
        self.assertIn('driver webhook failed: RuntimeError', response.text)
        left = self.look_for_secrets()
        self.assertIn('RuntimeError', left['log'])

    def _be_clumsy(self):
        send = webhook.WebhookDriver.send
        self.addCleanup(setattr, webhook.WebhookDriver, 'send', send)
        webhook.WebhookDriver.send = Clumsy.send

    # by evaluators

    def deliver(self, state, **settings):
        created = self.create(**settings)
        with self.database.reader() as session:
            channel = channels.get(session, created['id'])
        self.assertIsInstance(channel.settings, model.Sealed)
        self.queue(channel)
        running = delivery.Delivery(self.conf, self.database)
        running.start()
        try:
            processes.wait_for(
                lambda: all(
                    one.attempts > 0 and state in (None, one.state)
                    for one in self.outbox()
                ),
                f'all of the outbox {state or "tried"}',
                seconds=30,
            )
        finally:
            running.stop()
        for one in self.outbox():
            self.ask('GET', f'/v1/notifications?channel={one.channel.uuid}')
        return self.look_for_secrets()

    def test_in_what_is_delivered(self):
        self.target.body = json.dumps(self.settings()).encode()
        self.deliver('SENT')
        ((path, headers, _),) = self.target.requests
        self.assertIn(self.planted['query'], path)
        self.assertIn(self.planted['header'], headers['Authorization'])

    def test_in_what_is_refused(self):
        self.target.status = 404
        self.target.body = json.dumps(self.settings()).encode()
        self.deliver('DEAD')

    def test_in_an_address_that_refuses(self):
        self.target.status = 404
        self.target.body = f'no {self.planted["path"]}'.encode()
        address = f'{self.target.base}/hooks/{self.planted["path"]}'
        self.deliver('DEAD', driver='mattermost', url=address)

    def test_in_what_fails(self):
        self.target.status = 500
        self.target.body = json.dumps(self.settings()).encode()
        left = self.deliver(None)
        self.assertIn('HTTP 500', left['database'])

    def test_in_what_a_driver_tells(self):
        self._be_clumsy()
        left = self.deliver(None)
        self.assertIn('RuntimeError', left['database'])

    def test_in_what_an_evaluator_without_the_key_tells(self):
        created = self.create()
        with self.database.reader() as session:
            channel = channels.get(session, created['id'])
        self.queue(channel)
        key = self.conf.notifier.secret_keys
        self.conf.set_override('secret_keys', [], 'notifier')
        running = delivery.Delivery(self.conf, self.database)
        running.start()
        processes.wait_for(lambda: self.outbox()[0].attempts, 'an attempt')
        running.stop()
        (waiting,) = self.outbox()
        self.assertEqual('PENDING', waiting.state)
        self.assertIn('none of the 0 keys', waiting.last_error)
        self.conf.set_override('secret_keys', key, 'notifier')
        running = delivery.Delivery(self.conf, self.database)
        running.start()
        self.addCleanup(running.stop)
        processes.wait_for(
            lambda: self.outbox()[0].state == 'SENT', 'it to be sent', 30
        )
        self.look_for_secrets()

    # by operators

    def check(self):
        checks = status.Checks()
        checks.conf = self.conf
        result = checks.check_secrets()
        return result.code.name, result.details or ''

    def rotate(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            secrets.rotate(self.conf)
        return out.getvalue()

    def test_those_of_before_are_sealed(self):
        plain = self.add_channel(settings=self.settings())
        self.add_channel('log', {})
        path = f'/v1/channels/{plain.uuid}'
        shown = self.ask('GET', path).json
        self.assertEqual('***', shown['settings']['secret'])
        code, details = self.check()
        self.assertEqual('WARNING', code)
        self.assertIn('of 1 channels are in the database as they', details)
        self.assertIn(plain.name, details)
        self.assertEqual(
            'settings of channels: 1 sealed that were plain, 0 sealed anew, '
            '1 as they were\n',
            self.rotate(),
        )
        self.assertEqual(('SUCCESS', ''), self.check())
        sealed = self.stored(plain.uuid)
        self.assertEqual(self.settings(), vault.Vault(self.conf).open(sealed))
        self.assertEqual(shown, self.ask('GET', path).json)

    def test_a_key_is_replaced(self):
        id_ = self.create()['id']
        (old,) = self.conf.notifier.secret_keys
        new = vault.make_key()
        self.conf.set_override('secret_keys', [new, old], 'notifier')
        code, details = self.check()
        self.assertEqual('WARNING', code)
        self.assertIn('sealed with an old key', details)
        self.assertIn('0 sealed that were plain, 1 sealed', self.rotate())
        self.assertIn('1 as they were', self.rotate())
        self.conf.set_override('secret_keys', [new], 'notifier')
        self.assertEqual(('SUCCESS', ''), self.check())
        opened = vault.Vault(self.conf).open(self.stored(id_))
        self.assertEqual(self.settings(), opened)
        self.look_for_secrets()

    def test_a_key_is_replaced_while_a_channel_is_changed(self):
        id_ = self.create()['id']
        (old,) = self.conf.notifier.secret_keys
        new = vault.make_key()
        self.conf.set_override('secret_keys', [new, old], 'notifier')
        rotating = threading.Thread(target=self.rotate)
        with self.database.writer() as session:
            read = channels.get(session, id_, lock=True)
            rotating.start()
            # it has to wait, and would be undone by what follows otherwise
            rotating.join(0.5)
            self.assertTrue(rotating.is_alive())
            read = dataclasses.replace(read, enabled=False)
            channels.update(session, read, self.now())
        rotating.join()
        self.assertEqual(('SUCCESS', ''), self.check())
        with self.database.reader() as session:
            self.assertFalse(channels.get(session, id_).enabled)

    def test_a_key_is_lost(self):
        created = self.create()
        lost = self.add_channel('log', {})
        new = vault.make_key()
        self.conf.set_override('secret_keys', [new], 'notifier')
        self.api = client.Client(
            client.make_app(self.conf, self.database, self.storage)
        )
        code, details = self.check()
        self.assertEqual('FAILURE', code)
        self.assertIn(created['name'], details)
        error = self.assertRaises(exceptions.SecretsUnavailable, self.rotate)
        self.assertIn(created['name'], str(error))
        self.assertNotIn(lost.name, str(error))
        path = f'/v1/channels/{created["id"]}'
        shown = self.ask('GET', path).json
        self.assertIsNone(shown['settings'])
        self.assertEqual(503, self.ask('POST', f'{path}/test').status_int)
        disabled = self.ask('PATCH', path, {'enabled': False})
        self.assertEqual(200, disabled.status_int)
        told = self.ask('PATCH', path, {'settings': self.settings()})
        self.assertEqual('***', told.json['settings']['secret'])
        self.assertEqual(('SUCCESS', ''), self.check())
        self.look_for_secrets()

    def test_there_is_no_key(self):
        self.conf.set_override('secret_keys', [], 'notifier')
        self.api = client.Client(
            client.make_app(self.conf, self.database, self.storage)
        )
        refused = self.ask(
            'POST',
            '/v1/channels',
            {'name': 'x', 'driver': 'webhook', 'settings': self.settings()},
        )
        self.assertEqual(503, refused.status_int)
        self.assertIn('sentinella-manage secrets key', refused.text)
        made = self.ask(
            'POST',
            '/v1/channels',
            {'name': 'x', 'driver': 'log', 'settings': {}},
        )
        self.assertEqual(201, made.status_int)
        code, details = self.check()
        self.assertEqual('WARNING', code)
        self.assertIn('There is no key', details)
        self.look_for_secrets()


class TestSecretsOnSqlite(SecretsTests, databases.SqliteTestCase):
    pass


class TestSecretsOnMysql(SecretsTests, databases.MysqlTestCase):
    pass


class TestSecretsOnPostgresql(SecretsTests, databases.PostgresqlTestCase):
    pass
