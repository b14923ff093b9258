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

"""What is read to judge conditions: series, by the groups they are in."""

import dataclasses
import functools

import numpy

from sentinella.evaluator import groups
from sentinella.evaluator import vectors
from sentinella.evaluator.expression import tree


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """
    :ivar at: seconds; `samples` tell nothing of later
    :ivar samples: function of a Selector
    :ivar kind_of: function of a metric's name, its ThresholdType
    :ivar silent_after: seconds after which a newest sample is too old
    """

    at: float
    samples: object
    kind_of: object
    servers: vectors.Servers
    silent_after: float


class Sight:
    """Series as they were at a time."""

    def __init__(self, leaf, at, silent_after):
        self.samples, self.group, self.groups = (
            leaf.samples,
            leaf.group,
            leaf.groups,
        )
        samples = leaf.samples
        end = samples.until(at)
        some = end > samples.first
        self.newest = numpy.full(len(samples), -numpy.inf)
        self.newest[some] = samples.times[end[some] - 1]
        member = self.newest > at - leaf.lookback
        longest = numpy.maximum(
            silent_after, vectors.PATIENCE * samples.interval
        )
        self.fresh = member & (at - self.newest <= longest)
        self.members = numpy.bincount(
            self.group[member], minlength=self.groups
        )


class Leaf:
    """Series that are read, and the groups that they are in.

    :ivar group: of each series; :ivar groups: how many
    :ivar lookback: seconds in which a series has to be seen
    """

    def __init__(self, samples, group, count, lookback):
        self.samples = samples
        self.group = group
        self.groups = count
        self.lookback = lookback

    @classmethod
    def of(cls, samples, lookback, grouping):
        """
        :returns: Leaf, and the Table of its groups
        """
        keys, key = grouping.keys(samples)
        table = groups.Table(grouping, keys, key, samples.server)
        return cls(samples, table.group, len(table), lookback), table

    def take(self, used):
        """Only the series of some groups, whose numbers stay.

        :param used: whether, of each group
        """
        chosen = used[self.group]
        return Leaf(
            self.samples.take(chosen),
            self.group[chosen],
            self.groups,
            self.lookback,
        )

    @functools.cached_property
    def _by_group(self):
        order = numpy.argsort(self.group, kind='stable')
        return order, numpy.searchsorted(
            self.group[order], numpy.arange(self.groups + 1)
        )

    def series(self, group):
        """The series of a group; of -1, none."""
        order, bounds = self._by_group
        if group < 0:
            return order[:0]
        return order[bounds[group] : bounds[group + 1]]


class Parts:
    """The groups that a Share looks at, and whose share they are.

    :ivar scope: of these groups; :ivar group: of each, the one that it is a
        part of; :ivar groups: how many of those
    """

    def __init__(self, scope, group, count):
        self.scope = scope
        self.group = group
        self.groups = count

    @classmethod
    def of(cls, share, grouping, moment):
        """
        :returns: Parts, and the Table of whose parts they are
        """
        match_by = {*grouping.names, *share.by}
        if grouping.by_server:
            match_by.add(groups.SERVER)
        scope = Scope.of([share.condition], match_by, moment)
        universe = scope.universe
        has = dict(zip(universe.grouping.names, universe.has, strict=True))
        keys = [
            grouping.key(
                {
                    name: value
                    for name, value in zip(
                        universe.grouping.names, one, strict=True
                    )
                    if has[name]
                }
            )
            for one in universe.keys
        ]
        table = groups.Table(grouping, keys, universe.key, universe.server)
        return cls(scope, table.group, len(table)), table

    def take(self, used):
        chosen = numpy.flatnonzero(used[self.group])
        return Parts(self.scope.take(chosen), self.group[chosen], self.groups)


class Scope:
    """What some conditions read, by the groups that they are told for.

    :ivar leaves: mapping of what is read to Leaf or Parts
    :ivar places: mapping of the same to the place of each group there
    """

    def __init__(self, universe, leaves, places, size):
        self.universe = universe
        self.leaves = leaves
        self.places = places
        self.size = size

    @classmethod
    def of(cls, conditions, match_by, moment, known=(), needed=frozenset()):
        """
        :param known: the keys of groups that are there whether they are seen
            or not
        :param needed: what else is read of each other group that is to be
            there; see :func:`needs`
        """
        grouping = groups.Grouping(match_by, moment.servers)
        read = dict(_read(conditions))
        seen = {
            node: _seen(node[0], lookback, moment)
            for node, lookback in read.items()
            if not isinstance(node, tree.Share)
        }
        if len(read) > 1:
            seen = _alike(seen, needed & seen.keys(), grouping, known)
        leaves, tables = {}, {}
        for node, lookback in read.items():
            if isinstance(node, tree.Share):
                made = Parts.of(node, grouping, moment)
            else:
                made = Leaf.of(seen[node], lookback, grouping)
            leaves[node], tables[node] = made
        universe = groups.Universe(
            grouping, tables.values(), [tables[node] for node in needed]
        )
        universe.add(list(known) + list(_always(conditions, grouping)))
        places = {
            node: table.find(universe.keys, universe.key, universe.server)
            for node, table in tables.items()
        }
        return cls(universe, leaves, places, len(universe))

    def take(self, chosen):
        """Only some groups.

        :param chosen: their numbers
        """
        places = {node: one[chosen] for node, one in self.places.items()}
        leaves = {}
        for node, leaf in self.leaves.items():
            used = numpy.zeros(leaf.groups + 1, bool)
            used[places[node]] = True
            leaves[node] = leaf.take(used[:-1])
        return Scope(self.universe, leaves, places, len(chosen))


def needs(condition):
    """
    :returns: frozenset of what a Scope reads, as its leaves: a group of which
        any of these was not seen is none that the condition holds for
    """
    if isinstance(condition, tree.All):
        return frozenset().union(*map(needs, condition.conditions))
    if isinstance(condition, tree.Any):
        return frozenset.intersection(*map(needs, condition.conditions))
    if isinstance(condition, tree.Held):
        return needs(condition.condition)
    if isinstance(condition, tree.Absent):
        return frozenset()
    return frozenset(node for node, _ in _read([condition]))


def _seen(selector, lookback, moment):
    """
    :returns: the Samples of those series that were seen so long ago
    """
    samples = moment.samples(selector)
    seen = samples.end > samples.first
    seen[seen] = samples.times[samples.end[seen] - 1] > moment.at - lookback
    return samples if seen.all() else samples.take(seen)


def _alike(seen, needed, grouping, known):
    """Leave out series that can't be of a group that is asked for, since
    nothing that is needed has the same value of a dimension: what other
    services do is not of interest where it is about Cinder's.

    :param seen: mapping of what is read to Samples
    :param needed: some of what is read
    """
    told = {
        node: samples.told(grouping.names) for node, samples in seen.items()
    }
    for at in range(len(grouping.names)):
        values = {
            node: [key[at] for key in keys] for node, (keys, _) in told.items()
        }
        # of one that lacks it others tell, or its server's name
        having = {node for node, some in values.items() if None not in some}
        if not needed & having:
            continue
        wanted = set.intersection(
            *(set(values[node]) for node in needed & having)
        )
        wanted.update(key[at] for key, _ in known)
        for node in having:
            chosen = numpy.array([one in wanted for one in values[node]], bool)
            if not chosen.all():
                seen[node] = seen[node].take(chosen[told[node][1]])
                told[node] = seen[node].told(grouping.names)
    return seen


def _read(conditions):
    """
    :yields: what a Scope reads: (Selector, seconds) or a Share, and for how
        long
    """
    for one in conditions:
        if isinstance(one, tree.All | tree.Any):
            yield from _read(one.conditions)
        elif isinstance(one, tree.Held):
            yield from _read([one.condition])
        elif isinstance(one, tree.Share):
            yield one, 0.0
        else:
            for selector, seconds in one.reads():
                yield (selector, seconds), seconds


def _always(conditions, grouping):
    """The keys of groups that an `absent` itself names."""
    for one in conditions:
        if isinstance(one, tree.All | tree.Any):
            yield from _always(one.conditions, grouping)
        elif isinstance(one, tree.Held):
            yield from _always([one.condition], grouping)
        elif isinstance(one, tree.Absent) and not grouping.by_server:
            key = grouping.key(dict(one.selector.dimensions))
            if None not in key:
                yield key, 0
