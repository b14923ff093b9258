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

"""Reads logs of other formats than oslo.log's, a line at a time.

A format knows what one line says of itself; this puts lines together to
records. A line that says nothing of itself continues the one before it.
"""

import dataclasses
import re

from sentinella.agent.logs import pieces
from sentinella.agent.logs import record as records

#: Records that are open at a time, each of another process.
MAX_OPEN = 16
#: Lines of others after which a record is taken to be complete.
PATIENCE = 64

#: What follows a traceback's last line, where an exception led to another.
_CHAIN = (
    b'During handling of the above exception',
    b'The above exception was the direct cause',
)


@dataclasses.dataclass(slots=True)
class Head:
    """What a line says of itself.

    :ivar level: such as WARNING; None: no record, and nothing goes on
    :ivar key: who wrote it: what continues a record has the same one
    :ivar joins: it continues the open record of that key, if there is one
    :ivar trace: it is a traceback's line
    :ivar raw: it may be of a traceback, whose lines have nothing to tell them
    """

    time: str
    level: str | None
    message: bytes
    logger: bytes = b''
    pid: int = 0
    key: object = None
    request_id: str | None = None
    joins: bool = False
    trace: bool = False
    raw: bool = False


@dataclasses.dataclass(slots=True)
class _Open:
    head: Head
    text: list
    trace: list | None = None
    ended: bool = False
    lines: int = 1
    size: int = 0
    at: int = 0

    def add(self, line, is_trace):
        self.lines += 1
        self.size += len(line)
        if is_trace and self.trace is None:
            self.trace = []
        if self.size < records.MAX_RECORD:
            (self.text if self.trace is None else self.trace).append(line)


class Parser:
    """As :class:`sentinella.agent.logs.oslo.Parser`.

    :param head: function that gives the Head of a line (bytes), or None
    """

    def __init__(self, head, levels=records.WORTHY):
        self._head = head
        self._levels = levels and frozenset(levels)
        self.lines = 0
        self.placed = 0
        self._pieces = pieces.Pieces()
        self._open = {}
        self._last = None

    @property
    def pending(self):
        return any(self._matters(o.head.level) for o in self._open.values())

    @property
    def held(self):
        return self._pieces.held

    @property
    def unsettled(self):
        """None: to begin anew from no place would repeat nothing."""
        return None if self.pending else self.held

    def look_behind(self, data):
        """No line needs to know those before the first one."""

    def feed(self, data):
        text = self._pieces.add(data)
        found = []
        if len(text) > 1:
            for line in text[1:-1].split(b'\n'):
                self.lines += 1
                found += self.take(self._head(line.rstrip(b'\r')), line)
            found += self._close_idle()
        return found

    def flush(self):
        found = [r for key in list(self._open) for r in self._close(key)]
        self._last = None
        return found

    def finish(self):
        found = self.feed(b'\n') if self.held else []
        return found + self.flush()

    def take(self, head, line):
        """Take one line more.

        :param head: its Head, or None where it has none
        :returns: list of the Records that this completes
        """
        if head is None:
            if self._last in self._open:
                opened = self._open[self._last]
                opened.add(line, line.startswith(records.TRACEBACK))
            return []
        self._last = head.key
        opened = self._open.get(head.key)
        if opened is not None and self._belongs(opened, head):
            opened.at = self.lines
            return []
        found = self._close(head.key)
        if head.level is None:
            return found
        if len(self._open) >= MAX_OPEN:
            oldest = min(self._open, key=lambda k: self._open[k].at)
            found += self._close(oldest)
        self._open[head.key] = opened = _Open(
            head, [head.message], at=self.lines
        )
        if head.raw and head.message.startswith(records.TRACEBACK):
            opened.text, opened.trace = [], [head.message]
        return found

    def _belongs(self, opened, head):
        """Put a line to the open record of its key, if it is of that."""
        text = head.message
        if head.joins or head.trace:
            opened.add(text, head.trace)
            return True
        if not head.raw:
            return False
        if opened.trace is None:
            # the words in front of a traceback are its message
            begins = text.startswith(records.TRACEBACK)
            begins &= opened.head.level in records.WORTHY
            if begins:
                opened.add(text, True)
            return begins or self._indented(opened, text)
        if opened.ended and not text.startswith((records.TRACEBACK, *_CHAIN)):
            return not text and self._add(opened, text)
        opened.ended = bool(text) and not text.startswith(
            (b' ', b'\t', records.TRACEBACK, *_CHAIN)
        )
        return self._add(opened, text)

    def _indented(self, opened, text):
        return text[:1] in (b' ', b'\t') and self._add(opened, text)

    def _add(self, opened, text):
        opened.add(text, opened.trace is not None)
        return True

    def _matters(self, level):
        return not self._levels or level in self._levels

    def _close_idle(self):
        late = self.lines - PATIENCE
        idle = [k for k, o in self._open.items() if o.at < late]
        return [r for key in idle for r in self._close(key)]

    def _close(self, key):
        opened = self._open.pop(key, None)
        if opened is None or not self._matters(opened.head.level):
            return []
        self.placed += opened.lines
        head, trace = opened.head, opened.trace
        message = b'\n'.join(opened.text).strip(b'\n')
        if not message and trace:
            # its last line says what happened
            message = [line for line in trace if line.strip()][-1]
        return [
            records.Record(
                time=head.time,
                pid=head.pid,
                level=head.level,
                logger=records.text(head.logger),
                message=records.text(message),
                request_id=head.request_id,
                traceback=trace
                and records.text(b'\n'.join(trace)).rstrip('\n'),
                lines=opened.lines,
            )
        ]


_COLORS = re.compile(rb'\x1b\[[\d;]{0,12}m')


def plain(line):
    """Without a terminal's colours."""
    return _COLORS.sub(b'', line) if b'\x1b' in line else line
