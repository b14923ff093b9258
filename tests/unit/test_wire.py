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

import hypothesis
from hypothesis import strategies as st
import testtools

from sentinella import exceptions
from sentinella import model
from sentinella import wire

texts = st.text(max_size=12)
numbers = st.floats(-wire.MAX_NUMBER, wire.MAX_NUMBER)
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


class TestWire(testtools.TestCase):
    @hypothesis.given(reports)
    def test_a_report_survives_the_bus(self, report):
        plain = json.loads(json.dumps(wire.to_wire(report)))
        self.assertEqual(report, wire.from_wire(model.Report, plain))

    def test_what_a_newer_agent_adds_is_ignored(self):
        plain = {'server': 's', 'epoch': 'e', 'sequence': 1, 'mood': 'good'}
        self.assertEqual(
            model.Report('s', 'e', 1), wire.from_wire(model.Report, plain)
        )

    def test_each_error_names_the_field_and_what_was_expected(self):
        good = wire.to_wire(
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
                exceptions.InvalidReport, wire.from_wire, model.Report, bad
            )
            self.assertIn(expected, str(error))

    def test_a_missing_field_is_named(self):
        error = self.assertRaises(
            exceptions.InvalidReport, wire.from_wire, model.Report, {}
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
            plain = {'server': 's', 'epoch': 'e', 'sequence': 1}
            plain[field.name] = data
            try:
                wire.from_wire(model.Report, plain)
            except exceptions.InvalidReport as error:
                self.assertNotIn('\n', str(error))
