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

"""Finds what a log has become by rotation: renamed, copied or compressed."""

import bz2
import contextlib
import dataclasses
import errno
import gzip
import lzma
import os
import re
import stat
import time
import zlib

#: Bytes that tell a log from others: its first ones, and those before the
#: place that was reached.
PRINT = 256
#: Rotated files that are looked at, the latest first.
MOST = 64
#: Seconds that a file's time may be behind the clock.
COARSE = 1.0

_CHUNK = 1 << 16
_OPENERS = {'.gz': gzip.open, '.bz2': bz2.open, '.xz': lzma.open}
#: What goes wrong with a compressed file that is not one, or not all there.
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError)

_SUFFIX = re.compile(
    r'(?:\.(?P<number>\d{1,5})|[.-](?P<date>\d[\d_.:T-]{5,25})|[.-]old)'
    r'(?:\.(?:gz|bz2|xz))?'
)


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A place in a log, to be found again wherever the log has gone.

    Its bytes tell, and not its inode, which the next file may have.

    :ivar print: size and checksum of its first bytes
    :ivar seam: size and checksum of the bytes before the place
    :ivar at: when the place was reached, in seconds since the epoch; what
        was rotated and is older is known
    """

    inode: tuple
    offset: int
    print: tuple
    seam: tuple
    at: float

    def to_state(self):
        # asdict() copies deeply: a quarter of all that the agent did
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_state(cls, data):
        """
        :raises KeyError, TypeError, ValueError: this is not from
            :meth:`to_state`
        """
        return cls(
            inode=_pair(data['inode']),
            offset=int(data['offset']),
            print=_pair(data['print']),
            seam=_pair(data['seam']),
            at=float(data['at']),
        )

    @property
    def is_weak(self):
        """Whether nothing was read yet that could be known again."""
        return self.print[0] == 0

    def is_in(self, read):
        """Whether it is a place in some file.

        :param read: function of size and offset, growing, that gives bytes
        """
        size = self.seam[0]
        return (
            summed(read(self.print[0], 0)) == self.print
            and summed(read(size, self.offset - size)) == self.seam
        )


def _pair(value):
    first, second = value
    return int(first), int(second)


def summed(data):
    return len(data), zlib.crc32(data)


@dataclasses.dataclass(frozen=True, slots=True)
class Rest:
    """What is to be read of a file, from an offset on."""

    path: str
    offset: int
    inode: tuple | None


class Rotated:
    """The files that one log has been rotated to.

    :param path: of the log itself
    """

    def __init__(self, path):
        self._directory, self._name = os.path.split(path)
        self._stem, self._extension = os.path.splitext(self._name)

    def unread(self, mark):
        """What a log holds behind a mark, the log itself aside.

        :returns: list of Rest, the oldest first; empty where nothing of it
            was rotated
        """
        files = self._files()
        at = None
        if not mark.is_weak:
            at = next((i for i, e in enumerate(files) if _has(e, mark)), None)
        if at is None:
            # nothing tells it, but what was written since is not known yet
            count, rest = self._written_since(files, mark), []
        else:
            count, rest = at, [_rest(files[at], mark.offset)]
        return rest + [_rest(entry, 0) for entry in reversed(files[:count])]

    def _written_since(self, files, mark):
        """How many of the files, the latest ones."""
        count = _first_before(files, mark.at - COARSE)
        for i, entry in enumerate(files if mark.is_weak else ()):
            if _inode(entry) == mark.inode:
                count = max(count, i + 1)
        return count

    def find(self, mark):
        """
        :returns: Rest of the file that a mark is in, or None
        """
        for entry in self._files():
            if _has(entry, mark) and (
                not mark.is_weak or _inode(entry) == mark.inode
            ):
                return _rest(entry, mark.offset)
        return None

    def known_until(self):
        """A time for a Mark by which all that is there by now is known."""
        times = [e.stat().st_mtime for e in self._files()[:1]]
        # more than a file's time may be off, and the next tick of its clock
        return max([time.time(), *(t + COARSE + 0.001 for t in times)])

    def _files(self):
        """Entries of the rotated files, the latest first."""
        found = []
        with (
            contextlib.suppress(OSError),
            os.scandir(self._directory or '.') as entries,
        ):
            for entry in entries:
                suffix = self._suffix(entry.name)
                if suffix is not None and entry.is_file():
                    found.append((suffix, entry))
        return [entry for _, entry in sorted(found, key=_order)][:MOST]

    def _suffix(self, name):
        if name.startswith(self._name):
            return _SUFFIX.fullmatch(name, len(self._name))
        if not name.startswith(self._stem):
            return None
        # as logrotate's `extension .log` names them
        plain, dot, packed = name.partition(f'{self._extension}.')
        plain = plain if dot else name.removesuffix(self._extension)
        return _SUFFIX.fullmatch(plain, len(self._stem))


def _order(found):
    """The latest first: by number, by date, else by when they changed."""
    suffix, entry = found
    if suffix['number']:
        return 0, int(suffix['number']), ''
    changed = 0.0
    with contextlib.suppress(OSError):
        changed = entry.stat().st_mtime_ns
    return 0 if suffix['date'] else 1, -changed, entry.name


def _first_before(files, moment):
    for i, entry in enumerate(files):
        try:
            if entry.stat().st_mtime < moment:
                return i
        except OSError:
            return i
    return len(files)


def _rest(entry, offset):
    return Rest(entry.path, offset, _inode(entry))


def _inode(entry):
    try:
        status = entry.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _has(entry, mark):
    """Whether a mark is in a file, which may be compressed."""
    try:
        with opened(entry.path) as file:
            if not is_compressed(entry.path):
                return mark.is_in(lambda n, at: os.pread(file.fileno(), n, at))
            # the seam may begin within the first bytes
            head = file.read(PRINT)
            return mark.is_in(lambda n, at: _slice(file, head, n, at))
    except BROKEN:
        return False


def _slice(file, head, size, offset):
    if offset + size <= len(head):
        return head[offset : offset + size]
    file.seek(offset)
    return file.read(size)


def is_compressed(path):
    return os.path.splitext(path)[1] in _OPENERS


def opened(path):
    """
    :returns: file of what was logged, in binary
    :raises OSError: it can't be opened
    """
    if stat.S_ISFIFO(os.stat(path).st_mode):
        # to open it would wait for its writer
        raise OSError(errno.EINVAL, 'Not a regular file')
    opener = _OPENERS.get(os.path.splitext(path)[1])
    return opener(path, 'rb') if opener else open(path, 'rb', buffering=0)
