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

What is a record. oslo.log writes ``TIME PID LEVEL LOGGER [CONTEXT] message``,
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

How it is fast: one regular expression runs over a whole chunk and stops only
at the lines whose level matters, so that Python never sees the others.
"""

import dataclasses
import datetime
import json
import re

#: A longer line is cut: nothing may fill the memory.
MAX_LINE = 1 << 20
#: How far back of a line the record is looked for that it continues.
LOOKBACK = 1 << 15
#: A record's lines beyond this many bytes are counted but not kept.
MAX_RECORD = 1 << 16

WORTHY = ('WARNING', 'ERROR', 'CRITICAL')

_TIME = rb'\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9}+)?'
_JSON = rb'\{"message": '
#: The start of any line with a prefix.
_ANY = re.compile(rb'\n(?:' + _TIME + rb' \d+ [A-Z]+ [^\s\[]|' + _JSON + rb')')
_CONTEXT = re.compile(rb'\[(?:-|([^\]]*req-[^\]]*))\] ?')
_REQUEST = re.compile(rb'req-[0-9a-fA-F-]{8,}')
_TRACE = re.compile(rb'Traceback \(most recent call last\)|\s|$')
_TRACEBACK = b'Traceback (most recent call last)'


@dataclasses.dataclass(slots=True)
class Record:
    """One record, its traceback included.

    :ivar time: as it stands in the log
    :ivar lines: how many lines it takes
    :ivar traceback: the traceback's lines without their prefix, or None
    """

    time: str
    pid: int
    level: str
    logger: str
    message: str
    request_id: str | None = None
    traceback: str | None = None
    lines: int = 1


@dataclasses.dataclass(slots=True)
class _Open:
    """A record that may go on; `hidden` if its level does not matter."""

    key: tuple
    level: bytes
    text: list
    context: re.Match | None = None
    trace: list | None = None
    lines: int = 1
    size: int = 0
    hidden: bool = False


class Parser:
    """Takes a log in pieces, cut anywhere, and gives its records.

    :param levels: those of the records to give; None: all of them
    :ivar lines: lines seen so far
    :ivar placed: lines that were the first or a further one of a record of
        these levels
    """

    def __init__(self, levels=WORTHY):
        choice = '|'.join(levels) if levels else '[A-Z]+'
        self._pick = re.compile(
            rb'\n(?:(' + _TIME + rb') (\d++) (' + choice.encode() + rb') '
            rb'([^\s\[]\S*+) ?([^\n]*+)|('
            + _JSON
            + rb'[^\n]*"levelname": "(?:'
            + choice.encode()
            + rb')"[^\n]*))'
        )
        self.lines = 0
        self.placed = 0
        self._before = b''
        self._partial = b''
        self._open = None
        self._cutting = False

    @property
    def pending(self):
        """Whether a record waits for lines that may still belong to it."""
        return self._open is not None and not self._open.hidden

    @property
    def held(self):
        """Bytes of an incomplete line at the end."""
        return len(self._partial)

    def look_behind(self, data):
        """Tell what stands before the first piece, where that is not the
        start of the file; whole lines."""
        self._before = b'\n' + data[-LOOKBACK:]

    def feed(self, data):
        """
        :returns: list of the Records that are complete
        """
        data = self._whole_lines(data)
        if not data:
            return []
        self.lines += data.count(b'\n')
        # each line is found by the newline that precedes it
        before = self._before or b'\n'
        text = before + data
        start = len(before) - 1
        records = self._read(text, start)
        self._before = text[-LOOKBACK - 1 :]
        return records

    def flush(self):
        """Take it that nothing more follows now.

        :returns: list of the Records that this completes; an incomplete last
            line is kept for later
        """
        # lines of it that come late still are no record of their own
        return self._close()

    def finish(self):
        """As :meth:`flush`, and an incomplete last line is a line."""
        records = self.feed(b'\n') if self._partial else []
        return records + self.flush()

    def _whole_lines(self, data):
        data = self._partial + data
        end = data.rfind(b'\n') + 1
        data, self._partial = data[:end], data[end:]
        if len(self._partial) > MAX_LINE or self._cutting:
            data = self._cut(data)
        return data

    def _cut(self, data):
        """Let only the start of an endless line through."""
        if self._cutting:
            # the rest of a line whose start was let through before
            end = data.find(b'\n') + 1
            self._cutting = not end
            data = data[end:]
            if self._cutting:
                self._partial = b''
        if len(self._partial) > MAX_LINE:
            data += self._partial[:MAX_LINE] + b'\n'
            self._partial = b''
            self._cutting = True
        return data

    def _read(self, text, position):
        """
        :param position: the newline before the first line to read
        """
        records = []
        while found := self._pick.search(text, position):
            records += self._advance(text, position, found.start())
            position = found.end()
            if found[6] is not None:
                records += self._json(found[6])
            else:
                more, position = self._line(text, found)
                records += more
        return records + self._advance(text, position, len(text) - 1)

    def _advance(self, text, position, end):
        """Give the open record the lines up to the next prefix.

        :param position: the newline behind the last line that was read
        """
        if self._open is None or position >= end:
            return []
        following = _ANY.search(text, position, end)
        stop = following.start() if following else end
        if stop > position:
            self._extend(text[position + 1 : stop].split(b'\n'))
        return self._close() if following else []

    def _extend(self, lines):
        record = self._open
        record.lines += len(lines)
        if record.size < MAX_RECORD:
            record.size += sum(map(len, lines))
            target = record.text if record.trace is None else record.trace
            target += lines

    def _line(self, text, found):
        """Read a line with a prefix of one of the levels.

        :returns: the records that it completes, and where it ends
        """
        key, level, rest = found.group(1, 2, 4), found[3], found[5]
        context = _CONTEXT.match(rest)
        records = []
        if context is None:
            records += self._switch(text, found, key)
            if self._continues(level, rest):
                return records, self._trace(text, found, rest)
        else:
            rest = rest[context.end() :]
        records += self._close()
        self._open = _Open(key, level, [rest], context, size=len(rest))
        return records, found.end()

    def _switch(self, text, found, key):
        """Open the record that a line without a context may belong to, even
        if it is of another level or closed already."""
        if self._open is not None and self._open.key == key:
            return []
        records = self._close()
        prefix = b'\n%b %b ' % key[:2]
        low = max(0, found.start() - LOOKBACK)
        at = text.rfind(prefix, low, found.start())
        if at < 0:
            return records
        end = text.index(b'\n', at + 1)
        level, _, more = text[at + len(prefix) : end].partition(b' ')
        logger, _, more = more.partition(b' ')
        if logger == key[2]:
            context = _CONTEXT.match(more)
            # a line of its traceback is as good as its first
            trace = [] if level == b'ERROR' and not context else None
            self._open = _Open(
                key, level, [], context, trace, lines=0, hidden=True
            )
        return records

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

    def _trace(self, text, found, rest):
        """Read a traceback: this line, and those behind the same prefix.

        :returns: where the last of them ends
        """
        lines, position = [rest], found.end()
        prefix = b'\n%b %b %b %b ' % found.group(1, 2, 3, 4)
        while text.startswith(prefix, position):
            start = position + len(prefix)
            end = text.index(b'\n', start)
            rest = text[start:end]
            if rest[:1] == b'[' and _CONTEXT.match(rest):
                break
            lines.append(rest)
            position = end
        self._open.trace = self._open.trace or []
        self._extend(lines)
        return position

    def _close(self):
        record, self._open = self._open, None
        if record is None:
            return []
        self.placed += record.lines
        if record.hidden:
            return []
        message = b'\n'.join(record.text)
        trace = record.trace
        if trace is None and _TRACEBACK in message and len(record.text) > 1:
            message, trace = _split_raw(record.text)
        request = record.context and record.context[1]
        request = request and _REQUEST.search(request)
        return [
            Record(
                time=record.key[0].decode(),
                pid=int(record.key[1]),
                level=record.level.decode(),
                logger=_text(record.key[2]),
                message=_text(message).rstrip('\n'),
                request_id=request[0].decode() if request else None,
                traceback=trace and _text(b'\n'.join(trace)).rstrip('\n'),
                lines=record.lines,
            )
        ]

    def _json(self, line):
        records = self._close()
        record = _from_json(line)
        if record is not None:
            self.placed += 1
            records.append(record)
        return records


def first_time(line):
    """The time in the prefix of a line, as it stands there; or None."""
    found = _ANY.match(b'\n' + line)
    return line[:23].decode() if found and line[:1] != b'{' else None


def _split_raw(lines):
    """Take a traceback without prefixes from the end of a message."""
    for i, line in enumerate(lines):
        if i and line.startswith(_TRACEBACK):
            return b'\n'.join(lines[:i]), lines[i:]
    return b'\n'.join(lines), None


def _from_json(line):
    """
    :returns: Record, or None where it is no object of oslo.log's
    """
    try:
        data = json.loads(line)
        created = datetime.datetime.fromtimestamp(float(data['created']))
        context = data.get('context') or {}
        return Record(
            time=created.isoformat(' '),
            pid=int(data['process']),
            level=str(data['levelname']),
            logger=str(data['name']),
            message=str(data['message']),
            request_id=context.get('request_id'),
            traceback=data.get('traceback') or None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _text(data):
    return data.decode('utf-8', 'replace')
