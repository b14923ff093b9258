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

"""The files of a spool: its lanes, and what they are made of.

A lane is a few append-only segments, numbered throughout the spool and named
`.urgent` or `.spool`, each made of entries: their length and CRC32, then one
letter that says what it is, then the rest.

    H   {"epoch", "sequence", "boot", "dropped"}: a segment's first entry, and
        the epoch of all its reports
    M   [schema, metrics]: comes before a segment's first report of it
    R   a sequence in eight bytes, and the report without its metrics
    A   [epoch, sequence]: this report, and all before it in its lane, need
        not be sent
    D   reports that were dropped and are not told of yet

Whatever a crash leaves half written, and what follows it in its segment, is
left out when it is read again.
"""

import collections
import contextlib
import dataclasses
import json
import os
import re
import struct
import zlib

from oslo_log import log

from sentinella import model

LOG = log.getLogger(__name__)

#: What a segment is called: its number, and its lane.
NAME = re.compile(r'(\d{10,18})\.(spool|urgent)')
_HEAD = struct.Struct('<II')
_SEQUENCE = struct.Struct('<Q')


@dataclasses.dataclass(slots=True, eq=False)
class Segment:
    """
    :ivar rank: of its epoch: those that come later have greater ones
    :ivar waiting: reports in it that are not acknowledged
    :ivar schemas: that it holds the metrics of
    :ivar dirty: something was written that may not be on the disk
    :ivar named: that it exists is on the disk
    """

    path: str
    number: int
    epoch: str = ''
    rank: int = 0
    size: int = 0
    waiting: int = 0
    schemas: set = dataclasses.field(default_factory=set)
    dirty: bool = True
    named: bool = False


@dataclasses.dataclass(slots=True, eq=False)
class Waiting:
    """Where a report is: in a segment, or here.

    :ivar offset: of its entry, behind the entry's head
    :ivar report: where it could not be written, and of the last one
    """

    epoch: str
    rank: int
    sequence: int
    segment: Segment | None = None
    offset: int = 0
    size: int = 0
    report: model.Report | None = None

    @property
    def identity(self):
        return self.epoch, self.sequence


class Lane:
    """
    :ivar file: number of the open file of the last segment, or None
    """

    def __init__(self, suffix):
        self.suffix = suffix
        self.segments = collections.deque()
        self.reports = collections.deque()
        self.file = None

    @property
    def bytes(self):
        return sum(segment.size for segment in self.segments)

    def pop(self):
        """
        :returns: the oldest Waiting, no longer in the lane
        """
        waiting = self.reports.popleft()
        if waiting.segment is not None:
            waiting.segment.waiting -= 1
        return waiting

    def open(self, segment, header):
        """Begin a segment, in the place of the one written to so far.

        :raises OSError: it could not be; nothing has changed
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        file = os.open(segment.path, flags | os.O_CLOEXEC, 0o640)
        self.file, before = file, self.file
        self.segments.append(segment)
        try:
            self.write(b'H', header)
        except OSError:
            self.close()
            self.file = before
            self.segments.pop()
            with contextlib.suppress(OSError):
                os.unlink(segment.path)
            raise
        if before is not None:
            os.close(before)

    def write_report(self, waiting, plain):
        """
        :param waiting: is told where it was written
        :param plain: of the report, as it crosses the wire
        :raises OSError: it was not
        """
        waiting.offset, waiting.size = self.write(
            b'R' + _SEQUENCE.pack(waiting.sequence), plain
        )
        waiting.segment = self.segments[-1]
        waiting.segment.waiting += 1

    def write(self, kind, thing):
        """
        :returns: offset and size of what was written
        :raises OSError: it was not, and nothing is left of it
        """
        segment = self.segments[-1]
        data = kind + json.dumps(thing, separators=(',', ':')).encode()
        entry = _HEAD.pack(len(data), zlib.crc32(data)) + data
        written = os.write(self.file, entry)
        if written != len(entry):
            os.ftruncate(self.file, segment.size)
            raise OSError(28, 'No space left on device')
        offset = segment.size + _HEAD.size
        segment.size += len(entry)
        segment.dirty = True
        return offset, len(data)

    def close(self):
        if self.file is not None:
            os.close(self.file)
        self.file = None


class Recovery:
    """Reads one segment into its lane, up to what a crash has damaged.

    :param ranks: of epochs, by their names; added to
    :param metrics: by their schemas; added to
    :ivar header: its first entry, or None where it can't be read
    :ivar sequence: the next one after it
    """

    def __init__(self, lane, segment, ranks, metrics):
        self.lane = lane
        self.header = None
        self.sequence = 1
        self.dropped = 0
        self._segment = segment
        self._ranks = ranks
        self._metrics = metrics

    def run(self):
        """
        :returns: whether all of it could be read
        """
        problem, size = None, 0
        self.lane.segments.append(self._segment)
        try:
            with open(self._segment.path, 'rb') as file:
                data = file.read()
            size = len(data)
            for offset, entry in entries(data):
                self._read(offset, entry)
                self._segment.size = offset + len(entry)
        except OSError as error:
            problem = error.strerror
        except (LookupError, TypeError, ValueError, struct.error) as error:
            problem = repr(error)
        lost = size - self._segment.size
        if problem or lost or self.header is None:
            LOG.warning(
                'Spool: %s bytes of %s are of no use%s',
                lost,
                self._segment.path,
                f': {problem}' if problem else '',
            )
        # it takes its room until it is unlinked
        self._segment.size = size
        return not problem and not lost and self.header is not None

    def _read(self, offset, entry):
        kind, body = entry[:1], entry[1:]
        if (self.header is None) is not (kind == b'H'):
            raise ValueError('expected one H, at the beginning')
        if kind == b'H':
            self._read_header(json.loads(body))
        elif kind == b'M':
            self._read_metrics(*json.loads(body))
        elif kind == b'R':
            self._read_report(offset, entry)
        elif kind == b'A':
            self._read_removed(*json.loads(body))
        elif kind == b'D':
            self.dropped = int(json.loads(body))

    def _read_header(self, header):
        epoch, segment = header['epoch'], self._segment
        segment.epoch = epoch
        segment.rank = self._ranks.setdefault(epoch, len(self._ranks))
        self.sequence = int(header['sequence'])
        self.dropped = int(header.get('dropped', 0))
        self.header = {'epoch': epoch, 'boot': header['boot']}

    def _read_metrics(self, schema, metrics):
        self._segment.schemas.add(schema)
        self._metrics[schema] = tuple(
            model.Metric.of(name, **dimensions) for name, dimensions in metrics
        )

    def _read_report(self, offset, entry):
        (sequence,) = _SEQUENCE.unpack_from(entry, 1)
        segment = self._segment
        self.sequence = max(self.sequence, sequence + 1)
        segment.waiting += 1
        self.lane.reports.append(
            Waiting(
                segment.epoch,
                segment.rank,
                sequence,
                segment,
                offset,
                len(entry),
            )
        )

    def _read_removed(self, epoch, sequence):
        last = (self._ranks.get(epoch, -1), sequence)
        reports = self.lane.reports
        while reports and (reports[0].rank, reports[0].sequence) <= last:
            self.lane.pop()


def read(waiting):
    """
    :returns: a report as it was written
    :raises OSError: its segment can't be read
    :raises ValueError: it is not what was written
    """
    with open(waiting.segment.path, 'rb') as file:
        file.seek(waiting.offset - _HEAD.size)
        data = file.read(_HEAD.size + waiting.size)
    for _, entry in entries(data):
        return json.loads(entry[1 + _SEQUENCE.size :])
    raise ValueError(f'{waiting.segment.path} is damaged')


def entries(data):
    """
    :returns: iterable of (offset, entry) up to the first that is not whole
    """
    position = 0
    while position + _HEAD.size <= len(data):
        size, crc = _HEAD.unpack_from(data, position)
        start = position + _HEAD.size
        entry = data[start : start + size]
        if len(entry) < size or not size or zlib.crc32(entry) != crc:
            return
        yield start, entry
        position = start + size
