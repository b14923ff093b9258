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

A spool has two lanes: one of reports that overtake, one of all others. Each
keeps its order; :mod:`sentinella.agent.publish.lanes` has their files.

A killed agent loses nothing. What is taken at once is never synced to the
disk; what still waits half a second later is, by the :class:`Syncer`, so a
machine that loses its power loses a second. When a spool is opened sequences
leap to the clock's microseconds, because one might otherwise be given twice,
and the epoch is another one where something was damaged or the machine was
started anew.
"""

import collections
import dataclasses
import os
import threading
import time
import uuid

from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import service
from sentinella import wire
from sentinella.agent.publish import lanes
from sentinella.agent.node import proc

LOG = log.getLogger(__name__)

#: A spool of its greatest size has so many segments; one is dropped at a
#: time.
SEGMENTS = 16
#: Segments are no smaller, and no bigger, than this many bytes.
SMALLEST, BIGGEST = 1 << 16, 1 << 22
#: Reports that are kept in memory while the disk takes none.
UNWRITTEN = 32


class Spool:
    """
    :param path: directory
    :param max_bytes: the oldest reports are dropped beyond that, those that
        overtake after all the others
    :ivar epoch: goes with the sequences of the reports appended from now on
    :raises InvalidConfiguration: the directory can't be used
    """

    def __init__(self, path, max_bytes):
        self._path = path
        self._max = max_bytes
        self._limit = min(max(max_bytes // SEGMENTS, SMALLEST), BIGGEST)
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._listener = None
        self._urgent, self._others = lanes.Lane('urgent'), lanes.Lane('spool')
        self._lanes = (self._urgent, self._others)
        self._last = None
        self._metrics = {}
        self._dropped = 0
        self._failing = self._unsynced = False
        self._number = 0
        self._rank = 0
        self.epoch = None
        self._sequence = 1
        try:
            os.makedirs(path, mode=0o750, exist_ok=True)
            with self._lock:
                self._recover()
        except OSError as error:
            problem = f'spool {error.filename or path}: {error.strerror}'
        else:
            return
        raise exceptions.InvalidConfiguration(problem)

    @property
    def bytes(self):
        """What it takes on disk."""
        return sum(lane.bytes for lane in self._lanes)

    def __len__(self):
        """Reports that wait."""
        return sum(len(lane.reports) for lane in self._lanes)

    def append(self, report):
        """Put a report at the end of its lane, on disk.

        Its epoch and sequence are filled in. While the disk takes none, the
        last `UNWRITTEN` are kept in memory; that is said once.

        :returns: the Report as it was kept
        """
        with self._lock:
            report = dataclasses.replace(
                report, epoch=self.epoch, sequence=self._sequence
            )
            self._sequence += 1
            waiting = self._keep(report)
            lane = self._lane(report)
            lane.reports.append(waiting)
            self._bound()
            # nearly always it is asked for before there is another
            if self._last is not None and self._last.segment is not None:
                self._last.report = None
            self._last = waiting
            self._arrived.notify_all()
        if self._listener is not None:
            self._listener()
        return report

    def listen(self, listener):
        """
        :param listener: called whenever a report was appended
        """
        self._listener = listener

    def head(self, timeout=0.0):
        """The report that is to be sent first, with its metrics.

        It is one that overtakes, if there is any, unless others wait whose
        epoch is an older one.

        :param timeout: seconds to wait for one
        :returns: Report, or None
        """
        with self._lock:
            if not self._first() and timeout:
                self._arrived.wait(timeout)
            while lane := self._first():
                report = self._load(lane.reports[0])
                if report is not None:
                    return report
                lane.pop()
                self._drop(1)
        return None

    def wake(self):
        """Have :meth:`head` return."""
        with self._lock:
            self._arrived.notify_all()

    def remove(self, report):
        """Forget the first report of its lane: it is where it belongs.

        :param report: as :meth:`head` gave it; nothing happens where it was
            dropped since
        :returns: whether it was still there
        """
        identity = (report.epoch, report.sequence)
        with self._lock:
            lane = self._lane(report)
            if not lane.reports or lane.reports[0].identity != identity:
                return False
            waiting = lane.pop()
            if self._last is waiting:
                self._last = None
            if waiting.segment is not None:
                self._removed(lane, identity)
        return True

    def discard(self, report):
        """Forget the first report of its lane, which nobody will ever take,
        and count it as dropped.
        """
        if self.remove(report):
            with self._lock:
                self._drop(1)

    def take_dropped(self):
        """How many reports were lost since this was last called."""
        with self._lock:
            taken = self._dropped
            if taken:
                self._drop(-taken)
        return taken

    def sync(self):
        """Have all that waits survive the loss of power; takes its time."""
        with self._lock:
            dirty = [
                segment
                for lane in self._lanes
                for segment in lane.segments
                if segment.waiting and segment.dirty
            ]
            for segment in dirty:
                segment.dirty = False
        problem = None
        for segment in dirty:
            try:
                self._sync_segment(segment)
            except FileNotFoundError:
                # meanwhile all of it was taken, or dropped
                continue
            except OSError as error:
                segment.dirty, problem = True, error
        if problem and not self._unsynced:
            LOG.warning('Spool %s: not synced: %s', self._path, problem)
        self._unsynced = problem is not None

    def _sync_segment(self, segment):
        _sync(segment.path, os.fdatasync)
        if not segment.named:
            _sync(self._path, os.fsync)
            segment.named = True

    def close(self):
        with self._lock:
            for lane in self._lanes:
                lane.close()

    # All below is called with the lock held.

    def _lane(self, report):
        return self._urgent if report.overtakes else self._others

    def _first(self):
        """The lane to send from, or None."""
        urgent, others = self._urgent.reports, self._others.reports
        if not urgent:
            return self._others if others else None
        # a conductor that went on to the next epoch forgets an older one's
        # sequences
        if others and others[0].rank < urgent[0].rank:
            return self._others
        return self._urgent

    def _keep(self, report):
        """
        :returns: its lanes.Waiting
        """
        waiting = lanes.Waiting(
            self.epoch, self._rank, report.sequence, report=report
        )
        problem = None
        try:
            self._write_report(self._lane(report), waiting)
        except OSError as error:
            problem = error
        self._fails(problem)
        return waiting

    def _write_report(self, lane, waiting):
        if lane.file is None or lane.segments[-1].size > self._limit:
            self._open_segment(lane)
        segment, report = lane.segments[-1], waiting.report
        frame = report.frame
        if frame is not None and frame.metrics is not None:
            if frame.schema not in segment.schemas:
                metrics = [wire.to_wire(m) for m in frame.metrics]
                lane.write(b'M', [frame.schema, metrics])
                segment.schemas.add(frame.schema)
                self._metrics[frame.schema] = frame.metrics
            frame = dataclasses.replace(frame, metrics=None)
        plain = wire.to_wire(dataclasses.replace(report, frame=frame))
        lane.write_report(waiting, plain)

    def _bound(self):
        while self.bytes > self._max and self._drop_oldest():
            pass
        if not self._failing:
            return
        unwritten = [
            (lane, waiting)
            for lane in (self._others, self._urgent)
            for waiting in lane.reports
            if waiting.segment is None
        ]
        if len(unwritten) > UNWRITTEN:
            lane, waiting = unwritten[0]
            lane.reports.remove(waiting)
            self._drop(1)

    def _drop(self, count):
        """Count it, here and on disk."""
        self._dropped += count
        self._write_quietly(self._others, b'D', self._dropped)

    def _write_quietly(self, lane, kind, thing):
        """
        :returns: whether it was written
        """
        problem = None
        try:
            if lane.file is None:
                return False
            lane.write(kind, thing)
        except OSError as error:
            problem = error
        if problem:
            self._fails(problem)
        return not problem

    def _fails(self, error):
        if error and not self._failing:
            LOG.error(
                'Spool %s: reports are kept in memory only: %s',
                self._path,
                error.strerror or error,
            )
        elif self._failing and not error:
            LOG.info('Spool %s works again', self._path)
        self._failing = error is not None

    def _removed(self, lane, identity):
        """A report of a lane, and all before it, need not be sent."""
        if not lane.reports and lane.bytes > self._limit:
            self._start_anew(lane)
        elif self._write_quietly(lane, b'A', identity):
            self._drop_done(lane)
        elif not any(segment.waiting for segment in lane.segments):
            # it would be sent again: so do without what can't be written to
            lane.close()
            self._unlink(lane, list(lane.segments))
        # and where this fails, it is sent again: a duplicate

    def _open_segment(self, lane):
        path = os.path.join(self._path, f'{self._number:010}.{lane.suffix}')
        segment = lanes.Segment(path, self._number, self.epoch, self._rank)
        self._number += 1
        header = {
            'epoch': self.epoch,
            'sequence': self._sequence,
            'boot': proc.boot_id(),
            'dropped': self._dropped,
        }
        lane.open(segment, header)

    def _start_anew(self, lane):
        """Nothing waits: a fresh segment takes the place of all others."""
        old = list(lane.segments)
        problem = None
        try:
            self._open_segment(lane)
        except OSError as error:
            problem = error
        if problem:
            self._fails(problem)
        else:
            self._unlink(lane, old)

    def _drop_done(self, lane):
        while len(lane.segments) > 1 and not lane.segments[0].waiting:
            self._unlink(lane, [lane.segments[0]])

    def _drop_oldest(self):
        """Do without a segment: one of those that do not overtake, if there
        is more than the one that is written to.

        :returns: whether there was any
        """
        for lane in (self._others, self._urgent):
            if len(lane.segments) > 1:
                break
        else:
            return False
        oldest = lane.segments[0]
        lane.reports = collections.deque(
            waiting
            for waiting in lane.reports
            if waiting.segment is not oldest
        )
        self._unlink(lane, [oldest])
        if oldest.waiting:
            self._drop(oldest.waiting)
        return True

    def _unlink(self, lane, segments):
        for segment in segments:
            lane.segments.remove(segment)
            problem = None
            try:
                os.unlink(segment.path)
            except OSError as error:
                problem = error
            if problem:
                self._fails(problem)
        held = {s for i in self._lanes for g in i.segments for s in g.schemas}
        for schema in self._metrics.keys() - held:
            del self._metrics[schema]

    def _load(self, waiting):
        """
        :returns: Report; None where the file was taken away, or damaged
        """
        if waiting.report is not None:
            return waiting.report
        problem = None
        try:
            report = wire.from_wire(model.Report, lanes.read(waiting))
        except (OSError, ValueError, exceptions.InvalidReport) as error:
            problem = error
        if problem:
            LOG.error('Spool %s: a report is lost: %s', self._path, problem)
            return None
        if report.frame is None:
            return report
        metrics = self._metrics.get(report.frame.schema)
        frame = dataclasses.replace(report.frame, metrics=metrics)
        return dataclasses.replace(report, frame=frame)

    def _recover(self):
        """Read what an earlier agent has left."""
        found = [lanes.NAME.fullmatch(name) for name in os.listdir(self._path)]
        boot, whole, ranks = None, True, {}
        for match in sorted(filter(None, found), key=lambda m: int(m[1])):
            self._number = int(match[1]) + 1
            lane = self._urgent if match[2] == 'urgent' else self._others
            segment = lanes.Segment(
                os.path.join(self._path, match[0]), int(match[1]), named=True
            )
            recovery = lanes.Recovery(lane, segment, ranks, self._metrics)
            whole = recovery.run() and whole
            if recovery.header is not None:
                self._go_on_after(recovery)
                boot = recovery.header['boot']
        # more than any that may have been lost
        self._sequence = max(self._sequence, int(time.time() * 1e6))
        if not whole or boot != proc.boot_id():
            self.epoch, self._sequence = str(uuid.uuid4()), 1
        self._rank = ranks.setdefault(self.epoch, len(ranks))
        problem = None
        for lane in self._lanes:
            try:
                self._open_segment(lane)
            except OSError as error:
                # a full disk is to be reported, and not by silence
                problem = error
            self._drop_done(lane)
        self._fails(problem)

    def _go_on_after(self, recovery):
        if recovery.header['epoch'] != self.epoch:
            self.epoch, self._sequence = recovery.header['epoch'], 1
        self._sequence = max(self._sequence, recovery.sequence)
        if recovery.lane is self._others:
            self._dropped = recovery.dropped


class Syncer:
    """Has what waits in a spool survive the loss of power; its own thread.

    :param spool: a :class:`Spool`
    """

    #: Seconds that a report may wait and need not be synced.
    DELAY = 0.5
    #: Seconds after which it looks though nothing was appended.
    IDLE = 60.0

    def __init__(self, spool):
        self._spool = spool
        self._stopping = threading.Event()
        self._loop = service.Loop('agent-spool', self._work, self.IDLE)
        spool.listen(self._loop.wake)

    def start(self):
        self._loop.start()

    def stop(self):
        self._stopping.set()
        self._loop.stop()
        self._spool.sync()

    def _work(self):
        self._stopping.wait(self.DELAY)
        self._spool.sync()


def _sync(path, sync):
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(file)
    finally:
        os.close(file)
