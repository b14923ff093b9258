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

"""Whether a condition holds, of each group: yes, no, or unknown.

All of it is Kleene's logic: unknown is what might be either, and whoever
does not need to know it can do without.
"""

import dataclasses
import functools
import math

import numpy

from sentinella.evaluator import functions
from sentinella.evaluator import groups
from sentinella.evaluator import vectors
from sentinella.evaluator.expression import tree

HOLDS, HOLDS_NOT, UNKNOWN = 1, 0, -1

#: A hold time is looked at each so many seconds, or so many times.
LOOK_EVERY = 10.0
LOOKS = 120


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


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What a condition was found to be, and why.

    :ivar truth: of each group, as all the others
    :ivar newest: truth of the newest period
    :ivar measured: of a Comparison and a Share, in the newest period
    :ivar counts: of a Share, how many groups it holds in, in how many it is
        not known, and how many there are
    """

    truth: numpy.ndarray
    newest: numpy.ndarray
    measured: functions.Measured | None = None
    counts: tuple = ()


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
    def of(cls, selector, lookback, grouping, moment):
        """
        :returns: Leaf, and the Table of its groups
        """
        samples = moment.samples(selector)
        seen = samples.end > samples.first
        seen[seen] = (
            samples.times[samples.end[seen] - 1] > moment.at - lookback
        )
        if not seen.all():
            samples = samples.take(seen)
        keys = [grouping.key(dict(one.dimensions)) for one in samples.metrics]
        used, key = numpy.unique(samples.metric, return_inverse=True)
        table = groups.Table(
            grouping, [keys[place] for place in used], key, samples.server
        )
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
    def of(cls, conditions, match_by, moment, known=()):
        """
        :param known: function of a Grouping, the keys of groups that are
            there whether they are seen or not
        """
        grouping = groups.Grouping(match_by, moment.servers)
        leaves, tables = {}, {}
        for node, lookback in _read(conditions):
            if node in leaves:
                continue
            if isinstance(node, tree.Share):
                made = Parts.of(node, grouping, moment)
            else:
                made = Leaf.of(node[0], lookback, grouping, moment)
            leaves[node], tables[node] = made
        universe = groups.Universe(grouping, tables.values())
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


class Judge:
    """Judges conditions of one scope at one time.

    :param clearing: whether it is about the end of an alarm: then of several
        series the one counts that is furthest from it
    :ivar findings: mapping of ids of conditions to Findings
    """

    def __init__(self, scope, moment, clearing=False):
        self.findings = {}
        self.parts = {}
        self._scope = scope
        self._moment = moment
        self._clearing = clearing
        self._sights = {}

    def truth(self, condition):
        """
        :returns: of each group: HOLDS, HOLDS_NOT or UNKNOWN
        """
        finding = _KINDS[type(condition)](self, condition)
        self.findings[id(condition)] = finding
        return finding.truth

    def sight(self, node):
        """
        :param node: what is read
        :returns: Sight
        """
        if node not in self._sights:
            self._sights[node] = Sight(
                self._scope.leaves[node],
                self._moment.at,
                self._moment.silent_after,
            )
        return self._sights[node]

    def _comparison(self, one):
        found = [self._period(one, n) for n in range(one.times)]
        truth = found[0][0]
        if one.times > 1:
            truth = consecutive(numpy.array([t for t, _ in found]))
        return Finding(truth, *found[0])

    def _period(self, one, n):
        """One of its periods, 0 the newest."""
        upward = (one.operator in ('>', '>=')) != self._clearing
        measured = self._measure(one.value, one.times, n, upward)
        truth = compare(measured, one.operator, one.threshold)
        if one.deterministic:
            # that nothing was told means that there is nothing
            truth = numpy.where(truth == UNKNOWN, HOLDS_NOT, truth)
        return truth, measured

    def _measure(self, value, times, n, upward):
        if isinstance(value, tree.Number):
            number = numpy.full(self._scope.size, value.number)
            covered = numpy.full(self._scope.size, numpy.nan)
            return functions.Measured(number, number, number, covered)
        if isinstance(value, tree.Call):
            node = value.selector, value.period * times
            end = self._moment.at - n * value.period
            measured = functions.measure(
                value,
                self._moment.kind_of(value.selector.metric),
                self.sight(node),
                end - value.period,
                end,
                upward,
            )
            return measured.at(self._scope.places[node])
        other = upward != (value.operator in '-/')
        return functions.combine(
            value.operator,
            self._measure(value.left, times, n, upward),
            self._measure(value.right, times, n, other),
        )

    def _absent(self, one):
        node = one.selector, one.lookback
        leaf, at = self._scope.leaves[node], self._moment.at
        samples = leaf.samples
        inside = samples.until(at) > samples.until(at - one.period)
        there = numpy.zeros(leaf.groups + 1, bool)
        there[leaf.group[inside]] = True
        truth = numpy.where(there[self._scope.places[node]], HOLDS_NOT, HOLDS)
        return Finding(truth, truth)

    def _share(self, one):
        parts, places = self._scope.leaves[one], self._scope.places[one]
        judge = Judge(parts.scope, self._moment, self._clearing)
        truth = judge.truth(one.condition)
        self.parts[id(one)] = judge
        holds, unknown, total = (
            numpy.append(
                numpy.bincount(parts.group[which], minlength=parts.groups), 0
            )[places]
            for which in (truth == HOLDS, truth == UNKNOWN, truth == truth)
        )
        with numpy.errstate(invalid='ignore'):
            low = 100.0 * holds / total
            high = 100.0 * (holds + unknown) / total
        nothing = numpy.full(len(low), numpy.nan)
        measured = functions.Measured(low, low, high, nothing).known()
        truth = compare(measured, one.operator, one.threshold)
        return Finding(truth, truth, measured, (holds, unknown, total))

    def _all(self, one):
        truths = numpy.array([self.truth(part) for part in one.conditions])
        return _settled(truths, HOLDS_NOT)

    def _any(self, one):
        truths = numpy.array([self.truth(part) for part in one.conditions])
        return _settled(truths, HOLDS)

    def _held(self, one):
        truth = self.truth(one.condition).copy()
        newest = truth.copy()
        chosen = numpy.flatnonzero(truth == HOLDS)
        past = Past(self._scope, self._moment, self._clearing, chosen)
        for before in looks(one.seconds):
            was = past.truth(one.condition, before)
            changed = past.chosen[was != HOLDS]
            truth[changed] = was[was != HOLDS]
            past.only(was != HOLDS_NOT)
        return Finding(truth, newest)

    def kept(self, condition, wanted, seconds, chosen):
        """Whether a condition was certainly so for some seconds.

        :param wanted: HOLDS or HOLDS_NOT; :param chosen: numbers of groups
            where it is so now
        :returns: numbers of those where it was
        """
        past = Past(self._scope, self._moment, self._clearing, chosen)
        for before in looks(seconds):
            past.only(past.truth(condition, before) == wanted)
        return past.chosen


class Past:
    """Some groups of a scope, as they were before.

    :ivar chosen: their numbers
    """

    def __init__(self, scope, moment, clearing, chosen):
        self.chosen = chosen
        self._scope = scope.take(chosen)
        self._moment = moment
        self._clearing = clearing

    def truth(self, condition, before):
        """
        :param before: seconds
        :returns: of each group
        """
        if not len(self.chosen):
            return _nothing()
        moment = dataclasses.replace(self._moment, at=self._moment.at - before)
        return Judge(self._scope, moment, self._clearing).truth(condition)

    def only(self, some):
        """
        :param some: whether, of each
        """
        if not some.all():
            self.chosen = self.chosen[some]
            self._scope = self._scope.take(numpy.flatnonzero(some))


def _nothing():
    return numpy.zeros(0, dtype=numpy.int64)


_KINDS = {
    tree.Comparison: Judge._comparison,
    tree.Absent: Judge._absent,
    tree.Share: Judge._share,
    tree.All: Judge._all,
    tree.Any: Judge._any,
    tree.Held: Judge._held,
}


def _settled(truths, settles):
    """
    :param settles: the truth of which one is enough to know
    """
    truth = numpy.where((truths == UNKNOWN).any(0), UNKNOWN, 1 - settles)
    truth[(truths == settles).any(0)] = settles
    return Finding(truth, truth)


def looks(seconds):
    """
    :returns: list of seconds before now, up to and with all of them
    """
    count = max(1, min(LOOKS, math.ceil(seconds / LOOK_EVERY)))
    return [seconds * n / count for n in range(1, count + 1)]


def compare(measured, operator, threshold):
    """
    :returns: of each group, whether a number that lies between its bounds
        compares
    """
    compares = _COMPARE[operator]
    low = compares(measured.low, threshold)
    high = compares(measured.high, threshold)
    truth = numpy.full(len(low), UNKNOWN)
    truth[low & high] = HOLDS
    truth[~low & ~high] = HOLDS_NOT
    truth[numpy.isnan(measured.value)] = UNKNOWN
    return truth


_COMPARE = {
    '>': numpy.greater,
    '>=': numpy.greater_equal,
    '<': numpy.less,
    '<=': numpy.less_equal,
}


def consecutive(truths):
    """Whether each period holds, the newest first.

    If the newest is not known nothing is; else one that does not hold
    settles it, even if others are not known.
    """
    fails = (truths == HOLDS_NOT).any(0)
    settled = fails | (truths != UNKNOWN).all(0)
    truth = numpy.where(fails, HOLDS_NOT, HOLDS)
    truth[~settled | (truths[0] == UNKNOWN)] = UNKNOWN
    return truth
