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

import time

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.evaluator import expression
from sentinella.evaluator.expression import reader
from sentinella.evaluator.expression import tree

names = st.text(
    st.characters(codec='utf-8', exclude_characters='(){}<>=,"').filter(
        lambda c: c.isprintable() and not c.isspace()
    ),
    min_size=1,
    max_size=12,
)
#: Of dimensions: with a blank or two inside.
words = st.lists(names, min_size=1, max_size=3).map(' '.join)
values = st.text(
    st.characters(codec='utf-8', exclude_categories=('Cc', 'Cs')),
    max_size=12,
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
seconds = st.floats(0.001, 2000)
operators = st.sampled_from(tree.OPERATORS)
selectors = st.builds(
    tree.Selector,
    names,
    st.dictionaries(words, values, max_size=3).map(
        lambda d: tuple(sorted(d.items()))
    ),
)
calls = st.builds(
    tree.Call,
    st.sampled_from([f for f in tree.FUNCTIONS if f != 'forecast']),
    selectors,
    seconds,
    st.booleans(),
) | st.builds(
    tree.Call,
    st.just('forecast'),
    selectors,
    seconds,
    st.just(False),
    st.floats(0.001, 80000),
)
sums = st.recursive(
    calls,
    lambda inner: (
        st.builds(
            tree.Arithmetic,
            st.sampled_from('+-*/'),
            inner | st.builds(tree.Number, numbers),
            inner,
        )
        | st.builds(
            tree.Arithmetic,
            st.sampled_from('+-*/'),
            inner,
            inner | st.builds(tree.Number, numbers),
        )
    ),
    max_leaves=4,
)
simple = (
    st.builds(tree.Comparison, calls, operators, numbers, st.integers(1, 9))
    | st.builds(tree.Comparison, sums, operators, numbers)
    | st.builds(tree.Absent, selectors, seconds)
)


def flat(kind):
    return lambda ones: reader._flat(kind, ones)


def wider(inner):
    several = st.lists(inner, min_size=2, max_size=3)
    return (
        several.map(flat(tree.All))
        | several.map(flat(tree.Any))
        | st.builds(
            tree.Share,
            inner,
            st.lists(names, min_size=1, max_size=2, unique=True).map(
                lambda by: tuple(sorted(by))
            ),
            operators,
            numbers,
        )
    )


conditions = st.recursive(simple, wider, max_leaves=5)
held = conditions | st.builds(tree.Held, conditions, seconds)
expressions = st.builds(
    tree.Expression,
    held,
    st.none() | held,
    st.just(0.0) | seconds,
)


class TestRead(base.BaseTestCase):
    def test_all_parts_of_a_comparison(self):
        read = expression.parse(
            'AVG( cpu.percent{core = 0, host=a/b}, 300 ) GTE -1.5e3 Times 3'
        )
        self.assertEqual(
            tree.Expression(
                tree.Comparison(
                    tree.Call(
                        'avg',
                        tree.Selector(
                            'cpu.percent', (('core', '0'), ('host', 'a/b'))
                        ),
                        300.0,
                    ),
                    '>=',
                    -1500.0,
                    3,
                )
            ),
            read,
        )
        self.assertEqual(frozenset(['cpu.percent']), read.metrics)
        self.assertEqual(900.0, read.lookback)

    def test_one_way_to_write_each(self):
        for text, written in [
            ('cpu gt 5', 'max(cpu) > 5'),
            ('cpu<=5', 'min(cpu) <= 5'),
            ('last(process.up{}) < 1', 'last(process.up) < 1'),
            ('SUM(log.x, DETERMINISTIC, 5m)>0',)
            + ('sum(log.x, deterministic, 300) > 0',),
            ('Avg(A) lt 1 AND b > 2', 'avg(A) < 1 and max(b) > 2'),
            ('a>1&&b>2||c<3', 'max(a) > 1 and max(b) > 2 or min(c) < 3'),
            ('a>1 and (b>2 or c>3)',)
            + ('max(a) > 1 and (max(b) > 2 or max(c) > 3)',),
            ('(((a>1) and (b>2)) and c>3)',)
            + ('max(a) > 1 and max(b) > 2 and max(c) > 3',),
            ('(a>1 or b>2) for 2m', 'max(a) > 1 or max(b) > 2 for 120'),
            ('(a>1 for 60) or b>2', '(max(a) > 1 for 60) or max(b) > 2'),
            ('max(a)/(max(b)-2*(1+min(c))) > 1',)
            + ('max(a) / (max(b) - 2 * (1 + min(c))) > 1',),
            ('((max(a))+2)*3>1', '(max(a) + 2) * 3 > 1'),
            ('100*avg(a)/avg(b) > 30', '100 * avg(a) / avg(b) > 30'),
            ('max(a) -5 > 1', 'max(a) - 5 > 1'),
            ('forecast(fs.free,4h)<0', 'forecast(fs.free, 14400) < 0'),
            ('forecast(x, 60, 120)<0', 'forecast(x, 60, 120) < 0'),
            ('share(up<1 by zone,server)>30% clear<20%',)
            + ('share(min(up) < 1 by server, zone) > 30 % clear < 20 %',),
            ('absent(x{a=b c}, 2m)', 'absent(x{a="b c"}, 120)'),
            ('a > 9 for 300 clear < 8 keep_firing_for 60',)
            + ('max(a) > 9 for 300 clear < 8 keep 60',),
            ('a > 9 times 2 clear max(a) < 8', 'max(a) > 9 times 2 clear < 8'),
            ('a > 9 clear min(b) < 8', 'max(a) > 9 clear min(b) < 8'),
            (
                'a > 9 clear (b < 8 for 60)',
                'max(a) > 9 clear (min(b) < 8 for 60)',
            ),
        ]:
            with self.subTest(text):
                read = expression.parse(text)
                self.assertEqual(written, str(read))
                self.assertEqual(read, expression.parse(written))

    def test_and_binds_tighter_than_or(self):
        read = expression.parse('a > 1 or b > 1 and c > 1').condition
        self.assertIs(tree.Any, type(read))
        self.assertIs(tree.All, type(read.conditions[1]))

    def test_names_of_keywords_and_of_any_script(self):
        for name in (
            'avg',
            'times',
            'gt',
            'and',
            'or',
            'for',
            'clear',
            'keep',
            'share',
            'absent',
            'by',
            'deterministic',
            '5xx',
            '5',
            '-5',
            '1e3',
            '*',
            '-',
            'a/b-c+d*e',
            '&&',
            '||',
            '温度.größe',
            "a-_#!$%&'*+/:;?@[\\]^`|~.",
            'http://[::1]:8774/v2.1?x&y',
        ):
            for text in (f'last({name}) lt 1', f'{name} < 1'):
                with self.subTest(text):
                    self.assertEqual({name}, expression.parse(text).metrics)

    def test_values(self):
        for written, value in [
            (r'"/a b\"\\"', '/a b"\\'),
            ('http://x:80/y?z&u;v', 'http://x:80/y?z&u;v'),
            ('a  b c', 'a  b c'),
            ('größe 温度', 'größe 温度'),
        ]:
            read = expression.parse(f'last(fs{{mount point = {written}}}) > 1')
            (selector,) = read.lookbacks()
            self.assertEqual((('mount point', value),), selector.dimensions)
            self.assertEqual(read, expression.parse(str(read)))

    @settings(deadline=None)
    @given(expressions)
    def test_reads_what_it_writes(self, made):
        if made.lookback <= reader.MAX_LOOKBACK:
            self.assertEqual(made, expression.parse(str(made)))


class TestTells(base.BaseTestCase):
    def test_what_it_reads(self):
        read = expression.parse(
            'avg(a, 300) / last(b{x=y}) > 1 and max(a) > 2 times 3 for 120 '
            'clear min(c, 90) < 1 keep 1000'
        )
        self.assertEqual({'a', 'b', 'c'}, read.metrics)
        self.assertEqual(
            {
                tree.Selector('a'): 1300.0,
                tree.Selector('b', (('x', 'y'),)): 1060.0,
                tree.Selector('c'): 1090.0,
            },
            read.lookbacks(),
        )
        self.assertEqual(1300.0, read.lookback)
        self.assertEqual(720.0, expression.parse('absent(a, 2m)').lookback)
        self.assertEqual(
            3720.0,
            expression.parse(
                'share(x > 1 for 1h by s) > 1 % keep 60'
            ).lookback,
        )

    def test_its_type(self):
        for text, type_ in [
            ('last(process.up) < 1', 'binary'),
            ('max(rabbitmq.memory_alarm) > 0', 'binary'),
            ('sum(log.errors, 300) > 1', 'tailable'),
            ('sum(process.restarts, 300) > 1', 'tailable'),
            ('avg(cpu.percent) > 1', 'gauge'),
            ('a.up < 1 and b.up < 1', 'binary'),
            ('a.up < 1 and sum(log.errors) > 1', 'gauge'),
        ]:
            self.assertEqual(
                model.ThresholdType(type_), expression.parse(text).type, text
            )


class TestErrors(base.BaseTestCase):
    def assert_says(self, text, column, *words):
        error = self.assertRaises(
            exceptions.InvalidExpression, expression.parse, text
        )
        for word in (f'column {column}:', *words):
            self.assertIn(word, str(error))
        self.assertNotIn('\n', str(error))
        self.assertLess(len(str(error)), 300)

    def test_column_and_what_was_expected(self):
        for text, column, *words in [
            ('', 1, 'a function', 'a name', 'found the end'),
            ('cpu', 4, 'an operator', 'found the end'),
            ('cpu  >  ', 7, 'a number to compare with', 'the end'),
            ('cpu > x', 7, 'a number to compare with', "'x'"),
            ('cpu == 1', 5, 'an operator', "'='"),
            ('cpu gt5', 5, 'an operator', "'gt5'"),
            ('median(cpu) > 1', 1, 'a function (avg, ', "'median'"),
            ('a > 1 and median(b) > 1', 11, 'a function (avg', "'median'"),
            ('avg(cpu > 1', 9, '")" or ","'),
            ('avg(cpu, x) > 1', 10, 'a period in seconds', "'x'"),
            ('avg(cpu, 60, deterministic) > 1', 12, 'expected ")"'),
            ('avg(cpu, 0) > 1', 10, 'a period in seconds above 0'),
            ('cpu{a} > 1', 6, '"="'),
            ('cpu{a=b,a=c} > 1', 9, 'each dimension once'),
            ('cpu{a=b > 1', 9, '"}" or ","'),
            ('cpu{a="b} > 1', 7, 'a "quoted" value'),
            ('cpu > 1 times', 14, 'a number of periods'),
            ('cpu > 1 times 0', 15, 'a number of periods above 0'),
            ('cpu > 1 foo', 9, '"times" or "and" or "or" or "for"', "'foo'"),
            ('cpu > 1 and', 12, 'a function', 'found the end'),
            ('(cpu > 1', 9, '")"', 'found the end'),
            ('cpu > 1)', 8, 'or the end', "')'"),
            ('cpu > 1e999', 7, 'not an endless one'),
            ('cpu > nan', 7, 'a number to compare with', "'nan'"),
            ('cpu > inf', 7, 'a number to compare with', "'inf'"),
            ('max(a) * 1e999 > 1', 10, 'not an endless one'),
            ('max(a) + b > 1', 10, 'a number', "'b'"),
            ('2 * 3 > 1', 7, 'a metric in what is compared'),
            ('max(a)+max(b,120) > 1 times 2', 29, 'the same period for all'),
            ('forecast(a) > 1', 11, '","'),
            ('forecast(a, 0) > 1', 13, 'a time ahead in seconds above 0'),
            ('share(a > 1 by server) > 5', 27, '"%"', 'the end'),
            ('share(a > 1) > 5 %', 12, '"by"'),
            ('share(a > 1 by x, x) > 5 %', 19, 'each dimension once'),
            ('a > 1 clear < 5 %', 17, 'no "%"'),
            ('share(a > 1 by x) > 5 % clear < 5', 33, '"%" after'),
            ('a > 1 and b > 1 clear < 3', 23, 'a whole condition'),
            ('((a > 1 for 60) and b > 1) for 60', 32, 'no "for" inside'),
            ('(a > 1 keep 60) and b > 1', 8, '"for" or ")"', "'keep'"),
            ('a > 1 keep 5 for 3', 14, 'expected the end', "'for'"),
            ('a\u200bb > 1', 1, 'printable'),
        ]:
            with self.subTest(text):
                self.assert_says(text, column, *words)

    def test_bounds(self):
        self.assert_says('avg(cpu, 86401) > 1', 10, '86400 seconds at most')
        self.assert_says('avg(cpu, 1000000000000) > 1', 10, '86400 seconds')
        self.assert_says('cpu > 1 times 1441', 15, '86400 seconds at most')
        self.assert_says('avg(a, 1) > 1 times 1441', 21, '1440 periods')
        self.assert_says('cpu > 1 for 1e12', 13, '86400 seconds at most')
        self.assert_says('cpu > 1 keep 24h', 14, '86400 seconds at most')
        self.assert_says('absent(cpu, 13h)', 13, '86400 seconds at most')
        self.assert_says('x' * 256 + ' > 1', 1, '255 characters at most')
        self.assert_says('(' * 33 + 'x > 1' + ')' * 33, 33, '32 nested "("')
        self.assert_says(
            ' and '.join(['x > 1'] * 101), 1003, '100 functions, numbers'
        )
        self.assert_says(
            'max(x)' + ' + 1' * 200 + ' > 1', 406, '100 functions, numbers'
        )
        for long in ('x' * 4097, '(' * 10000, 'max(a{b=' + 'x' * 1000000):
            error = self.assertRaises(
                exceptions.InvalidExpression, expression.parse, long
            )
            self.assertIn('4096 characters at most', str(error))

    def test_nothing_takes_long(self):
        started = time.process_time()
        for text in (
            '(' * 4096,
            'max(' * 1024,
            'a{' * 2000,
            '-' * 4096,
            '1' * 4096,
            '1 ' * 2048,
            '1' * 2000 + ' * ' + '(' * 1000,
            'x' * 250 + ' ' * 3000 + '{',
            'x{a=' + 'b ' * 2000,
            'x{a="' + '\\' * 4000,
            'a > 1 or ' * 450,
        ):
            self.assertRaises(
                exceptions.InvalidExpression, expression.parse, text
            )
        self.assertLess(time.process_time() - started, 5)

    @settings(deadline=None)
    @given(
        st.text(max_size=40)
        | st.text('cpu.{}(),<>=" 123times', max_size=40)
        | st.lists(
            st.sampled_from(
                'a > 1 and or ( ) max( share( absent( forecast( , by for '
                'clear keep % 5 60 2h + - * / { } = "x" < times '
                'deterministic'.split()
            ),
            max_size=14,
        ).map(' '.join)
    )
    def test_any_text_is_read_or_refused(self, text):
        try:
            read = expression.parse(text)
        except exceptions.InvalidExpression as error:
            self.assertIn('expected', str(error))
        else:
            self.assertEqual(read, expression.parse(str(read)))
