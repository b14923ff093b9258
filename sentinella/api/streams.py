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

"""Answers that go on: server-sent events, for each a thread of the server.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import collections
import contextlib
import threading
import time
import weakref

from oslo_log import log

from sentinella.api import errors
from sentinella.api import rendering
from sentinella.api import tail
from sentinella.db import database as db

LOG = log.getLogger(__name__)

MEDIA = 'text/event-stream'

#: Key of a Stream in the WSGI environment.
KEY = 'sentinella.stream'

#: Seconds of silence after which something is sent, so that who hung up is
#: noticed, and proxies see that it lives.
HEARTBEAT = 10.0

#: Milliseconds after which a client comes again whose stream has ended.
RECONNECT = 1000

#: Seconds after which one comes again for whom there was no room.
RETRY_AFTER = 10

#: Seconds that a node of a cluster of databases may be behind another.
LAG = 2.0

HEADERS = [
    ('Content-Type', f'{MEDIA}; charset=utf-8'),
    ('Cache-Control', 'no-store'),
    # nginx would keep what comes until it has a page of it
    ('X-Accel-Buffering', 'no'),
]


class Streaming:
    """Sends the Stream that a function of the API returned, as it comes.

    Pecan would read it to its end, to know whether it is empty.
    """

    def __init__(self, app, parts):
        self._app = app

    def __call__(self, environ, start_response):
        def start(*answer):
            return None if KEY in environ else start_response(*answer)

        body = self._app(environ, start)
        stream = environ.pop(KEY, None)
        if stream is None:
            return body
        if environ['REQUEST_METHOD'] == 'HEAD':
            stream.close()
        elif not environ['wsgi.multithread']:
            stream.close()
            raise errors.HttpError(
                503,
                'no_streams',
                'This server has one thread in each process, so it has no '
                'streams: whoever runs it has to give it more.',
            )
        start_response('200 OK', list(HEADERS))
        return [] if stream.closed else stream


class Streams:
    """All streams of a process.

    :param conf: `[api]` bounds their number and how long each lasts
    """

    def __init__(self, conf, database):
        self._most = conf.api.max_streams
        self._seconds = conf.api.stream_duration
        self._tail = tail.Tail(database)
        self._lock = threading.Lock()
        self._users = collections.Counter()

    def open(self, user, after, show):
        """
        :param user: who asks
        :param after: number of the last event that they know, None to begin
            with the next that comes
        :param show: makes of an Event its kind and what is sent of it as
            JSON; None where they are not to see it
        :returns: Stream
        :raises HttpError: there are too many already
        """
        with contextlib.ExitStack() as undo:
            self._enter(user)
            undo.callback(self._leave, user)
            given, forgotten = self._tail.follow()
            undo.callback(self._tail.leave)
            stream = Stream(self._tail, self._seconds, show)
            stream.begin(after, given, forgotten)
            stream.at_end(undo.pop_all().close)
            return stream

    def stop(self):
        """End all that are open."""
        self._tail.stop()

    def _enter(self, user):
        # half of them, so that one person's pages shut nobody else out
        most_each = (self._most + 1) // 2
        with self._lock:
            mine, all_ = self._users[user], self._users.total()
            if mine >= most_each or all_ >= self._most:
                raise errors.HttpError(
                    503,
                    'too_many_streams',
                    f'{all_} streams of {self._most} are open here, {mine} '
                    f'of {most_each} are yours; try again later.',
                    {'Retry-After': str(RETRY_AFTER)},
                )
            self._users[user] += 1

    def _leave(self, user):
        with self._lock:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]


class Stream:
    """What one client is sent, in bytes, until its time is over.

    :param seconds: that it lasts
    :param show: see :meth:`Streams.open`
    """

    def __init__(self, tail_, seconds, show):
        self._tail = tail_
        self._seconds = seconds
        self._show = show
        self._after = 0
        self._opening = f'retry: {RECONNECT}\n'

    def begin(self, after, given, forgotten):
        """
        :param after: see :meth:`Streams.open`
        :param given: number of the last event
        :param forgotten: of the last of those that are not kept any more
        """
        self._after = given if after is None else after
        if after is not None and not self._knows(after, given, forgotten):
            self._after = given
            self._opening += _message(
                given, 'reset', {'id': str(given), 'kind': 'reset'}
            )
        else:
            self._opening += f'id: {self._after}\n\n'

    def _knows(self, after, given, forgotten):
        """Whether nothing is lost of what came after a number."""
        if after > given:
            # told by another node of the cluster just now, or by a database
            # that is not this one
            _, given = self._tail.read(after - 1, LAG)
        return forgotten <= after <= given

    def at_end(self, work):
        """Have something called when this is closed, or nobody has it any
        more, but once."""
        self._close = weakref.finalize(self, work)
        self._close.atexit = False

    def close(self):
        self._close()

    @property
    def closed(self):
        return not self._close.alive

    def __iter__(self):
        now = said = time.monotonic()
        end = now + self._seconds
        yield self._opening.encode()
        while now < end and not self._tail.stopped:
            try:
                text = self._read(min(end, said + HEARTBEAT) - now)
            except db.FAILURES as error:
                # its client comes again, and misses nothing
                LOG.warning('A stream ends: %s', type(error).__name__)
                return
            now = time.monotonic()
            if text or now - said >= HEARTBEAT:
                said = now
                yield (text or f': alive\nid: {self._after}\n\n').encode()

    def _read(self, timeout):
        found, self._after = self._tail.read(self._after, timeout)
        shown = ((event.number, self._show(event)) for event in found)
        return ''.join(
            _message(number, *said) for number, said in shown if said
        )


def _message(number, kind, content):
    return (
        f'id: {number}\nevent: {kind}\ndata: {rendering.render(content)}\n\n'
    )
