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

"""Writes notifications into a channel of Slack."""

from sentinella import exceptions
from sentinella.notifier import base
from sentinella.notifier import outline
from sentinella.notifier import web

#: Limits of blocks, https://docs.slack.dev/reference/block-kit/blocks:
#: characters of a header, and of a section (3000), with room for what
#: surrounds it and is escaped; one message has 50 blocks at most.
HEADER = 150
SECTION = 2900

#: Entries of a digest that are named.
ENTRIES = 40

#: What `error` says where it may go the next time,
#: https://docs.slack.dev/reference/methods/chat.postMessage
TRY_AGAIN = (
    'fatal_error',
    'internal_error',
    'message_limit_exceeded',
    'rate_limited',
    'ratelimited',
    'request_timeout',
    'service_unavailable',
    'team_added_to_org',
)

#: And where it is gone what a message was to follow.
GONE = (
    'cant_update_message',
    'edit_window_closed',
    'message_not_found',
    'thread_not_found',
)


class SlackDriver(base.Driver):
    """Writes notifications into a channel of Slack.

    Either to an *incoming webhook*, of which `url` is the address, or as a
    bot, which needs a `token` (``xoxb-...``) with the scope ``chat:write``,
    and a `channel` that it is a member of.

    A bot answers in the thread of an alarm's first message when more is to
    be told of that alarm. Its end is told there and in the channel; with
    `recovery` set to ``update`` the first message is changed instead. A bot's
    message has the id of the notification in its metadata, so that who reads
    them knows what comes twice.
    """

    schema = {
        **base.settings(
            {
                'url': {
                    **web.URL,
                    'title': 'Webhook',
                    'description': 'Address of an incoming webhook. It is a '
                    'secret.',
                },
                'token': {
                    'type': 'string',
                    'title': 'Token',
                    'description': 'Of a bot, xoxb-...; needs a channel.',
                    'pattern': '^[!-~]+$',
                    'maxLength': 500,
                },
                'channel': {
                    'type': 'string',
                    'title': 'Channel',
                    'description': 'Its id, such as C0123456789, or its name.',
                    'minLength': 1,
                    'maxLength': 100,
                },
                'recovery': {
                    'enum': ['thread', 'update'],
                    'title': 'Recovery',
                    'description': 'Whether the end of an alarm is told in '
                    'its thread, or changes its first message.',
                },
                'api_url': {
                    **web.URL,
                    'title': 'URL of the API',
                    'description': 'Of the Web API, where it is not '
                    'https://slack.com/api.',
                },
                **web.TLS_SETTINGS,
            }
        ),
        'anyOf': [{'required': ['url']}, {'required': ['token', 'channel']}],
    }
    secrets = ('url', 'token')

    def __init__(self, conf):
        super().__init__(conf)
        self._client = web.Client(conf)

    @classmethod
    def check(cls, settings):
        # in words; a schema has none for that
        if 'url' not in settings and not {'token', 'channel'} <= {*settings}:
            raise exceptions.InvalidInput(
                "settings: expected 'url', or 'token' and 'channel'"
            )
        super().check(settings)

    def send(self, settings, message):
        if 'token' not in settings:
            answer = self._client.post(
                settings['url'],
                json=render(message),
                settings=settings,
                explain=_said,
            )
            return base.Delivered(str(answer))
        return self._as_bot(settings, message)

    def _as_bot(self, settings, message):
        before = message['reference'] or {}
        over = message['kind'] == 'recovery'
        if before.get('over') and not over:
            # that was another time
            before = {}
        try:
            sent = self._follow(settings, message, before, over)
        except _Gone:
            sent = self._call(settings, 'chat.postMessage', message)
            before = {}
        return base.Delivered(
            'ok',
            {
                'channel': before.get('channel') or sent.get('channel'),
                'ts': before.get('ts') or sent.get('ts'),
                'over': over,
            },
        )

    def _follow(self, settings, message, before, over):
        if not before.get('ts'):
            return self._call(settings, 'chat.postMessage', message)
        where = {'channel': before['channel']}
        if over and settings.get('recovery') == 'update':
            where['ts'] = before['ts']
            return self._call(settings, 'chat.update', message, **where)
        where['thread_ts'] = before['ts']
        # a reply alone is seen by those who follow the thread
        where['reply_broadcast'] = over or message['kind'] != 'repeat'
        return self._call(settings, 'chat.postMessage', message, **where)

    def _call(self, settings, method, message, **where):
        """
        :returns: what the method answered
        :raises _Gone: what is to be followed is not there any more
        """
        api = settings.get('api_url', 'https://slack.com/api').rstrip('/')
        answer = self._client.post(
            f'{api}/{method}',
            json={
                'channel': settings['channel'],
                'metadata': {
                    'event_type': 'sentinella_notification',
                    'event_payload': {'id': message['id']},
                },
                **render(message),
                **where,
            },
            headers={'Authorization': f'Bearer {settings["token"]}'},
            settings=settings,
        ).json()
        if not isinstance(answer, dict):
            raise exceptions.Retry('Slack: expected JSON')
        if answer.get('ok') is True:
            return answer
        error = web.word(answer.get('error'))
        if error in GONE:
            raise _Gone(error)
        if error in TRY_AGAIN:
            raise exceptions.Retry(f'Slack: {error}')
        raise exceptions.Final(f'Slack: {error or "no word of success"}')


class _Gone(Exception):
    """What a message was to follow is not there any more."""


def _said(answer):
    """A webhook answers with one word, such as `no_service`."""
    return web.word(answer.text())


def render(message):
    """
    :returns: mapping, the same for webhooks and methods
    """
    told = outline.of(message, SECTION // 2, ENTRIES)
    header = {'type': 'plain_text', 'text': told.title[:HEADER]}
    blocks = [{'type': 'header', 'text': header}]
    blocks += [_section(text) for text in _sections(told)]
    footer = escape(told.footer)
    if told.link:
        footer = f'<{told.link}|Open>  {footer}'
    if footer:
        element = {'type': 'mrkdwn', 'text': footer.strip()}
        blocks.append({'type': 'context', 'elements': [element]})
    return {
        # what a lock screen shows
        'text': escape(told.title),
        'attachments': [{'color': told.colour, 'blocks': blocks}],
        'unfurl_links': False,
        'unfurl_media': False,
    }


def _sections(told):
    if told.text:
        yield escape(told.text)
    for label, text in told.facts:
        yield f'*{label}*\n{escape(text)}'
    for at, title in told.entries:
        yield escape(f'{at} {title}'.strip())
    service, lines = told.log
    if lines:
        text = escape('\n'.join(lines)).replace('```', "'''")
        yield f'*Last of the log of {escape(service)}*\n```{text}```'


def _section(text):
    return {
        'type': 'section',
        'text': {'type': 'mrkdwn', 'text': text[:SECTION], 'verbatim': True},
    }


def escape(text):
    """So that no text is a link, or calls for somebody."""
    return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')
