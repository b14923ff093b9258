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

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.evaluator import expression

names = st.text(
    st.characters(codec='utf-8', exclude_characters='(){}<>=,"').filter(
        lambda c: c.isprintable() and not c.isspace()
    ),
    min_size=1,
    max_size=12,
)
values = st.text(
    st.characters(codec='utf-8', exclude_categories=('Cc', 'Cs')),
    max_size=12,
)
expressions = st.builds(
    expression.Expression,
    function=st.sampled_from(expression.FUNCTIONS),
    metric=names,
    operator=st.sampled_from(expression.OPERATORS),
    threshold=st.floats(allow_nan=False, allow_infinity=False),
    dimensions=st.dictionaries(names, values, max_size=3).map(
        lambda d: tuple(sorted(d.items()))
    ),
    period=st.floats(0.001, 8000),
    times=st.integers(1, 10),
)


class TestRead(base.BaseTestCase):
    def test_all_parts(self):
        read = expression.parse(
            'AVG( cpu.percent{core = 0, host=a/b}, 300 ) GTE -1.5e3 Times 3'
        )
        self.assertEqual(
            expression.Expression(
                function='avg',
                metric='cpu.percent',
                operator='>=',
                threshold=-1500.0,
                dimensions=(('core', '0'), ('host', 'a/b')),
                period=300.0,
                times=3,
            ),
            read,
        )
        self.assertEqual(frozenset(['cpu.percent']), read.metrics)
        self.assertEqual(900.0, read.lookback)

    def test_what_is_left_out_has_a_default(self):
        self.assertEqual('max(cpu) > 5', str(expression.parse('cpu gt 5')))
        self.assertEqual('min(cpu) <= 5', str(expression.parse('cpu<=5')))
        read = expression.parse('last(process.up{}) < 1')
        self.assertEqual(
            (60.0, 1, ()), (read.period, read.times, read.dimensions)
        )

    def test_names_of_keywords_and_of_any_script(self):
        for name in (
            'avg',
            'times',
            'gt',
            '5xx',
            '温度.größe',
            'a-_#!$;|~[\\]',
        ):
            read = expression.parse(f'last({name}) lt 1')
            self.assertEqual(name, read.metric)

    def test_value_that_needs_quotes(self):
        read = expression.parse(r'last(fs{mount="/a b\"\\"}) > 1')
        self.assertEqual((('mount', '/a b"\\'),), read.dimensions)
        self.assertEqual(read, expression.parse(str(read)))

    @settings(deadline=None)
    @given(expressions)
    def test_reads_what_it_writes(self, made):
        self.assertEqual(made, expression.parse(str(made)))


class TestErrors(base.BaseTestCase):
    def assert_says(self, text, column, *words):
        error = self.assertRaises(
            exceptions.InvalidExpression, expression.parse, text
        )
        for word in (f'column {column}:', *words):
            self.assertIn(word, str(error))
        self.assertNotIn('\n', str(error))

    def test_column_and_what_was_expected(self):
        for text, column, *words in [
            ('', 1, 'a function', 'a name', 'found the end'),
            ('cpu', 4, 'an operator', 'found the end'),
            ('cpu  >  ', 7, 'a number to compare with', 'the end'),
            ('cpu > x', 7, 'a number to compare with', "'x'"),
            ('cpu == 1', 5, 'an operator', "'='"),
            ('cpu gt5', 5, 'an operator', "'gt5'"),
            ('median(cpu) > 1', 1, 'a function (avg, ', "'median'"),
            ('avg(cpu > 1', 9, '")" or ","'),
            ('avg(cpu, x) > 1', 10, 'a period in seconds', "'x'"),
            ('avg(cpu, 0) > 1', 10, 'a period in seconds above 0'),
            ('cpu{a} > 1', 6, '"="'),
            ('cpu{a=b,a=c} > 1', 9, 'each dimension once'),
            ('cpu{a=b > 1', 9, '"}" or ","'),
            ('cpu{a="b} > 1', 7, 'a "quoted" value'),
            ('cpu > 1 times', 14, 'a number of periods'),
            ('cpu > 1 times 0', 15, 'a number of periods above 0'),
            ('cpu > 1 and mem > 2', 9, '"times" or the end', "'and'"),
            ('cpu > 1e999', 7, 'not an endless one'),
            ('a\u200bb > 1', 1, 'printable'),
        ]:
            with self.subTest(text):
                self.assert_says(text, column, *words)

    def test_bounds(self):
        self.assert_says('avg(cpu, 86401) > 1', 10, '86400 seconds at most')
        self.assert_says('cpu > 1 times 1441', 15, '86400 seconds at most')
        self.assert_says('x' * 256 + ' > 1', 1, '255 characters at most')
        error = self.assertRaises(
            exceptions.InvalidExpression, expression.parse, 'x' * 2001
        )
        self.assertIn('2000 characters', str(error))

    @settings(deadline=None)
    @given(
        st.text(max_size=40) | st.text('cpu.{}(),<>=" 123times', max_size=40)
    )
    def test_any_text_is_read_or_refused(self, text):
        try:
            read = expression.parse(text)
        except exceptions.InvalidExpression as error:
            self.assertIn('expected', str(error))
        else:
            self.assertEqual(read, expression.parse(str(read)))
