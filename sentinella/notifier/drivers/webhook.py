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

"""Posts notifications as JSON to a URL."""

import hashlib
import hmac
import json

from sentinella import exceptions
from sentinella.notifier import base
from sentinella.notifier import web


JSON = 'application/json'


class WebhookDriver(base.Driver):
    """Posts notifications as JSON to a URL.

    The header `Idempotency-Key` holds the message's id, which is the same at
    each attempt: a receiver that remembers ids knows what comes twice. With
    a `secret`, `X-Sentinella-Signature` holds ``sha256=`` and the
    HMAC-SHA256 of the body in hexadecimal.

    Any 2xx says that it was taken. After 408, 425, 429 and 5xx it is sent
    again, after a `Retry-After` where there is one; any other answer,
    redirects among them, is final.

    Who wants something else than that JSON says it in a template, `body`,
    and what it is in `content_type`. Texts in JSON need a filter:
    ``{"text": {{ title|tojson }}}``. Where the template can't be used, ours
    is posted.
    """

    schema = base.settings(
        {
            'url': {
                **web.URL,
                'title': 'URL',
                'description': 'Where to post to. Credentials belong into '
                'the headers, which are not shown.',
            },
            'secret': {
                'type': 'string',
                'title': 'Secret',
                'description': 'Key of the signature; nothing is signed '
                'without.',
                'minLength': 1,
                'maxLength': 1000,
            },
            'headers': {
                'type': 'object',
                'title': 'Headers',
                'description': 'Further headers of each request, such as '
                'Authorization. All of them are secrets.',
                'maxProperties': 20,
                'propertyNames': {'pattern': '^[A-Za-z0-9-]+$'},
                'additionalProperties': {
                    'type': 'string',
                    'pattern': '^[!-~]([ -~]*[!-~])?$',
                    'maxLength': 4000,
                },
            },
            'content_type': {
                'type': 'string',
                'title': 'Content type',
                'description': f'Of the body, if it is a template; {JSON} '
                'if not given.',
                'pattern': '^[a-z0-9.+-]+/[a-z0-9.+-]+(; ?[ -~]+)?$',
                'maxLength': 100,
            },
            **web.TLS_SETTINGS,
        },
        required=['url'],
        templates=base.TEMPLATES_AND_BODY,
    )
    secrets = ('secret', 'headers')

    def __init__(self, conf):
        super().__init__(conf)
        self._client = web.Client(conf)

    @classmethod
    def check(cls, settings):
        super().check(settings)
        body = 'body' in settings.get('templates', {})
        if 'content_type' in settings and not body:
            raise exceptions.InvalidInput(
                'settings.templates.body: missing, content_type needs it'
            )

    def send(self, settings, message):
        body, kind = _body(settings, message)
        answer = self._client.post(
            settings['url'],
            data=body,
            headers=_headers(settings, message['id'], body, kind),
            settings=settings,
        )
        # who can make a channel is not to read what is inside of the cloud
        return base.Delivered(str(answer))


def _body(settings, message):
    """
    :returns: bytes, and what they are
    """
    if 'body' in message:
        kind = settings.get('content_type', JSON)
        return message['body'].encode(), kind
    return json.dumps(message, ensure_ascii=False).encode(), JSON


def _headers(settings, id_, body, kind):
    headers = dict(settings.get('headers', {}))
    headers |= {'Content-Type': kind, 'Idempotency-Key': id_}
    if 'secret' in settings:
        digest = hmac.new(settings['secret'].encode(), body, hashlib.sha256)
        headers['X-Sentinella-Signature'] = f'sha256={digest.hexdigest()}'
    return headers
