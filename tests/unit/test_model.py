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

import hypothesis
import testtools
from hypothesis import strategies as st

from sentinella import exceptions
from sentinella import model

metrics = st.builds(
    lambda name, dimensions: model.Metric.of(name, **dimensions),
    st.text(min_size=1, max_size=8),
    st.dictionaries(st.sampled_from('abcd'), st.text(max_size=12), max_size=3),
)


class TestPack(testtools.TestCase):
    @hypothesis.given(st.lists(st.floats(), max_size=300))
    def test_nothing_is_lost(self, values):
        unpacked = model.unpack(model.pack(values))
        self.assertEqual(
            [v if not math.isnan(v) else None for v in values],
            [v if not math.isnan(v) else None for v in unpacked],
        )

    @hypothesis.given(st.binary(max_size=200))
    def test_any_other_bytes_are_refused_in_words(self, data):
        try:
            model.unpack(data)
        except exceptions.InvalidReport as error:
            self.assertIn('frame values', str(error))

    def test_a_bomb_is_refused(self):
        bomb = model.pack([0.0] * (model.MAX_SAMPLES + 1))
        self.assertLess(len(bomb), 2000)
        self.assertRaises(exceptions.InvalidReport, model.unpack, bomb)

    def test_what_a_node_reports_takes_few_bytes(self):
        values = [float(i % 3) for i in range(50)]
        values += [round(i * 0.7, 1) for i in range(50)]
        self.assertLess(len(model.pack(values)) / 100, 4)


class TestFrame(testtools.TestCase):
    @hypothesis.given(st.lists(metrics, max_size=8, unique=True), st.randoms())
    def test_one_set_of_metrics_is_one_schema(self, some, random):
        shuffled = random.sample(some, len(some))
        first, second = (
            model.Frame.of(1.0, [model.Sample(m, 0.0) for m in order])
            for order in (some, shuffled)
        )
        self.assertEqual(first.schema, second.schema)

    def test_values_stay_with_their_metrics(self):
        frame = model.Frame.of(
            1.0,
            [
                model.Sample(model.Metric('b'), 2.0),
                model.Sample(model.Metric.of('a', x='2'), 1.5),
                model.Sample(model.Metric.of('a', x='1'), 1.0),
            ],
        )
        self.assertEqual(('a', 'a', 'b'), tuple(m.name for m in frame.metrics))
        self.assertEqual((1.0, 1.5, 2.0), model.unpack(frame.values))


class TestSeverity(testtools.TestCase):
    def test_the_worst_ranks_first(self):
        self.assertEqual(
            ['critical', 'major', 'warning', 'info'],
            sorted(model.Severity, key=lambda severity: severity.rank),
        )
