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

"""The drivers that write where people talk."""

import json

from oslotest import base

from sentinella import exceptions
from sentinella.notifier.drivers import msteams
from sentinella.notifier.drivers import slack
from tests.functional.notifier import over_http

SECRET = over_http.SECRET
ODD = '<!channel> @all [a](http://x) *b* `c` ``` & <https://x|y>'


class HookContract(over_http.HttpContract):
    """Of those whose address is the secret.

    :cvar missing: what is said of settings without it
    """

    missing = "'url' is a required property"

    def settings_for(self, other):
        return {'url': f'{other.url}/{SECRET}?sig={SECRET}'}

    def test_settings(self):
        for settings, where in [
            ({}, self.missing),
            ({'url': f'ftp://{SECRET}/'}, 'settings.url'),
            ({'url': f'https://u:{SECRET}@x/'}, 'settings.url'),
        ]:
            error = self.assertRaises(
                exceptions.InvalidInput, self.sender.check, settings
            )
            self.assertIn(where, str(error))
            self.assertNotIn(SECRET, str(error))


class TestSlackWebhook(HookContract, base.BaseTestCase):
    driver = 'slack'
    missing = "settings: expected 'url', or 'token' and 'channel'"

    def sent(self):
        return [json.dumps(body) for body in self.target.bodies()]

    def test_a_message(self):
        said = over_http.news()
        self.sender.send(self.settings, said)
        (body,) = self.target.bodies()
        self.assertEqual(said['title'], body['text'])
        (attachment,) = body['attachments']
        self.assertEqual('#b71c1c', attachment['color'])
        header, *sections, context = attachment['blocks']
        self.assertEqual(said['title'], header['text']['text'])
        texts = [block['text']['text'] for block in sections]
        self.assertIn('*Why*\nlast(process.up) is 0, less than 1', texts)
        self.assertIn('Unhandled error: ValueError```', texts[-1])
        (element,) = context['elements']
        self.assertIn('<https://dashboard.example/|Open>', element['text'])
        self.assertIn(said['id'], element['text'])

    def test_nobody_is_called(self):
        self.sender.send(self.settings, over_http.news(reason=ODD))
        (body,) = self.target.bodies()
        text = json.dumps(body)
        self.assertNotIn('<!channel>', text)
        self.assertIn('&lt;!channel&gt;', text)
        self.assertNotIn('<https://x|y>', text)

    def test_words_of_their_own(self):
        said = over_http.news()
        said |= {'title': 'Ours', 'text': 'All <of> it'}
        self.sender.send(self.settings, said)
        (body,) = self.target.bodies()
        self.assertEqual('Ours', body['text'])
        (_, section, _) = body['attachments'][0]['blocks']
        self.assertEqual('All &lt;of&gt; it', section['text']['text'])

    def test_within_the_limits(self):
        for said in (
            over_http.digest(500),
            over_http.news(
                reason='&' * 8000, remedy='<' * 8000, log_lines=['x'] * 5
            ),
        ):
            blocks = slack.render(said)['attachments'][0]['blocks']
            self.assertLessEqual(len(blocks), 50)
            for block in blocks:
                if block['type'] == 'section':
                    self.assertLessEqual(len(block['text']['text']), 3000)
        self.assertIn(
            'and 460 more', json.dumps(slack.render(over_http.digest(500)))
        )

    def test_what_it_answers(self):
        self.target.status = 404
        self.target.body = b'no_service'
        self.assert_raises(exceptions.Final, 'HTTP 404 Not Found: no_service')


class TestSlackBot(over_http.HttpContract, base.BaseTestCase):
    driver = 'slack'

    def settings_for(self, other):
        other.answers = {
            '/api/chat': (200, {'ok': True, 'channel': 'C1', 'ts': '1.5'})
        }
        return {
            'token': f'xoxb-{SECRET}',
            'channel': 'ops',
            'api_url': f'{other.base}/api',
        }

    def sent(self):
        return [json.dumps(body) for body in self.target.bodies()]

    def calls(self):
        """What was called, with what it was called for."""
        found = [
            (path.rpartition('.')[2], body)
            for (path, _, _), body in zip(
                self.target.requests, self.target.bodies(), strict=True
            )
        ]
        self.target.requests.clear()
        return found

    def fail(self, error):
        self.target.answers = {'/api': (200, {'ok': False, 'error': error})}

    def test_settings(self):
        for settings in ({}, {'token': 'x'}, {'channel': 'x'}):
            self.assertRaises(
                exceptions.InvalidInput, self.sender.check, settings
            )

    def test_a_request(self):
        self.sender.send(self.settings, self.message)
        ((path, headers, _),) = self.target.requests
        self.assertEqual('/api/chat.postMessage', path)
        self.assertEqual(f'Bearer xoxb-{SECRET}', headers['Authorization'])
        ((_, body),) = self.calls()
        self.assertEqual('ops', body['channel'])
        self.assertEqual(
            {'id': self.message['id']}, body['metadata']['event_payload']
        )

    def test_what_follows_is_in_the_thread(self):
        reference = None
        for kind in ('alarm', 'repeat', 'recovery', 'alarm'):
            said = over_http.news(kind, reference=reference)
            reference = self.sender.send(self.settings, said).reference
        first, repeat, recovery, again = self.calls()
        self.assertNotIn('thread_ts', first[1])
        for (method, body), told in ((repeat, False), (recovery, True)):
            self.assertEqual('postMessage', method)
            self.assertEqual(
                ('C1', '1.5'), (body['channel'], body['thread_ts'])
            )
            self.assertEqual(told, body['reply_broadcast'])
        # another time that the same is wrong
        self.assertNotIn('thread_ts', again[1])
        self.assertEqual(
            {'channel': 'C1', 'ts': '1.5', 'over': False}, reference
        )

    def test_the_end_changes_the_first(self):
        self.settings['recovery'] = 'update'
        reference = {'channel': 'C1', 'ts': '0.9', 'over': False}
        said = over_http.news('recovery', reference=reference)
        sent = self.sender.send(self.settings, said)
        ((method, body),) = self.calls()
        self.assertEqual(('update', '0.9'), (method, body['ts']))
        self.assertEqual('#2e7d32', body['attachments'][0]['color'])
        self.assertEqual(
            {'channel': 'C1', 'ts': '0.9', 'over': True}, sent.reference
        )

    def test_the_first_is_gone(self):
        self.settings['recovery'] = 'update'
        self.target.answers = {
            '/api/chat.update': (
                200,
                {'ok': False, 'error': 'message_not_found'},
            ),
            **self.target.answers,
        }
        reference = {'channel': 'C1', 'ts': '0.9', 'over': False}
        said = over_http.news('recovery', reference=reference)
        sent = self.sender.send(self.settings, said)
        self.assertEqual(
            ['update', 'postMessage'], [method for method, _ in self.calls()]
        )
        self.assertEqual('1.5', sent.reference['ts'])

    def test_what_it_answers(self):
        for error in ('internal_error', 'ratelimited', 'service_unavailable'):
            self.fail(error)
            self.assert_raises(exceptions.Retry, f'Slack: {error}')
        for error in ('invalid_auth', 'channel_not_found', 'is_archived'):
            self.fail(error)
            self.assert_raises(exceptions.Final, f'Slack: {error}')
        self.fail(f'no_such_token: /page {SECRET}')
        self.assert_raises(exceptions.Final, 'Slack: no word of success')
        self.target.answers = {}
        self.assert_raises(exceptions.Retry, 'Slack: expected JSON')


class TestMattermost(HookContract, base.BaseTestCase):
    driver = 'mattermost'

    def sent(self):
        return [
            json.dumps(body).replace('\\\\', '')
            for body in self.target.bodies()
        ]

    def test_a_message(self):
        said = over_http.news()
        self.settings |= {'channel': 'ops', 'username': 'sentinella'}
        self.sender.check(self.settings)
        self.sender.send(self.settings, said)
        (body,) = self.target.bodies()
        self.assertEqual(
            ('ops', 'sentinella'), (body['channel'], body['username'])
        )
        (attachment,) = body['attachments']
        self.assertEqual(said['title'], attachment['fallback'])
        self.assertEqual('#b71c1c', attachment['color'])
        self.assertEqual(
            'https://dashboard.example/', attachment['title_link']
        )
        fields = {f['title']: f['value'] for f in attachment['fields']}
        self.assertEqual(
            'It ended by itself, or was stopped.', fields['Cause']
        )
        self.assertIn('Unhandled error: ValueError\n```', attachment['text'])
        self.assertIn(said['id'], attachment['footer'])

    def test_nobody_is_called(self):
        self.sender.send(self.settings, over_http.news(reason=ODD))
        fields = self.target.bodies()[0]['attachments'][0]['fields']
        (why,) = [f['value'] for f in fields if f['title'] == 'Why']
        self.assertNotIn('@all', why)
        self.assertIn(r'\[a\]\(http://x\) \*b\* \`c\`', why)

    def test_what_it_answers(self):
        self.target.answers = {
            '/page': (
                400,
                {
                    'id': 'web.incoming_webhook.disabled.app_error',
                    'message': SECRET,
                },
            )
        }
        self.assert_raises(
            exceptions.Final, ': web.incoming_webhook.disabled.app_error'
        )


class TestMsteams(HookContract, base.BaseTestCase):
    driver = 'msteams'

    def settings_for(self, other):
        other.status = 202
        other.body = b''
        return super().settings_for(other)

    def sent(self):
        return [
            json.dumps(body).replace('\\\\', '')
            for body in self.target.bodies()
        ]

    def test_a_message(self):
        said = over_http.news()
        self.sender.send(self.settings, said)
        (body,) = self.target.bodies()
        self.assertEqual('message', body['type'])
        (attachment,) = body['attachments']
        self.assertEqual(
            'application/vnd.microsoft.card.adaptive',
            attachment['contentType'],
        )
        card = attachment['content']
        self.assertEqual(said['title'], card['fallbackText'])
        self.assertEqual('attention', card['body'][0]['style'])
        (facts,) = [b['facts'] for b in card['body'] if b['type'] == 'FactSet']
        self.assertIn(
            {
                'title': 'Where',
                'value': 'ctl-01.example.org, cloud group region-1, rack 4',
            },
            facts,
        )
        self.assertEqual(
            'https://dashboard.example/', card['actions'][0]['url']
        )

    def test_no_larger_than_it_may_be(self):
        for said in (
            over_http.digest(500),
            over_http.news(
                reason='\U0001f525' * 8000,
                cause='温' * 8000,
                log_lines=['"' * 300] * 5,
            ),
        ):
            body = msteams.render(said)
            self.assertLessEqual(len(body), msteams.LARGEST)
            self.assertIn(said['id'].encode(), body)

    def test_what_it_answers(self):
        self.target.answers = {
            '/page': (
                401,
                {'error': {'code': 'AuthorizationFailed', 'message': SECRET}},
            )
        }
        self.assert_raises(exceptions.Final, ': AuthorizationFailed')
