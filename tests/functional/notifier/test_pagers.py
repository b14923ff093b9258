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

"""The drivers that have an alert at the other end for each alarm."""

import json

from oslotest import base

from sentinella import exceptions
from sentinella.notifier import sample
from tests.functional.notifier import over_http

SECRET = over_http.SECRET


class TestPagerduty(over_http.HttpContract, base.BaseTestCase):
    driver = 'pagerduty'

    def settings_for(self, other):
        other.answers = {
            '/v2/enqueue': (
                202,
                {'status': 'success', 'message': 'Event processed'},
            )
        }
        return {'routing_key': SECRET, 'url': other.base}

    def sent(self):
        return [
            json.dumps(body)
            for body in self.target.bodies()
            if body['event_action'] == 'trigger'
        ]

    def test_an_alarm(self):
        said = over_http.news()
        delivered = self.sender.send(self.settings, said)
        self.assertEqual('HTTP 202 Accepted: success', delivered.answer)
        (body,) = self.target.bodies()
        self.assertEqual(SECRET, body['routing_key'])
        self.assertEqual('trigger', body['event_action'])
        self.assertEqual('https://dashboard.example/', body['client_url'])
        payload = body['payload']
        self.assertEqual(said['title'], payload['summary'])
        self.assertEqual('critical', payload['severity'])
        self.assertEqual('ctl-01.example.org', payload['source'])
        self.assertEqual('nova-scheduler', payload['component'])
        self.assertEqual(said['text'], payload['custom_details']['text'])
        self.assertEqual(said['at'], payload['timestamp'])

    def test_all_of_an_alarm_has_one_key(self):
        for kind in ('alarm', 'repeat', 'acknowledgement', 'recovery'):
            self.sender.send(self.settings, over_http.news(kind))
        bodies = self.target.bodies()
        self.assertEqual(
            ['trigger', 'trigger', 'acknowledge', 'resolve'],
            [body['event_action'] for body in bodies],
        )
        self.assertEqual(
            {f'sentinella-{sample.UUID}'},
            {body['dedup_key'] for body in bodies},
        )

    def test_a_test_is_over_at_once(self):
        self.sender.send(self.settings, self.message)
        one, two = self.target.bodies()
        self.assertEqual(
            ('trigger', 'resolve'), (one['event_action'], two['event_action'])
        )
        self.assertEqual(one['dedup_key'], two['dedup_key'])
        self.assertIn(self.message['id'], one['dedup_key'])

    def test_what_it_answers(self):
        self.target.answers = {
            '/v2': (400, {'status': 'invalid event', 'errors': [SECRET]})
        }
        self.assert_raises(
            exceptions.Final, 'HTTP 400 Bad Request: invalid event'
        )


class TestOpsgenie(over_http.HttpContract, base.BaseTestCase):
    driver = 'opsgenie'

    def settings_for(self, other):
        other.answers = {
            '/v2/alerts': (202, {'result': 'Request will be processed'})
        }
        return {'api_key': SECRET, 'url': f'{other.base}/'}

    def sent(self):
        return [
            json.dumps(body)
            for (path, _, _), body in zip(
                self.target.requests, self.target.bodies(), strict=True
            )
            if path == '/v2/alerts'
        ]

    def paths(self):
        return [path for path, _, _ in self.target.requests]

    def test_an_alarm(self):
        said = over_http.news()
        self.settings |= {'responders': ['net'], 'tags': ['prod']}
        self.sender.check(self.settings)
        delivered = self.sender.send(self.settings, said)
        self.assertEqual({'priority': 'P1'}, delivered.reference)
        ((path, headers, _),) = self.target.requests
        self.assertEqual('/v2/alerts', path)
        self.assertEqual(f'GenieKey {SECRET}', headers['Authorization'])
        (body,) = self.target.bodies()
        self.assertEqual(said['title'], body['message'])
        self.assertEqual(f'sentinella-{sample.UUID}', body['alias'])
        self.assertEqual(
            'nova-scheduler on ctl-01.example.org', body['entity']
        )
        self.assertEqual('P1', body['priority'])
        self.assertEqual(said['text'], body['description'])
        self.assertEqual(
            ['sentinella', 'nova-scheduler', 'region-1', 'prod'], body['tags']
        )
        self.assertEqual([{'type': 'team', 'name': 'net'}], body['responders'])

    def test_its_end(self):
        for kind, action in (
            ('acknowledgement', 'acknowledge'),
            ('recovery', 'close'),
        ):
            self.target.requests.clear()
            self.sender.send(self.settings, over_http.news(kind))
            self.assertEqual(
                [
                    f'/v2/alerts/sentinella-{sample.UUID}/{action}'
                    '?identifierType=alias'
                ],
                self.paths(),
            )

    def test_one_that_got_worse(self):
        reference = None
        for severity in ('warning', 'warning', 'critical'):
            said = over_http.news(severity=severity, reference=reference)
            reference = self.sender.send(self.settings, said).reference
        self.assertEqual(
            ['/v2/alerts'] * 3
            + [
                f'/v2/alerts/sentinella-{sample.UUID}/priority'
                '?identifierType=alias'
            ],
            self.paths(),
        )
        self.assertEqual({'priority': 'P1'}, self.target.bodies()[-1])

    def test_a_test_is_over_at_once(self):
        self.sender.send(self.settings, self.message)
        made, closed = self.paths()
        self.assertEqual('/v2/alerts', made)
        self.assertEqual(
            f'/v2/alerts/sentinella-{self.message["id"]}/close'
            '?identifierType=alias',
            closed,
        )

    def test_within_the_limits(self):
        self.sender.send(
            self.settings,
            over_http.news(
                summary='x' * 500, reason='y' * 8000, cause='z' * 8000
            ),
        )
        (body,) = self.target.bodies()
        self.assertLessEqual(len(body['message']), 130)
        self.assertLessEqual(len(body['description']), 15000)

    def test_what_it_answers(self):
        self.target.answers = {
            '/v2': (403, {'message': 'You are not authorized', 'took': 0.1})
        }
        self.assert_raises(
            exceptions.Final, 'HTTP 403 Forbidden: You are not authorized'
        )
