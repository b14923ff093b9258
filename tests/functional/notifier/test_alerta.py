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

"""Alerta: the contract, what is posted, and the real one."""

import json
import time

from oslotest import base

from sentinella import exceptions
from sentinella import plugins
from sentinella.notifier import message
from sentinella.notifier import sample
from sentinella.notifier.drivers import alerta
from tests import alerting
from tests.functional.notifier import over_http
from tests.functional.notifier import test_drivers

SECRET = over_http.SECRET


class TestAlerta(over_http.HttpContract, base.BaseTestCase):
    driver = 'alerta'

    def settings_for(self, other):
        other.answers = {'/api/alert': (201, {'status': 'ok', 'id': 'x'})}
        return {'url': f'{other.base}/api/', 'api_key': SECRET}

    def sent(self):
        return [
            json.dumps(body)
            for body in self.target.bodies()
            if body['severity'] != 'normal'
        ]

    def test_an_alarm(self):
        said = over_http.news()
        self.settings |= {
            'tags': ['prod'],
            'customer': 'ACME',
            'correlate': [['a', 'b'], ['service-down', 'service-missing']],
        }
        self.sender.check(self.settings)
        delivered = self.sender.send(self.settings, said)
        self.assertEqual('HTTP 201 Created: ok', delivered.answer)
        ((path, headers, _),) = self.target.requests
        self.assertEqual('/api/alert', path)
        self.assertEqual(f'Key {SECRET}', headers['Authorization'])
        (body,) = self.target.bodies()
        attributes = body.pop('attributes')
        self.assertEqual(
            {
                'resource': 'ctl-01.example.org:nova-scheduler',
                'event': 'service-down',
                'environment': 'Production',
                'severity': 'critical',
                'correlate': ['service-down', 'service-missing'],
                'service': ['nova-scheduler'],
                'group': 'OpenStack',
                'value': '0',
                'text': said['text'],
                'tags': ['sentinella', 'region-1', 'prod'],
                'origin': 'sentinella',
                'type': 'sentinellaAlert',
                'createTime': '1970-01-01T00:01:40.000Z',
                'timeout': 0,
                'customer': 'ACME',
            },
            body,
        )
        self.assertEqual(sample.UUID, attributes['alarm_id'])
        self.assertEqual(said['remedy'], attributes['remedy'])
        self.assertEqual(
            '<a href="https://dashboard.example/">Open</a>',
            attributes['moreInfo'],
        )

    def test_it_stays_what_it_was(self):
        first = self.sender.send(self.settings, over_http.news())
        self.settings['environment'] = 'Development'
        for kind in ('repeat', 'recovery'):
            delivered = self.sender.send(
                self.settings,
                over_http.news(kind, server=None, reference=first.reference),
            )
        self.assertIsNone(delivered.reference)
        self.assertEqual(
            [('Production', 'ctl-01.example.org:nova-scheduler')] * 3,
            [(b['environment'], b['resource']) for b in self.target.bodies()],
        )
        self.assertEqual(
            ['critical', 'critical', 'normal'],
            [body['severity'] for body in self.target.bodies()],
        )

    def test_resources(self):
        said = over_http.news()
        for group, server, expected in [
            ({}, None, 'OpenStack'),
            ({'queue': 'x', 'host': 'a'}, None, 'a:x'),
            ({'server': 'uuid'}, 'a', 'a'),
            ({'server': 'uuid', 'host': 'a', 'mount': '/'}, 'a', 'a:/'),
            ({'mount': '/' * 500}, 'a', 'a:' + '/' * 197 + '…'),
        ]:
            said['alarm'] |= {'group': group}
            said['server'] = server and {'hostname': server}
            self.assertEqual(expected, alerta.resource(said))

    def test_a_test_is_over_at_once(self):
        self.sender.send(self.settings, self.message)
        one, two = self.target.bodies()
        self.assertEqual(
            ('informational', 'normal'), (one['severity'], two['severity'])
        )
        self.assertEqual(one['resource'], two['resource'])

    def test_what_it_answers(self):
        said = 'API key parameter is invalid'
        self.target.answers = {
            '/api': (401, {'status': 'error', 'message': said})
        }
        self.assert_raises(exceptions.Final, f'HTTP 401 Unauthorized: {said}')


class TestRealAlerta(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.server = self.useFixture(alerting.Alerta())
        self.settings = {
            'url': self.server.url,
            'api_key': self.server.key,
            'correlate': [['service-down', 'service-missing']],
        }
        self.sender = plugins.load(
            'sentinella.notifiers', 'alerta', test_drivers.make_conf(20.0)
        )
        self.reference = None

    def send(self, kind, **changes):
        delivered = self.sender.send(
            self.settings,
            over_http.news(
                kind,
                at=message.iso(time.time()),
                **{'reference': self.reference, **changes},
            ),
        )
        self.reference = delivered.reference
        return delivered.answer

    def alert(self):
        (one,) = self.server.alerts()
        return one

    def seen(self):
        one = self.alert()
        return one['severity'], one['status'], one['duplicateCount']

    def test_from_the_beginning_to_the_end(self):
        self.assertEqual(
            'HTTP 201 Created: ok', self.send('alarm', severity='warning')
        )
        self.assertEqual(('warning', 'open', 0), self.seen())
        for _ in range(2):
            self.send('repeat', severity='warning')
        self.assertEqual(('warning', 'open', 2), self.seen())
        self.send('alarm', severity='critical')
        self.assertEqual(('critical', 'open', 0), self.seen())
        self.assertEqual('moreSevere', self.alert()['trendIndication'])
        self.send('recovery')
        self.assertEqual(('normal', 'closed', 0), self.seen())
        self.send('alarm', severity='major')
        self.assertEqual(('major', 'open', 0), self.seen())

    def test_what_it_keeps(self):
        self.send('alarm', summary='größe 温度 \U0001f525 %s <b>')
        one = self.alert()
        self.assertEqual('ctl-01.example.org:nova-scheduler', one['resource'])
        self.assertEqual('service-down', one['event'])
        self.assertEqual(['nova-scheduler'], one['service'])
        self.assertIn('service-missing', one['correlate'])
        self.assertIn('温度 \U0001f525 %s <b>', one['text'])
        self.assertEqual('0', one['value'])
        self.assertEqual(0, one['timeout'])
        self.assertEqual(sample.UUID, one['attributes']['alarm_id'])

    def test_correlated(self):
        self.send('alarm')
        said = over_http.news()
        said['alarm'] |= {'name': 'service-missing'}
        self.send('alarm', alarm=said['alarm'], reference=None)
        self.assertEqual('service-missing', self.alert()['event'])

    def test_a_test_is_over_at_once(self):
        self.sender.send(
            self.settings, message.test(test_drivers.CHANNEL, time.time())
        )
        self.assertEqual(('normal', 'closed', 0), self.seen())

    def test_what_it_does_not_take(self):
        self.settings['environment'] = 'Nowhere'
        self.assertIn('environment does not match', self.refused())
        self.settings |= {'environment': 'Production', 'api_key': SECRET}
        said = self.refused()
        self.assertIn('HTTP 401', said)
        self.assertNotIn(SECRET, said)
        self.settings['api_key'] = self.server.reader
        self.assertIn('Missing required scope', self.refused())
        self.assertEqual([], self.server.alerts())

    def refused(self):
        return str(self.assertRaises(exceptions.Final, self.send, 'alarm'))
