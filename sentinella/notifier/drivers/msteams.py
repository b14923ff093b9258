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

"""Writes notifications into a channel or chat of Microsoft Teams."""

import json
import re

from sentinella.notifier import base
from sentinella.notifier import outline
from sentinella.notifier import web

#: Bytes of a message at most: 28 KB, with room for what Teams adds,
#: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/
LARGEST = 26000

#: Characters of one part, and entries of a digest, tried one after the other
#: until it fits.
SIZES = ((2000, 100), (1000, 60), (400, 30), (100, 10))

#: Of the Markdown that a card knows.
_MARKS = re.compile(r'([\\`*_\[\]()#])')


class MsteamsDriver(base.Driver):
    """Writes notifications into a channel or chat of Microsoft Teams.

    To a *workflow* with the trigger "When a Teams webhook request is
    received", such as the template "Post to a channel when a webhook request
    is received" makes; `url` is its address. They are Adaptive Cards.
    """

    schema = base.settings(
        {
            'url': {
                **web.URL,
                'title': 'Webhook',
                'description': 'Address of the workflow. It is a secret.',
            },
            **web.TLS_SETTINGS,
        },
        required=['url'],
    )
    secrets = ('url',)

    def __init__(self, conf):
        super().__init__(conf)
        self._client = web.Client(conf)

    def send(self, settings, message):
        answer = self._client.post(
            settings['url'],
            data=render(message),
            headers={'Content-Type': 'application/json'},
            settings=settings,
            explain=_said,
        )
        return base.Delivered(str(answer))


def _said(answer):
    body = answer.json()
    error = body.get('error') if isinstance(body, dict) else None
    return web.word(error.get('code')) if isinstance(error, dict) else ''


def render(message):
    """
    :returns: bytes of JSON, LARGEST at most
    """
    for length, entries in SIZES:
        told = outline.of(message, length, entries)
        body = json.dumps(_envelope(told), ensure_ascii=False).encode()
        if len(body) <= LARGEST:
            break
    return body


def _envelope(told):
    card = {
        '$schema': 'http://adaptivecards.io/schemas/adaptive-card.json',
        'type': 'AdaptiveCard',
        'version': '1.4',
        'msteams': {'width': 'Full'},
        # what a lock screen shows
        'fallbackText': told.title,
        'body': [*_blocks(told)],
    }
    if told.link:
        card['actions'] = [
            {'type': 'Action.OpenUrl', 'title': 'Open', 'url': told.link}
        ]
    return {
        'type': 'message',
        'summary': told.title,
        'attachments': [
            {
                'contentType': 'application/vnd.microsoft.card.adaptive',
                'contentUrl': None,
                'content': card,
            }
        ],
    }


def _blocks(told):
    yield {
        'type': 'Container',
        'style': _style(told.colour),
        'bleed': True,
        'items': [_text(told.title, weight='Bolder', size='Medium')],
    }
    if told.text:
        yield _text(told.text)
    if told.facts:
        yield {
            'type': 'FactSet',
            'facts': [
                {'title': label, 'value': escape(text)}
                for label, text in told.facts
            ],
        }
    for at, title in told.entries:
        yield _text(f'{at} {title}'.strip(), spacing='Small')
    service, lines = told.log
    if lines:
        yield _text(f'Last of the log of {service}:')
        yield from (
            _text(line, fontType='Monospace', size='Small', spacing='None')
            for line in lines
        )
    if told.footer:
        yield _text(told.footer, isSubtle=True, size='Small')


#: The styles of a container, by our colours; there is none of orange.
_STYLES = {
    '#2e7d32': 'good',
    '#b71c1c': 'attention',
    '#e65100': 'attention',
    '#f9a825': 'warning',
    '#1565c0': 'accent',
}


def _style(colour):
    return _STYLES.get(colour, 'emphasis')


def _text(text, **how):
    return {'type': 'TextBlock', 'wrap': True, 'text': escape(text), **how}


def escape(text):
    """So that no text is markup; a single line feed would be a blank."""
    return _MARKS.sub(r'\\\1', text).replace('\n', '\n\n')
