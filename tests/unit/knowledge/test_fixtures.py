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

from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.knowledge import fixtures


def values(text, interval=10.0):
    """What one metric's words become."""
    entry = {'when': 'w', 'samples': {'x': text}}
    (case,) = fixtures.cases([entry], 'here')
    ((stretches,),) = [place.samples.values() for place in case.places]
    return [v for one in stretches for v in one.values(interval)]


class TestValues(base.BaseTestCase):
    def test_words(self):
        for text, expected in [
            ('1', [1.0]),
            (1, [1.0]),
            ('-0.5 2e3', [-0.5, 2000.0]),
            ('1*30s 0', [1.0, 1.0, 1.0, 0.0]),
            ('0..30*40s', [0.0, 10.0, 20.0, 30.0]),
            ('1 -*20s 1', [1.0, None, None, 1.0]),
            ('', []),
        ]:
            self.assertEqual(expected, values(text), text)
        self.assertEqual([True] * 6, [*map(math.isnan, values('nan*1m'))])

    def test_they_last_as_long_however_often_they_are_measured(self):
        for interval in (1.0, 10.0, 30.0, 60.0):
            self.assertEqual(600 / interval, len(values('1*10m', interval)))

    @given(st.integers(-99, 99), st.integers(-99, 99), st.integers(2, 90))
    def test_a_line_begins_and_ends_as_told(self, first, last, count):
        line = values(f'{first}..{last}*{count}s', 1.0)
        self.assertEqual((count, first), (len(line), line[0]))
        self.assertAlmostEqual(last, line[-1])
        self.assertTrue(
            all(min(first, last) - 1e-9 <= v <= max(first, last) + 1e-9
                for v in line)
        )  # fmt: skip


class TestCases(base.BaseTestCase):
    def test_one_server_in_short_and_many_at_length(self):
        short, long_ = fixtures.cases(
            [
                {'when': 'a', 'count': 2, 'row': {'silence': 40}},
                {
                    'when': 'b',
                    'severity': 'major',
                    'servers': [{'samples': {'x{b=2, a=1}': 1}}, {'count': 3}],
                },
            ],
            'here',
        )
        (place,) = short.places
        self.assertEqual((2, {'silence': 40}), (place.count, place.row))
        self.assertEqual(('', 'major'), (short.severity, long_.severity))
        self.assertEqual([1, 3], [place.count for place in long_.places])
        self.assertEqual(
            [('x', (('a', '1'), ('b', '2')))], list(long_.places[0].samples)
        )

    def test_our_own_processes(self):
        entry = {
            'when': 'a',
            'instances': [
                {'kind': 'conductor', 'host': 'b', 'silence': 40},
                {'kind': 'evaluator', 'host': 'c', 'facts': {'bus': 1}},
            ],
        }
        (case,) = fixtures.cases([entry], 'here')
        self.assertEqual((), case.places)
        self.assertEqual(
            (
                fixtures.Instance('conductor', 'b', 40.0),
                fixtures.Instance('evaluator', 'c', facts={'bus': 1}),
            ),
            case.instances,
        )

    def test_what_is_none(self):
        for entries, words in [
            ([], 'here: expected a list of cases'),
            ({'when': 'a'}, 'here: expected a list of cases'),
            (['a'], 'here.0: expected a mapping of when, severity, servers'),
            ([{}], 'here.0: when is missing'),
            ([{'when': 'a', 'x': 1}], "here.0: unknown key 'x'"),
            ([{'when': 'a', 'servers': 1}], 'here.0: servers: expected list'),
            ([{'when': 'a', 'row': {'x': 1}}], 'here.0.servers.0.row: unknown'),
            ([{'when': 'a', 'count': '2'}], 'count: expected int'),
            ([{'when': 'a', 'instances': [{'kind': 'x'}]}], '0: host is miss'),
        ]:  # fmt: skip
            error = self.assertRaises(
                exceptions.InvalidConfiguration,
                fixtures.cases,
                entries,
                'here',
            )
            self.assertIn(words, str(error))
