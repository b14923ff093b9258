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

"""Raises alerts at PagerDuty, and resolves them."""

from sentinella.notifier import base
from sentinella.notifier import legible
from sentinella.notifier import web

#: What is done by the kind of a message; all others trigger,
#: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
ACTIONS = {'recovery': 'resolve', 'acknowledgement': 'acknowledge'}

#: Its words for severities.
SEVERITIES = {
    'critical': 'critical',
    'major': 'error',
    'warning': 'warning',
    'info': 'info',
}

#: Characters of a summary at most.
SUMMARY = 1024
#: Of the text; an event has 512 KB at most.
TEXT = 20000


class PagerdutyDriver(base.Driver):
    """Raises alerts at PagerDuty, and resolves them.

    With the Events API v2: a service's *integration* of that type shows the
    `routing_key`. All that is told of an alarm has one `dedup_key`, which is
    made of the alarm's id: what comes twice is one alert, and the alarm's
    end resolves it. A test triggers an alert, and resolves it at once.
    """

    DIGESTS = False
    schema = base.settings(
        {
            'routing_key': {
                'type': 'string',
                'title': 'Routing key',
                'description': 'Of an integration with the Events API v2.',
                'pattern': '^[!-~]+$',
                'maxLength': 100,
            },
            'url': {
                **web.URL,
                'title': 'URL',
                'description': 'Of the API; https://events.pagerduty.com if '
                'not given. In Europe it is '
                'https://events.eu.pagerduty.com.',
            },
            **web.TLS_SETTINGS,
        },
        required=['routing_key'],
    )
    secrets = ('routing_key',)

    def __init__(self, conf):
        super().__init__(conf)
        self._client = web.Client(conf)

    def send(self, settings, message):
        action = ACTIONS.get(message['kind'], 'trigger')
        answer = self._enqueue(settings, message, action)
        if message['kind'] == 'test':
            answer = self._enqueue(settings, message, 'resolve')
        return base.Delivered(f'{answer}: {_said(answer)}'.rstrip(': '))

    def _enqueue(self, settings, message, action):
        base_url = settings.get('url', 'https://events.pagerduty.com')
        return self._client.post(
            f'{base_url.rstrip("/")}/v2/enqueue',
            json={'routing_key': settings['routing_key']}
            | render(message, action),
            settings=settings,
            explain=_said,
        )


def _said(answer):
    """Such as: invalid event."""
    body = answer.json()
    return web.word(body.get('status')) if isinstance(body, dict) else ''


def key(message):
    """What an alarm is known by at the other end; a message without one is
    known by its own id."""
    return f'sentinella-{(message["alarm"] or message)["id"]}'


def render(message, action):
    event = {
        'event_action': action,
        'dedup_key': key(message),
        'client': 'Sentinella',
    }
    if action != 'trigger':
        return event
    if message['link']:
        event['client_url'] = message['link']
        event['links'] = [{'href': message['link'], 'text': 'Open'}]
    alarm = message['alarm'] or {}
    server = message['server'] or {}
    payload = {
        'summary': legible.line(message['title'], SUMMARY),
        'source': server.get('hostname') or 'sentinella',
        'severity': SEVERITIES[message['severity']],
        'timestamp': message['at'],
        'component': message['service'],
        'group': server.get('cloud_group'),
        'class': alarm.get('name'),
    }
    event['payload'] = {k: v for k, v in payload.items() if v}
    event['payload']['custom_details'] = {
        'text': legible.clip(message['text'], TEXT),
        'notification_id': message['id'],
        'values': message['values'],
    }
    return event
