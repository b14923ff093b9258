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

"""Zaqar: the contract, and the real one, with tokens of a real Keystone."""

import json

from oslotest import base

from sentinella import exceptions
from sentinella import plugins
from sentinella.notifier.drivers import zaqar as driver
from tests import keystone
from tests import target
from tests import zaqar
from tests.functional.notifier import over_http
from tests.functional.notifier import test_drivers

GROUP = 'notifier_zaqar'
REGION = 'queues'


def make_conf(url, timeout=30.0, **changes):
    """As an operator has it, with the member of the project alpha."""
    conf = test_drivers.make_conf(timeout)
    conf.register_opts(driver.ZaqarDriver.OPTIONS, group=GROUP)
    for name, value in {
        'auth_type': 'v3password',
        'auth_url': url,
        'username': 'member',
        'password': keystone.PASSWORD,
        'user_domain_id': 'default',
        'project_name': 'alpha',
        'project_domain_id': 'default',
        'region_name': REGION,
        'valid_interfaces': ['internal'],
        **changes,
    }.items():
        conf.set_override(name, value, GROUP)
    return conf


def load(conf):
    return plugins.load('sentinella.notifiers', 'zaqar', conf)


class TestZaqar(test_drivers.DriverContract, base.BaseTestCase):
    driver = 'zaqar'

    def make_settings(self):
        self.target = self.useFixture(target.Target())
        self.target.status = 201
        self.keystone = self.useFixture(keystone.KeystoneFixture())
        self.keystone.register(REGION, {'messaging': self.target.base})
        return {}

    def configured(self):
        return make_conf(self.keystone.url)

    def sent(self):
        return [
            json.dumps(message['body'], ensure_ascii=False)
            for body in self.target.bodies()
            for message in body['messages']
        ]

    def refused(self, error, sender=None):
        raised = self.assertRaises(
            error, (sender or self.sender).send, {}, self.message
        )
        self.assertNotIn(keystone.PASSWORD, str(raised))
        self.assertNotIn('127.0.0.1', str(raised))
        return str(raised)

    def test_request(self):
        self.settings = {'queue': 'ops', 'ttl': 600}
        self.sender.check(self.settings)
        said = over_http.news(reference={'x': 1})
        delivered = self.sender.send(self.settings, said)
        self.assertEqual('HTTP 201 Created', delivered.answer)
        ((path, headers, _),) = self.target.requests
        project = said['project_id']
        self.assertEqual(f'/v2/queues/sentinella-{project}-ops/messages', path)
        self.assertEqual(36, len(headers['Client-ID']))
        self.assertTrue(headers['X-Auth-Token'])
        (body,) = self.target.bodies()
        said.pop('reference')
        self.assertEqual({'messages': [{'ttl': 600, 'body': said}]}, body)

    def test_answers(self):
        self.target.headers = {'Retry-After': '7'}
        for status in (429, 500, 503):
            self.target.status = status
            self.assertIn(f'HTTP {status}', self.refused(exceptions.Retry))
        for status in (302, 400, 403, 404):
            self.target.status = status
            self.assertIn(f'HTTP {status}', self.refused(exceptions.Final))

    def test_a_token_that_ended_is_made_anew(self):
        self.sender.send({}, self.message)
        self.target.status = 401
        self.refused(exceptions.Final)
        tokens = [
            headers['X-Auth-Token'] for _, headers, _ in self.target.requests
        ]
        self.assertEqual(3, len(tokens))
        self.assertNotEqual(tokens[1], tokens[2])

    def test_no_answer_in_time(self):
        sender = load(make_conf(self.keystone.url, timeout=6.0))
        sender.send({}, self.message)
        self.target.hold.clear()
        self.assertIn('ConnectTimeout', self.refused(exceptions.Retry, sender))

    def test_credentials(self):
        sender = load(make_conf(self.keystone.url, password='wrong'))
        self.assertIn('Unauthorized', self.refused(exceptions.Retry, sender))
        sender = load(make_conf(self.keystone.url, region_name='nosuch'))
        self.refused(exceptions.Retry, sender)
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            load,
            make_conf(self.keystone.url, auth_type=None),
        )
        self.assertIn('[notifier_zaqar] auth_type', str(error))
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            load,
            make_conf(self.keystone.url, auth_type='nosuch'),
        )
        self.assertIn('[notifier_zaqar]', str(error))

    def test_settings(self):
        for settings in ({'queue': '../x'}, {'queue': 'x' * 21}, {'ttl': 1}):
            self.assertRaises(
                exceptions.InvalidInput, self.sender.check, settings
            )


class TestRealZaqar(base.BaseTestCase):
    def test_who_reads_the_queue(self):
        identity = self.useFixture(keystone.KeystoneFixture())
        server = self.useFixture(zaqar.Zaqar(identity.url))
        identity.register(REGION, {'messaging': server.url})
        sender = load(make_conf(identity.url))
        # as keystone has ids, which is as long as a queue's name may be
        project = identity.projects['alpha']
        settings = {'queue': 'x' * 20}
        sender.check(settings)
        odd = 'größe 温度 \U0001f525 %s'
        told = [
            over_http.news(summary=odd, project_id=project),
            over_http.news('recovery', project_id=project),
            over_http.digest(200) | {'project_id': project},
        ]
        for one in told:
            delivered = sender.send(settings, one)
            self.assertEqual('HTTP 201 Created', delivered.answer)
        queue = f'sentinella-{project}-{"x" * 20}'
        self.assertEqual(64, len(queue))
        found = server.messages(queue, identity.token('member'))
        for one in told:
            one.pop('reference')
        self.assertEqual(told, [one['body'] for one in found])
        self.assertEqual({86400}, {one['ttl'] for one in found})
        # of another project it is another queue
        self.assertEqual(
            [], server.messages(queue, identity.token('stranger'))
        )
