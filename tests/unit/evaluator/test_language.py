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

"""What each function and each word of an expression does."""

import dataclasses
import math
import pathlib
import random
import re

from oslotest import base

from sentinella import exceptions
from sentinella.evaluator import conditions
from sentinella.evaluator import expression
from sentinella.evaluator import functions
from sentinella.evaluator import groups
from sentinella.evaluator.expression import tree
from tests.unit.evaluator import scenes
from tests.unit.evaluator.scenes import ALARM
from tests.unit.evaluator.scenes import judge
from tests.unit.evaluator.scenes import OK
from tests.unit.evaluator.scenes import series
from tests.unit.evaluator.scenes import steady
from tests.unit.evaluator.scenes import UNDETERMINED

ONE = {'server': 'server-1'}
GUIDE = pathlib.Path(__file__).parents[3] / 'doc/source/user/expressions.rst'


class LanguageTestCase(base.BaseTestCase):
    def verdict(self, text, *several, type_='gauge', group=ONE, **kwargs):
        """The verdict of one group."""
        verdicts = judge(
            text,
            type_,
            *several,
            match_by=tuple(group),
            known=[group],
            **kwargs,
        )
        (found,) = [one for one in verdicts if one.group == group]
        return found

    def assert_says(self, state, reason, text, *several, **kwargs):
        verdict = self.verdict(text, *several, **kwargs)
        self.assertEqual((state, reason), (verdict.state, verdict.reason))

    def assert_state(self, state, text, *several, **kwargs):
        verdict = self.verdict(text, *several, **kwargs)
        self.assertEqual(state, verdict.state, verdict.reason)


class TestRate(LanguageTestCase):
    def test_of_a_counter(self):
        self.assert_says(
            ALARM,
            'rate(m, 300) is 2, more than 1',
            'rate(m, 300) > 1',
            steady(lambda age: 1000 - 2 * age),
        )

    def test_a_counter_that_fell_began_anew(self):
        # 1000, 1010, ..., then 0, 10, ...
        counter = steady(lambda age: 100 - age if age <= 100 else 1300 - age)
        verdict = self.verdict('rate(m, 300) > 0', counter)
        self.assertAlmostEqual(280 / 290, verdict.value)

    def test_of_counted_events(self):
        events = steady(3)
        verdict = self.verdict('rate(m, 300) > 0', events, type_='tailable')
        self.assertEqual(0.3, verdict.value)
        burst = series({0: 900})
        self.assert_state(ALARM, 'rate(m, 300) > 2', burst, type_='tailable')
        self.assert_state(
            UNDETERMINED, 'rate(m, 300) > 4', burst, type_='tailable'
        )

    def test_series_of_a_group_add_up(self):
        pair = [
            steady(lambda age: -age, service='a'),
            steady(lambda age: -3 * age, service='b'),
        ]
        self.assertEqual(4, self.verdict('rate(m, 300) > 0', *pair).value)

    def test_of_one_sample_nothing_is_known(self):
        self.assert_says(
            UNDETERMINED,
            'rate(m) can not be told',
            'rate(m) >= 0',
            series({0: 5}),
        )


class TestDelta(LanguageTestCase):
    def test_up_and_down(self):
        rises = steady(lambda age: -age)
        self.assert_state(ALARM, 'delta(m, 300) > 289', rises)
        self.assert_state(OK, 'delta(m, 300) > 290', rises)
        self.assert_state(
            ALARM, 'delta(m, 300) < -289', steady(lambda age: age)
        )

    def test_needs_its_period_covered(self):
        self.assert_state(
            UNDETERMINED,
            'delta(m, 300) > 1',
            steady(lambda age: -age, seconds=100),
        )


class TestStddev(LanguageTestCase):
    def test_of_all_samples(self):
        saw = steady(lambda age: 7 if age % 20 else 3)
        self.assertEqual(2, self.verdict('stddev(m, 300) > 0', saw).value)
        self.assert_state(OK, 'stddev(m, 300) > 0', steady(5))

    def test_of_series_together(self):
        pair = [steady(1, service='a'), steady(5, service='b')]
        self.assertEqual(2, self.verdict('stddev(m, 300) > 0', *pair).value)

    def test_large_numbers_keep_their_small_differences(self):
        far = steady(lambda age: 1e15 + (2 if age % 20 else 0))
        self.assertEqual(1, self.verdict('stddev(m, 300) > 0', far).value)


class TestForecast(LanguageTestCase):
    """A filesystem of which 100 are left, or more."""

    full = 'forecast(m, 3600, 600) < 0'

    def falling(self, a_second, noise=0.0, left=100.0):
        chance = random.Random(1)
        return steady(
            lambda age: left + age * a_second + chance.gauss(0, noise), 600
        )

    def test_a_line(self):
        verdict = self.verdict(self.full, self.falling(0.1))
        self.assertEqual(ALARM, verdict.state)
        self.assertAlmostEqual(100 - 360, verdict.value)
        self.assert_state(OK, self.full, self.falling(0.02))
        self.assert_state(OK, self.full, self.falling(0))

    def test_the_more_noise_the_less_is_known(self):
        for noise, state in [(1, ALARM), (2, ALARM), (9, UNDETERMINED)]:
            self.assert_state(state, self.full, self.falling(0.04, noise))
        verdict = self.verdict(self.full, self.falling(0.04, 9))
        self.assertRegex(
            verdict.reason,
            r'forecast\(m, 3600, 600\) is -?[0-9.]+, but may be between '
            r'-[0-9.]+ and [0-9.]+',
        )

    def test_noise_around_what_stays_raises_nothing(self):
        self.assert_state(OK, self.full, self.falling(0, 1))

    def test_too_few_samples(self):
        few = series({age: age for age in range(0, 600, 70)})
        self.assert_state(UNDETERMINED, self.full, few)

    def test_a_dead_server_s_future_is_not_known(self):
        dead = steady(lambda age: age, 600, newest=40)
        self.assert_state(UNDETERMINED, 'forecast(m, 60, 600) < 99', dead)

    def test_the_worst_series_decides(self):
        quiet, full = (
            steady(lambda age: 500, 600, mount='/'),
            steady(lambda age: 100 + age * 0.1, 600, mount='/var'),
        )
        self.assert_state(ALARM, self.full, quiet, full)
        self.assert_state(OK, self.full, quiet)

    def test_one_that_can_not_be_told_might_be_the_worst(self):
        quiet, new = (
            steady(lambda age: 500, 600, mount='/'),
            series({0: 5}, mount='/var'),
        )
        self.assert_state(UNDETERMINED, self.full, quiet, new, quiet)

    def test_interval_as_in_the_books(self):
        """NIST/SEMATECH e-Handbook: Student's t for two sides of 95 %."""
        for freedom, t in [(8, 2.306), (10, 2.228), (30, 2.042), (120, 1.98)]:
            self.assertAlmostEqual(t, functions._student(freedom), 3)


class TestAbsent(LanguageTestCase):
    def test_who_was_there_and_is_missing(self):
        self.assert_says(
            ALARM,
            'no sample of m in the last 60 s',
            'absent(m)',
            series({70: 1}),
        )
        self.assert_says(
            OK,
            'there is a sample of m in the last 60 s',
            'absent(m)',
            series({50: 1}),
        )

    def test_only_who_was_there(self):
        (verdict,) = judge('absent(m)', 'gauge', series({600: 1}))
        self.assertEqual(ONE, verdict.group)
        self.assertEqual([], judge('absent(m)', 'gauge', series({660: 1})))
        self.assertEqual([], judge('absent(m)', 'gauge'))

    def test_who_is_known_to_be_missing_stays_so(self):
        self.assert_state(ALARM, 'absent(m)')

    def test_what_the_expression_names_has_to_be_there(self):
        text = 'absent(process.up{service=nova-api})'
        for match_by, group in [((), {}), (('service',), None)]:
            group = {'service': 'nova-api'} if group is None else group
            (verdict,) = judge(text, 'binary', match_by=match_by)
            self.assertEqual((group, ALARM), (verdict.group, verdict.state))

    def test_with_another(self):
        text = 'absent(galera.up) and last(m) > 0'
        (verdict,) = judge(text, 'gauge', series({0: 1}))
        self.assertEqual(
            'no sample of galera.up in the last 60 s and last(m) is 1, more '
            'than 0',
            verdict.reason,
        )
        there = series({0: 1}, name='galera.up')
        self.assert_state(OK, text, series({0: 1}), there)


class TestShare(LanguageTestCase):
    text = 'share(last(m) < 1 by server) > 30 %'

    def down(self, *down, of=(1, 2, 3), **dimensions):
        return [
            series({0: 0 if n in down else 1}, server_id=n, **dimensions)
            for n in of
        ]

    def test_one_of_three(self):
        self.assert_says(
            ALARM,
            'share(last(m) < 1 by server) is 33.3 % (1 of 3), more than 30 %',
            self.text,
            *self.down(2),
            group={},
        )
        verdict = self.verdict(self.text, *self.down(2), group={})
        self.assertAlmostEqual(100 / 3, verdict.value)
        self.assertEqual((2,), verdict.server_ids)
        self.assert_state(OK, self.text, *self.down(), group={})

    def test_by_another_dimension_than_that_of_the_alarms(self):
        several = [
            *self.down(1, 2, service='a'),
            *self.down(service='b'),
        ]
        (verdict,) = judge(
            self.text, 'binary', *several, match_by=('service',)
        )
        self.assertEqual({'service': 'a'}, verdict.group)

    def test_of_what_a_server_has(self):
        text = 'share(last(m) > 90 by mount) >= 50 %'
        several = [
            series({0: 95}, mount='/'),
            series({0: 5}, mount='/var'),
            series({0: 5}, server_id=2, mount='/'),
        ]
        (verdict,) = judge(text, 'gauge', *several)
        self.assertEqual(ONE, verdict.group)

    def test_what_is_not_known_may_be_either(self):
        silent = series({50: 1}, server_id=3)
        one = [*self.down(1, of=(1, 2)), silent]
        self.assert_state(ALARM, self.text, *one, group={})
        none = [*self.down(of=(1, 2)), silent]
        self.assert_says(
            UNDETERMINED,
            'share(last(m) < 1 by server) is 0 % (0 of 3), 1 are not known',
            self.text,
            *none,
            group={},
        )
        self.assert_state(OK, self.text.replace('30', '34'), *none, group={})

    def test_of_what_has_held(self):
        text = 'share(last(m) < 1 for 60 by server) > 30 %'
        late = steady(lambda age: int(age > 30), server_id=2)
        up = steady(1, server_id=3)
        self.assert_state(ALARM, text, steady(0), late, up, group={})
        self.assert_state(OK, text, late, up, steady(1), group={})

    def test_of_several_conditions(self):
        text = 'share(last(m) < 1 or absent(n) by server) > 60 %'
        several = [
            *self.down(1),
            series({0: 1}, server_id=2, name='n'),
            series({70: 1}, server_id=3, name='n'),
        ]
        self.assert_says(
            ALARM,
            'share(last(m) < 1 or absent(n) by server) is 66.7 % (2 of 3), '
            'more than 60 %',
            text,
            *several,
            group={},
        )

    def test_of_nothing_nothing_is_known(self):
        self.assert_state(UNDETERMINED, self.text, group={})


class TestArithmetic(LanguageTestCase):
    def test_between_metrics_of_one_group(self):
        text = '100 * last(m) / last(n) > 50'
        several = [
            series({0: 6}),
            series({0: 10}, name='n'),
            series({0: 6}, server_id=2),
            series({0: 20}, name='n', server_id=2),
        ]
        (verdict,) = judge(text, 'gauge', *several)
        self.assertEqual(
            (ONE, 60.0, '100 * last(m) / last(n) is 60, more than 50'),
            (verdict.group, verdict.value, verdict.reason),
        )

    def test_precedence(self):
        for text, value in [
            ('last(m) + last(m) * 2 - 1', 14),
            ('(last(m) + last(m)) * 2 - 1', 19),
            ('last(m) - last(m) - 1', -1),
            ('last(m) - (last(m) - 1)', 1),
            ('last(m) / 2 / 5', 0.5),
            ('-2 * last(m)', -10),
        ]:
            verdict = self.verdict(f'{text} > 1000', series({0: 5}))
            self.assertEqual(value, verdict.value, text)

    def test_by_nothing(self):
        zero = [series({0: 5}), series({0: 0}, name='n')]
        for text in ('last(m) / last(n) > 1', '0 * last(m) / last(n) < 1'):
            self.assert_says(
                UNDETERMINED,
                f'{text[:-4]} can not be told',
                text,
                *zero,
            )

    def test_one_is_missing(self):
        self.assert_says(
            UNDETERMINED,
            'no sample of n in the last 60 s',
            'last(m) / last(n) > 1',
            series({0: 5}),
        )

    def test_certain_as_soon_as_it_is(self):
        several = [series({0: 50}), series({0: 5}, name='n')]
        self.assert_state(ALARM, 'max(m) + last(n) > 54', *several)
        self.assert_state(UNDETERMINED, 'max(m) - max(n) > 1', *several)
        self.assert_state(UNDETERMINED, 'max(m) - last(n) > 45', *several)
        self.assert_state(OK, 'min(m) - last(n) > 45', *several)
        self.assert_state(UNDETERMINED, 'max(m) * -1 > -51', *several)
        self.assert_state(OK, 'max(m) * -1 > -49', *several)

    def test_infinity(self):
        several = [series({0: math.inf}), series({0: math.inf}, name='n')]
        self.assert_state(ALARM, 'last(m) > 1e308', *several)
        self.assert_state(UNDETERMINED, 'last(m) - last(n) > 0', *several)
        self.assert_state(UNDETERMINED, 'last(m) / last(n) > 0', *several)
        self.assert_state(UNDETERMINED, 'last(m) * 0 < 1', *several)

    def test_the_worst_of_what_is_taken_away_is_the_least(self):
        several = [
            series({0: 10}),
            series({0: 1}, name='n', service='a'),
            series({0: 9}, name='n', service='b'),
        ]
        self.assert_state(ALARM, 'last(m) - last(n) > 8', *several)
        self.assert_state(ALARM, 'last(m) - last(n) < 2', *several)


class TestLogic(LanguageTestCase):
    """Of a certain one, one that does not hold, and one that is unknown."""

    several = (series({0: 1}, name='yes'), series({0: 0}, name='no'))
    words = {
        'T': 'last(yes) > 0',
        'F': 'last(no) > 0',
        'U': 'last(never) > 0',
    }

    def test_kleene(self):
        states = {'T': ALARM, 'F': OK, 'U': UNDETERMINED}
        for pair, both, either in [
            ('TT', 'T', 'T'),
            ('TF', 'F', 'T'),
            ('TU', 'U', 'T'),
            ('FF', 'F', 'F'),
            ('FU', 'F', 'U'),
            ('UU', 'U', 'U'),
        ]:
            for one, other in (pair, pair[::-1]):
                one, other = self.words[one], self.words[other]
                for word, state in (('and', both), ('or', either)):
                    self.assert_state(
                        states[state],
                        f'{one} {word} {other}',
                        *self.several,
                    )

    def test_words(self):
        for text, reason in [
            ('last(yes) > 0 and last(no) < 1',)
            + ('last(yes) is 1, more than 0 and last(no) is 0, less than 1',),
            ('last(yes) > 0 or last(no) > 0',)
            + ('last(yes) is 1, more than 0',),
            ('last(yes) > 0 and last(no) > 0',)
            + ('last(no) is 0, not more than 0',),
            ('last(yes) > 0 and last(never) > 0',)
            + ('no sample of never in the last 60 s',),
        ]:
            verdict = self.verdict(text, *self.several)
            self.assertEqual(reason, verdict.reason)

    def test_deterministic_silence_is_no_news(self):
        text = 'count(never, deterministic) > 0'
        self.assert_says(OK, 'no sample of never in the last 60 s', text)
        self.assert_state(ALARM, f'last(yes) > 0 or {text}', *self.several)
        self.assert_state(OK, f'last(yes) > 0 and {text}', *self.several)
        text = 'sum(m, deterministic, 300) > 5'
        self.assert_state(ALARM, text, series({50: 6}))
        self.assert_state(OK, text, series({50: 5}))

    def test_several_types_in_one(self):
        """A state needs one sample, what is measured half of its period."""
        several = [
            series({0: 0}, name='x.up'),
            series({0: 9}, name='log.errors'),
            series({0: 99}, name='load'),
        ]
        self.assert_state(
            ALARM, 'max(x.up, 300) < 1 and sum(log.errors) > 8', *several
        )
        self.assert_state(
            UNDETERMINED, 'max(x.up, 300) < 1 and avg(load) > 8', *several
        )


class TestHeld(LanguageTestCase):
    text = 'last(m) > 5 for 120'

    def test_for(self):
        self.assert_says(
            ALARM,
            'last(m) is 6, more than 5, for 120 s',
            self.text,
            steady(6),
        )
        self.assert_says(
            OK,
            'last(m) is 6, more than 5, but not yet for 120 s',
            self.text,
            steady(lambda age: 6 if age < 120 else 0),
        )
        self.assert_says(
            UNDETERMINED,
            'last(m) is 6, more than 5, but samples do not tell for all of '
            '120 s',
            self.text,
            steady(6, seconds=100),
        )
        self.assert_says(
            OK,
            'last(m) is 5, not more than 5',
            self.text,
            steady(lambda age: 6 if age else 5),
        )

    def test_a_dip_begins_it_anew(self):
        self.assert_state(
            OK, self.text, steady(lambda age: 0 if age == 60 else 6)
        )

    def test_a_gap_is_not_known(self):
        gap = {age: 6 for age in range(0, 300, 10) if not 20 < age < 90}
        self.assert_state(UNDETERMINED, self.text, series(gap))
        self.assert_state(OK, self.text, series({**gap, 100: 0}))

    def test_of_a_part_only(self):
        text = '(last(m) > 5 for 120) and last(n) > 5'
        self.assert_state(ALARM, text, steady(6), series({0: 6}, name='n'))

    def test_with_windows(self):
        """Each of the 13 looks sees a minute."""
        text = 'max(m) > 5 for 120'
        self.assert_state(
            ALARM, text, steady(lambda age: 6 if age % 60 == 0 else 0)
        )
        self.assert_state(
            OK, text, steady(lambda age: 6 if age % 70 == 0 else 0)
        )

    def test_of_a_share(self):
        text = 'share(last(m) < 1 by server) > 50 % for 60'
        two = [steady(0, server_id=n) for n in (1, 2)]
        self.assert_state(ALARM, text, *two, steady(1, server_id=3), group={})
        late = steady(lambda age: int(age > 30), server_id=2)
        self.assert_state(
            OK, text, two[0], late, steady(1, server_id=3), group={}
        )

    def test_looks(self):
        self.assertEqual([5.0], conditions.looks(5.0))
        self.assertEqual([10.0, 20.0, 30.0], conditions.looks(30.0))
        self.assertEqual(120, len(conditions.looks(86400.0)))
        self.assertEqual(86400.0, conditions.looks(86400.0)[-1])


class TestClear(LanguageTestCase):
    text = 'max(m) > 90 clear < 80'

    def test_between_it_stays_as_it_was(self):
        for value, off, on in [
            (95, ALARM, ALARM),
            (85, OK, ALARM),
            (75, OK, OK),
        ]:
            self.assert_state(off, self.text, steady(value))
            self.assert_state(on, self.text, steady(value), firing=[ONE])

    def test_words(self):
        self.assert_says(
            ALARM,
            'max(m) is 85, not less than 80, not max(m) < 80',
            self.text,
            steady(85),
            firing=[ONE],
        )

    def test_what_is_not_known(self):
        self.assert_state(UNDETERMINED, self.text, firing=[ONE])
        silent = steady(85, newest=40)
        self.assert_state(ALARM, self.text, silent, firing=[ONE])
        text = self.text.replace('max', 'last')
        self.assert_state(UNDETERMINED, text, silent, firing=[ONE])

    def test_of_another_metric(self):
        text = 'last(m) > 5 clear last(n) < 1'
        for value, state in [(0, OK), (1, ALARM)]:
            several = [series({0: 0}), series({0: value}, name='n')]
            self.assert_state(state, text, *several, firing=[ONE])
        both = [series({0: 6}), series({0: 0}, name='n')]
        self.assert_state(ALARM, text, *both, firing=[ONE])

    def test_all_series_have_to_be_clear(self):
        several = [series({0: 85}, x='a'), series({0: 10}, x='b')]
        text = 'last(m) > 90 clear < 80'
        self.assert_state(ALARM, text, *several, firing=[ONE])

    def test_others_are_not_touched(self):
        several = [steady(85), steady(85, server_id=2)]
        self.assertEqual(
            [ONE],
            [
                v.group
                for v in judge(
                    self.text,
                    'gauge',
                    *several,
                    known=[ONE, {'server': 'server-2'}],
                    firing=[ONE],
                )
                if v.state == ALARM
            ],
        )


class TestKeep(LanguageTestCase):
    text = 'last(m) > 5 keep 120'

    def test_goes_on_until_it_is_over_for_long(self):
        short = steady(lambda age: 0 if age < 120 else 6)
        self.assert_says(
            ALARM,
            'last(m) is 0, not more than 5, but not yet for 120 s',
            self.text,
            short,
            firing=[ONE],
        )
        self.assert_state(OK, self.text, short)
        long = steady(lambda age: 0 if age <= 120 else 6)
        self.assert_state(OK, self.text, long, firing=[ONE])

    def test_a_gap_is_not_over(self):
        gap = {age: 0 for age in range(0, 300, 10) if not 20 < age < 90}
        self.assert_state(ALARM, self.text, series(gap), firing=[ONE])

    def test_together(self):
        text = 'last(m) > 90 for 60 clear < 80 keep 60'
        for values, off, on in [
            (lambda age: 95, ALARM, ALARM),
            (lambda age: 95 if age < 50 else 70, OK, ALARM),
            (lambda age: 85, OK, ALARM),
            (lambda age: 70 if age < 50 else 95, OK, ALARM),
            (lambda age: 70, OK, OK),
            (lambda age: 85 if age == 30 else 70, OK, ALARM),
        ]:
            self.assert_state(off, text, steady(values))
            self.assert_state(on, text, steady(values), firing=[ONE])


class TestJoin(LanguageTestCase):
    both = ('server', 'service')

    def groups(self, text, *several, match_by=both):
        return [
            verdict.group
            for verdict in judge(text, 'gauge', *several, match_by=match_by)
        ]

    def test_what_lacks_a_dimension_belongs_to_all_groups_that_have_it(self):
        text = 'last(m) < 1 and last(cpu) > 90'
        self.assertEqual(
            [
                {'server': 'server-1', 'service': 'a'},
                {'server': 'server-1', 'service': 'b'},
            ],
            self.groups(
                text,
                series({0: 0}, service='a'),
                series({0: 0}, service='b'),
                series({0: 1}, service='c'),
                series({0: 0}, server_id=2, service='a'),
                series({0: 95}, name='cpu'),
                series({0: 5}, name='cpu', server_id=2),
            ),
        )

    def test_one_without_the_other(self):
        several = [
            series({0: 0}, service='a'),
            series({0: 95}, name='cpu', server_id=2),
        ]
        self.assertEqual(
            [
                {'server': 'server-1', 'service': 'a'},
                {'server': 'server-2', 'service': ''},
            ],
            self.groups('last(m) < 1 or last(cpu) > 90', *several),
        )
        self.assertEqual(
            [], self.groups('last(m) < 1 and last(cpu) > 90', *several)
        )

    def test_metrics_that_share_no_dimension(self):
        text = 'last(m) > 0 and last(n) > 0'
        several = [
            series({0: 1}, a='1'),
            series({0: 1}, a='2'),
            series({0: 1}, name='n', b='1'),
            series({0: 1}, name='n', b='2'),
        ]
        self.assertEqual(
            [{'a': a, 'b': b} for a in '12' for b in '12'],
            sorted(
                self.groups(text, *several, match_by=('a', 'b')),
                key=lambda group: (group['a'], group['b']),
            ),
        )

    def test_products_are_bounded(self):
        self.patch(groups, 'MAX_GROUPS', 3)
        error = self.assertRaises(
            exceptions.InvalidExpression,
            self.test_metrics_that_share_no_dimension,
        )
        self.assertIn('3 groups at most', str(error))

    def test_server_ids_are_those_of_the_group(self):
        several = [
            series({0: 1}, server_id=1, a='x'),
            series({0: 1}, name='n', server_id=2, a='x'),
            series({0: 1}, name='n', server_id=3, a='y'),
        ]
        (verdict,) = judge(
            'last(m) > 0 and last(n) > 0', 'gauge', *several, match_by=('a',)
        )
        self.assertEqual((1, 2), verdict.server_ids)

    def test_what_others_tell_of_a_host_meets_what_it_tells_itself(self):
        several = [
            series({0: 1}, server_id=1, service='a'),
            series({0: 1}, server_id=2, service='a'),
            # server 3 tells of all hosts
            series({0: 0}, 3, 'api', service='a', host='ctl-1'),
            series({0: 1}, 3, 'api', service='a', host='ctl-2'),
            series({0: 0}, 3, 'api', service='b', host='ctl-2'),
            series({0: 0}, 3, 'api', service='a', host='elsewhere'),
        ]
        (verdict,) = judge(
            'last(m) > 0 and last(api) < 1',
            'gauge',
            *several,
            match_by=('host', 'service'),
        )
        self.assertEqual(
            {'host': 'ctl-1', 'service': 'a'}, dict(verdict.group)
        )
        self.assertEqual((1, 3), verdict.server_ids)

    def test_hosts_that_tell_nothing_themselves(self):
        several = [
            series({0: 1}, server_id=1, service='a'),
            series({0: 0}, 3, 'api', service='a', host='ctl-1'),
            series({0: 0}, 3, 'api', service='a', host='elsewhere'),
        ]
        self.assertEqual(
            [{'host': 'elsewhere', 'service': 'a'}],
            self.groups(
                'last(api) < 1 and absent(m)',
                *several,
                match_by=('host', 'service'),
            ),
        )

    def test_servers_of_one_name_are_one_host(self):
        twins = {
            number: dataclasses.replace(server, hostname='twin')
            for number, server in scenes.SERVERS.items()
        }
        self.patch(scenes, 'PLACES', scenes.vectors.Servers(twins))
        (verdict,) = judge(
            'min(m) < 1',
            'gauge',
            series({0: 0}, server_id=1),
            series({0: 1}, server_id=2),
            match_by=('host',),
        )
        self.assertEqual({'host': 'twin'}, verdict.group)
        self.assertEqual((1, 2), verdict.server_ids)

    def test_a_host_of_its_own_is_not_replaced(self):
        self.assertEqual(
            [{'host': 'ctl-2', 'server': 'server-1'}],
            self.groups(
                'last(m) > 0',
                series({0: 1}, host='ctl-2'),
                match_by=('host', 'server'),
            ),
        )

    def test_a_server_that_is_gone(self):
        gone = {'server': 'server-9'}
        (verdict,) = judge('last(m) > 0', 'gauge', known=[gone])
        self.assertEqual((gone, UNDETERMINED), (verdict.group, verdict.state))

    def test_without_any_server(self):
        self.patch(scenes, 'PLACES', scenes.vectors.Servers({}))
        self.assertEqual([], judge('last(m) > 0', 'gauge', series({0: 1})))


class TestGuide(base.BaseTestCase):
    """The user's guide shows only what can be read."""

    def test_expressions(self):
        text = re.sub(r'(?s)   expression := .*?\n\n\*', '', GUIDE.read_text())
        shown = re.findall(r'(?m)^   ([a-z0-9(]+[ (].*[<>].*)$', text)
        shown += re.findall(r'``([a-z]+[ (][^`]* [<>] [0-9][^`]*)``', text)
        self.assertLess(15, len(shown))
        for one in shown:
            expression.parse(one.replace('condition', 'a > 1'))

    def test_functions(self):
        for function in tree.FUNCTIONS:
            self.assertRegex(GUIDE.read_text(), rf'(?m)^``{function}\(')
