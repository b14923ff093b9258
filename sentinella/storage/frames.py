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

"""Makes windows of frames.

What takes time is done once for all frames of a schema, and not for each
frame, metric or sample.
"""

import collections
import dataclasses

import numpy

from sentinella import exceptions
from sentinella import model
from sentinella.storage import base

#: Rows that are unpacked together: some megabytes.
AT_ONCE = 2000

#: A server's number times this, and a time in milliseconds: one number that
#: sorts. It lasts until the year 2109, for two million servers.
SERVER = 1 << 42


@dataclasses.dataclass(slots=True)
class _Columns:
    """What is read of one schema's frames, from a start on."""

    columns: list[int]
    keys: list[numpy.ndarray] = dataclasses.field(default_factory=list)
    values: list[numpy.ndarray] = dataclasses.field(default_factory=list)


class Reading:
    """Several windows, while frames come in slab by slab, newest first.

    :param wanted: see :meth:`base.Storage.windows`
    """

    def __init__(self, wanted, schemas):
        self._wanted = wanted
        self._starts = sorted(set(wanted.values()), reverse=True)
        self._schemas = schemas.with_metrics({name for name, _ in wanted})
        self._matches = {
            id_: self._columns(schema) for id_, schema in self._schemas.items()
        }
        self._found = collections.defaultdict(dict)

    def _columns(self, schema):
        """
        :returns: mapping of columns to where they start
        """
        starts = {}
        for (name, dimensions), start in self._wanted.items():
            for column in schema.columns(name, dict(dimensions)):
                starts[column] = min(start, starts.get(column, start))
        return starts

    def slabs(self, end):
        """
        :yields: (start, end) of those stretches in which the same columns
            are wanted
        """
        for start in self._starts:
            yield start, end
            end = start

    def schema_ids(self, start):
        """
        :returns: sorted ids of the schemas that are wanted as early as that
        """
        return sorted(
            id_
            for id_, columns in self._matches.items()
            if any(one <= start for one in columns.values())
        )

    def take(self, start, rows):
        """
        :param rows: (schema's id, server's number, milliseconds, packed)
        """
        by_schema = collections.defaultdict(list)
        for schema_id, *row in rows:
            by_schema[schema_id].append(row)
        for schema_id, its_rows in by_schema.items():
            found = self._found[schema_id]
            if start not in found:
                found[start] = _Columns(
                    [
                        column
                        for column, first in self._matches[schema_id].items()
                        if first <= start
                    ]
                )
            width = len(self._schemas[schema_id].metrics)
            key, values = unpack(width, found[start].columns, its_rows)
            found[start].keys.append(key)
            found[start].values.append(values)

    def windows(self):
        """
        :returns: mapping of what is wanted to Windows
        """
        pieces = collections.defaultdict(list)
        for schema_id, slabs in self._found.items():
            metrics = self._schemas[schema_id].metrics
            for column, key, values in _sorted_columns(slabs):
                pieces[metrics[column]].append((key, values))
        return windows_of(pieces, self._wanted)


def windows_of(pieces, wanted):
    """
    :param pieces: mapping of Metrics to lists of (keys, values), sorted
    :param wanted: (name, dimensions as sorted pairs) of each
    :returns: mapping of these to Windows
    """
    seen = {}
    merged = {
        metric: _merged(metric, some, seen) for metric, some in pieces.items()
    }
    by_name = collections.defaultdict(list)
    for metric in sorted(merged, key=_order):
        by_name[metric.name].append(metric)
    return {
        (name, dimensions): _window(
            [
                merged[metric]
                for metric in by_name[name]
                if metric.has(dict(dimensions))
            ]
        )
        for name, dimensions in wanted
    }


def _order(metric):
    return metric.name, metric.dimensions


def unpack(width, columns, rows):
    """Take some columns out of frames.

    :returns: array of keys, and values[column, row]
    """
    keys, raws = [], []
    for server_id, at, packed in rows:
        raw = _raw(packed)
        # else it is not what its schema says: nothing is to be known of it
        if raw is not None and len(raw) == 8 * width:
            keys.append(server_id * SERVER + at)
            raws.append(raw)
    # byte j of value i is at j * width + i
    shuffled = numpy.frombuffer(b''.join(raws), numpy.uint8)
    chosen = shuffled.reshape(-1, 8, width)[:, :, columns]
    values = numpy.ascontiguousarray(chosen.transpose(2, 0, 1)).view('<f8')
    return numpy.array(keys, dtype=numpy.int64), values[:, :, 0]


def _raw(packed):
    try:
        return model.unpack_bytes(packed)
    except exceptions.InvalidReport:
        return None


def _sorted_columns(slabs):
    """The columns of one schema, by server and time.

    :param slabs: mapping of starts to _Columns
    :yields: column, keys, values
    """
    pending = {}
    keys = []
    starts = sorted(slabs, reverse=True)
    for place, start in enumerate(starts):
        slab = slabs[start]
        keys = [numpy.concatenate(slab.keys), *keys]
        for column, values in zip(
            slab.columns, numpy.concatenate(slab.values, 1), strict=True
        ):
            pending.setdefault(column, []).insert(0, values)
        goes_on = (
            set(slabs[starts[place + 1]].columns)
            if place + 1 < len(starts)
            else ()
        )
        done = [column for column in pending if column not in goes_on]
        key = numpy.concatenate(keys) if done else None
        order = numpy.argsort(key, kind='stable') if done else None
        for column in done:
            values = numpy.concatenate(pending.pop(column))
            yield column, key[order], values[order]


@dataclasses.dataclass(frozen=True, slots=True)
class _Series:
    """All series of one metric."""

    metric: model.Metric
    server_ids: numpy.ndarray
    first: numpy.ndarray
    times: numpy.ndarray
    values: numpy.ndarray


def _merged(metric, pieces, seen):
    """
    :param seen: what follows from keys alone, by the id of their array: many
        metrics share one
    """
    key, values = pieces[0]
    if len(pieces) > 1:
        key, values = (
            numpy.concatenate(some) for some in zip(*pieces, strict=True)
        )
        order = numpy.argsort(key, kind='stable')
        key, values = key[order], values[order]
    missing = numpy.isnan(values)
    if missing.any():
        key, values = key[~missing], values[~missing]
    if id(key) not in seen:
        # with the array itself, so that its id stays its own
        seen[id(key)] = key, *_stretches(key)
    _, servers, first, times = seen[id(key)]
    return _Series(metric, servers, first, times, values)


def _stretches(key):
    servers, milliseconds = numpy.divmod(key, SERVER)
    first = numpy.flatnonzero(numpy.diff(servers, prepend=-1))
    return servers[first], first, milliseconds / 1000


def _window(several):
    several = [one for one in several if len(one.first)]
    lengths = [len(one.times) for one in several]
    before = numpy.concatenate(([0], numpy.cumsum(lengths, dtype=int)))
    counts = [len(one.first) for one in several]
    nothing = numpy.zeros(0, dtype=numpy.int64)
    return base.Window(
        tuple(one.metric for one in several),
        numpy.repeat(numpy.arange(len(several)), counts),
        numpy.concatenate([nothing, *(one.server_ids for one in several)]),
        numpy.concatenate(
            [
                nothing,
                *(
                    one.first + offset
                    for one, offset in zip(several, before, strict=False)
                ),
                before[-1:],
            ]
        ),
        _joined([one.times for one in several]),
        _joined([one.values for one in several]),
    )


def _joined(arrays):
    """One is not copied."""
    if len(arrays) == 1:
        return arrays[0]
    return numpy.concatenate([numpy.zeros(0), *arrays])
