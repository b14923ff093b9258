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

"""Says why a condition is what it was found to be."""

import numpy

from sentinella.evaluator import conditions
from sentinella.evaluator import functions
from sentinella.evaluator.expression import tree

HOLDS, HOLDS_NOT, UNKNOWN = (
    conditions.HOLDS,
    conditions.HOLDS_NOT,
    conditions.UNKNOWN,
)

#: How a person says that a number compares.
SAY = {
    '>': 'more than',
    '>=': 'at least',
    '<': 'less than',
    '<=': 'at most',
}


class Reasons:
    """Of one group, by a Judge's findings.

    :param number: the group's
    """

    def __init__(self, judge, scope, moment, number):
        self._judge = judge
        self._scope = scope
        self._moment = moment
        self._number = number

    def text(self, condition):
        return _SAY[type(condition)](self, condition)

    def value(self, condition):
        """The number that led to it, of several the first, or None."""
        for one in self._decisive(condition):
            measured = self._finding(one).measured
            if measured is not None:
                value = float(measured.value[self._number])
                return None if numpy.isnan(value) else value
        return None

    def values(self, condition):
        """
        :returns: what was compared, each with its number, those that have
            none left out: pairs of its text and a float
        """
        for one in self._leaves(condition):
            measured = self._finding(one).measured
            if measured is not None:
                value = float(measured.value[self._number])
                if numpy.isfinite(value):
                    yield tree.left(one), value

    def server_ids(self, condition):
        """
        :returns: set of the ids of servers that it is about
        """
        places = set()
        for one in self._leaves(condition):
            places |= self._places(one)
        return {int(self._moment.servers.ids[place]) for place in places}

    def _finding(self, condition):
        return self._judge.findings[id(condition)]

    def _truth(self, condition):
        return int(self._finding(condition).truth[self._number])

    def _decisive(self, condition):
        """Those of its parts that made it what it is."""
        if isinstance(condition, tree.Held):
            yield from self._decisive(condition.condition)
        elif isinstance(condition, tree.All | tree.Any):
            truth = self._truth(condition)
            for one in condition.conditions:
                if self._truth(one) == truth:
                    yield from self._decisive(one)
        else:
            yield condition

    def _leaves(self, condition):
        if isinstance(condition, tree.Held):
            yield from self._leaves(condition.condition)
        elif isinstance(condition, tree.All | tree.Any):
            for one in condition.conditions:
                yield from self._leaves(one)
        else:
            yield condition

    def _series(self, node):
        """
        :returns: Leaf, and the numbers of those of its series that are in
            the group
        """
        leaf = self._scope.leaves[node]
        return leaf, leaf.series(int(self._scope.places[node][self._number]))

    def _places(self, one):
        """The places of the servers of a condition that has no parts."""
        if isinstance(one, tree.Share):
            return self._of_share(one)
        found = set()
        for node in {(s, seconds) for s, seconds in one.reads()}:
            leaf, series = self._series(node)
            found |= set(leaf.samples.server[series].tolist())
        return found

    def _of_share(self, share):
        """Of those parts that it holds in; of all if there are none."""
        parts = self._scope.leaves[share]
        mine = parts.group == int(self._scope.places[share][self._number])
        judge = self._judge.parts[id(share)]
        truth = judge.findings[id(share.condition)].truth
        holds = mine & (truth == HOLDS)
        found = set()
        for number in numpy.flatnonzero(holds if holds.any() else mine):
            inner = Reasons(judge, parts.scope, self._moment, int(number))
            for one in inner._leaves(share.condition):
                found |= inner._places(one)
        return found

    def _several(self, condition):
        truth = self._truth(condition)
        word = (
            ' and '
            if (isinstance(condition, tree.All) == (truth == HOLDS))
            else '; '
        )
        return word.join(
            self.text(one)
            for one in condition.conditions
            if self._truth(one) == truth
        )

    def _held(self, held):
        text, truth = self.text(held.condition), self._truth(held)
        if self._truth(held.condition) != HOLDS:
            return text
        seconds = f'{held.seconds:.10g} s'
        if truth == HOLDS:
            return f'{text}, for {seconds}'
        if truth == HOLDS_NOT:
            return f'{text}, but not yet for {seconds}'
        return f'{text}, but samples do not tell for all of {seconds}'

    def _absent(self, one):
        if self._truth(one) == HOLDS:
            return f'no {_sample(one.selector, one.period)}'
        return f'there is a {_sample(one.selector, one.period)}'

    def _share(self, share):
        finding, n = self._finding(share), self._number
        holds, unknown, total = (int(one[n]) for one in finding.counts)
        if not total:
            return f'nothing is known of which {share.call} could be told'
        what = (
            f'{share.call} is {finding.measured.value[n]:.3g} % '
            f'({holds} of {total})'
        )
        rest = f', {unknown} are not known' if unknown else ''
        if self._truth(share) == UNKNOWN:
            return f'{what}{rest}'
        says_not = '' if self._truth(share) == HOLDS else 'not '
        return (
            f'{what}, {says_not}{SAY[share.operator]} '
            f'{share.threshold:.10g} %{rest}'
        )

    def _comparison(self, one):
        finding, truth = self._finding(one), self._truth(one)
        value = finding.measured.value[self._number]
        if truth == UNKNOWN:
            return self._why_unknown(one, finding)
        if numpy.isnan(value):
            # it is deterministic
            return f'no {_sample(one.calls[0].selector, one.calls[0].period)}'
        holds = finding.newest[self._number] == HOLDS
        text = (
            f'{one.value} is {value:.6g}, {"" if holds else "not "}'
            f'{SAY[one.operator]} {one.threshold:.10g}'
        )
        if holds and one.times > 1:
            but = '' if truth == HOLDS else ', but not'
            text += f'{but} in each of {one.times} periods'
        return text

    def _why_unknown(self, one, finding):
        measured, n = finding.measured, self._number
        missing = [self._missing(call, one.times) for call in one.calls]
        for text in missing:
            if text:
                return text
        first = one.calls[0]
        if numpy.isnan(measured.value[n]):
            return f'{one.value} can not be told'
        if finding.newest[n] != UNKNOWN:
            return (
                f'samples of {first.selector.metric} do not cover the last '
                f'{one.times} periods'
            )
        if measured.covered[n] < functions.ENOUGH:
            covered = measured.covered[n] * first.period
            return (
                f'samples of {first.selector.metric} cover only '
                f'{covered:.0f} of {first.period:.10g} s'
            )
        return (
            f'{one.value} is {measured.value[n]:.6g}, but may be between '
            f'{measured.low[n]:.6g} and {measured.high[n]:.6g}'
        )

    def _missing(self, call, times):
        """What there is too little of for this function, or None."""
        leaf, series = self._series((call.selector, call.period * times))
        if not len(series):
            return f'no {_sample(call.selector, call.period)}'
        sight = self._judge.sight((call.selector, call.period * times))
        if not sight.fresh[series].any():
            age = self._moment.at - sight.newest[series].max()
            name = call.selector.metric
            return f'the last sample of {name} is {age:.0f} s old'
        start = self._moment.at - call.period
        if not (sight.newest[series] > start).any():
            return f'no {_sample(call.selector, call.period)}'
        return None


def _sample(selector, seconds):
    return f'sample of {selector.metric} in the last {seconds:.10g} s'


_SAY = {
    tree.Comparison: Reasons._comparison,
    tree.Absent: Reasons._absent,
    tree.Share: Reasons._share,
    tree.All: Reasons._several,
    tree.Any: Reasons._several,
    tree.Held: Reasons._held,
}
