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

"""Makes log events of records: secrets out, sizes and rates bounded."""

import dataclasses
import datetime
import functools
import re

from oslo_utils import strutils

from sentinella import model

#: Characters of a message and of a traceback that leave this node.
MAX_MESSAGE = 4096
MAX_TRACEBACK = 16384

_CUT = ' [...]'
_SECRETS = (
    # rabbit://user:password@host
    (re.compile(r'(://[^\s:/@]*:)[^\s/@]+@'), r'\1***@'),
    # Fernet and JWS tokens, wherever they stand
    (re.compile(r'\bgAAAA[\w-]{20,}=*'), '***'),
    (re.compile(r'\beyJ[\w-]+\.[\w-]+\.[\w-]+'), '***'),
)


class Events:
    """Log events on their way to a report.

    :param per_second: how many of one service go in a second, identical
        repeats aside
    """

    def __init__(self, per_second):
        self._rate = per_second
        self._waiting = {}
        self._budgets = {}
        self._suppressed = {}

    def add(self, service, record, now):
        """
        :param record: a :class:`sentinella.agent.records.Record`
        :param now: seconds since the epoch
        """
        key = (
            service,
            record.level,
            record.logger,
            record.message,
            record.traceback,
        )
        if key in self._waiting:
            self._waiting[key][1] += 1
        elif self._spend(service, now):
            self._waiting[key] = [to_event(service, record, now), 1]
        else:
            self._suppressed[service] = self._suppressed.get(service, 0) + 1

    def _spend(self, service, now):
        """A bucket that holds one second's worth and fills up steadily."""
        left, at = self._budgets.get(service, (self._rate, now))
        left = min(self._rate, left + max(0.0, now - at) * self._rate)
        allowed = left >= 1
        self._budgets[service] = (left - allowed, now)
        return allowed

    def take(self):
        """
        :returns: list of LogEvents since this was last called
        """
        waiting, self._waiting = self._waiting, {}
        return [
            dataclasses.replace(event, count=count)
            for event, count in waiting.values()
        ]

    def take_suppressed(self):
        """
        :returns: {service: events that were not sent since last time}
        """
        taken, self._suppressed = self._suppressed, {}
        return taken


def to_event(service, record, now):
    """
    :param now: what no record can be later than
    :returns: LogEvent
    """
    return model.LogEvent(
        at=min(parse_time(record.time, now), now),
        service=service,
        level=record.level,
        message=_bounded(record.message, MAX_MESSAGE),
        module=record.logger[:255],
        request_id=record.request_id,
        traceback=record.traceback
        and _bounded(record.traceback, MAX_TRACEBACK, keep_end=True),
    )


def parse_time(text, default):
    """Local time, as oslo.log writes it, in seconds since the epoch."""
    try:
        moment = datetime.datetime.fromisoformat(text.replace(',', '.'))
        return round(moment.timestamp(), 6)
    except (ValueError, OverflowError):
        return default


def mask(text):
    """Take passwords and tokens out."""
    text = strutils.mask_password(text)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


# masking takes milliseconds, and tracebacks repeat
@functools.lru_cache(maxsize=64)
def _bounded(text, size, keep_end=False):
    """A traceback says what happened in its last line."""
    # with some more, so that a secret is not cut before it is known
    if len(text) > 2 * size:
        text = text[-2 * size :] if keep_end else text[: 2 * size]
    text = mask(text)
    if len(text) <= size:
        return text
    room = size - len(_CUT)
    return _CUT + text[-room:] if keep_end else text[:room] + _CUT
