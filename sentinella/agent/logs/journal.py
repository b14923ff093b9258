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

"""Follows units of systemd's journal: one `journalctl` for all of them.

To ask the journal anew each second would cost more than all else the agent
does; a `journalctl` that follows costs nothing while nothing is written. It
ends with the agent, as nobody reads any more what it writes.
"""

import datetime
import json
import os
import shutil
import subprocess
import time

from oslo_log import log

from sentinella.agent.logs import lines
from sentinella.agent.logs import wrapped

LOG = log.getLogger(__name__)

PREFIX = 'journal:'
#: Bytes that are read at one go, and of one entry.
CHUNK = 1 << 16
MAX_ENTRY = 1 << 20
AT_ONCE = 1 << 22
#: Seconds until `journalctl` is started again, after it ended.
AGAIN = 60.0

#: Bytes of its complaints that are kept.
MAX_ERROR = 4096
#: What it says where it shows only what the agent itself has written.
BLIND = b'not seeing messages from other users'

_FIELDS = (
    'MESSAGE',
    'PRIORITY',
    'SYSLOG_IDENTIFIER',
    'UNIT',
    '_PID',
    '_SYSTEMD_UNIT',
    'LOGGER_LEVEL',
    'LOGGER_NAME',
    'REQUEST_ID',
)
_PRIORITIES = {
    '0': 'CRITICAL',
    '1': 'CRITICAL',
    '2': 'CRITICAL',
    '3': 'ERROR',
    '4': 'WARNING',
}


def unit_of(path):
    """The unit of a log such as `journal:nova-api.service`; None of a
    file's."""
    if not path.startswith(PREFIX):
        return None
    name = path.removeprefix(PREFIX)
    return name if '.' in name else f'{name}.service'


class Journal:
    """
    :param cursor: what :meth:`position` gave to an earlier agent, or None
    :param command: what gives the entries
    :ivar problem: why it can't be read just now, in words; '' where it can
    """

    def __init__(self, cursor=None, command=('journalctl',)):
        self.problem = ''
        self._command = command
        self._given = self._cursor = cursor
        self._since = time.time()
        self._units = {}
        self._process = None
        self._partial = self._error = b''
        self._again_at = float('-inf')
        self._unread = False

    @property
    def pending(self):
        """Whether it is worth looking again in a moment."""
        return self._unread or any(u.pending for u in self._units.values())

    def follow(self, forms):
        """
        :param forms: {unit: its :class:`recognise.Form`}
        :returns: list of (unit, Record) that end with those followed so far
        """
        if {name: unit.form for name, unit in self._units.items()} == forms:
            return []
        found = self.flush()
        self._end()
        self._units = {name: Unit(form) for name, form in forms.items()}
        self._again_at = float('-inf')
        return found

    def read(self, now):
        """
        :param now: seconds of the monotonic clock
        :returns: list of (unit, Record) that were written since last time
        """
        if self._process is None:
            if not self._units or now < self._again_at:
                return []
            self._start(now)
        found, data = [], b''
        for _ in range(AT_ONCE // CHUNK):
            data = self._read('stdout')
            if not data:
                break
            found += self._take(data)
        self._unread = bool(data)
        self._heed(self._read('stderr') or b'')
        if data is not None and not data:
            self._says_end(now)
        if not found and not data:
            found = self.flush()
        return found

    def _read(self, name):
        """
        :returns: bytes; none at the end, None where there are none yet
        """
        if self._process is None:
            return None
        try:
            return os.read(getattr(self._process, name).fileno(), CHUNK)
        except BlockingIOError:
            return None

    def _heed(self, error):
        """Take note of what `journalctl` complains of as it goes on."""
        self._error = (self._error + error)[-MAX_ERROR:]
        if BLIND in error:
            self._says('the agent is not in the group systemd-journal')

    def _start(self, now):
        self._again_at = now + AGAIN
        if shutil.which(self._command[0]) is None:
            self._says(f'{self._command[0]} is not installed')
            return
        arguments = [f'--unit={name}' for name in sorted(self._units)]
        arguments += (
            [f'--after-cursor={self._given}']
            if self._given
            else [f'--since=@{self._since:.6f}']
        )
        self._process = subprocess.Popen(  # noqa: S603
            [
                *self._command,
                '--follow',
                '--no-tail',
                '--output=json',
                '--all',
                f'--output-fields={",".join(_FIELDS)}',
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for pipe in (self._process.stdout, self._process.stderr):
            os.set_blocking(pipe.fileno(), False)
        self._partial = self._error = b''

    def _says_end(self, now):
        """Tell why it ended."""
        process, self._process = self._process, None
        process.kill()
        rest = process.communicate()[1] or b''
        error = (self._error + rest).decode('utf-8', 'replace').strip()
        reason = error.splitlines()[-1] if error else 'it ended'
        if 'cursor' in reason:
            # of another journal
            self._given = self._cursor = None
        self._again_at = now + AGAIN
        self._says(f'{self._command[0]}: {reason}')

    def _says(self, problem):
        if problem and problem != self.problem:
            LOG.warning('The journal can not be read: %s', problem)
        elif self.problem and not problem:
            LOG.info('The journal can be read again')
        self.problem = problem

    def _take(self, data):
        *whole, self._partial = (self._partial + data).split(b'\n')
        if len(self._partial) > MAX_ENTRY:
            self._partial = b''
        return [pair for line in whole for pair in self._entry(line)]

    def _entry(self, line):
        try:
            entry = json.loads(line)
            cursor = entry['__CURSOR']
        except (ValueError, KeyError, TypeError, RecursionError):
            return []
        if self.problem:
            self._says('')
        self._cursor = cursor
        name = entry.get('_SYSTEMD_UNIT')
        if name not in self._units:
            # what systemd says of a unit is not of that unit
            name = entry.get('UNIT')
        unit = self._units.get(name) if isinstance(name, str) else None
        return [(name, r) for r in unit.take(entry)] if unit else []

    def position(self):
        """Where it has got to, for the next agent; or None.

        Entries whose records were not given yet are read anew by that.
        """
        if not any(unit.pending for unit in self._units.values()):
            self._given = self._cursor
        return self._given

    def flush(self):
        """
        :returns: list of (unit, Record) that may not be complete
        """
        found = [
            (name, record)
            for name, unit in self._units.items()
            for record in unit.flush()
        ]
        self._given = self._cursor
        return found

    def close(self):
        """
        :returns: list of (unit, Record) that end with it
        """
        self._end()
        return self.flush()

    def _end(self):
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


class Unit:
    """What one unit writes.

    :param form: the :class:`recognise.Form` of what it says
    """

    def __init__(self, form):
        self.form = form
        self._head = None if form.name == 'oslo' else form.head()
        self._inner = wrapped.Inner(form.settings)
        self._parser = lines.Parser(None)

    @property
    def pending(self):
        return self._parser.pending

    def flush(self):
        return self._parser.flush()

    def take(self, entry):
        """
        :param entry: object of `journalctl --output=json`
        :returns: list of the Records that it completes
        """
        message = _bytes(entry.get('MESSAGE'))
        if message is None:
            return []
        first, *more = lines.plain(message).split(b'\n')
        pid = _number(entry.get('_PID'))
        found = self._line(self._first(entry, first, pid), first)
        for line in more:
            head = self._inner.head(line, '', pid, pid)
            if head is not None and not head.trace:
                head = None
            found += self._line(head, line)
        return found

    def _line(self, head, line):
        self._parser.lines += 1
        return self._parser.take(head, line)

    def _first(self, entry, text, pid):
        """The Head of an entry."""
        time = _time(entry.get('__REALTIME_TIMESTAMP'))
        head = self._head and self._head(text)
        head = head or self._inner.head(text, time, pid, pid)
        level = entry.get('LOGGER_LEVEL')
        if isinstance(level, str):
            head = head or lines.Head(time, level, text)
            head.level, head.trace = level, False
            head.logger = _bytes(entry.get('LOGGER_NAME')) or head.logger
            head.request_id = _string(entry.get('REQUEST_ID'))
            head.pid, head.key = pid, (pid, head.logger)
        return head or lines.Head(
            time=time,
            level=_level(entry.get('PRIORITY'), text),
            message=text,
            logger=_bytes(entry.get('SYSLOG_IDENTIFIER')) or b'',
            pid=pid,
            key=pid,
            raw=True,
        )


def _level(priority, text):
    """What a program says to its output is of priority 6, whatever it is."""
    return _PRIORITIES.get(priority) or wrapped.said_level(text)


def _bytes(value):
    """What is no text is given as a list of numbers."""
    if isinstance(value, str):
        return value.encode('utf-8', 'replace')
    try:
        return bytes(value) if isinstance(value, list) else None
    except (TypeError, ValueError):
        return None


def _string(value):
    return value if isinstance(value, str) else None


def _number(value):
    return int(value) if isinstance(value, str) and value.isdecimal() else 0


def _time(value):
    """Microseconds since the epoch, as a time of UTC."""
    moment = datetime.datetime.fromtimestamp(
        _number(value) // 1000 / 1000, datetime.UTC
    )
    return moment.isoformat(' ')
