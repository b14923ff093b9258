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

"""The one HTTP client of all drivers.

It follows no redirect, keeps no cookie, verifies certificates, reaches no
address that :mod:`sentinella.notifier.addresses` refuses, and is done within
`[notifier] timeout` whatever the other end does. Its errors name neither URL
nor secret.
"""

import dataclasses
import email.utils
import http.client
import json as jsonlib
import re
import ssl
import time
import urllib.parse
import weakref

from sentinella import exceptions
from sentinella import version
from sentinella.notifier import addresses
from sentinella.notifier import connections

#: Bytes of an answer that are read; of a longer one that is all there is.
MOST_READ = 65536

#: Answers besides 5xx that say to come again.
TRY_AGAIN = (
    http.HTTPStatus.REQUEST_TIMEOUT,
    http.HTTPStatus.TOO_EARLY,
    http.HTTPStatus.TOO_MANY_REQUESTS,
)

#: Characters of what the other end said that are shown.
SAID_LENGTH = 200
#: Shown in the place of a secret.
HIDDEN = '***'

#: Settings that say whom to trust, for the schemas of drivers.
TLS_SETTINGS = {
    'verify': {
        'type': 'boolean',
        'title': 'Verify',
        'description': 'Whether its certificate has to be valid. It has to '
        'be if not given.',
    },
    'cafile': {
        'type': 'string',
        'title': 'CA file',
        'description': 'File on the evaluators, and on those of the API, '
        'with the certificates (PEM) of the authorities to trust. Those of '
        'the system if not given.',
        'pattern': '^/',
        'maxLength': 1000,
    },
}

#: What others call their errors: a word, or a few.
_WORD = re.compile(r'[A-Za-z][A-Za-z0-9_. -]{0,99}')

#: A URL, for the schemas of drivers. Credentials belong into other settings,
#: which are not shown.
URL = {
    'type': 'string',
    'pattern': '^https?://[^/@?#\\s]+([/?][^\\s#]*)?$',
    'maxLength': 2000,
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """
    :ivar headers: an :class:`email.message.Message`, by name in any case
    :ivar body: bytes, :data:`MOST_READ` at most
    """

    status: int
    headers: object
    body: bytes = b''

    def __str__(self):
        return f'HTTP {self.status} {_phrase(self.status)}'.rstrip()

    def json(self):
        """
        :returns: what the body says; None where it is not JSON
        """
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def text(self):
        return self.body.decode(errors='replace')


class Client:
    """Connections are kept open between requests; threads may share it.

    :param conf: the configuration
    """

    def __init__(self, conf):
        self._conf = conf
        self._addresses = addresses.Addresses(
            conf.notifier.allowed_networks, conf.notifier.refused_networks
        )
        self._pool = connections.Pool()
        weakref.finalize(self, self._pool.close)

    def post(self, url, **how):
        """As :meth:`request`."""
        return self.request('POST', url, **how)

    def request(
        self,
        method,
        url,
        *,
        json=None,
        data=None,
        headers=None,
        settings=None,
        explain=None,
    ):
        """
        :param url: such as :data:`URL` has it
        :param json: body, of JSON types; or `data`: one of bytes
        :param settings: a channel's, for its :data:`TLS_SETTINGS`
        :param explain: called with the Answer, returns what it says in a few
            words, or None; they are shown in errors, without anything that
            the other end was sent
        :returns: Answer, of success
        :raises Retry: it may go the next time; `after` how many seconds,
            where the other end said so
        :raises Final: it will never go
        """
        headers, settings = headers or {}, settings or {}
        ours = {'User-Agent': f'sentinella/{version.version_string()}'}
        if json is not None:
            data = jsonlib.dumps(json, ensure_ascii=False).encode()
            ours['Content-Type'] = 'application/json'
        answer = self._within(method, url, data, ours | headers, settings)
        said = explain(answer) if explain else ''
        judge(answer, shown(said, url, headers, settings), time.time())
        return answer

    def _within(self, method, url, data, headers, settings):
        timeout = self._conf.notifier.timeout
        try:
            way = _Way.of(url, settings)
            deadline = connections.Deadline(timeout)
            return self._ask(way, deadline, method, data, headers)
        except TimeoutError:
            error = exceptions.Retry(f'no answer within {timeout:g} s')
        except ssl.SSLError as reason:
            error = exceptions.Retry(f'TLS: {_tls_words(reason)}')
        except (ValueError, http.client.InvalidURL):
            # what the schema could not tell
            error = exceptions.Final('settings: not a URL, or not a header')
        except http.client.HTTPException as reason:
            error = exceptions.Retry(
                f'no whole answer: {type(reason).__name__}'
            )
        except OSError as reason:
            error = exceptions.Retry(
                f'no connection: {reason.strerror or type(reason).__name__}'
            )
        # outside: their texts hold what must not be in a log
        raise error

    def _ask(self, way, deadline, *request):
        kept = self._pool.take(way.key)
        if kept is not None:
            try:
                return self._exchange(way, kept, deadline, *request)
            except (ConnectionResetError, BrokenPipeError):
                # it ended just then, as one that was kept may
                pass
        new = connections.Connection(
            way.host, way.port, self._addresses, way.context
        )
        return self._exchange(way, new, deadline, *request)

    def _exchange(self, way, connection, deadline, method, data, headers):
        connection.deadline = deadline
        whole = False
        try:
            connection.request(method, way.path, data, headers)
            with connection.getresponse() as response:
                body = response.read(MOST_READ)
                if response.length and len(body) < MOST_READ:
                    raise http.client.IncompleteRead(b'')
                # of a longer one the rest would be taken for the next answer
                whole = response.isclosed() and connection.sock is not None
        finally:
            if not whole:
                connection.close()
        if whole:
            self._pool.give(way.key, connection)
        return Answer(response.status, response.headers, body)


@dataclasses.dataclass(frozen=True)
class _Way:
    """Where a URL leads."""

    host: str
    port: int
    path: str
    context: ssl.SSLContext | None

    @property
    def key(self):
        """The same for all who can share a connection."""
        return self.host, self.port, self.context

    @classmethod
    def of(cls, url, settings):
        """
        :raises ValueError: that is no URL
        """
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ('http', 'https') or not parts.hostname:
            raise ValueError
        context = None
        if parts.scheme == 'https':
            context = _context(settings)
        path = urllib.parse.urlunsplit(('', '', parts.path, parts.query, ''))
        if not path.startswith('/'):
            path = f'/{path}'
        return cls(
            host=parts.hostname.encode('idna').decode(),
            port=parts.port or (443 if context else 80),
            path=urllib.parse.quote(path, safe="/?%:=&~+!$,;'@()*[]"),
            context=context,
        )


def _context(settings):
    try:
        return connections.tls(
            settings.get('cafile'), settings.get('verify', True)
        )
    except OSError:
        # one text whether or not there is such a file
        error = exceptions.Retry('TLS: the cafile can not be used')
    raise error


def judge(answer, said, now):
    """
    :param said: what the other end said, in words that may be shown
    :param now: seconds since the epoch
    :raises Retry: the answer is one that says to come again
    :raises Final: it is one that will not change
    """
    if 200 <= answer.status < 300:
        return
    text = f'{answer}: {said}' if said else str(answer)
    if answer.status >= 500 or answer.status in TRY_AGAIN:
        raise exceptions.Retry(text, retry_after(answer.headers, now))
    raise exceptions.Final(text)


def retry_after(headers, now):
    """What a header `Retry-After` says (RFC 9110, 10.2.3).

    :param now: seconds since the epoch
    :returns: seconds from now; None where there is none that can be read
    """
    value = headers.get('Retry-After', '').strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _phrase(status):
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ''


def _tls_words(error):
    return (
        getattr(error, 'verify_message', None)
        or error.reason
        or type(error).__name__
    )


def word(thing):
    """
    :param thing: what may be the name of an error in another's answer
    :returns: it where it is one; '' where it is anything else, which might
        hold what nobody is to read
    """
    found = isinstance(thing, str) and _WORD.fullmatch(thing.strip())
    return found[0] if found else ''


def shown(said, url, *sent):
    """
    :param said: what the other end said; None for nothing
    :param sent: what else it was sent, mappings and lists of texts
    :returns: that on one line, without anything that it was sent: who shows
        an error would tell secrets otherwise
    """
    parts = urllib.parse.urlsplit(url)
    secrets = {
        *_words([parts.path, parts.query, sent]),
        *parts.path.split('/'),
    }
    said = said or ''
    for secret in sorted(secrets, key=len, reverse=True):
        # what is shorter is no secret, but may be part of any word
        if len(secret) > 7:
            said = said.replace(secret, HIDDEN)
    return ' '.join(said.split())[:SAID_LENGTH]


def _words(thing):
    if isinstance(thing, str):
        yield thing
        yield from thing.split()
    elif isinstance(thing, dict):
        yield from _words(list(thing.values()))
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from _words(part)
