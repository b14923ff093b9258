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

"""Uptime, against a model that asks second by second."""

import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.evaluator import modes
from sentinella.evaluator import uptime

UP, DOWN, UNDETERMINED = model.ServiceState
MAINTENANCE = model.Mode.MAINTENANCE
END = 400
DAY = 86400


def measure(changes, of_server=(), silent=END, excluded=(), since=0, end=END):
    return uptime.measure(
        list(changes), list(of_server), silent, excluded, since, end
    )


def steps(values):
    return st.lists(
        st.tuples(st.integers(-50, END + 50), values), max_size=8
    ).map(lambda found: sorted(dict(found).items()))


def latest(changes, second):
    """The naive way to ask what something is."""
    value = None
    for at, now in changes:
        if at <= second:
            value = now
    return value


@st.composite
def windows(draw):
    start = draw(st.integers(-2 * DAY, END))
    valid = draw(st.integers(-2 * DAY, END))
    return model.Window(
        'w',
        'n',
        'p1',
        draw(st.sampled_from(model.Mode)),
        float(start),
        float(start + draw(st.integers(1, 200))),
        rrule=draw(st.sampled_from(['', 'FREQ=DAILY', 'FREQ=HOURLY'])),
        valid_from=float(valid),
        valid_until=draw(st.none() | st.integers(valid, END).map(float)),
    )


def is_in(window, second):
    if not window.valid_from <= second or second < window.starts_at:
        return False
    if window.valid_until is not None and second >= window.valid_until:
        return False
    passed = second - window.starts_at
    passed %= {'FREQ=DAILY': DAY, 'FREQ=HOURLY': 3600}.get(window.rrule, 10**9)
    return passed < window.ends_at - window.starts_at


class TestMeasure(base.BaseTestCase):
    def test_simple(self):
        found = measure([(0, UP), (100, DOWN), (140, UP)])
        self.assertEqual(uptime.Uptime(up=360, down=40, failures=1), found)
        self.assertEqual(90.0, found.percent)
        self.assertEqual(90.0, found.percent_at_least)

    def test_silence_is_no_uptime_and_no_downtime(self):
        found = measure([(0, UP)], [(0, UP)], silent=300)
        self.assertEqual(uptime.Uptime(up=300, undetermined=100), found)
        self.assertEqual(100.0, found.percent)
        self.assertEqual(75.0, found.percent_at_least)

    def test_nothing_known_is_nothing_said(self):
        found = measure([])
        self.assertEqual(uptime.Uptime(unwatched=END), found)
        self.assertIsNone(found.percent)
        self.assertIsNone(found.percent_at_least)

    def test_maintenance_hides_what_was_down(self):
        found = measure(
            [(0, UP), (100, DOWN), (200, UP)], excluded=[(90, 210)]
        )
        self.assertEqual(uptime.Uptime(up=280, excluded=120), found)

    def test_one_that_is_down_still(self):
        found = measure([(-10, DOWN)])
        self.assertEqual(uptime.Uptime(down=END), found)

    def test_spans_that_touch_and_overlap(self):
        self.assertEqual(
            [(1, True), (5, False), (7, True), (8, False)],
            uptime.merge([(7, 8), (2, 3), (1, 4), (4, 5)]),
        )
        self.assertEqual([], uptime.merge([]))

    @hypothesis.given(
        steps(st.sampled_from([UP, DOWN, UNDETERMINED, None])),
        steps(st.sampled_from([UP, UNDETERMINED])),
        st.integers(-10, END + 10),
        steps(st.sampled_from(model.Mode)),
        st.lists(windows(), max_size=4),
        st.integers(0, END - 1),
        st.integers(1, END),
    )
    @hypothesis.settings(deadline=None, max_examples=300)
    def test_second_by_second(
        self, changes, of_server, silent, by_hand, planned, since, length
    ):
        until = min(since + length, END)
        excluded = modes.excluded(
            planned, modes.Subject('p1'), by_hand, since, until
        )
        found = measure(changes, of_server, silent, excluded, since, until)
        expected = dict.fromkeys(uptime._KINDS, 0)
        failures, before = 0, None
        for second in range(since, until):
            state = latest(changes, second)
            muted = latest(by_hand, second) == MAINTENANCE or any(
                is_in(one, second) and one.mode == MAINTENANCE
                for one in planned
            )
            if state is None:
                kind = 'unwatched'
            elif muted:
                kind = 'excluded'
            elif second >= silent or (
                latest(of_server, second) == UNDETERMINED
            ):
                kind = 'undetermined'
            else:
                kind = state.lower()
            expected[kind] += 1
            if kind in ('up', 'down'):
                failures += before == 'up' and kind == 'down'
                before = kind
        self.assertEqual(uptime.Uptime(**expected, failures=failures), found)
