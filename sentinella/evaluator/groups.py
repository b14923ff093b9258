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

"""Which groups there are: series that share the values of some dimensions.

What a definition reads need not have all of these dimensions: the CPU of a
server belongs to each service on it. So each thing that is read has its own
groups, by those dimensions that it has, and the definition's groups are these
joined on what they share. A group that one of them lacks is kept; what is
lacking is then not known.

Of two dimensions each series has one: `server`, and `host`. The host of a
series that does not name one is its server's, so that what an agent tells of
its node meets what others tell of that node.
"""

import functools

import numpy

from sentinella import exceptions

#: The dimension that is not a metric's own.
SERVER = 'server'

#: The dimension that a server's name stands for where a metric has it not.
HOST = 'host'

#: Of a definition whose metrics share no dimension: the product is too much.
MAX_GROUPS = 1_000_000


class Grouping:
    """By what is grouped.

    :param match_by: names of dimensions
    """

    def __init__(self, match_by, servers):
        self.names = tuple(sorted(set(match_by) - {SERVER}))
        self.by_server = SERVER in match_by
        self.servers = servers

    def key(self, dimensions):
        """
        :param dimensions: mapping
        :returns: the values of all names; None for what is not there
        """
        return tuple([dimensions.get(name) for name in self.names])

    def keys(self, samples):
        """
        :param samples: vectors.Samples
        :returns: some keys, and of each series the place of its own
        """
        keys, place = samples.told(self.names)
        if HOST not in self.names:
            return keys, place
        return self._stand_in(keys, place, samples.server)

    def _stand_in(self, keys, place, server):
        """Of each series that has no host, its server's name is it."""
        at = self.names.index(HOST)
        lacks = numpy.array([key[at] is None for key in keys], bool)[place]
        width = len(self.servers) + 1
        code = place * width + numpy.where(lacks, server + 1, 0)
        codes, place = numpy.unique(code, return_inverse=True)
        found = []
        for number, one in zip(*divmod(codes, width), strict=True):
            key = keys[number]
            if one:
                name = self.servers.hostnames[one - 1]
                key = (*key[:at], name, *key[at + 1 :])
            found.append(key)
        return found, place


class Table:
    """The groups of one thing that is read.

    :ivar has: of each name, whether it is a dimension of it at all
    :ivar keys: distinct values of the names, None for those it has not
    :ivar key: of each group, the place in `keys`
    :ivar server: of each group, its server's place, or 0
    """

    def __init__(self, grouping, keys, key, server):
        values = list(zip(*keys, strict=True)) or [()] * len(grouping.names)
        self.has = tuple(any(v is not None for v in one) for one in values)
        full = keys
        if any(None in one for one in values):
            # what others of its series have is empty in this one
            full = [_fill(one, self.has) for one in keys]
        numbers = {}
        codes = [numbers.setdefault(one, len(numbers)) for one in full]
        self.keys = list(numbers)
        width = max(len(grouping.servers), 1)
        server = server if grouping.by_server else numpy.zeros_like(server)
        code = numpy.array(codes, dtype=numpy.int64)[key] * width + server
        self.codes, self.group = numpy.unique(code, return_inverse=True)
        self.key, self.server = numpy.divmod(self.codes, width)
        self._width = width

    def __len__(self):
        return len(self.codes)

    @property
    def full(self):
        """Its keys with all that it has not left empty."""
        if all(self.has):
            return self.keys
        return [_fill(one, (True,) * len(one)) for one in self.keys]

    def find(self, keys, key, server):
        """Where the groups of other keys are in this one, or -1.

        :param keys: full ones; :param key: places in these
        """
        if keys is self.keys and key is self.key and server is self.server:
            # nothing was joined with it
            return numpy.arange(len(self))
        known = {one: place for place, one in enumerate(self.keys)}
        wanted = keys
        if not all(self.has):
            wanted = [
                tuple(
                    value if has else None
                    for value, has in zip(one, self.has, strict=True)
                )
                for one in keys
            ]
        place = numpy.array(
            [known.get(one, -1) for one in wanted], dtype=numpy.int64
        )
        if not len(self):
            return numpy.full(len(key), -1)
        code = place[key] * self._width + server
        found = numpy.searchsorted(self.codes, code)
        found[found == len(self)] = 0
        return numpy.where(
            (place[key] >= 0) & (self.codes[found] == code), found, -1
        )


class Universe:
    """All groups of a definition, or of a share.

    :ivar keys: distinct values of the names; :ivar key: of each group, the
        place of its own; :ivar server: of each group
    """

    def __init__(self, grouping, tables, needed=()):
        """
        :param needed: those of the Tables that a group has to be in
        """
        self.grouping = grouping
        self.keys, self.key, self.server = [], _nothing(), _nothing()
        self.has = (False,) * len(grouping.names)
        if needed:
            self._meet(_widest_first(needed))
        others = [one for one in tables if len(one) and one not in needed]
        for table in _widest_first(others):
            if not needed:
                self._join(table)
            elif len(self):
                self._widen(table)
        if not grouping.names and not grouping.by_server and not len(self):
            self.add([((), 0)])

    def __len__(self):
        return len(self.key)

    def _meet(self, tables):
        """What all of them have."""
        self._begin(tables[0])
        for table in tables[1:]:
            self._widen(table)
            there = table.find(self.keys, self.key, self.server) >= 0
            self.key, self.server = self.key[there], self.server[there]

    def _begin(self, table):
        self.keys, self.key = table.full, table.key
        self.server, self.has = table.server, table.has

    def _widen(self, table):
        """Tell apart by what else it has."""
        if any(b and not a for a, b in zip(self.has, table.has, strict=True)):
            self._multiply(table)

    def _join(self, table):
        if not len(self):
            self._begin(table)
            return
        self._widen(table)
        places = table.find(self.keys, self.key, self.server)
        missing = numpy.ones(len(table), bool)
        missing[places[places >= 0]] = False
        if missing.any():
            self._extend(table, numpy.flatnonzero(missing))

    def _extend(self, table, groups):
        places = {one: place for place, one in enumerate(self.keys)}
        full = table.full
        for one in full:
            places.setdefault(one, len(places))
        of = [places[one] for one in full]
        self.keys = list(places)
        key = numpy.array(of, dtype=numpy.int64)[table.key[groups]]
        self.key = numpy.concatenate((self.key, key))
        self.server = numpy.concatenate((self.server, table.server[groups]))

    def _multiply(self, table):
        """Join with one that has other dimensions: each with each that
        agrees on those that both have."""
        shared = [a and b for a, b in zip(self.has, table.has, strict=True)]
        theirs = {}
        for key, server in zip(
            table.key.tolist(), table.server.tolist(), strict=True
        ):
            one = table.keys[key]
            theirs.setdefault((_only(one, shared), server), []).append(one)
        rows = []
        for key, server in zip(
            self.key.tolist(), self.server.tolist(), strict=True
        ):
            mine = self.keys[key]
            matches = theirs.get((_only(mine, shared), server), [mine])
            rows += [(_merge(mine, one), server) for one in matches]
            if len(rows) > MAX_GROUPS:
                raise exceptions.InvalidExpression(
                    f'expression: expected {MAX_GROUPS} groups at most; its '
                    'metrics share too few of the dimensions in match_by'
                )
        numbers = {}
        self.key = numpy.array(
            [numbers.setdefault(one, len(numbers)) for one, _ in rows],
            dtype=numpy.int64,
        )
        self.server = numpy.array([s for _, s in rows], dtype=numpy.int64)
        self.keys = list(numbers)
        self.has = tuple(
            a or b for a, b in zip(self.has, table.has, strict=True)
        )

    def add(self, wanted):
        """Groups that may or may not be there.

        :param wanted: list of (key, server)
        :returns: list of their numbers
        """
        if not wanted:
            return []
        keys = {one: place for place, one in enumerate(self.keys)}
        numbers = self._numbers
        new = [one for one in dict.fromkeys(wanted) if one not in numbers]
        for key, _ in new:
            keys.setdefault(key, len(keys))
        self.keys = list(keys)
        for one in new:
            numbers[one] = len(numbers)
        self.key = numpy.append(self.key, _whole(keys[k] for k, _ in new))
        self.server = numpy.append(self.server, _whole(s for _, s in new))
        return [numbers[one] for one in wanted]

    @functools.cached_property
    def _numbers(self):
        pairs = zip(self.key.tolist(), self.server.tolist(), strict=True)
        return {
            (self.keys[key], server): number
            for number, (key, server) in enumerate(pairs)
        }

    def group(self, number):
        """As it is in an alarm."""
        found = dict(
            zip(
                self.grouping.names,
                self.keys[self.key[number]],
                strict=True,
            )
        )
        if self.grouping.by_server:
            found[SERVER] = self.grouping.servers.uuids[self.server[number]]
        return dict(sorted(found.items()))


def _widest_first(tables):
    return sorted(tables, key=lambda table: -sum(table.has))


def _whole(numbers):
    return numpy.array(list(numbers), dtype=numpy.int64)


def _nothing():
    return numpy.zeros(0, dtype=numpy.int64)


def _fill(key, has):
    return tuple(
        '' if value is None and there else value
        for value, there in zip(key, has, strict=True)
    )


def _only(key, wanted):
    return tuple(value for value, one in zip(key, wanted, strict=True) if one)


def _merge(key, other):
    return tuple(
        mine or theirs or '' for mine, theirs in zip(key, other, strict=True)
    )
