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

"""Reads records out of an OpenStack log, fast and exactly.

What a record is. oslo.log writes ``TIME PID LEVEL LOGGER [CONTEXT] message``,
the context being ``[-]`` where there is none. Behind it, in the same write:

* further lines of the message, with no prefix at all;
* the lines of a traceback, each behind the prefix ``TIME PID ERROR LOGGER``
  with no context. That ERROR is a fixed word (``logging_exception_prefix``),
  whatever the record's level: a DEBUG record's traceback is no error.

So a line with a prefix and a context starts a record. One with a prefix and
no context continues the last record with the same time and pid if that has
the same logger too and has a context; else (a format without contexts) if it
looks like a traceback's line. Else it starts a record. A line without a
prefix continues whatever precedes it. Level, time and logger are the prefix's
and never words found in the text.

Counting by hand, records are the lines with a prefix and a context: ``grep
-cE '^DATE TIME PID ERROR LOGGER \\[(-|[^]]*req-[^]]*)\\]'``.

oslo.log's JSON format, one object a line, is read as well.

How it is fast: a hasty regular expression runs over a whole chunk, which
skips the time unseen and stops only at lines whose level starts with the
right letter; so Python never sees the others.
"""

import collections
import dataclasses
import datetime
import itertools
import json
import re

from sentinella.agent.logs import layout
from sentinella.agent.logs import pieces
from sentinella.agent.logs import record as records

#: How far back of a line the record is looked for that it continues: some 64
#: lines, as `MAX_STEPS` has it. So much of each log is kept in memory.
LOOKBACK = 1 << 14
#: How many lines are looked at for it.
MAX_STEPS = 64

_BRACE = ord('{')

_REQUEST = re.compile(rb'req-[0-9a-fA-F-]{8,80}')
_TRACE = re.compile(rb'Traceback \(most recent call last\)|\s|$')
_COLORS = re.compile(rb'\x1b\[[\d;]{0,12}m')
_JSON = re.compile(layout.JSON)
_JSON_LEVEL = re.compile(rb'"levelname": "([A-Z]{1,12})"')


@dataclasses.dataclass(slots=True)
class _Open:
    """A record that may go on; `hidden` if its level does not matter.

    :ivar key: time, pid and logger
    :ivar at: bytes that were taken before it
    """

    key: tuple
    level: bytes
    text: list
    context: bytes | None = None
    trace: list | None = None
    lines: int = 1
    size: int = 0
    at: int = 0
    hidden: bool = False


class Parser:
    """Takes a log in pieces, cut anywhere, and gives its records.

    :param levels: those of the records to give; None: all of them
    :param settings: a :class:`layout.Settings`, where it is not the default
    :ivar lines: lines seen so far, where all levels are given
    :ivar placed: lines that were the first or a further one of a record of
        these levels
    """

    def __init__(self, levels=records.WORTHY, settings=None):
        self._layout = (
            layout.Told(levels, settings)
            if settings
            else layout.Layout(levels)
        )
        self._levels = levels and frozenset(v.encode() for v in levels)
        self.lines = 0
        self.placed = 0
        self._behind, self._behind_size = collections.deque(), 0
        self._pieces = pieces.Pieces()
        self._taken = 0
        self._open = None

    @property
    def pending(self):
        """Whether a record waits for lines that may still belong to it."""
        return self._open is not None and not self._open.hidden

    @property
    def held(self):
        """Bytes of an incomplete line at the end."""
        return self._pieces.held

    @property
    def unsettled(self):
        """Bytes at the end that are of no record that was given yet."""
        if self._open is None or self._open.hidden:
            return self._pieces.held
        return self._pieces.held + self._taken - self._open.at

    def look_behind(self, data):
        """Tell what stands before the first piece, where that is not the
        start of the file; whole lines."""
        self._remember(b'\n' + data[-LOOKBACK:])

    def feed(self, data):
        """
        :returns: list of the Records that are complete
        """
        text = self._pieces.add(data)
        # each line is found by the newline that precedes it
        if len(text) < 2:
            return []
        if not self._levels:
            self.lines += text.count(b'\n') - 1
        found = self._read(text)
        self._taken += len(text) - 1
        self._remember(text)
        return found

    def _remember(self, text):
        if len(text) > LOOKBACK:
            text = text[-LOOKBACK:]
        behind = self._behind
        behind.append(text)
        size = self._behind_size + len(text)
        while size - len(behind[0]) > LOOKBACK:
            size -= len(behind.popleft())
        self._behind_size = size

    def flush(self):
        """Take it that nothing more follows now.

        :returns: list of the Records that this completes; an incomplete last
            line is kept for later
        """
        # lines of it that come late still are no record of their own
        return self._close()

    def finish(self):
        """As :meth:`flush`, and an incomplete last line is a line."""
        found = self.feed(b'\n') if self.held else []
        return found + self.flush()

    def _read(self, text):
        result, position, seek = [], 0, 0
        plan = self._layout
        while found := plan.near.search(text, seek):
            start = found.start()
            if not plan.anchored:
                start = text.rfind(b'\n', 0, start + 1)
                if start == len(text) - 1:
                    break
            head = self._head(text, start + 1)
            if head is None:
                # it was too hasty
                seek = start + 1
                if not plan.anchored:
                    seek = text.index(b'\n', seek)
                continue
            result += self._advance(text, position, start)
            more, position = self._line(text, start, head)
            result += more
            seek = position
        return result + self._advance(text, position, len(text) - 1)

    def _head(self, text, at):
        """The prefix of the line that begins at `at`, if its level matters;
        for an object of JSON, which has none, ()."""
        if text[at] == _BRACE:
            return () if self._is_worthy_json(text, at) else None
        head = self._layout.read(text, at)
        if head is None or (self._levels and head[2] not in self._levels):
            return None
        return head

    def _is_worthy_json(self, text, at):
        """Whether some level that matters is named in an object."""
        if _JSON.match(text, at) is None:
            return False
        named = _JSON_LEVEL.finditer(text, at, text.index(b'\n', at))
        return any(not self._levels or n[1] in self._levels for n in named)

    def _advance(self, text, position, end):
        """Give the open record the lines up to the next prefix.

        :param position: the newline behind the last line that was read
        """
        if self._open is None or position >= end:
            return []
        following = self._layout.any.search(text, position, end)
        stop = following.start() if following else end
        if stop > position:
            self._extend(text[position + 1 : stop].split(b'\n'))
        return self._close() if following else []

    def _extend(self, lines):
        record = self._open
        record.lines += len(lines)
        if record.size < records.MAX_RECORD:
            record.size += sum(map(len, lines))
            target = record.text if record.trace is None else record.trace
            target += lines

    def _line(self, text, start, head):
        """Read a line with a prefix of one of the levels.

        :returns: the records that it completes, and where it ends
        """
        end = text.index(b'\n', start + 1)
        if not head:
            return self._json(text[start + 1 : end]), end
        time, pid, level, logger, context, at = head
        key, rest = (time, pid, logger), text[at:end]
        found = []
        if context is None:
            found += self._switch(text, start, key)
            if self._continues(level, rest):
                return found, self._trace(text, start, at)
        found += self._close()
        self._open = _Open(
            key, level, [rest], context, size=len(rest), at=self._taken + start
        )
        return found, end

    def _switch(self, text, start, key):
        """Open the record that a line without a context may belong to, even
        if it is of another level or closed already."""
        if self._open is not None and self._open.key == key:
            return []
        found = self._close()
        head = self._last_of(text, start, key)
        if head is None or head[3] != key[2]:
            return found
        level, context = head[2], head[4]
        # a line of its traceback is as good as its first
        trace = [] if level == b'ERROR' and context is None else None
        self._open = _Open(
            key, level, [], context, trace, lines=0, hidden=True
        )
        return found

    def _last_of(self, text, start, key):
        """The prefix of the last line before with that time and pid."""
        for head in itertools.islice(
            self._heads_back(text, start, key[0]), MAX_STEPS
        ):
            if head and head[:2] == key[:2]:
                return head
        return None

    def _heads_back(self, text, start, time):
        """Prefixes of the lines before that have a time in them, the last
        one first."""
        room = LOOKBACK
        behind = [(old, len(old) - 1) for old in reversed(self._behind)]
        for place, end in [(text, start), *behind] if time else ():
            low, at = max(0, end - room), end
            while (at := place.rfind(time, low, at)) >= 0:
                at = place.rfind(b'\n', 0, at)
                if at < low:
                    return
                yield self._layout.read(place, at + 1)
            room -= end - low

    def _continues(self, level, rest):
        record = self._open
        return (
            record is not None
            and level in (b'ERROR', record.level)
            and (
                record.context is not None
                or record.trace is not None
                or _TRACE.match(rest) is not None
            )
        )

    def _trace(self, text, start, at):
        """Read a traceback: this line, and those behind the same prefix.

        :param at: where the prefix of the line ends
        :returns: where the last of the lines ends
        """
        prefix, lines = text[start:at], []
        while text.startswith(prefix, start):
            at = start + len(prefix)
            if lines and text[at : at + 1] in (b'[', b'\x1b'):
                head = self._layout.read(text, start + 1)
                if head is None or head[4] is not None:
                    break
            start = text.index(b'\n', at)
            lines.append(text[at:start])
        self._open.trace = self._open.trace or []
        self._extend(lines)
        return start

    def _close(self):
        record, self._open = self._open, None
        if record is None:
            return []
        self.placed += record.lines
        if record.hidden:
            return []
        message, trace = b'\n'.join(record.text), record.trace
        if len(record.text) > 1 and trace is None:
            if records.TRACEBACK in message:
                message, trace = records.split_traceback(record.text)
        request = record.context and _REQUEST.search(record.context)
        return [
            records.Record(
                time=self._layout.time(record.key[0]),
                pid=int(record.key[1]),
                level=record.level.decode(),
                logger=records.text(record.key[2]),
                message=_plain(message),
                request_id=request[0].decode() if request else None,
                traceback=trace and _plain(b'\n'.join(trace)),
                lines=record.lines,
            )
        ]

    def _matters(self, level):
        return not self._levels or level.encode() in self._levels

    def _json(self, line):
        found = self._close()
        record = _from_json(line)
        if record is not None and self._matters(record.level):
            self.placed += 1
            found.append(record)
        return found


def _plain(data):
    """As text, without colours and newlines at the end."""
    if b'\x1b' in data:
        data = _COLORS.sub(b'', data)
    return records.text(data).rstrip('\n')


def _string(value):
    """As text that can be written as UTF-8, which half of a pair can't."""
    text = str(value).encode('utf-8', 'replace').decode()
    return text if value else None


def _from_json(line):
    """
    :returns: Record, or None where it is no object of oslo.log's
    """
    try:
        data = json.loads(line)
        created = datetime.datetime.fromtimestamp(float(data['created']))
        context = data.get('context') or {}
        return records.Record(
            time=created.isoformat(' '),
            pid=int(data['process']),
            level=_string(data['levelname']) or '',
            logger=_string(data['name']) or '',
            message=_string(data['message']) or '',
            request_id=_string(context.get('request_id')),
            traceback=_string(data.get('traceback')),
        )
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        OSError,
        RecursionError,
    ):
        return None
