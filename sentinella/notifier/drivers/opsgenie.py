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

"""Raises alerts at Opsgenie, and closes them."""

import urllib.parse

from sentinella.notifier import base
from sentinella.notifier import legible
from sentinella.notifier import web

#: Its words for severities.
PRIORITIES = {
    'critical': 'P1',
    'major': 'P2',
    'warning': 'P3',
    'info': 'P5',
}

#: Characters at most, https://docs.opsgenie.com/docs/alert-api
MESSAGE = 130
DESCRIPTION = 15000
ENTITY = 512
TAG = 50
DETAIL = 1000

#: Calls that end in `/<name>` instead of making an alert, by the kind.
ACTIONS = {'recovery': 'close', 'acknowledgement': 'acknowledge'}


class OpsgenieDriver(base.Driver):
    """Raises alerts at Opsgenie, and closes them.

    With the Alert API: an *API integration* shows the `api_key`. All that is
    told of an alarm has one alias, which is made of the alarm's id: what
    comes twice is counted, and the alarm's end closes the alert. Where an
    alarm got worse, so does the alert's priority. A test makes an alert, and
    closes it at once.
    """

    DIGESTS = False
    schema = base.settings(
        {
            'api_key': {
                'type': 'string',
                'title': 'API key',
                'description': 'Of an API integration that may create and '
                'update alerts.',
                'pattern': '^[!-~]+$',
                'maxLength': 100,
            },
            'url': {
                **web.URL,
                'title': 'URL',
                'description': 'Of the API; https://api.opsgenie.com if not '
                'given. In Europe it is https://api.eu.opsgenie.com.',
            },
            'responders': {
                'type': 'array',
                'title': 'Responders',
                'description': 'Names of the teams that are told; those of '
                'the integration if not given.',
                'items': {'type': 'string', 'minLength': 1, 'maxLength': 100},
                'maxItems': 50,
            },
            'tags': {
                'type': 'array',
                'title': 'Tags',
                'description': 'Of each alert, besides our own.',
                'items': {'type': 'string', 'minLength': 1, 'maxLength': 50},
                'maxItems': 15,
            },
            **web.TLS_SETTINGS,
        },
        required=['api_key'],
    )
    secrets = ('api_key',)

    def __init__(self, conf):
        super().__init__(conf)
        self._client = web.Client(conf)

    def send(self, settings, message):
        action = ACTIONS.get(message['kind'])
        if action:
            answer = self._act(settings, message, action)
            return base.Delivered(str(answer), message['reference'])
        answer = self._call(settings, 'POST', '', create(settings, message))
        priority = PRIORITIES[message['severity']]
        if message['kind'] == 'test':
            answer = self._act(settings, message, 'close')
        elif (message['reference'] or {}).get(
            'priority', priority
        ) != priority:
            # one that there is already keeps all but its count
            self._call(
                settings,
                'PUT',
                f'{_of(message)}/priority?identifierType=alias',
                {'priority': priority},
            )
        return base.Delivered(str(answer), {'priority': priority})

    def _act(self, settings, message, action):
        return self._call(
            settings,
            'POST',
            f'{_of(message)}/{action}?identifierType=alias',
            {
                'source': 'sentinella',
                'note': legible.clip(message['text'], DESCRIPTION),
            },
        )

    def _call(self, settings, method, path, body):
        base_url = settings.get('url', 'https://api.opsgenie.com')
        return self._client.request(
            method,
            f'{base_url.rstrip("/")}/v2/alerts{path}',
            json=body,
            headers={'Authorization': f'GenieKey {settings["api_key"]}'},
            settings=settings,
            explain=_said,
        )


def _said(answer):
    """Such as: Request will be processed."""
    body = answer.json()
    if not isinstance(body, dict):
        return ''
    return web.word(body.get('message') or body.get('result'))


def alias(message):
    """What an alarm is known by at the other end; a message without one is
    known by its own id."""
    return f'sentinella-{(message["alarm"] or message)["id"]}'


def _of(message):
    return '/' + urllib.parse.quote(alias(message), safe='')


def create(settings, message):
    """
    :returns: body of a request that makes an alert
    """
    server = message['server'] or {}
    alarm = message['alarm'] or {}
    known = {
        'service': message['service'],
        'server': server.get('hostname'),
        'cloud_group': server.get('cloud_group'),
        'alarm': alarm.get('name'),
    }
    details = {
        **known,
        'severity': message['severity'],
        'notification_id': message['id'],
        'link': message['link'],
    }
    body = {
        'message': legible.line(message['title'], MESSAGE),
        'alias': alias(message),
        'description': legible.clip(message['text'], DESCRIPTION),
        'entity': legible.line(_entity(known), ENTITY),
        'source': 'sentinella',
        'priority': PRIORITIES[message['severity']],
        'tags': _tags(settings, known),
        'details': {
            name: legible.clip(value, DETAIL)
            for name, value in details.items()
            if value
        },
    }
    if 'responders' in settings:
        body['responders'] = [
            {'type': 'team', 'name': name} for name in settings['responders']
        ]
    return body


def _entity(known):
    parts = [known['service'], known['server']]
    return ' on '.join(part for part in parts if part) or 'sentinella'


def _tags(settings, known):
    tags = ['sentinella', known['service'], known['cloud_group']]
    tags += settings.get('tags', [])
    return [legible.line(tag, TAG) for tag in tags if tag]
