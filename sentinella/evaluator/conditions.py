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
import math

import numpy

from sentinella.evaluator import functions
from sentinella.evaluator import scopes
from sentinella.evaluator.expression import tree

HOLDS, HOLDS_NOT, UNKNOWN = 1, 0, -1

#: A hold time is looked at each so many seconds, or so many times.
LOOK_EVERY = 10.0
LOOKS = 120


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
            self._sights[node] = scopes.Sight(
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
