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

"""Frames in the database that the control plane is in.

A frame is a row, its values packed as the agent sent them: a conductor never
looks into them. The key begins with the time, so that rows are appended and
expire in order, and a window over all servers is one stretch of them.
"""

import math

import numpy
import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import models
from sentinella.storage import base
from sentinella.storage import frames
from sentinella.storage import recent
from sentinella.storage import schemas

TABLE = models.frames

#: Rows that one transaction of expiry removes.
EXPIRED_AT_ONCE = 10000

_REDUCE = {
    'avg': lambda values, first, counts: (
        numpy.add.reduceat(values, first) / counts
    ),
    'min': lambda values, first, counts: numpy.minimum.reduceat(values, first),
    'max': lambda values, first, counts: numpy.maximum.reduceat(values, first),
    'sum': lambda values, first, counts: numpy.add.reduceat(values, first),
    'count': lambda values, first, counts: counts.astype(float),
    'last': lambda values, first, counts: values[first + counts - 1],
}


def milliseconds(seconds):
    """The last whole millisecond that is not after a time."""
    # Doubles hold today's times to a quarter of a microsecond, so that one
    # which stands for a whole millisecond may lie just below it.
    return math.floor(round(seconds * 1000, 2))


class SqlStorage(base.Storage):
    def __init__(self, conf, database):
        self._database = database
        self._schemas = schemas.Schemas(database)

    def metrics_of(self, schema):
        known = self._schemas.get(schema)
        return None if known is None else known.metrics

    def learn(self, metrics):
        self._schemas.learn(metrics)

    def write(self, frames):
        # in the key's order, so that two who write the same don't deadlock
        rows = sorted(
            (self._row(frame) for frame in frames),
            key=lambda row: (row['at'], row['server_id']),
        )
        if rows:
            self._database.write(lambda session: _insert(session, rows))

    def _row(self, frame):
        schema = self._schemas.get(frame.schema)
        if schema is None:
            raise exceptions.InvalidReport(
                f'schema {frame.schema!r:.40} was never learnt'
            )
        return {
            'at': round(frame.at * 1000),
            'server_id': frame.server_id,
            'schema_id': schema.id,
            'packed': frame.values,
        }

    def windows(self, wanted, end, server_ids=None):
        found = frames.Reading(wanted, self._schemas)
        for start, end_ in found.slabs(end):
            where = _between(start, end_)
            if server_ids is not None:
                where.append(TABLE.c.server_id.in_(list(server_ids)))
            self._read(found, start, where)
        return found.windows()

    def recent(self):
        return recent.Recent(self, self._schemas)

    def rows(self, schema_ids, start, end, server_ids=None):
        """
        :param start: seconds, exclusive; :param end: seconds, inclusive
        :param server_ids: only these servers; None for all
        :yields: lists of (schema's id, server's number, milliseconds, packed)
        """
        where = _between(start, end)
        if server_ids is not None:
            where.append(TABLE.c.server_id.in_(list(server_ids)))
        yield from self._select(sorted(schema_ids), where)

    def _read(self, found, start, where):
        """Read the frames of one slab of time."""
        for some in self._select(found.schema_ids(start), where):
            found.take(start, some)

    def _select(self, schema_ids, where):
        if not schema_ids:
            return
        query = sa.select(
            TABLE.c.schema_id, TABLE.c.server_id, TABLE.c.at, TABLE.c.packed
        ).where(TABLE.c.schema_id.in_(schema_ids), *where)
        with self._database.reader() as session:
            yield from session.execute(query).partitions(frames.AT_ONCE)

    def series(self, server_id, start, end):
        query = (
            sa.select(TABLE.c.schema_id)
            .distinct()
            .where(
                TABLE.c.server_id == server_id,
                TABLE.c.at > milliseconds(start),
                TABLE.c.at <= milliseconds(end),
            )
        )
        with self._database.reader() as session:
            ids = session.scalars(query).all()
        found = self._schemas.by_id(ids).values()
        return sorted(
            {metric for schema in found for metric in schema.metrics},
            key=lambda metric: (metric.name, metric.dimensions),
        )

    def range(self, server_id, metric, start, end, step, function):
        if function not in _REDUCE:
            raise exceptions.InvalidInput(
                f'function: expected one of {", ".join(_REDUCE)}, got '
                f'{function!r:.40}'
            )
        # one who asks from 0.0005 does not mean a sample at 0
        first, end_ = -milliseconds(-start), -milliseconds(-end)
        where = [
            TABLE.c.server_id == server_id,
            TABLE.c.at >= first,
            TABLE.c.at < end_,
        ]
        found = frames.Reading(
            {(metric.name, metric.dimensions): start}, self._schemas
        )
        self._read(found, start, where)
        (window,) = found.windows().values()
        for series in window:
            if series.metric == metric:
                return _steps(series, start, step, _REDUCE[function])
        return []

    def latest(self, server_id, since):
        query = (
            sa.select(TABLE.c.at, TABLE.c.schema_id, TABLE.c.packed)
            .where(
                TABLE.c.server_id == server_id,
                TABLE.c.at >= -milliseconds(-since),
            )
            .order_by(TABLE.c.at.desc())
        )
        with self._database.reader() as session:
            rows = session.execute(query).all()
        known = self._schemas.by_id({row.schema_id for row in rows})
        found = {}
        for at, schema_id, packed in rows:
            missing = [
                (column, metric)
                for column, metric in enumerate(known[schema_id].metrics)
                if metric not in found
            ]
            if missing:
                _fill(found, at, packed, known[schema_id], missing)
        return [
            (metric, at, value)
            for metric, (at, value) in sorted(
                found.items(), key=lambda item: _order(item[0])
            )
        ]

    def expire(self, before):
        total = 0
        while True:
            count = self._database.write(
                lambda session: _expire(session, -milliseconds(-before))
            )
            total += count
            if count < EXPIRED_AT_ONCE:
                return total


def _between(start, end):
    return [
        TABLE.c.at > milliseconds(start),
        TABLE.c.at <= milliseconds(end),
    ]


def _order(metric):
    return metric.name, metric.dimensions


def _insert(session, rows):
    session.connection().execute(
        schemas.ignoring_duplicates(session, TABLE), rows
    )


def _steps(series, start, step, reduce):
    # in milliseconds: what begins a step must not fall just before it
    since = numpy.round((series.times - start) * 1000, 2)
    steps = numpy.floor_divide(since, step * 1000).astype(int)
    first = numpy.flatnonzero(numpy.diff(steps, prepend=-1))
    counts = numpy.diff(first, append=len(steps))
    values = reduce(series.values, first, counts)
    return [
        (start + int(index) * step, float(value))
        for index, value in zip(steps[first], values, strict=True)
    ]


def _fill(found, at, packed, schema, missing):
    width = len(schema.metrics)
    raw = model.unpack_bytes(packed)
    if len(raw) != 8 * width:
        return
    for column, metric in missing:
        value = float(numpy.frombuffer(raw[column::width], '<f8')[0])
        if not math.isnan(value):
            found[metric] = (at / 1000, value)


def _expire(session, before):
    old = TABLE.c.at < before
    last = session.scalar(
        sa.select(TABLE.c.at)
        .where(old)
        .order_by(TABLE.c.at)
        .offset(EXPIRED_AT_ONCE - 1)
        .limit(1)
    )
    if last is not None:
        old = TABLE.c.at <= last
    return session.execute(TABLE.delete().where(old)).rowcount
