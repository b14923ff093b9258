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

"""The rules once more, sample by sample and group by group, by loops.

Slow, and made to be seen to be right: whatever the vectors say has to be the
same.
"""

import itertools
import math
import statistics

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.evaluator import conditions
from sentinella.evaluator import expression
from sentinella.evaluator import functions
from sentinella.evaluator.expression import tree
from tests.unit.evaluator import scenes

NOW = scenes.NOW
INTERVAL = 10.0
COMPARE = {
    '>': lambda a, b: a > b,
    '>=': lambda a, b: a >= b,
    '<': lambda a, b: a < b,
    '<=': lambda a, b: a <= b,
}


class One:
    """A series."""

    def __init__(self, series):
        self.dimensions = dict(series.metric.dimensions)
        self.dimensions['server'] = f'server-{series.server_id}'
        # what it is grouped by, more than what it is selected by
        self.labels = {'host': f'ctl-{series.server_id}', **self.dimensions}
        self.name = series.metric.name
        self.samples = [
            (min(at, NOW), value)
            for at, value in zip(
                series.times.tolist(), series.values.tolist(), strict=True
            )
        ]

    def until(self, at):
        return [pair for pair in self.samples if pair[0] <= at]


class Naive:
    """
    :param type_: of the samples of all metrics
    """

    def __init__(self, several, type_, match_by):
        self.several = [One(series) for series in several]
        self.type = type_
        self.match_by = match_by

    def seen(self, selector, lookback, at):
        """Those series that have a sample in that time."""
        return [
            one
            for one in self.several
            if one.name == selector.metric
            and dict(selector.dimensions).items() <= one.dimensions.items()
            and one.until(at)
            and one.until(at)[-1][0] > at - lookback
        ]

    def members(self, selector, lookback, group, at):
        """Those of them that are in a group; which dimensions they have is
        told by what there is now."""
        names = self.names(selector, lookback)
        return [
            one
            for one in self.seen(selector, lookback, at)
            # what came to be known long ago and was not heard of since
            if one in self.seen(selector, lookback, NOW)
            and all(one.labels.get(n, '') == group[n] for n in names)
        ]

    def names(self, selector, lookback):
        return [
            name
            for name in self.match_by
            if any(
                name in one.labels
                for one in self.seen(selector, lookback, NOW)
            )
        ]

    def truth(self, condition, group, at, clearing=False):
        """True, False or None."""
        if isinstance(condition, tree.All | tree.Any):
            truths = [
                self.truth(one, group, at, clearing)
                for one in condition.conditions
            ]
            settles = isinstance(condition, tree.Any)
            if settles in truths:
                return settles
            return None if None in truths else not settles
        if isinstance(condition, tree.Held):
            return self.held(condition, group, at, clearing)
        if isinstance(condition, tree.Absent):
            return not any(
                pair[0] > at - condition.period
                for one in self.members(
                    condition.selector, condition.lookback, group, at
                )
                for pair in one.until(at)
            )
        if isinstance(condition, tree.Share):
            return self.share(condition, group, at, clearing)
        return self.comparison(condition, group, at, clearing)

    def held(self, condition, group, at, clearing):
        now = self.truth(condition.condition, group, at, clearing)
        if now is not True:
            return now
        truths = [
            self.truth(condition.condition, group, at - before, clearing)
            for before in conditions.looks(condition.seconds)
        ]
        if False in truths:
            return False
        return None if None in truths else True

    def share(self, share, group, at, clearing):
        """Of a comparison; so the parts are groups of one metric."""
        (call,) = share.condition.calls
        lookback = share.condition.lookback
        inner = Naive([], self.type, {*self.match_by, *share.by})
        inner.several = self.several
        names = inner.names(call.selector, lookback)
        parts = {
            tuple((name, one.labels.get(name, '')) for name in names)
            for one in self.seen(call.selector, lookback, NOW)
        }
        mine = [
            dict(part)
            for part in parts
            if all(
                group[name] == value
                for name, value in part
                if name in self.match_by
            )
        ]
        if not mine:
            return None
        truths = [
            inner.truth(
                share.condition,
                {**dict.fromkeys(inner.match_by, ''), **part},
                at,
                clearing,
            )
            for part in mine
        ]
        low = 100.0 * truths.count(True) / len(truths)
        high = 100.0 * (len(truths) - truths.count(False)) / len(truths)
        return both(share, low, high)

    def comparison(self, one, group, at, clearing):
        truths = [
            self.period(one, group, at, n, clearing) for n in range(one.times)
        ]
        if truths[0] is None:
            return None
        if False in truths:
            return False
        return None if None in truths else True

    def period(self, one, group, at, n, clearing):
        upward = (one.operator in ('>', '>=')) != clearing
        low, high = self.bounds(one.value, group, at, n, one.times, upward)
        truth = None if low is None else both(one, low, high)
        return False if truth is None and one.deterministic else truth

    def bounds(self, value, group, at, n, times, upward):
        """Between what it lies, or None twice."""
        if isinstance(value, tree.Number):
            return value.number, value.number
        if isinstance(value, tree.Call):
            return self.call(value, group, at, n, times, upward)
        right = upward != (value.operator in '-/')
        one = self.bounds(value.left, group, at, n, times, upward)
        other = self.bounds(value.right, group, at, n, times, right)
        if None in (*one, *other):
            return None, None
        return combine(value.operator, one, other)

    def call(self, call, group, at, n, times, upward):
        end = at - n * call.period
        start = end - call.period
        members = self.members(call.selector, call.period * times, group, at)
        enough = call.function == 'last' or self.type == 'binary'
        windows = []
        for one in members:
            pairs = one.until(at)
            fresh = at - pairs[-1][0] <= scenes.SILENT_AFTER
            inside = [pair for pair in pairs if start < pair[0] <= end]
            windows.append((inside if fresh or not enough else [], fresh))
        low, high = self.number(call, windows, start, end, upward)
        if low is None:
            return None, None
        if enough or call.deterministic or covered(windows, start, end):
            return low, high
        tailable = self.type == 'tailable'
        rises = call.function in ('max', 'count') or (
            tailable and call.function in ('sum', 'rate')
        )
        falls = call.function == 'min'
        return (
            low if rises else -math.inf,
            high if falls else math.inf,
        )

    def number(self, call, windows, start, end, upward):
        some = [inside for inside, _ in windows if inside]
        values = [value for inside in some for _, value in inside]
        if not values:
            return None, None
        if call.function == 'forecast':
            return forecast(call, some, end, upward)
        several = [inside for inside in some if len(inside) > 1]
        pick = max if upward else min
        if call.function in ('rate', 'delta') and not several:
            if call.function == 'delta' or self.type != 'tailable':
                return None, None
        if call.function == 'stddev' and len(values) < 2:
            return None, None
        number = {
            'avg': lambda: math.fsum(values) / len(values),
            'sum': lambda: math.fsum(values),
            'count': lambda: len(values),
            'min': lambda: min(values),
            'max': lambda: max(values),
            'last': lambda: pick(inside[-1][1] for inside in some),
            'delta': lambda: sum(i[-1][1] - i[0][1] for i in several),
            'rate': lambda: (
                sum(values) / (end - start)
                if self.type == 'tailable'
                else sum(map(rate, several))
            ),
            'stddev': lambda: statistics.pstdev(values),
        }[call.function]()
        return (None, None) if math.isnan(number) else (number, number)


def rate(inside):
    increase = 0.0
    for (_, before), (_, after) in itertools.pairwise(inside):
        increase += after - before if after >= before else after
    seconds = inside[-1][0] - inside[0][0]
    return increase / seconds if seconds else math.nan


def forecast(call, some, end, upward):
    found = [fit(inside, end, end + call.horizon) for inside in some]
    told = [bounds for bounds in found if bounds]
    if not told:
        return None, None
    pick = max if upward else min
    low = pick(bounds[0] for bounds in told)
    high = pick(bounds[1] for bounds in told)
    if len(told) < len(found):
        return (low, math.inf) if upward else (-math.inf, high)
    return low, high


def fit(inside, end, at):
    if len(inside) < functions.ENOUGH_TO_FIT:
        return None
    xs = [x - end for x, _ in inside]
    ys = [y for _, y in inside]
    slope, intercept = statistics.linear_regression(xs, ys)
    mean, n = statistics.fmean(xs), len(xs)
    left = math.fsum(
        (y - intercept - slope * x) ** 2 for x, y in zip(xs, ys, strict=True)
    )
    squares = math.fsum((x - mean) ** 2 for x in xs)
    reach = functions._student(n - 2) * math.sqrt(
        left / (n - 2) * (1 + 1 / n + (at - end - mean) ** 2 / squares)
    )
    number = intercept + slope * (at - end)
    return number - reach, number + reach


def covered(windows, start, end):
    total = 0.0
    for inside, fresh in windows:
        if inside and fresh:
            total += min(inside[0][0] - start, INTERVAL)
            total += min(end - inside[-1][0], INTERVAL)
            for before, after in itertools.pairwise(inside):
                total += min(after[0] - before[0], 2.5 * INTERVAL)
    return total / (end - start) / len(windows) >= 0.5


def combine(operator, one, other):
    """The least and the most that any two numbers make."""
    if operator == '+':
        return one[0] + other[0], one[1] + other[1]
    if operator == '-':
        return one[0] - other[1], one[1] - other[0]
    if operator == '/' and other[0] <= 0 <= other[1]:
        return (None, None) if other == (0, 0) else (-math.inf, math.inf)
    corners = []
    for a, b in itertools.product(one, other):
        if operator == '*':
            corners.append(0.0 if 0 in (a, b) else a * b)
        else:
            corners.append(0.0 if math.isinf(b) else a / b)
    return min(corners), max(corners)


def both(condition, low, high):
    """Whether it holds for all of what a number may be, for none, or None."""
    truths = {
        COMPARE[condition.operator](number, condition.threshold)
        for number in (low, high)
    }
    return truths.pop() if len(truths) == 1 else None


#: Thresholds that no small number meets: here the last digit does not matter.
thresholds = st.integers(-2, 6).map(lambda n: f'{n}.1234567')
periods = st.sampled_from(['', ', 20', ', 100'])
selectors = st.sampled_from(['m', 'n', 'm{service=a}'])
calls = st.builds(
    lambda function, selector, sure, period: (
        f'{function}({selector}{sure}{period})'
    ),
    st.sampled_from([f for f in tree.FUNCTIONS if f != 'forecast']),
    selectors,
    st.sampled_from(['', '', ', deterministic']),
    periods,
) | st.builds('forecast({}, {}, 100)'.format, selectors, st.integers(1, 60))
operators = st.sampled_from(tree.OPERATORS)
simple = st.builds('{} {} {}'.format, calls, operators, thresholds)
sums = st.builds(
    '{} {} {} {} {}'.format,
    calls | st.integers(-2, 2),
    st.sampled_from('+-*/'),
    calls,
    operators,
    thresholds,
)
shares = st.builds(
    'share({} by {}) {} {} %'.format,
    simple,
    st.sampled_from(['server', 'service', 'server, service', 'host']),
    operators,
    st.sampled_from([10, 40, 60]),
)
leaves = (
    simple
    | sums
    | shares
    | simple.map('{} times 2'.format)
    | st.builds('absent({}{})'.format, selectors, periods)
)
texts = st.recursive(
    leaves,
    lambda inner: st.builds(
        '({} {} {})'.format, inner, st.sampled_from(['and', 'or']), inner
    ),
    max_leaves=3,
)
conditions_of = texts | st.builds(
    '({} for {})'.format, texts, st.integers(1, 60)
)

series = st.builds(
    lambda samples, server, name, dimensions: scenes.series(
        samples, server, name, **dimensions
    ),
    st.dictionaries(
        st.integers(-4, 200), st.integers(0, 4), min_size=1, max_size=20
    )
    | st.lists(st.integers(0, 4), min_size=20, max_size=20).map(
        lambda values: {10 * n: value for n, value in enumerate(values)}
    ),
    st.integers(1, 2),
    st.sampled_from(['m', 'n']),
    st.sampled_from(
        [{}, {'service': 'a'}, {'service': 'b'}]
        # as what is told of the second server, by whomever
        + [{'host': 'ctl-2'}, {'host': 'ctl-2', 'service': 'a'}]
    ),
)


def identity(one):
    return one.server_id, one.metric


class TestAgainstNaive(base.BaseTestCase):
    def groups(self, match_by):
        values = {
            'server': ['server-1', 'server-2', 'server-3'],
            'service': ['', 'a', 'b'],
            'host': ['ctl-1', 'ctl-2', 'ctl-3'],
        }
        return [
            dict(zip(match_by, row, strict=True))
            for row in itertools.product(*(values[n] for n in match_by))
        ]

    @settings(deadline=None, max_examples=300)
    @given(
        st.lists(series, min_size=1, max_size=4, unique_by=identity),
        conditions_of,
        st.sampled_from(
            [(), ('server',), ('service',), ('server', 'service')]
            + [('host',), ('host', 'service')]
        ),
        st.sampled_from(list(model.ThresholdType)),
    )
    def test_same_states(self, several, text, match_by, type_):
        known = self.groups(match_by)
        verdicts = scenes.judge(
            text, type_, *several, match_by=match_by, known=known
        )
        naive = Naive(several, type_, match_by)
        condition = expression.parse(text).condition
        for group in known:
            (verdict,) = [one for one in verdicts if one.group == group]
            truth = naive.truth(condition, group, NOW)
            self.assertEqual(
                {True: 'ALARM', False: 'OK', None: 'UNDETERMINED'}[truth],
                verdict.state,
                f'{text} of {group}: {verdict.reason}',
            )
            self.assertTrue(verdict.reason)
        self.assertEqual(len(known), len(verdicts))

    @settings(deadline=None, max_examples=150)
    @given(
        st.lists(series, min_size=1, max_size=3, unique_by=identity),
        simple,
        st.none() | texts,
        st.integers(0, 60),
        st.integers(0, 60),
        st.booleans(),
    )
    def test_same_states_of_alarms_that_are_on(
        self, several, text, clear, hold, keep, on
    ):
        text += f' for {hold}' if hold else ''
        text += f' clear {clear}' if clear else ''
        text += f' keep {keep}' if keep else ''
        group = {'server': 'server-1'}
        (verdict,) = [
            one
            for one in scenes.judge(
                text,
                'gauge',
                *several,
                known=[group],
                firing=[group] if on else [],
            )
            if one.group == group
        ]
        naive = Naive(several, 'gauge', ('server',))
        state = self.naive_state(naive, expression.parse(text), group, on)
        self.assertEqual(state, verdict.state, f'{text}: {verdict.reason}')

    def naive_state(self, naive, read, group, on):
        if not on or read.simple:
            truth = naive.truth(read.condition, group, NOW)
        else:
            truth = self.goes_on(naive, read, group)
        return {True: 'ALARM', False: 'OK', None: 'UNDETERMINED'}[truth]

    def goes_on(self, naive, read, group):
        if naive.truth(read.base, group, NOW):
            return True

        def over(at):
            if read.clear is not None:
                return naive.truth(read.clear, group, at, clearing=True)
            truth = naive.truth(read.base, group, at)
            return None if truth is None else not truth

        if over(NOW) is not True:
            return None if over(NOW) is None else True
        looks = conditions.looks(read.keep) if read.keep else []
        return not all(over(NOW - before) for before in looks)
