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

"""The last minutes of all servers, kept in memory as arrays.

A frame is read once. Which servers have new ones, their marks tell; theirs
are looked for at the end of time. Where fewer are found there than a mark
counts, some came late: that server is read anew, from the beginning.
"""

import collections

import numpy

from sentinella.storage import base
from sentinella.storage import frames

#: Seconds before the end of the last reading where new frames are looked for.
OVERLAP = 10.0

#: Servers that a query names. To name more of them takes longer than to read
#: what they all have.
NAMED = 500

#: Part of what is kept that is not worth it to move all.
A_FEW = 1 / 16

#: Seconds after which nobody asks any more for what was not asked for.
UNUSED = 900.0

#: A time that no frame is of. Those that lie ahead are kept until it is
#: their turn: else nobody could tell how many of a server are still to come.
NEVER = 1e11


class Recent(base.Recent):
    """
    :param storage: SqlStorage; :param schemas: its Schemas
    """

    def __init__(self, storage, schemas):
        super().__init__(storage)
        self._schemas = schemas
        self._wanted = {}
        self._used = {}
        self._forget()

    def expect(self, wanted):
        if self._grow(wanted, 0.0):
            self._forget()

    def _forget(self):
        self._known = {}
        self._kept = {}
        self._marks = {}
        # servers of which not all was found: perhaps their clocks are ahead
        self._behind = set()
        self._end = 0.0

    def windows(self, wanted, now, end, marks):
        if self._grow(wanted, now) or self._shrink(now) or end < self._end:
            self._forget()
        known = self._schemas.with_metrics({name for name, _ in self._wanted})
        self._learn(known)
        if not self._marks:
            self._read_all(now)
            self._behind = set(marks)
        else:
            self._read_new(now, marks)
        self._marks, self._end = dict(marks), end
        self._expire(now)
        return frames.windows_of(self._pieces(wanted, end * 1000), wanted)

    def _grow(self, wanted, now):
        """
        :returns: whether there is more to be read than before
        """
        self._used.update(dict.fromkeys(wanted, now))
        more = {
            one: seconds
            for one, seconds in wanted.items()
            if seconds > self._wanted.get(one, 0.0)
        }
        self._wanted |= more
        return bool(more)

    def _shrink(self, now):
        """
        :returns: whether there is less to be kept than before
        """
        unused = [
            one for one, used in self._used.items() if 0 < used < now - UNUSED
        ]
        for one in unused:
            del self._used[one], self._wanted[one]
        return bool(unused)

    def _learn(self, schemas):
        """Find out which columns of these are wanted, and for how long."""
        for id_, schema in schemas.items():
            if id_ in self._known:
                continue
            lookbacks = {}
            for (name, dimensions), seconds in self._wanted.items():
                for column in schema.columns(name, dict(dimensions)):
                    lookbacks[column] = max(
                        seconds, lookbacks.get(column, 0.0)
                    )
            columns = collections.defaultdict(list)
            for column, seconds in lookbacks.items():
                columns[seconds].append(column)
            if columns:
                self._known[id_] = schema, dict(columns)

    def _ids(self, lookback):
        """Of the schemas that are wanted for so long."""
        return [
            id_
            for id_, (_, columns) in self._known.items()
            if max(columns) >= lookback
        ]

    def _lookbacks(self):
        return sorted({s for _, one in self._known.values() for s in one})

    def _read_all(self, now):
        """Each stretch of time for those that want it."""
        end = NEVER
        for lookback in self._lookbacks():
            start = now - lookback
            self._take(self._ids(lookback), start, end, lookback)
            end = start

    def _read_new(self, now, marks):
        changed = dict.fromkeys(self._behind & marks.keys(), 0)
        changed |= {
            id_: _advance(self._marks.get(id_), mark)
            for id_, mark in marks.items()
            if mark != self._marks.get(id_)
        }
        if not changed or not self._known:
            return
        named = sorted(changed) if len(changed) <= NAMED else None
        found = self._take(
            self._ids(0.0), self._end - OVERLAP, NEVER, 0.0, named
        )
        late = sorted(
            id_ for id_, count in changed.items() if found[id_] < count
        )
        self._behind.difference_update(id_ for id_, n in changed.items() if n)
        self._behind.update(late)
        longest = max(self._lookbacks())
        for first in range(0, len(late), NAMED):
            some = late[first : first + NAMED]
            self._take(self._ids(0.0), now - longest, NEVER, 0.0, some)

    def _take(self, ids, start, end, lookback, server_ids=None):
        """Keep those frames that are not yet.

        :param lookback: what is wanted for less long is left out
        :returns: Counter of new ones of each server
        """
        new = collections.Counter()
        found = collections.defaultdict(list)
        for rows in self._storage.rows(ids, start, end, server_ids):
            by_schema = collections.defaultdict(list)
            for schema_id, *row in rows:
                by_schema[schema_id].append(row)
            for schema_id, its_rows in by_schema.items():
                self._unpack(schema_id, its_rows, lookback, found)
        for kept in list(found):
            # there may be hundreds of megabytes: not twice for longer than
            # it takes
            keys, values = _joined(found.pop(kept))
            added = self._add(kept, keys, values)
            del values
            if kept[1] == max(self._known[kept[0]][1]):
                new.update((added // frames.SERVER).tolist())
        return new

    def _unpack(self, schema_id, rows, lookback, found):
        schema, columns = self._known[schema_id]
        groups = {s: some for s, some in columns.items() if s >= lookback}
        flat = [column for some in groups.values() for column in some]
        keys, values = frames.unpack(len(schema.metrics), flat, rows)
        place = 0
        for seconds, some in groups.items():
            part = values[place : place + len(some)]
            found[schema_id, seconds].append((keys, part))
            place += len(some)

    def _add(self, kept, keys, values):
        """
        :returns: the keys of those that are new
        """
        if kept not in self._kept:
            self._kept[kept] = _Kept(len(values))
        return self._kept[kept].add(keys, values)

    def _expire(self, now):
        for (_, lookback), kept in self._kept.items():
            kept.expire((now - lookback) * 1000)

    def _pieces(self, wanted, end):
        names = {name for name, _ in wanted}
        pieces = collections.defaultdict(list)
        for (schema_id, seconds), kept in self._kept.items():
            schema, columns = self._known[schema_id]
            for place, column in enumerate(columns[seconds]):
                metric = schema.metrics[column]
                if metric.name in names:
                    pieces[metric].append(kept.column(place, end))
        return pieces


class _Kept:
    """Some columns of the frames of one schema, sorted by their keys; and a
    few new ones beside these, so that not all has to be moved for each."""

    def __init__(self, columns):
        self._keys = numpy.zeros(0, dtype=numpy.int64)
        self._values = numpy.zeros((columns, 0))
        self._few = self._keys, self._values
        self._order = None
        self._newest = 0

    def add(self, keys, values):
        """
        :returns: the keys of those that are new
        """
        new = ~(_within(keys, self._keys) | numpy.isin(keys, self._few[0]))
        if not new.all():
            keys, values = keys[new], values[:, new]
        times = keys % frames.SERVER
        self._newest = max(self._newest, times.max(initial=0))
        if not len(self._keys) + len(self._few[0]):
            self._keys, self._values = _sorted(keys, values)
        elif len(keys):
            self._few = _joined([self._few, (keys, values)])
            self._order = None
            if len(self._few[0]) > len(self._keys) * A_FEW:
                self._merge()
        return keys

    def _merge(self):
        keys, values = _joined([(self._keys, self._values), self._few])
        # not a part of what is large, which would keep it
        self._few = keys[:0].copy(), values[:, :0].copy()
        self._keys, self._values = _sorted(keys, values)
        self._order = None

    def expire(self, before):
        """Forget what is older, once it is more than a few.

        :param before: milliseconds
        """
        fresh = self._keys % frames.SERVER > before
        if len(fresh) - fresh.sum() > len(fresh) * A_FEW:
            self._keys, self._values = (
                self._keys[fresh],
                self._values[:, fresh],
            )
            self._order = None

    def column(self, place, end):
        """
        :param end: milliseconds; what is later is left out
        :returns: keys and values of one column, sorted
        """
        keys, values = self._column(place)
        if self._newest <= end:
            return keys, values
        there = keys % frames.SERVER <= end
        return keys[there], values[there]

    def _column(self, place):
        if not len(self._few[0]):
            return self._keys, self._values[place]
        if self._order is None:
            keys = numpy.concatenate((self._keys, self._few[0]))
            order = numpy.argsort(keys, kind='stable')
            self._order = keys[order], order
        keys, order = self._order
        values = (self._values[place], self._few[1][place])
        return keys, numpy.concatenate(values)[order]


def _sorted(keys, values):
    order = numpy.argsort(keys, kind='stable')
    return keys[order], values[:, order]


def _within(keys, known):
    """
    :param known: sorted
    """
    if not len(known):
        return numpy.zeros(len(keys), bool)
    places = numpy.searchsorted(known, keys)
    places[places == len(known)] = 0
    return known[places] == keys


def _joined(pieces):
    keys, values = zip(*pieces, strict=True)
    return numpy.concatenate(keys), numpy.concatenate(values, 1)


def _advance(before, after):
    """How many frames a server may have more."""
    if before is None or before[0] != after[0]:
        # it began anew, nobody knows what with
        return float('inf')
    return after[1] - before[1]
