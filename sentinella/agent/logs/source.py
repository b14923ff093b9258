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

"""One file of a log that is open, whatever its name is by now."""

import os
import time

from sentinella.agent.logs import oslo
from sentinella.agent.logs import recognise
from sentinella.agent.logs import rotated

#: Bytes that are read at one go: larger ones cost more, for their memory
#: comes from the kernel each time.
CHUNK = 1 << 16
#: Bytes of one log that are read before others have their turn.
AT_ONCE = 1 << 24
#: Bytes before the place that was reached that are kept in mind.
_RECENT = 4 * rotated.PRINT


class Source:
    """
    :param file: binary, unbuffered or of a compressed file
    :param form: the :class:`recognise.Form` that it should have
    :param compressed: whether it is one that ends and never grows
    :param known_until: what was rotated before that is known; see
        :class:`rotated.Mark`
    :ivar grown_at: when something was last found in it, on the monotonic
        clock
    :ivar ended: whether all of a compressed file has been read
    """

    def __init__(self, file, form, compressed=False, known_until=0.0):
        self.file = file
        status = os.fstat(file.fileno())
        self.inode = status.st_dev, status.st_ino
        self.offset = 0
        self.grown_at = 0.0
        self.ended = False
        self._form = form
        self._compressed = compressed
        self._parser = recognise.Parser(form)
        self._print = b''
        self._recent = b''
        self._unread = False
        self._known_until = known_until
        self._settled, self._mark = self._place(0), None

    @property
    def mark(self):
        """The :class:`rotated.Mark` up to which all records were given."""
        if self._mark is None:
            self._mark = _mark(self.inode, *self._settled)
        return self._mark

    @property
    def pending(self):
        """Whether it is worth looking again in a moment."""
        return self._unread or self._parser.pending

    def size(self):
        return os.fstat(self.file.fileno()).st_size

    def is_replaced(self, size):
        """Whether it was truncated since, if it has grown again or not."""
        if self._compressed:
            return False
        first = os.pread(self.file.fileno(), len(self._print), 0)
        return size < self.offset or first != self._print

    def whole(self):
        """The Mark at its end, whatever was read of it."""
        size = self.size()
        start = max(0, size - rotated.PRINT)
        return rotated.Mark(
            inode=self.inode,
            offset=size,
            print=rotated.summed(self.read_at(min(rotated.PRINT, size), 0)),
            seam=rotated.summed(self.read_at(size - start, start)),
            at=time.time(),
        )

    def read(self, now, size=None):
        """
        :param size: of the file, where that is known
        :returns: list of Records; one at the end of what was written is
            kept until the next time, for it may not be complete
        """
        if self._compressed:
            return self._read_compressed(now)
        if (self.size() if size is None else size) == self.offset:
            return self.flush() if self._parser.pending else []
        found = self._read(now, self._pread)
        self.settle()
        return found

    def _pread(self):
        return os.pread(self.file.fileno(), CHUNK, self.offset)

    def _read(self, now, read):
        found, data = [], b''
        for _ in range(AT_ONCE // CHUNK):
            data = read()
            if len(self._print) < rotated.PRINT:
                self._take_print(data)
            self.offset += len(data)
            if len(data) < _RECENT:
                self._recent = (self._recent + data)[-_RECENT:]
            else:
                self._recent = data[-_RECENT:]
            # what a truncated file's writer leaves when it does not append
            found += self._parser.feed(data.replace(b'\0', b''))
            if len(data) < CHUNK:
                break
        self.grown_at = now
        self._unread = len(data) == CHUNK
        return found

    def _read_compressed(self, now):
        try:
            found = self._read(now, lambda: self.file.read(CHUNK))
        except rotated.BROKEN:
            found, self._unread = [], False
        self.ended = not self._unread
        if self.ended:
            found += self._parser.finish()
        self.settle()
        return found

    def _take_print(self, data):
        known = len(self._print)
        more = data[known - self.offset :] if known >= self.offset else b''
        self._print = (self._print + more)[: rotated.PRINT]

    def restart(self, rests, known_until):
        """The file was truncated: read it from its start.

        :param rests: what it held by then, as far as it was copied; a list
            of :class:`rotated.Rest`
        :returns: list of Records
        """
        found = []
        for rest in rests:
            found += self._read_copy(rest)
            found += self._parser.finish()
        found += self._parser.finish()
        self._parser = recognise.Parser(self._form)
        self.offset, self._print, self._recent = 0, b'', b''
        self._known_until = known_until
        self._settled, self._mark = self._place(0), None
        return found

    def _read_copy(self, rest):
        found = []
        try:
            with rotated.opened(rest.path) as file:
                file.seek(rest.offset)
                while data := file.read(CHUNK):
                    found += self._parser.feed(data.replace(b'\0', b''))
        except rotated.BROKEN:
            pass
        return found

    def seek(self, offset):
        """Go on from somewhere inside."""
        read = self.read_at
        self._print = read(rotated.PRINT, 0)
        start = max(0, offset - oslo.LOOKBACK)
        data = read(offset - start, start)
        self._recent = data[-_RECENT:]
        # not from the middle of a line
        begin = data.find(b'\n') + 1 if start else 0
        end = data.rfind(b'\n') + 1
        self._parser.look_behind(data[begin:end])
        if data[end:]:
            self._parser.feed(data[end:])
        self.offset = offset
        self.settle()

    def read_at(self, size, offset):
        if not self._compressed:
            return os.pread(self.file.fileno(), size, offset)
        self.file.seek(offset)
        return self.file.read(size)

    def knows(self, until):
        """Take note that what was rotated before then is known."""
        self._known_until = until
        self.settle()

    def settle(self):
        """Take note of how far all is told that was read."""
        held = self._parser.unsettled
        if held is not None:
            self._settled, self._mark = self._place(held), None

    def reached(self):
        """The Mark of what was read, whether it was given or not."""
        return _mark(self.inode, *self._place(0))

    def _place(self, held):
        """What a Mark so many bytes before where it has got to is made of.

        To sum it up each time that a log has grown costs more than to read
        what is new.
        """
        end = max(0, len(self._recent) - held)
        at = time.time() if self._print else self._known_until
        return self.offset - held, self._print, self._recent[:end], at

    def flush(self):
        found = self._parser.flush()
        self.settle()
        return found

    def close(self):
        """
        :returns: list of the Records that end with it
        """
        self.file.close()
        return self._parser.finish()


def _mark(inode, offset, first, recent, at):
    """
    :param first: the file's first bytes; :param recent: those before the
        place
    """
    return rotated.Mark(
        inode=inode,
        offset=offset,
        print=rotated.summed(first),
        seam=rotated.summed(recent[-rotated.PRINT :]),
        at=at,
    )
