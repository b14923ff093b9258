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

"""Makes log events of records: secrets out, sizes, rates and repeats bounded.

The first of its kind is told at once. What repeats it is held back and told
once a minute as one event that counts them, so that a flood of the same costs
one event a minute. Numbers, UUIDs and the like make no difference.
"""

import collections
import dataclasses
import datetime
import functools
import re
import time

from sentinella import model
from sentinella.agent.logs import masking

#: Characters of a message and of a traceback that leave this node.
MAX_MESSAGE = 4096
MAX_TRACEBACK = 16384
#: Seconds for which repeats are held back.
WINDOW = 60.0
#: Kinds of messages that are remembered; beyond, the one that was not seen
#: for longest is told and forgotten.
MAX_KINDS = 1000

#: Levels of which the first of a kind can't wait.
ALARMING = ('ERROR', 'CRITICAL')

_CUT = ' [...]'
#: Characters by which messages are told apart.
_TELLING = 1024
_VARYING = re.compile(
    r'\b(?:0x[0-9a-f]+|req-[0-9a-f-]+'
    r'|[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}'
    r'|(?=[a-f]{0,64}\d)[0-9a-f]{8,})\b|\d+',
    re.IGNORECASE,
)


@dataclasses.dataclass(slots=True)
class _Kind:
    """What is known of one kind of message.

    :ivar since: when one of it was last on its way to a report
    :ivar event: the one that waits or is held back; None: there is none
    :ivar held: whether it is held back
    """

    since: float
    event: model.LogEvent | None
    held: bool = False


class Events:
    """Log events on their way to a report.

    :param per_second: how many of one service go in a second, repeats aside
    :ivar alarming: whether there is an error among what waits, and is not
        held back
    """

    def __init__(self, per_second):
        self._rate = per_second
        self._kinds = collections.OrderedDict()
        self._evicted = []
        self._budgets = {}
        self._suppressed = {}
        self.alarming = False

    def add(self, service, record, now):
        """
        :param record: a :class:`sentinella.agent.logs.record.Record`
        :param now: seconds since the epoch
        """
        key = _key(service, record)
        kind = self._kinds.get(key)
        if kind is None:
            if not self._spend(service, now):
                lost = self._suppressed.get(service, 0)
                self._suppressed[service] = lost + 1
                return
            kind = self._kinds[key] = _Kind(
                now, to_event(service, record, now)
            )
            self.alarming |= record.level in ALARMING
            self._make_room()
            return
        self._kinds.move_to_end(key)
        if kind.event is None:
            kind.event, kind.held = to_event(service, record, now), True
        else:
            kind.event = _repeated(kind.event, record, now)

    def _make_room(self):
        while len(self._kinds) > MAX_KINDS:
            _, kind = self._kinds.popitem(last=False)
            if kind.event is not None:
                self._evicted.append(kind.event)

    def _spend(self, service, now):
        """A bucket that holds one second's worth and fills up steadily."""
        left, at = self._budgets.get(service, (self._rate, now))
        left = min(self._rate, left + max(0.0, now - at) * self._rate)
        allowed = left >= 1
        self._budgets[service] = (left - allowed, now)
        return allowed

    def take(self, now=None):
        """
        :param now: seconds since the epoch
        :returns: list of LogEvents that are due
        """
        now = time.time() if now is None else now
        taken, self._evicted = self._evicted, []
        self.alarming = False
        for key, kind in list(self._kinds.items()):
            # the clock may have been set back
            kind.since = min(kind.since, now)
            due = now - kind.since >= WINDOW
            if kind.event is not None and (due or not kind.held):
                taken.append(kind.event)
                kind.since, kind.event, kind.held = now, None, False
            elif due:
                del self._kinds[key]
        return taken

    def release(self):
        """Hold nothing back any longer, as the agent ends."""
        for kind in self._kinds.values():
            kind.held = False

    def take_suppressed(self):
        """
        :returns: {service: events that were not sent since last time}
        """
        taken, self._suppressed = self._suppressed, {}
        return taken


def _key(service, record):
    last = record.traceback and record.traceback[-_TELLING:]
    last = last and last.rstrip().rpartition('\n')[2]
    return (
        service,
        record.level,
        record.logger,
        hash(_told_apart(record.message[:_TELLING])),
        hash(last and _told_apart(last)),
    )


@functools.lru_cache(maxsize=256)
def _told_apart(text):
    """A message without what differs each time."""
    return _VARYING.sub('#', text)


def _repeated(event, record, now):
    at = _moment(record, now)
    return dataclasses.replace(
        event,
        at=min(event.at, at),
        last_at=max(event.last_at or event.at, at),
        count=event.count + 1,
    )


def _moment(record, now):
    return min(parse_time(record.time, now), now)


def to_event(service, record, now):
    """
    :param now: what no record can be later than
    :returns: LogEvent
    """
    return model.LogEvent(
        at=_moment(record, now),
        service=service,
        level=record.level,
        message=_bounded(record.message, MAX_MESSAGE),
        module=record.logger[:255],
        request_id=record.request_id,
        traceback=record.traceback
        and _bounded(record.traceback, MAX_TRACEBACK, keep_end=True),
    )


def parse_time(text, default):
    """A time in ISO 8601, local where it names no zone, in seconds since the
    epoch."""
    try:
        moment = datetime.datetime.fromisoformat(text.replace(',', '.'))
        return round(moment.timestamp(), 6)
    except (ValueError, OverflowError, OSError):
        return default


# masking takes milliseconds, and tracebacks repeat
@functools.lru_cache(maxsize=64)
def _bounded(text, size, keep_end=False):
    """A traceback says what happened in its last line."""
    # with some more, so that a secret is not cut before it is known
    if len(text) > 2 * size:
        text = text[-2 * size :] if keep_end else text[: 2 * size]
    text = masking.mask(text)
    if len(text) <= size:
        return text
    room = size - len(_CUT)
    return _CUT + text[-room:] if keep_end else text[:room] + _CUT
