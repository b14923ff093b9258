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

"""Posts notifications as JSON to a URL.

Headers of each request: `Idempotency-Key` holds the message's id, the same
at each attempt; with a `secret`, `X-Sentinella-Signature` holds
``sha256=`` and the HMAC of the body in hexadecimal.
"""

import hashlib
import hmac
import http
import json

import requests
import requests.adapters
import requests.cookies

from sentinella import exceptions
from sentinella import version
from sentinella.notifier import base

#: Answers besides 5xx that say to come again.
TRY_AGAIN = (
    http.HTTPStatus.REQUEST_TIMEOUT,
    http.HTTPStatus.TOO_EARLY,
    http.HTTPStatus.TOO_MANY_REQUESTS,
)

#: Bytes of an answer that are read, so that its connection can be kept.
MOST_READ = 65536


class WebhookDriver(base.Driver):
    """Connections are kept open between messages."""

    schema = {
        'type': 'object',
        'additionalProperties': False,
        'required': ['url'],
        'properties': {
            # whoever has credentials in it puts them into headers, which
            # are not shown
            'url': {
                'type': 'string',
                'pattern': '^https?://[^/@?#\\s]+([/?][^\\s#]*)?$',
                'maxLength': 2000,
            },
            'secret': {'type': 'string', 'minLength': 1, 'maxLength': 1000},
            'headers': {
                'type': 'object',
                'maxProperties': 20,
                'propertyNames': {'pattern': '^[A-Za-z0-9-]+$'},
                'additionalProperties': {
                    'type': 'string',
                    'pattern': '^[!-~]([ -~]*[!-~])?$',
                    'maxLength': 4000,
                },
            },
            'verify': {'type': 'boolean'},
            'cafile': {'type': 'string', 'pattern': '^/'},
        },
    }
    secrets = ('secret', 'headers')

    def __init__(self, conf):
        super().__init__(conf)
        self._session = requests.Session()
        # nobody logs in here: what one message is given, another must not
        # send back
        self._session.cookies.set_policy(_NoCookies())
        for scheme in ('http://', 'https://'):
            self._session.mount(
                scheme, requests.adapters.HTTPAdapter(pool_maxsize=32)
            )

    def send(self, settings, message):
        body = json.dumps(message, ensure_ascii=False).encode()
        try:
            status = self._post(settings, message['id'], body)
        except requests.Timeout:
            raise exceptions.Retry(
                f'no answer within {self.conf.notifier.timeout:g} s'
            )
        except ValueError:
            # what the schema could not tell
            raise exceptions.Final('settings: not a URL, or not a header')
        except requests.exceptions.SSLError as error:
            raise exceptions.Retry(f'TLS: {_root(error)}')
        except requests.ConnectionError as error:
            raise exceptions.Retry(f'no connection: {_root(error)}')
        except OSError as error:
            # among them all others of requests, and a missing cafile; their
            # texts hold the URL
            raise exceptions.Retry(f'not sent: {type(error).__name__}')
        _judge(status)

    def _post(self, settings, id_, body):
        with self._session.post(
            settings['url'],
            data=body,
            headers=_headers(settings, id_, body),
            timeout=self.conf.notifier.timeout,
            verify=settings.get('cafile') or settings.get('verify', True),
            allow_redirects=False,
            stream=True,
        ) as response:
            response.raw.read(MOST_READ)
            return response.status_code


def _headers(settings, id_, body):
    headers = dict(settings.get('headers', {}))
    headers |= {
        'Content-Type': 'application/json',
        'Idempotency-Key': id_,
        'User-Agent': f'sentinella/{version.version_string()}',
    }
    if 'secret' in settings:
        digest = hmac.new(settings['secret'].encode(), body, hashlib.sha256)
        headers['X-Sentinella-Signature'] = f'sha256={digest.hexdigest()}'
    return headers


def _judge(status):
    if 200 <= status < 300:
        return
    try:
        text = f'HTTP {status} {http.HTTPStatus(status).phrase}'
    except ValueError:
        text = f'HTTP {status}'
    if status >= 500 or status in TRY_AGAIN:
        raise exceptions.Retry(text)
    raise exceptions.Final(text)


def _root(error):
    """What is at the bottom of an error, in words that name no URL."""
    while True:
        deeper = getattr(error, 'reason', None) or error.__context__
        if not isinstance(deeper, Exception):
            break
        error = deeper
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):
    def set_ok(self, cookie, request):
        return False
