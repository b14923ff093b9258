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

"""Raises alerts at Alerta, and closes them."""

import html
import re

from sentinella.notifier import base
from sentinella.notifier import legible
from sentinella.notifier import web

#: Its words for severities, https://docs.alerta.io/api/alert.html
SEVERITIES = {
    'critical': 'critical',
    'major': 'major',
    'warning': 'warning',
    'info': 'informational',
}
#: Its word for the end of an alarm, with which it closes an alert.
NORMAL = 'normal'

#: Characters of a name, and of a text.
NAME = 200
TEXT = 8000

#: What stays as it was told first: by these it knows an alert again.
IDENTITY = ('environment', 'resource', 'event')


class AlertaDriver(base.Driver):
    """Raises alerts at Alerta, and closes them.

    An alert's `event` is the name of the alarm definition, its `resource`
    the server and what else the alarm is about, such as
    ``ctl-01:nova-scheduler``. So Alerta itself counts what is told again,
    sees an alarm get better or worse, and closes the alert at the alarm's
    end, which has the severity `normal`. An alert does not expire: the end
    of an alarm is told. A test raises an alert, and closes it at once.

    Alerta takes only what is of an environment that its
    `ALLOWED_ENVIRONMENTS` name. Alarms of one name on servers of one name
    are one alert, so two projects want two environments.
    """

    DIGESTS = False
    schema = base.settings(
        {
            'url': {
                **web.URL,
                'title': 'URL',
                'description': 'Of its API, such as '
                'https://alerta.example.org/api.',
            },
            'api_key': {
                'type': 'string',
                'title': 'API key',
                'description': 'One with the scope write:alerts, if it '
                'wants one.',
                'pattern': '^[!-~]+$',
                'maxLength': 200,
            },
            'environment': {
                'type': 'string',
                'title': 'Environment',
                'description': 'Of all alerts; Production if not given.',
                'minLength': 1,
                'maxLength': 100,
            },
            'group': {
                'type': 'string',
                'title': 'Group',
                'description': 'Of all alerts; OpenStack if not given.',
                'minLength': 1,
                'maxLength': 100,
            },
            'correlate': {
                'type': 'array',
                'title': 'Correlate',
                'description': 'Lists of names of alarm definitions. Those '
                'of one list are one alert where they are of one resource.',
                'items': {
                    'type': 'array',
                    'items': {
                        'type': 'string',
                        'minLength': 1,
                        'maxLength': NAME,
                    },
                    'minItems': 2,
                    'maxItems': 50,
                },
                'maxItems': 50,
            },
            'customer': {
                'type': 'string',
                'title': 'Customer',
                'description': 'Of all alerts, where the key may choose one.',
                'minLength': 1,
                'maxLength': 100,
            },
            'tags': {
                'type': 'array',
                'title': 'Tags',
                'description': 'Of each alert, besides our own.',
                'items': {'type': 'string', 'minLength': 1, 'maxLength': 100},
                'maxItems': 20,
            },
            **web.TLS_SETTINGS,
        },
        required=['url'],
    )
    secrets = ('api_key',)

    def __init__(self, conf):
        super().__init__(conf)
        self._client = web.Client(conf)

    def send(self, settings, message):
        alert = render(settings, message)
        answer = self._post(settings, alert)
        if message['kind'] == 'test':
            answer = self._post(settings, alert | {'severity': NORMAL})
        over = message['kind'] in ('recovery', 'test')
        return base.Delivered(
            f'{answer}: {_said(answer)}'.rstrip(': '),
            None if over else {name: alert[name] for name in IDENTITY},
        )

    def _post(self, settings, alert):
        headers = {}
        if 'api_key' in settings:
            headers['Authorization'] = f'Key {settings["api_key"]}'
        return self._client.post(
            f'{settings["url"].rstrip("/")}/alert',
            json=alert,
            headers=headers,
            settings=settings,
            explain=_said,
        )


def _said(answer):
    """Such as: Missing required scope. What it quotes is left out."""
    body = answer.json()
    if not isinstance(body, dict):
        return ''
    said = body.get('message') or body.get('status')
    if isinstance(said, str):
        said = re.split("[:,']", said.removeprefix('[POLICY] '))[0]
    return web.word(said)


def render(settings, message):
    """
    :returns: an alert, https://docs.alerta.io/api/alert.html
    """
    severity = SEVERITIES[message['severity']]
    if message['kind'] == 'recovery':
        severity = NORMAL
    event = (message['alarm'] or {}).get('name') or 'Sentinella'
    alert = {
        'resource': resource(message),
        'event': legible.line(event, NAME),
        'environment': settings.get('environment', 'Production'),
        'severity': severity,
        # without a service, its policy takes nothing
        'service': [legible.line(message['service'] or 'OpenStack', NAME)],
        'group': settings.get('group', 'OpenStack'),
        'value': _value(message),
        'text': legible.clip(message['text'], TEXT),
        'tags': _tags(settings, message),
        'attributes': _attributes(message),
        'origin': 'sentinella',
        'type': 'sentinellaAlert',
        'createTime': f'{message["at"][:23]}Z',
        # never: the end of an alarm is told
        'timeout': 0,
        **(message['reference'] or {}),
    }
    for names in settings.get('correlate', ()):
        if alert['event'] in names:
            alert['correlate'] = names
    if 'customer' in settings:
        alert['customer'] = settings['customer']
    return alert


def resource(message):
    """What it is about, such as ctl-01:nova-scheduler: without the severity
    and all else that changes while an alarm is on."""
    alarm = message['alarm']
    if alarm is None:
        return message['id']
    hostname = (message['server'] or {}).get('hostname')
    rest = [
        value
        for name, value in sorted(alarm['group'].items())
        if name != 'server' and value != hostname
    ]
    parts = [part for part in [hostname, *rest] if part]
    return legible.line(':'.join(parts) or 'OpenStack', NAME)


def _value(message):
    """What was seen, for the column of that name."""
    if message['value'] is None:
        return str(message['state'])
    return f'{message["value"]:g}'


def _tags(settings, message):
    server = message['server'] or {}
    tags = ['sentinella', server.get('cloud_group'), *settings.get('tags', [])]
    return [legible.line(tag, NAME) for tag in tags if tag]


def _attributes(message):
    """By names without a dot, which it does not take."""
    known = {
        'title': message['title'],
        'reason': message['reason'],
        'cause': message['cause'],
        'remedy': message['remedy'],
        'alarm_id': (message['alarm'] or {}).get('id'),
        'notification_id': message['id'],
        'project_id': message['project_id'],
    }
    if message['link']:
        link = html.escape(message['link'])
        # as its page has it
        known['moreInfo'] = f'<a href="{link}">Open</a>'
    return {
        name: legible.clip(value, TEXT)
        for name, value in known.items()
        if value
    }
