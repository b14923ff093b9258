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

"""Follows logs as they grow, are rotated and come back."""

import dataclasses
import errno
import os
import time
import zlib

from oslo_log import log

from sentinella.agent import events
from sentinella.agent import records

LOG = log.getLogger(__name__)

CHUNK = 1 << 20
#: Bytes of one log that are read at one go, so that no log starves others.
AT_ONCE = 16 * CHUNK
#: First bytes of a file that tell it from one that took its place.
FINGERPRINT = 256
#: Seconds for which a renamed file is still followed: its writer opens the
#: new one only after a while.
LINGER = 30.0

LEVELS = {
    'WARNING': 'warnings',
    'ERROR': 'errors',
    'CRITICAL': 'criticals',
}


@dataclasses.dataclass(slots=True)
class _Source:
    """One file that is open, whatever its name is by now."""

    file: object
    inode: tuple
    offset: int
    parser: records.Parser
    print_size: int = 0
    print_crc: int = 0
    grown_at: float = 0.0
    unread: bool = False

    @property
    def pending(self):
        """Whether it is worth looking again in a moment."""
        return self.unread or self.parser.pending

    def read(self, now, size=None):
        """
        :param size: of the file, where that is known
        :returns: list of Records; one at the end of what was written is
            kept until the next time, for it may not be complete
        """
        if size is None:
            size = os.fstat(self.file.fileno()).st_size
        if size == self.offset:
            return self.parser.flush() if self.parser.pending else []
        found = []
        if size < self.offset or self._replaced():
            found += self.restart()
        for _ in range(AT_ONCE // CHUNK):
            data = os.pread(self.file.fileno(), CHUNK, self.offset)
            if self.print_size < FINGERPRINT:
                self._take_print()
            self.offset += len(data)
            # what a truncated file's writer leaves when it does not append
            found += self.parser.feed(data.replace(b'\0', b''))
            if len(data) < CHUNK:
                break
        self.grown_at = now
        self.unread = len(data) == CHUNK
        return found

    def restart(self):
        """The file was truncated: read it from its start."""
        found = self.parser.finish()
        self.parser = records.Parser()
        self.offset = self.print_size = self.print_crc = 0
        return found

    def _take_print(self):
        data = os.pread(self.file.fileno(), FINGERPRINT, 0)
        self.print_size, self.print_crc = len(data), zlib.crc32(data)

    def _replaced(self):
        """Whether it was truncated and has grown beyond where we were."""
        data = os.pread(self.file.fileno(), self.print_size, 0)
        return zlib.crc32(data) != self.print_crc

    def seek(self, offset):
        """Go on from somewhere inside."""
        self._take_print()
        start = max(0, offset - records.LOOKBACK)
        data = os.pread(self.file.fileno(), offset - start, start)
        # not from the middle of a line
        end = data.rfind(b'\n') + 1
        self.offset = start + end
        self.parser.look_behind(data[:end])
        if self.offset != offset and data[end:]:
            self.parser.feed(data[end:])
            self.offset = offset

    def close(self):
        self.file.close()
        return self.parser.finish()


class Tail:
    """Follows the file of one name.

    A file that is there when it is first looked for is read from its end, or
    from where an earlier agent had got to; one that appears later from its
    start.

    :param position: what :meth:`position` gave to an earlier agent, or None
    :param newer_than: a file whose first record is later than this is new,
        so it is read from its start; seconds since the epoch
    :ivar problem: why it can't be read just now, in words; '' where it can
    """

    def __init__(self, path, position=None, newer_than=float('inf')):
        self.path = path
        self.problem = ''
        self._source = None
        self._old = []
        self._position = position
        self._newer_than = newer_than
        self._first = True

    @property
    def _sources(self):
        return self._old + [self._source] * (self._source is not None)

    @property
    def pending(self):
        """Whether it is worth looking again in a moment."""
        return any(source.pending for source in self._sources)

    def read(self, now):
        """
        :param now: seconds of the monotonic clock
        :returns: list of the Records that were written since the last time
        """
        found = self._read_old(now)
        status, failure = _stat(self.path)
        if failure is not None:
            if self._source is not None:
                found += self._source.read(now)
            self._says(failure)
            self._first = self._first and failure.errno == errno.EACCES
            return found
        inode, size = (status.st_dev, status.st_ino), status.st_size
        if self._source is not None and self._source.inode != inode:
            found += self._rotated(now)
        if self._source is None:
            found += self._open(now)
        elif self.problem:
            self._says(None)
        if self._source is not None:
            found += self._source.read(now, size)
            self._save()
        return found

    def _rotated(self, now):
        """Another file has taken the name; its writer may need a while to
        see that."""
        source, self._source = self._source, None
        source.grown_at = now
        self._old.append(source)
        return source.read(now)

    def _read_old(self, now):
        found = []
        for source in list(self._old):
            found += source.read(now)
            if now - source.grown_at > LINGER:
                found += source.close()
                self._old.remove(source)
        return found

    def _save(self):
        """Remember where all that was read so far has been given."""
        source = self._source
        if not source.parser.pending:
            self._position = {
                'inode': list(source.inode),
                'offset': source.offset - source.parser.held,
                'print': [source.print_size, source.print_crc],
            }

    def _open(self, now):
        """
        :returns: list of Records, of a file that was renamed while no agent
            ran
        """
        file, failure = _open(self.path)
        self._says(failure)
        if file is None:
            return []
        status = os.fstat(file.fileno())
        source = _Source(
            file, (status.st_dev, status.st_ino), 0, records.Parser()
        )
        self._source = source
        first, self._first = self._first, False
        return self._start(source, status.st_size, now) if first else []

    def _start(self, source, size, now):
        """Find out where to begin with a file that was there before us."""
        saved = self._position
        if saved is None:
            if not self._is_new(source):
                source.seek(size)
            return []
        source._take_print()
        if _is_same(source, saved) and saved['offset'] <= size:
            source.seek(saved['offset'])
            return []
        return self._rest_of_renamed(saved, now)

    def _is_new(self, source):
        line = os.pread(source.file.fileno(), 64, 0)
        found = records.first_time(line)
        return found is not None and (
            events.parse_time(found, 0.0) >= self._newer_than
        )

    def _rest_of_renamed(self, saved, now):
        """Read on in the file that was rotated away while no agent ran."""
        directory, name = os.path.split(self.path)
        try:
            siblings = list(os.scandir(directory))
        except OSError:
            return []
        for entry in siblings:
            if not entry.name.startswith(name) or not entry.is_file():
                continue
            if entry.inode() == saved['inode'][1]:
                return self._read_rest(entry.path, saved, now)
        return []

    def _read_rest(self, path, saved, now):
        file, _ = _open(path)
        if file is None:
            return []
        source = _Source(file, tuple(saved['inode']), 0, records.Parser())
        source._take_print()
        if not _is_same(source, saved):
            source.close()
            return []
        source.seek(saved['offset'])
        source.grown_at = now
        self._old.append(source)
        return source.read(now)

    def _says(self, error):
        """Tell of a change, once."""
        problem = '' if error is None else error.strerror
        if problem and problem != self.problem:
            LOG.warning('Log %s can not be read: %s', self.path, problem)
        elif self.problem and not problem:
            LOG.info('Log %s can be read again', self.path)
        self.problem = problem

    def position(self):
        """Where it has got to, for the next agent; or None.

        A record that may not be complete is read anew by that.
        """
        return self._position

    def flush(self):
        """
        :returns: list of the Records that may not be complete, as they are
        """
        found = [r for s in self._sources for r in s.parser.flush()]
        if self._source is not None:
            self._save()
        return found

    def close(self):
        """
        :returns: list of the Records that end with it
        """
        found = [r for s in self._sources for r in s.close()]
        self._old, self._source = [], None
        return found


def _stat(path):
    """
    :returns: status and None, or None and the OSError: what is logged inside
        of its handler has it twice
    """
    try:
        return os.stat(path), None
    except OSError as error:
        return None, error


def _open(path):
    """
    :returns: file and None, or None and the OSError
    """
    try:
        return open(path, 'rb', buffering=0), None  # noqa: SIM115
    except OSError as error:
        return None, error


def _is_same(source, saved):
    """Whether a position is one in this very file."""
    size, crc = saved['print']
    data = os.pread(source.file.fileno(), size, 0)
    return list(source.inode) == saved['inode'] and zlib.crc32(data) == crc


@dataclasses.dataclass(slots=True)
class Counts:
    """Records of one service since they were last taken."""

    warnings: int = 0
    errors: int = 0
    criticals: int = 0
    tracebacks: int = 0

    def __bool__(self):
        return bool(
            self.warnings or self.errors or self.criticals or self.tracebacks
        )


class Logs:
    """Follows the logs of all services.

    :param per_second: see :class:`sentinella.agent.events.Events`
    :param positions: {path: position}, from an earlier agent
    """

    def __init__(self, per_second, positions=None):
        self.events = events.Events(per_second)
        self._tails = {}
        self._services = {}
        self._counts = {}
        self._positions = positions or {}
        self._since = time.time()

    @property
    def pending(self):
        """Whether it is worth looking again in a moment."""
        return any(tail.pending for tail in self._tails.values())

    def follow(self, files):
        """
        :param files: {service: paths}; a log of two services counts as the
            first one's
        """
        wanted = {}
        for service, paths in files.items():
            for path in paths:
                wanted.setdefault(path, service)
        for path in self._tails.keys() - wanted.keys():
            for record in self._tails.pop(path).close():
                self._add(self._services[path], record, time.time())
        for path in wanted.keys() - self._tails.keys():
            position = self._positions.pop(path, None)
            self._tails[path] = Tail(path, position, self._since)
        self._services = wanted

    def read(self, now, monotonic):
        """Read what was written."""
        for path, tail in self._tails.items():
            for record in tail.read(monotonic):
                self._add(self._services[path], record, now)

    def counted(self):
        """Names of the services that have something to tell."""
        return {name for name, counts in self._counts.items() if counts}

    def _add(self, service, record, now):
        counts = self._counts.setdefault(service, Counts())
        name = LEVELS[record.level]
        setattr(counts, name, getattr(counts, name) + 1)
        counts.tracebacks += record.traceback is not None
        self.events.add(service, record, now)

    def take(self, service):
        """
        :returns: Counts since this was last called; None where it has logs
            but none can be read
        """
        counts = self._counts.pop(service, None)
        if counts is None and not self._readable(service):
            return None
        return counts or Counts()

    def _readable(self, service):
        return any(
            not self._tails[path].problem
            for path, name in self._services.items()
            if name == service
        )

    def followed(self):
        """Names of the services that have logs."""
        return set(self._services.values())

    def positions(self):
        """Where each log has got to, for the next agent."""
        found = {path: t.position() for path, t in self._tails.items()}
        found = {path: p for path, p in found.items() if p is not None}
        return {**self._positions, **found}

    def flush(self, now):
        """Give what is read but may not be complete, as the agent ends."""
        for path, tail in self._tails.items():
            for record in tail.flush():
                self._add(self._services[path], record, now)
