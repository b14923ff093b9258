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

import math
import operator

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.evaluator import expression
from sentinella.evaluator.expression import tree
from tests.unit.evaluator import scenes
from tests.unit.evaluator.scenes import ALARM
from tests.unit.evaluator.scenes import judge
from tests.unit.evaluator.scenes import NOW
from tests.unit.evaluator.scenes import OK
from tests.unit.evaluator.scenes import series
from tests.unit.evaluator.scenes import steady
from tests.unit.evaluator.scenes import UNDETERMINED

#: Those that a naive model can tell of easily.
FUNCTIONS = ('avg', 'min', 'max', 'sum', 'count', 'last')

COMPARE = {
    '>': operator.gt,
    '>=': operator.ge,
    '<': operator.lt,
    '<=': operator.le,
}


class RulesTestCase(base.BaseTestCase):
    def verdict(self, text, type_, *several):
        """The verdict of the one group."""
        (verdict,) = judge(
            text, type_, *several, known=[{'server': 'server-1'}]
        )
        return verdict

    def assert_state(self, state, text, type_, *several):
        verdict = self.verdict(text, type_, *several)
        self.assertEqual(state, verdict.state, verdict.reason)
        return verdict


class TestBinary(RulesTestCase):
    def test_the_last_value_wins_at_once(self):
        for text in ('last(m) < 1', 'last(m, 300) < 1'):
            self.assert_state(ALARM, text, 'binary', series({20: 1, 0: 0}))
            self.assert_state(OK, text, 'binary', series({20: 0, 0: 1}))

    def test_one_sample_is_enough(self):
        self.assert_state(ALARM, 'min(m, 300) < 1', 'binary', series({0: 0}))
        self.assert_state(OK, 'avg(m, 300) < 1', 'binary', series({0: 1}))

    def test_a_sample_that_grew_old_says_nothing_of_now(self):
        """The agent died, and the service's last state with it."""
        verdict = self.assert_state(
            UNDETERMINED, 'last(m) < 1', 'binary', series({46: 0, 36: 0})
        )
        self.assertEqual('the last sample of m is 36 s old', verdict.reason)
        self.assert_state(ALARM, 'last(m) < 1', 'binary', series({34: 0}))

    def test_words(self):
        verdict = self.verdict('last(m) < 1', 'binary', series({0: 0}))
        self.assertEqual('last(m) is 0, less than 1', verdict.reason)
        self.assertEqual(0.0, verdict.value)
        self.assertEqual((1,), verdict.server_ids)
        verdict = self.verdict('last(m) < 1', 'binary', series({0: 1}))
        self.assertEqual('last(m) is 1, not less than 1', verdict.reason)


class TestTailable(RulesTestCase):
    text = 'sum(m, 300) > 2'

    def test_fires_as_soon_as_it_is_certain(self):
        self.assert_state(ALARM, self.text, 'tailable', series({0: 3}))

    def test_is_ok_only_when_the_window_is_covered(self):
        verdict = self.assert_state(
            UNDETERMINED, self.text, 'tailable', steady(0, seconds=60)
        )
        self.assertEqual('samples of m cover only 60 of 300 s', verdict.reason)
        self.assert_state(OK, self.text, 'tailable', steady(0, seconds=160))

    def test_what_is_certain_stays_so_while_the_server_is_silent(self):
        quiet = steady(1, newest=100)
        self.assert_state(ALARM, self.text, 'tailable', quiet)
        quiet = steady(0, newest=100)
        self.assert_state(UNDETERMINED, self.text, 'tailable', quiet)

    def test_at_most_needs_the_window_covered(self):
        text = 'sum(m, 300) < 1'
        self.assert_state(UNDETERMINED, text, 'tailable', series({0: 0}))
        self.assert_state(ALARM, text, 'tailable', steady(0))
        self.assert_state(OK, text, 'tailable', series({0: 1}))


class TestGauge(RulesTestCase):
    def test_an_average_needs_half_of_its_window(self):
        text = 'avg(m, 300) > 90'
        for value, state in [(95, ALARM), (90, OK)]:
            self.assert_state(state, text, 'gauge', steady(value))
            self.assert_state(
                UNDETERMINED, text, 'gauge', steady(value, seconds=100)
            )

    def test_a_minimum_above_needs_it_but_is_refuted_by_one(self):
        text = 'min(m, 300) > 90'
        self.assert_state(UNDETERMINED, text, 'gauge', series({0: 95}))
        self.assert_state(ALARM, text, 'gauge', steady(95))
        self.assert_state(OK, text, 'gauge', series({0: 5}))

    def test_a_maximum_above_is_certain_with_one(self):
        text = 'max(m, 300) > 90'
        self.assert_state(ALARM, text, 'gauge', series({0: 95}))
        self.assert_state(UNDETERMINED, text, 'gauge', series({0: 5}))
        self.assert_state(OK, text, 'gauge', steady(5))

    def test_a_sum_may_yet_fall(self):
        text = 'sum(m, 300) > 90'
        self.assert_state(UNDETERMINED, text, 'gauge', series({0: 95}))

    def test_a_gap_is_not_covered(self):
        text = 'avg(m, 300) > 90'
        ends = {290: 95, 280: 95, 10: 95, 0: 95}
        self.assert_state(UNDETERMINED, text, 'gauge', series(ends))

    def test_last_needs_one_sample_that_is_not_old(self):
        text = 'last(m, 300) > 90'
        self.assert_state(ALARM, text, 'gauge', series({30: 95}))
        self.assert_state(OK, text, 'gauge', series({30: 5}))
        self.assert_state(UNDETERMINED, text, 'gauge', series({40: 95}))

    def test_clocks_that_are_ahead(self):
        self.assert_state(ALARM, 'last(m) > 1', 'gauge', series({-3: 2}))
        self.assert_state(OK, 'avg(m) > 1', 'gauge', steady(0, newest=-10))


class TestTimes(RulesTestCase):
    text = 'max(m) > 5 times 3'

    def test_each_period_must_hold(self):
        verdict = self.assert_state(ALARM, self.text, 'gauge', steady(6))
        self.assertEqual(
            'max(m) is 6, more than 5 in each of 3 periods', verdict.reason
        )
        once = {age: 6 for age in range(0, 110, 10)}
        once |= {age: 5 for age in range(110, 180, 10)}
        verdict = self.assert_state(OK, self.text, 'gauge', series(once))
        self.assertEqual(
            'max(m) is 6, more than 5, but not in each of 3 periods',
            verdict.reason,
        )

    def test_a_period_begins_after_its_start_and_holds_its_end(self):
        edges = {0: 6, 60: 6, 120: 6, 180: 0}
        self.assert_state(ALARM, self.text, 'gauge', series(edges))

    def test_a_hole_is_neither(self):
        hole = {0: 6, 130: 6}
        verdict = self.assert_state(
            UNDETERMINED, self.text, 'gauge', series(hole)
        )
        self.assertEqual(
            'samples of m do not cover the last 3 periods', verdict.reason
        )

    def test_a_hole_whatever_the_function(self):
        for function in FUNCTIONS:
            text = f'{function}(m) >= 0 times 2'
            self.assert_state(UNDETERMINED, text, 'binary', series({0: 0}))

    def test_without_a_newest_period_nothing_is_known(self):
        old = {age: 0 for age in range(60, 180, 10)}
        self.assert_state(UNDETERMINED, self.text, 'gauge', series(old))


class TestGroups(RulesTestCase):
    def test_one_alarm_per_server_and_dimension(self):
        verdicts = judge(
            'last(m) < 1',
            'binary',
            series({0: 0}, service='a'),
            series({0: 1}, service='b'),
            series({0: 0}, server_id=2, service='a'),
            match_by=('server', 'service'),
        )
        self.assertEqual(
            [
                {'server': 'server-1', 'service': 'a'},
                {'server': 'server-2', 'service': 'a'},
            ],
            [verdict.group for verdict in verdicts],
        )

    def test_series_of_one_group_go_together(self):
        pair = (
            series({0: 2, 10: 4}, service='a'),
            series({0: 6, 10: 8}, service='b'),
        )
        for function, value in [
            ('avg', 5),
            ('sum', 20),
            ('count', 4),
            ('min', 2),
            ('max', 8),
            ('last', 6),
        ]:
            verdict = self.verdict(f'{function}(m, 20) >= 0', 'gauge', *pair)
            self.assertEqual(value, verdict.value, function)
        self.assertEqual(2, self.verdict('last(m) < 0', 'gauge', *pair).value)

    def test_without_match_by_there_is_one(self):
        (verdict,) = judge(
            'max(m) > 1',
            'gauge',
            series({0: 2}, server_id=2),
            series({0: 3}),
            match_by=(),
        )
        self.assertEqual(
            ({}, 3.0, (1, 2)),
            (
                verdict.group,
                verdict.value,
                verdict.server_ids,
            ),
        )

    def test_a_silent_server_does_not_hide_behind_others(self):
        two = (steady(5), steady(5, server_id=2, newest=40))
        three = (*two, steady(5, server_id=3, newest=40))
        (verdict,) = judge(
            'max(m) > 9', 'gauge', *two, match_by=(), known=[{}]
        )
        self.assertEqual(OK, verdict.state)
        (verdict,) = judge(
            'max(m) > 9', 'gauge', *three, match_by=(), known=[{}]
        )
        self.assertEqual(UNDETERMINED, verdict.state)

    def test_a_dimension_that_is_not_there_is_empty(self):
        (verdict,) = judge(
            'last(m) < 1', 'binary', series({0: 0}), match_by=('mount',)
        )
        self.assertEqual({'mount': ''}, verdict.group)

    def test_an_alarm_whose_group_vanished_is_undetermined(self):
        verdict = self.assert_state(UNDETERMINED, 'last(m) < 1', 'binary')
        self.assertEqual('no sample of m in the last 60 s', verdict.reason)
        self.assertIsNone(verdict.value)
        self.assert_state(UNDETERMINED, 'max(m) > 1', 'gauge', series({60: 5}))

    def test_match_by_changed(self):
        gone = {'server': 'server-1', 'service': 'a'}
        verdicts = judge('last(m) < 1', 'binary', series({0: 0}), known=[gone])
        self.assertEqual(
            [(gone, UNDETERMINED), ({'server': 'server-1'}, ALARM)],
            [(verdict.group, verdict.state) for verdict in verdicts],
        )

    def test_what_is_ok_or_unknown_and_has_no_alarm_is_not_spoken_of(self):
        verdicts = judge(
            'avg(m, 300) > 1', 'gauge', steady(0), series({0: 9}, server_id=2)
        )
        self.assertEqual([], verdicts)

    def test_unknown_servers_are_left_out(self):
        self.assertEqual(
            [], judge('last(m) < 1', 'binary', series({0: 0}, server_id=9))
        )


class Naive:
    """The rules once more, by loops and lists, for one group."""

    def __init__(self, comparison, type_, several):
        self.comparison = comparison
        self.type = type_
        self.call = comparison.value
        self.several = [
            s
            for s in several
            if len(s.times) and s.times[-1] > NOW - comparison.lookback
        ]

    def state(self):
        if not self.several:
            return UNDETERMINED
        truths = [self.truth(n) for n in range(self.comparison.times)]
        if truths[0] is None:
            return UNDETERMINED
        if False in truths:
            return OK
        return UNDETERMINED if None in truths else ALARM

    def truth(self, n):
        end = NOW - n * self.call.period
        windows = [self.window(s, end) for s in self.several]
        one_is_enough = self.type == 'binary' or self.call.function == 'last'
        if one_is_enough:
            windows = [
                window if self.fresh(s) else []
                for s, window in zip(self.several, windows, strict=True)
            ]
        value = self.value(windows)
        if value is None:
            return None
        holds = COMPARE[self.comparison.operator](
            value, self.comparison.threshold
        )
        if one_is_enough or self.certain(holds):
            return holds
        return holds if self.covered(windows, end) >= 0.5 else None

    @property
    def upward(self):
        return self.comparison.operator in ('>', '>=')

    def window(self, one, end):
        pairs = zip(one.times, one.values, strict=True)
        return [
            (min(at, NOW), value)
            for at, value in pairs
            if end - self.call.period < min(at, NOW) <= end
        ]

    def value(self, windows):
        values = [value for window in windows for _, value in window]
        lasts = [window[-1][1] for window in windows if window]
        if not values:
            return None
        return {
            'avg': lambda: math.fsum(values) / len(values),
            'sum': lambda: math.fsum(values),
            'count': lambda: len(values),
            'min': lambda: min(values),
            'max': lambda: max(values),
            'last': lambda: (max if self.upward else min)(lasts),
        }[self.call.function]()

    def certain(self, holds):
        function = self.call.function
        grows = function in ('max', 'count') or (
            function == 'sum' and self.type == 'tailable'
        )
        if grows:
            return holds == self.upward
        return function == 'min' and holds != self.upward

    def fresh(self, one):
        return NOW - one.times[-1] <= scenes.SILENT_AFTER

    def covered(self, windows, end):
        total = 0.0
        for one, window in zip(self.several, windows, strict=True):
            if not window or not self.fresh(one):
                continue
            total += min(window[0][0] - (end - self.call.period), 10.0)
            for before, after in zip(window, window[1:], strict=False):
                total += min(after[0] - before[0], 25.0)
            total += min(end - window[-1][0], 10.0)
        return total / self.call.period / len(self.several)


one_series = st.dictionaries(
    st.integers(-4, 200), st.integers(0, 4), min_size=1, max_size=20
)


class TestAgainstNaive(RulesTestCase):
    @settings(deadline=None)
    @given(
        st.lists(one_series, min_size=1, max_size=3),
        st.sampled_from(FUNCTIONS),
        st.sampled_from(tree.OPERATORS),
        st.integers(0, 6),
        st.sampled_from([5, 20, 60, 100]),
        st.integers(1, 3),
        st.sampled_from(list(model.ThresholdType)),
    )
    def test_same_state(
        self, several, function, compares, threshold, period, times, type_
    ):
        several = [
            series(samples, service=str(n))
            for n, samples in enumerate(several)
        ]
        text = f'{function}(m, {period}) {compares} {threshold} times {times}'
        verdict = self.verdict(text, type_, *several)
        naive = Naive(expression.parse(text).condition, type_, several)
        self.assertEqual(naive.state(), verdict.state, verdict.reason)
