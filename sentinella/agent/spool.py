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

"""Keeps reports on disk until a conductor has them.

A spool is a few append-only segments, each made of entries: their length and
CRC32, then one letter that says what it is, then the rest.

    H   {"epoch", "sequence", "boot"}: a segment's first entry, and the epoch
        of all its reports
    M   [schema, metrics]: comes before a segment's first report of it
    R   a sequence in eight bytes, and the report without its metrics
    A   [epoch, sequence]: this report, and all before it, need not be sent

Nothing is synced to the disk: a killed agent loses nothing, a machine that
loses its power may lose seconds. Whatever a crash leaves half written is dropped when the spool is opened; the
epoch is another one then, and when the machine was started anew, because a
sequence might otherwise be given twice.
"""

import collections
import dataclasses
import json
import os
import struct
import threading
import uuid
import zlib

from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import wire
from sentinella.agent import proc

LOG = log.getLogger(__name__)

_HEAD = struct.Struct('<II')
_SEQUENCE = struct.Struct('<Q')
#: A spool of its greatest size has so many segments; one is dropped at a
#: time.
SEGMENTS = 16
#: Segments are no smaller, and no bigger, than this many bytes.
SMALLEST, BIGGEST = 1 << 16, 1 << 22


@dataclasses.dataclass(slots=True, eq=False)
class _Segment:
    """
    :ivar waiting: reports in it that are not acknowledged
    :ivar schemas: that it holds the metrics of
    """

    path: str
    epoch: str
    size: int = 0
    waiting: int = 0
    schemas: set = dataclasses.field(default_factory=set)


@dataclasses.dataclass(frozen=True, slots=True)
class _Waiting:
    """Where a report is."""

    segment: _Segment
    offset: int
    size: int
    sequence: int

    @property
    def identity(self):
        return self.segment.epoch, self.sequence


class Spool:
    """
    :param path: directory
    :param max_bytes: the oldest reports are dropped beyond that
    :ivar epoch: goes with the sequences of the reports appended from now on
    :raises OSError: the directory can't be used
    """

    def __init__(self, path, max_bytes):
        self._path = path
        self._max = max_bytes
        self._limit = min(max(max_bytes // SEGMENTS, SMALLEST), BIGGEST)
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._segments = collections.deque()
        self._reports = collections.deque()
        self._metrics = {}
        self._dropped = 0
        self._file = None
        self._failing = False
        self.epoch = None
        self._sequence = 1
        os.makedirs(path, mode=0o750, exist_ok=True)
        with self._lock:
            self._recover()

    @property
    def bytes(self):
        """What it takes on disk."""
        return sum(segment.size for segment in self._segments)

    def __len__(self):
        """Reports that wait."""
        return len(self._reports)

    def append(self, report):
        """Put a report at the end, on disk.

        Its epoch and sequence are filled in. A full or broken disk loses it,
        which is counted and said once.

        :returns: the Report as it was kept, or None
        """
        with self._lock:
            report = dataclasses.replace(
                report, epoch=self.epoch, sequence=self._sequence
            )
            try:
                self._append(report)
            except OSError as error:
                self._dropped += 1
                self._fails(error)
                return None
            self._fails(None)
            self._sequence += 1
            self._arrived.notify_all()
        return report

    def head(self, timeout=0.0):
        """The oldest report that waits, with its metrics.

        :param timeout: seconds to wait for one
        :returns: Report, or None
        """
        with self._lock:
            if not self._reports and timeout:
                self._arrived.wait(timeout)
            while self._reports:
                report = self._load(self._reports[0])
                if report is not None:
                    return report
                self._lose(1)
        return None

    def wake(self):
        """Have :meth:`head` return."""
        with self._lock:
            self._arrived.notify_all()

    def remove(self, report):
        """Forget the oldest report: it is where it belongs.

        :param report: as :meth:`head` gave it; nothing happens where it was
            dropped since
        :returns: whether it was still there
        """
        identity = (report.epoch, report.sequence)
        with self._lock:
            if not self._reports or self._reports[0].identity != identity:
                return False
            self._reports.popleft().segment.waiting -= 1
            if not self._reports and self.bytes > self._limit:
                self._start_anew()
                return True
            # where this fails, the report is sent again: a duplicate
            self._write_quietly(b'A', identity)
            self._drop_done()
        return True

    def discard(self, report):
        """Forget the oldest report, which nobody will ever take, and count
        it as dropped.
        """
        if self.remove(report):
            with self._lock:
                self._dropped += 1

    def take_dropped(self):
        """How many reports were lost since this was last called."""
        with self._lock:
            taken, self._dropped = self._dropped, 0
        return taken

    def close(self):
        with self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = None

    # All below is called with the lock held.

    def _append(self, report):
        if self._file is None or self._segments[-1].size > self._limit:
            self._open_segment()
        segment = self._segments[-1]
        frame = report.frame
        if frame is not None and frame.metrics is not None:
            if frame.schema not in segment.schemas:
                metrics = [wire.to_wire(m) for m in frame.metrics]
                self._write(b'M', [frame.schema, metrics])
                segment.schemas.add(frame.schema)
                self._metrics[frame.schema] = frame.metrics
            frame = dataclasses.replace(frame, metrics=None)
        plain = wire.to_wire(dataclasses.replace(report, frame=frame))
        offset, size = self._write(
            b'R' + _SEQUENCE.pack(report.sequence), plain
        )
        segment.waiting += 1
        self._reports.append(_Waiting(segment, offset, size, report.sequence))
        while self.bytes > self._max and len(self._segments) > 1:
            self._drop_oldest()

    def _write(self, kind, thing):
        """
        :returns: offset and size of what was written
        """
        segment = self._segments[-1]
        data = kind + json.dumps(thing, separators=(',', ':')).encode()
        entry = _HEAD.pack(len(data), zlib.crc32(data)) + data
        written = os.write(self._file, entry)
        if written != len(entry):
            os.ftruncate(self._file, segment.size)
            raise OSError(28, 'No space left on device')
        offset = segment.size + _HEAD.size
        segment.size += len(entry)
        return offset, len(data)

    def _write_quietly(self, kind, thing):
        try:
            self._write(kind, thing)
        except OSError as error:
            self._fails(error)

    def _fails(self, error):
        if error and not self._failing:
            LOG.error('Spool %s: reports are lost: %s', self._path, error)
        elif self._failing and not error:
            LOG.info('Spool %s works again', self._path)
        self._failing = error is not None

    def _open_segment(self):
        number = 0
        if self._segments:
            name = os.path.basename(self._segments[-1].path)
            number = int(name.split('.')[0]) + 1
        path = os.path.join(self._path, f'{number:010}.spool')
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        file = os.open(path, flags | os.O_CLOEXEC, 0o640)
        if self._file is not None:
            os.close(self._file)
        self._file = file
        self._segments.append(_Segment(path, self.epoch))
        header = {
            'epoch': self.epoch,
            'sequence': self._sequence,
            'boot': proc.boot_id(),
        }
        self._write(b'H', header)

    def _start_anew(self):
        """Nothing waits: a fresh segment takes the place of all others."""
        old = list(self._segments)
        try:
            self._open_segment()
        except OSError as error:
            self._fails(error)
            return
        for segment in old:
            self._unlink(segment)

    def _drop_done(self):
        while len(self._segments) > 1 and not self._segments[0].waiting:
            self._unlink(self._segments[0])

    def _drop_oldest(self):
        self._lose(self._segments[0].waiting)
        self._unlink(self._segments[0])

    def _lose(self, count):
        for _ in range(count):
            self._reports.popleft().segment.waiting -= 1
        self._dropped += count

    def _unlink(self, segment):
        self._segments.remove(segment)
        try:
            os.unlink(segment.path)
        except OSError as error:
            self._fails(error)

    def _load(self, waiting):
        """
        :returns: Report; None where the file was taken away
        """
        try:
            with open(waiting.segment.path, 'rb') as file:
                file.seek(waiting.offset)
                data = file.read(waiting.size)
            plain = json.loads(data[1 + _SEQUENCE.size :])
            report = wire.from_wire(model.Report, plain)
        except (OSError, ValueError, exceptions.InvalidReport) as error:
            self._fails(error)
            return None
        if report.frame is None:
            return report
        metrics = self._metrics.get(report.frame.schema)
        frame = dataclasses.replace(report.frame, metrics=metrics)
        return dataclasses.replace(report, frame=frame)

    def _recover(self):
        """Read what an earlier agent has left."""
        boot, whole = None, True
        for name in sorted(os.listdir(self._path)):
            if name.endswith('.spool'):
                path = os.path.join(self._path, name)
                boot, intact = self._recover_segment(path)
                whole = whole and intact
        if not whole or boot != proc.boot_id():
            self.epoch, self._sequence = str(uuid.uuid4()), 1
        self._open_segment()
        self._drop_done()

    def _recover_segment(self, path):
        """
        :returns: the boot_id that it was written under, and whether all of
            it could be read
        """
        with open(path, 'rb') as file:
            data = file.read()
        segment, boot, end = _Segment(path, ''), None, 0
        self._segments.append(segment)
        for offset, entry in _entries(data):
            end = offset + len(entry)
            kind, body = entry[:1], entry[1:]
            if kind == b'H':
                boot = self._recover_header(segment, json.loads(body))
            elif kind == b'M':
                self._recover_metrics(segment, json.loads(body))
            elif kind == b'R':
                self._recover_report(segment, offset, entry)
            elif kind == b'A':
                self._recover_removed(tuple(json.loads(body)))
        segment.size = end
        if end != len(data):
            LOG.warning(
                'Spool %s: %s bytes at the end of %s are of no use',
                self._path,
                len(data) - end,
                os.path.basename(path),
            )
        return boot, end == len(data) and boot is not None

    def _recover_header(self, segment, header):
        self.epoch = segment.epoch = header['epoch']
        self._sequence = header['sequence']
        return header['boot']

    def _recover_metrics(self, segment, body):
        schema, metrics = body
        segment.schemas.add(schema)
        self._metrics[schema] = tuple(
            model.Metric.of(name, **dimensions) for name, dimensions in metrics
        )

    def _recover_report(self, segment, offset, entry):
        (sequence,) = _SEQUENCE.unpack_from(entry, 1)
        self._sequence = sequence + 1
        segment.waiting += 1
        self._reports.append(_Waiting(segment, offset, len(entry), sequence))

    def _recover_removed(self, identity):
        # nearly always it is the first one
        at = next(
            (i for i, w in enumerate(self._reports) if w.identity == identity),
            -1,
        )
        for _ in range(at + 1):
            self._reports.popleft().segment.waiting -= 1


def _entries(data):
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
