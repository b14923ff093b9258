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

"""Writes notifications into a channel of Mattermost."""

import re

from sentinella.notifier import base
from sentinella.notifier import outline
from sentinella.notifier import web

#: Characters of one part of a message; a post has 16383 at most,
#: https://developers.mattermost.com/integrate/webhooks/incoming/
PART = 2000
ENTRIES = 50

#: Of Markdown, and of what calls for somebody.
_MARKS = re.compile(r'([\\`*_{}\[\]()#+\-!|<>~])')


class MattermostDriver(base.Driver):
    """Writes notifications into a channel of Mattermost.

    To an *incoming webhook*, of which `url` is the address. It writes into
    the channel that the webhook was made for, or into `channel`, where the
    webhook is not locked to its own.
    """

    schema = base.settings(
        {
            'url': {
                **web.URL,
                'title': 'Webhook',
                'description': 'Address of an incoming webhook. It is a '
                'secret.',
            },
            'channel': {
                'type': 'string',
                'title': 'Channel',
                'description': 'Its name as addresses have it, or @ and the '
                "name of a user; the webhook's own if not given.",
                'minLength': 1,
                'maxLength': 100,
            },
            'username': {
                'type': 'string',
                'title': 'User name',
                'description': 'Shown as the author, where Mattermost lets '
                "webhooks do so; the webhook's own if not given.",
                'minLength': 1,
                'maxLength': 64,
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
        whom = ('channel', 'username')
        answer = self._client.post(
            settings['url'],
            json={
                **render(message),
                **{name: settings[name] for name in whom if name in settings},
            },
            settings=settings,
            explain=_said,
        )
        return base.Delivered(str(answer))


def _said(answer):
    """The id of an error; its words are in the language of the server."""
    body = answer.json()
    return web.word(body.get('id')) if isinstance(body, dict) else ''


def render(message):
    told = outline.of(message, PART, ENTRIES)
    attachment = {
        'fallback': told.title,
        'color': told.colour,
        'title': escape(told.title),
        'text': '\n'.join(_lines(told)),
        'fields': [
            {'short': False, 'title': label, 'value': escape(text)}
            for label, text in told.facts
        ],
        'footer': told.footer,
    }
    if told.link:
        attachment['title_link'] = told.link
    # without `text`: with it the title would be there twice
    return {'attachments': [attachment]}


def _lines(told):
    if told.text:
        yield escape(told.text)
    for at, title in told.entries:
        yield f'- {escape(f"{at} {title}".strip())}'
    service, lines = told.log
    if lines:
        yield f'Last of the log of {escape(service)}:'
        yield '```'
        yield '\n'.join(lines).replace('```', "'''")
        yield '```'


def escape(text):
    """So that no text is markup, or calls for somebody."""
    # what is no name any more is not called for
    return _MARKS.sub(r'\\\1', text).replace('@', '@\u200b')
