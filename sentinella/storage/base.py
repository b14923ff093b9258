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

"""The interface of a storage engine for samples, and of nothing else."""

import abc
import dataclasses

import numpy

from sentinella import model


@dataclasses.dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame of one server, its values still packed.

    :ivar server_id: the server's number in the database
    :ivar at: server side time, whole milliseconds
    """

    server_id: int
    at: float
    schema: str
    values: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """The samples of one metric on one server, oldest first, without NaN.

    :ivar times: float64, seconds
    :ivar values: float64, as many
    """

    server_id: int
    metric: model.Metric
    times: numpy.ndarray
    values: numpy.ndarray


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Series end to end in two long arrays, by metric, then server.

    :ivar metrics: those of the series, each once
    :ivar places: of each series, the place of its metric there
    :ivar server_ids: of each series
    :ivar bounds: where each series begins, and where the last one ends
    :ivar times: float64, seconds
    :ivar values: float64, as many
    """

    metrics: tuple[model.Metric, ...]
    places: numpy.ndarray
    server_ids: numpy.ndarray
    bounds: numpy.ndarray
    times: numpy.ndarray
    values: numpy.ndarray

    @classmethod
    def of(cls, several):
        """
        :param several: Series
        """
        metrics = {}
        places = [
            metrics.setdefault(one.metric, len(metrics)) for one in several
        ]
        lengths = [0, *(len(one.times) for one in several)]
        empty = numpy.zeros(0)
        return cls(
            tuple(metrics),
            numpy.array(places, dtype=numpy.int64),
            numpy.array([s.server_id for s in several], dtype=numpy.int64),
            numpy.cumsum(lengths),
            numpy.concatenate([empty, *(one.times for one in several)]),
            numpy.concatenate([empty, *(one.values for one in several)]),
        )

    def __len__(self):
        return len(self.places)

    def __getitem__(self, number):
        """
        :returns: Series
        """
        place = range(len(self))[number]
        part = slice(self.bounds[place], self.bounds[place + 1])
        return Series(
            int(self.server_ids[place]),
            self.metrics[self.places[place]],
            self.times[part],
            self.values[part],
        )


class Storage(abc.ABC):
    """Keeps frames; safe to be used by several threads and processes.

    Servers go by their number in the database. Times are server side time.
    """

    @abc.abstractmethod
    def metrics_of(self, schema):
        """
        :param schema: a digest
        :returns: the tuple of Metrics that it stands for, in the order of
            their values, or None where it was never learnt
        """

    @abc.abstractmethod
    def learn(self, metrics):
        """Keep a schema; a second time changes nothing.

        :param metrics: tuple of Metric
        """

    @abc.abstractmethod
    def write(self, frames):
        """Keep frames, durably when this returns.

        A frame of the same server and time as one that is kept is the same
        frame, sent again: it changes nothing.

        :param frames: StoredFrames of known schemas
        """

    def window(self, name, dimensions, start, end, server_ids=None):
        """All samples of a metric in a time.

        :param name: the metric's name
        :param dimensions: mapping that the metric's own must hold
        :param start: seconds, exclusive; :param end: seconds, inclusive
        :param server_ids: only these servers; None for all
        :returns: Window, a Series per server and metric that has any sample
            there
        """
        wanted = name, tuple(sorted(dimensions.items()))
        return self.windows({wanted: start}, end, server_ids)[wanted]

    @abc.abstractmethod
    def windows(self, wanted, end, server_ids=None):
        """Several windows until the same time, each frame read once.

        :param wanted: mapping of (name, dimensions as sorted pairs) to
            where it starts, see :meth:`window`; where two of them hold the
            same series, these may start with the longer one
        :returns: mapping of the same to Windows
        """

    def recent(self):
        """
        :returns: Recent, for one who asks again and again
        """
        return Recent(self)

    @abc.abstractmethod
    def series(self, server_id, start, end):
        """
        :param start: seconds, exclusive; :param end: seconds, inclusive
        :returns: sorted list of the Metrics that a server has between
        """

    @abc.abstractmethod
    def range(self, server_id, metric, start, end, step, function):
        """One number for each step that has a sample.

        The first step begins at `start`, and each holds its beginning but
        not its end; the last one may be shorter.

        :param metric: a Metric, exactly
        :param start: seconds, inclusive; :param end: seconds, exclusive
        :param step: seconds
        :param function: avg, min, max, sum, count or last
        :returns: list of (start of the step, value)
        """

    @abc.abstractmethod
    def latest(self, server_id, since):
        """
        :param since: seconds, inclusive
        :returns: list of (Metric, time, value), the last of each since then
            that is a number, sorted by metric
        """

    @abc.abstractmethod
    def expire(self, before):
        """Forget frames older than a time.

        :returns: number of frames forgotten
        """


class Recent:
    """The last minutes' samples, as they are when they are asked for.

    An engine may keep them in memory, if it can tell what is new.
    """

    def __init__(self, storage):
        self._storage = storage

    def expect(self, wanted):
        """Be ready to be asked for this, see :meth:`windows`."""

    def windows(self, wanted, now, end, marks):
        """
        :param wanted: mapping of (name, dimensions as sorted pairs) to
            seconds before now
        :param now: the server side's time; :param end: seconds, inclusive
        :param marks: mapping of the numbers of servers to (epoch, sequence):
            the former changes when the latter begins anew, and that grows
            with each frame, by one at least, in the transaction that stores
            it. They must have been read before.
        :returns: mapping of the same to Windows, perhaps of longer ago
        """
        starts = {one: now - seconds for one, seconds in wanted.items()}
        return self._storage.windows(starts, end)
