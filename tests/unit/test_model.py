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

import dataclasses
import json
import math

import hypothesis
import testtools
from hypothesis import strategies as st

from sentinella import exceptions
from sentinella import model

texts = st.text(max_size=12)
numbers = st.floats(-model.MAX_NUMBER, model.MAX_NUMBER)
metrics = st.builds(
    lambda name, dimensions: model.Metric.of(name, **dimensions),
    st.text(min_size=1, max_size=8),
    st.dictionaries(st.sampled_from('abcd'), texts, max_size=3),
)
frames = st.builds(
    model.Frame.of,
    st.floats(0, 2e9),
    st.lists(
        st.builds(model.Sample, metrics, st.floats(allow_nan=False)),
        max_size=20,
    ),
)
statuses = st.builds(
    model.ServiceStatus,
    name=texts,
    state=st.sampled_from(model.ServiceState),
    since=numbers,
    pids=st.tuples(st.integers(1, 4194304)),
)
events = st.builds(
    model.LogEvent,
    at=numbers,
    service=texts,
    level=texts,
    message=texts,
    traceback=st.none() | texts,
)
reports = st.builds(
    model.Report,
    server=texts,
    epoch=texts,
    sequence=st.integers(0, 2**53),
    frame=st.none() | frames,
    events=st.tuples(events),
    services=st.tuples(statuses),
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


class TestWire(testtools.TestCase):
    @hypothesis.given(reports)
    def test_a_report_survives_the_bus(self, report):
        wire = json.loads(json.dumps(model.to_wire(report)))
        self.assertEqual(report, model.from_wire(model.Report, wire))

    def test_what_a_newer_agent_adds_is_ignored(self):
        wire = {'server': 's', 'epoch': 'e', 'sequence': 1, 'mood': 'good'}
        self.assertEqual(
            model.Report('s', 'e', 1), model.from_wire(model.Report, wire)
        )

    def test_each_error_names_the_field_and_what_was_expected(self):
        good = model.to_wire(
            model.Report(
                's',
                'e',
                1,
                frame=model.Frame.of(
                    1.0, [model.Sample(model.Metric('m'), 1.0)]
                ),
                services=(
                    model.ServiceStatus('x', model.ServiceState.UP, 1.0),
                ),
            )
        )
        for path, value, expected in (
            (('sequence',), 'one', 'Report.sequence: expected int, got str'),
            (('sequence',), True, 'Report.sequence: expected int, got bool'),
            (('sequence',), 2**60, 'Report.sequence: expected a number up to'),
            (('sent_at',), float('nan'), 'Report.sent_at: expected a number'),
            (('frame', 'at'), float('inf'), 'Frame.at: expected a number up'),
            (('frame', 'values'), '%', 'Frame.values: expected base64'),
            (('frame', 'metrics'), [7], 'expected [name, {dimension: value}]'),
            (('frame',), 3, 'Frame: expected an object, got int'),
            (('services',), {}, 'Report.services: expected list, got dict'),
            (
                ('services', 0, 'state'),
                'WELL',
                'ServiceStatus.state: expected one of UP, DOWN, UNDETERMINED',
            ),
        ):
            bad = json.loads(json.dumps(good))
            thing = bad
            for key in path[:-1]:
                thing = thing[key]
            thing[path[-1]] = value
            error = self.assertRaises(
                exceptions.InvalidReport, model.from_wire, model.Report, bad
            )
            self.assertIn(expected, str(error))

    def test_a_missing_field_is_named(self):
        error = self.assertRaises(
            exceptions.InvalidReport, model.from_wire, model.Report, {}
        )
        self.assertEqual('Report.server is missing', str(error))

    @hypothesis.given(
        st.recursive(
            st.none() | st.booleans() | numbers | texts,
            lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
        )
    )
    def test_whatever_comes_nothing_but_our_error_is_raised(self, data):
        for field in dataclasses.fields(model.Report):
            wire = {'server': 's', 'epoch': 'e', 'sequence': 1}
            wire[field.name] = data
            try:
                model.from_wire(model.Report, wire)
            except exceptions.InvalidReport as error:
                self.assertNotIn('\n', str(error))


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
