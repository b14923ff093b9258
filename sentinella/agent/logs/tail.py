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

"""Follows one log as it grows, is rotated and comes back.

What may be lost is only what no file holds any longer: lines that were
written after the last look and before a truncation, where the copy that was
made before it does not have them.
"""

import errno
import os

from oslo_log import log

from sentinella.agent.logs import events
from sentinella.agent.logs import recognise
from sentinella.agent.logs import rotated
from sentinella.agent.logs import source as sources

LOG = log.getLogger(__name__)

#: Seconds for which a renamed file is still followed: its writer opens the
#: new one only after a while.
LINGER = 30.0
#: Renamed files that are followed at a time, and remembered.
MOST_OLD = rotated.MOST


class Tail:
    """Follows the file of one name.

    A file that is there when it is first looked for is read from its end, or
    from where an earlier agent had got to; one that appears later from its
    start.

    :param position: what :meth:`position` gave to an earlier agent, or None
    :param newer_than: a file whose first record is later than this is new,
        so it is read from its start; seconds since the epoch
    :param form: the :class:`recognise.Form` that it should have
    :ivar problem: why it can't be read just now, in words; '' where it can
    """

    def __init__(
        self,
        path,
        position=None,
        newer_than=float('inf'),
        form=recognise.Form(),  # noqa: B008
    ):
        self.path = path
        self.problem = ''
        self.form = form
        self._source = None
        self._old = []
        self._rotated = rotated.Rotated(path)
        self._marks = _marks(position)
        self._newer_than = newer_than
        self._changed_at = 0
        self._first = True

    @property
    def _sources(self):
        return self._old + [self._source] * (self._source is not None)

    @property
    def pending(self):
        """Whether it is worth looking again in a moment."""
        source = self._source
        return (source is not None and source.pending) or any(
            old.pending for old in self._old
        )

    def read(self, now):
        """
        :param now: seconds of the monotonic clock
        :returns: list of the Records that were written since the last time
        """
        status, failure = _stat(self.path)
        if self._first and not _is_denied(failure):
            self._resume(now)
        found = self._read_old(now) if self._old else []
        if failure is not None:
            if self._source is not None:
                found += self._source.read(now)
            self._says(failure)
            return found
        source = self._source
        if source is None:
            self._source = self._open(self.path)
        elif source.inode != (status.st_dev, status.st_ino):
            found += self._renamed(now)
            found += self._read_old(now)
            self._source = self._open(self.path)
        elif self.problem:
            self._says(None)
        if self._source is not None:
            found += self._read_current(now, status)
        return found

    def _read_current(self, now, status):
        found, source, size = [], self._source, status.st_size
        if status.st_mtime_ns != self._changed_at:
            self._changed_at = status.st_mtime_ns
            if source.is_replaced(size):
                found += self._restart(source)
            elif source.offset == 0:
                # it may have been filled, copied and truncated in between
                self._follow(self._unread(source.mark), now)
                source.knows(self._rotated.known_until())
                found += self._read_old(now)
        return found + source.read(now, size)

    def _renamed(self, now):
        """Another file has taken the name. Its writer may need a while to
        see that; and there may have been others in between."""
        source, self._source = self._source, None
        source.grown_at = now
        # it is open, and may be compressed by now
        itself = self._rotated.find(source.whole())
        rests = [
            rest
            for rest in self._unread(source.reached(), source)
            if itself is None or rest.path != itself.path
        ]
        if source.is_replaced(source.size()):
            found = source.restart(rests, self._rotated.known_until())
            rests = []
        else:
            found = source.read(now)
        self._follow([rest for rest in rests if not rest.offset], now)
        self._old.append(source)
        return found

    def _restart(self, source):
        rests = self._unread(source.reached())
        return source.restart(rests, self._rotated.known_until())

    def _unread(self, mark, *sources):
        """What was rotated and holds what is behind a mark, but for what is
        followed already."""
        followed = {source.inode for source in (*self._sources, *sources)}
        return [
            rest
            for rest in self._rotated.unread(mark)
            if rest.inode not in followed
        ]

    def _follow(self, rests, now):
        for rest in rests:
            file, _ = _open(rest.path)
            if file is None:
                continue
            source = sources.Source(
                file, self.form, rotated.is_compressed(rest.path)
            )
            if rest.offset:
                source.seek(rest.offset)
            source.grown_at = now
            self._old.append(source)

    def _read_old(self, now):
        found = []
        for source in list(self._old):
            found += source.read(now)
            idle = now - source.grown_at > LINGER and not source.pending
            if source.ended or idle:
                found += source.close()
                self._old.remove(source)
        return found

    def _open(self, path):
        """
        :returns: Source, or None where it can't be opened
        """
        file, failure = _open(path)
        self._says(failure)
        known = self._rotated.known_until()
        return file and sources.Source(file, self.form, known_until=known)

    def _resume(self, now):
        """Find out where to begin with files that were there before us."""
        self._first = False
        if os.path.exists(self.path):
            self._source = self._open(self.path)
        if not self._marks:
            if self._source is not None and not self._is_new(self._source):
                self._source.seek(self._source.size())
            return
        last, *older = self._marks
        for mark in reversed(older):
            rest = None if mark.is_weak else self._rotated.find(mark)
            self._follow([rest] if rest else [], now)
        if self._is_same(self._source, last):
            self._source.seek(last.offset)
        else:
            self._follow(self._unread(last), now)

    def _is_same(self, source, mark):
        """Whether a mark is in the log itself, and not in what it was
        rotated to."""
        if source is None or not mark.is_in(source.read_at):
            return False
        if not mark.is_weak:
            return True
        # nothing tells an empty file, but that none was rotated since
        return source.inode == mark.inode and not self._unread(mark)

    def _is_new(self, source):
        data = source.read_at(recognise.SAMPLE, 0)
        found = recognise.first_time(data, self.form)
        return found is not None and (
            events.parse_time(found, 0.0) >= self._newer_than
        )

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

        A record that was not given yet is read anew by that.
        """
        marks = [source.mark for source in reversed(self._sources)]
        if self._first or not marks:
            marks = self._marks
        return [mark.to_state() for mark in marks[:MOST_OLD]] or None

    def flush(self):
        """
        :returns: list of the Records that may not be complete, as they are
        """
        return [r for s in self._sources for r in s.flush()]

    def close(self):
        """
        :returns: list of the Records that end with it
        """
        found = [r for s in self._sources for r in s.close()]
        self._old, self._source = [], None
        return found


def _marks(position):
    """
    :returns: list of Marks, none where they are nothing that was saved
    """
    try:
        return [rotated.Mark.from_state(data) for data in position or ()]
    except (KeyError, TypeError, ValueError) as error:
        LOG.warning('Where a log had been read to is not known: %r', error)
        return []


def _is_denied(error):
    return error is not None and error.errno == errno.EACCES


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
        return rotated.opened(path), None
    except OSError as error:
        return None, error
