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

"""Events are read whatever they come in, and go on whatever happens."""

import contextlib
import json

import hypothesis
from hypothesis import strategies as st
from osc_lib import exceptions
from oslotest import base
import requests

from sentinella.osc import sse

STREAM = (
    'retry: 1000\nid: 7\n\n'
    'id: 8\nevent: transition\ndata: {"reason": "größer"}\n\n'
    ': alive\nid: 9\n\n'
    'id: 10\r\ndata: 1\r\ndata:2\r\n\r\n'
    'id: 11\ndata: cut off'
).encode()

READ = [
    ('7', None),
    ('8', '{"reason": "größer"}'),
    ('9', None),
    ('10', '1\n2'),
]


class ReadTest(base.BaseTestCase):
    @hypothesis.given(st.lists(st.integers(0, len(STREAM))))
    def test_split_anywhere(self, cuts):
        edges = [0, *sorted(cuts), len(STREAM)]
        chunks = [STREAM[a:b] for a, b in zip(edges, edges[1:], strict=False)]
        self.assertEqual(READ, list(sse.read(chunks)))


class Response:
    """What requests gives, as far as it is read."""

    raw = None

    def __init__(self, *numbers, end=None):
        self._numbers = numbers
        self._end = end

    def iter_content(self, size):
        for number in self._numbers:
            yield f'id: {number}\ndata: {json.dumps(number)}\n\n'.encode()
        if self._end is not None:
            raise self._end


class FollowTest(base.BaseTestCase):
    def follow(self, *answers, last=None):
        """
        :returns: what was told, and what each request said was known
        """
        answers = iter(answers)
        self.known, self.slept, told = [], [], []

        @contextlib.contextmanager
        def open_(headers):
            self.known.append(headers.get('Last-Event-ID'))
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            yield answer

        events = sse.follow(open_, last, self.slept.append)
        # a generator can't end by StopIteration of another
        with contextlib.suppress(RuntimeError):
            for event in events:
                told.append(event)
        return told

    def test_it_goes_on_where_it_was(self):
        cut = requests.ConnectionError()
        told = self.follow(
            Response(1, 2), Response(3, end=cut), Response(), Response(4)
        )
        self.assertEqual([1, 2, 3, 4], told)
        self.assertEqual([None, '2', '3', '3', '4'], self.known)

    def test_it_begins_where_it_is_told(self):
        self.follow(Response(), last='5')
        self.assertEqual(['5', '5'], self.known)

    def test_who_was_there_comes_again(self):
        away = exceptions.CommandError('no')
        busy = exceptions.ClientException(503, 'busy')
        told = self.follow(Response(1), away, busy, Response(2))
        self.assertEqual([1, 2], told)
        self.assertEqual(
            [sse.PAUSE, sse.PAUSE, sse.BUSY, sse.PAUSE], self.slept
        )

    def test_who_never_was_is_told(self):
        for error in (
            exceptions.CommandError('no'),
            exceptions.ClientException(503, 'busy'),
        ):
            self.assertRaises(type(error), self.follow, error)

    def test_who_may_not_any_more_is_told(self):
        error = exceptions.Forbidden(403, 'no')
        self.assertRaises(
            exceptions.Forbidden, self.follow, Response(1), error
        )
