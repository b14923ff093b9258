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

import hypothesis
import testtools
from hypothesis import strategies as st

from sentinella import model
from sentinella.ingest import clocks
from sentinella.ingest import intake

SERVER = model.Server(
    id=1, uuid='u', hostname='h', project_id='p', epoch='e', sequence=5
)


class TestJudge(testtools.TestCase):
    def test_an_unknown_server_must_register(self):
        self.assertIs(
            intake.UNREGISTERED, intake.judge(model.Report('u', 'e', 1), None)
        )

    def test_so_must_one_with_a_new_spool(self):
        report = model.Report('u', 'other', 6)
        self.assertIs(intake.UNREGISTERED, intake.judge(report, SERVER))

    @hypothesis.given(st.lists(st.integers(0, 30)))
    def test_each_sequence_is_taken_once_and_never_backwards(self, sequences):
        server, taken = SERVER, []
        for sequence in sequences:
            report = model.Report('u', 'e', sequence)
            if intake.judge(report, server) is intake.ACCEPTED:
                taken.append(sequence)
                server = dataclasses.replace(server, sequence=sequence)
        self.assertEqual(sorted(set(taken)), taken)
        self.assertTrue(all(sequence > 5 for sequence in taken))


class TestLanes(testtools.TestCase):
    @hypothesis.given(st.permutations(range(1, 9)), st.sets(st.integers(1, 8)))
    def test_all_that_keep_their_lane_are_taken(self, order, urgent):
        """However the two lanes are mixed on their way: each is taken once,
        and of services the newest word stands."""
        lanes = {
            True: sorted(urgent),
            False: sorted(set(range(1, 9)) - urgent),
        }
        server, said = dataclasses.replace(SERVER, sequence=0), []
        status = model.ServiceStatus('s', model.ServiceState.UP, 1.0)
        for number in order:
            sequence = lanes[number in urgent].pop(0)
            report = model.Report(
                'u',
                'e',
                sequence,
                services=(status,),
                complete=True,
                overtakes=number in urgent,
            )
            self.assertIs(intake.ACCEPTED, intake.judge(report, server))
            applied = intake.current(report, server)
            self.assertEqual(applied.complete, bool(applied.services))
            if applied.complete:
                said.append(sequence)
            server = intake.taken(report, server, 0.0)
            self.assertIs(intake.DUPLICATE, intake.judge(report, server))
        self.assertEqual(sorted(said), said)
        self.assertEqual(8, said[-1])


class TestClock(testtools.TestCase):
    @hypothesis.given(st.floats(-1e6, 1e6), st.floats(-0.4, 0.4))
    def test_a_resent_frame_lands_where_it_was(self, offset, delay):
        """The way takes another time, the offset that was kept does not."""
        kept = clocks.offset(SERVER, 1e9 + offset, 1e9)
        before = dataclasses.replace(SERVER, clock_offset=kept)
        again = clocks.offset(before, 1e9 + offset, 1e9 + delay)
        after = dataclasses.replace(SERVER, clock_offset=again)
        self.assertEqual(clocks.shift(before, 1e9), clocks.shift(after, 1e9))

    def test_a_good_clock_is_taken_at_its_word(self):
        server = dataclasses.replace(SERVER, clock_offset=1.5)
        self.assertEqual(100.25, clocks.shift(server, 100.25))

    def test_a_wrong_one_is_set_right(self):
        server = dataclasses.replace(SERVER, clock_offset=-3600.0)
        self.assertEqual(3700.25, clocks.shift(server, 100.25))

    def test_an_agent_that_does_not_say_is_trusted(self):
        self.assertEqual(0.0, clocks.offset(SERVER, 0.0, 1e9))

    def test_events_are_shifted_by_the_same(self):
        event = model.LogEvent(100.0, 's', 'ERROR', 'm')
        server = dataclasses.replace(SERVER, clock_offset=60.0)
        (shifted,) = clocks.shift_all(server, (event,), 'at', 'last_at')
        self.assertEqual((40.0, 0.0), (shifted.at, shifted.last_at))
        event = dataclasses.replace(event, last_at=160.0)
        (shifted,) = clocks.shift_all(server, (event,), 'at', 'last_at')
        self.assertEqual((40.0, 100.0), (shifted.at, shifted.last_at))


class TestSettledClock(testtools.TestCase):
    """An agent's clock is set by an hour while it reports."""

    def settle(self, at, sent_at, kept=0.0, now=1e6):
        server = dataclasses.replace(SERVER, clock_offset=kept)
        frame = model.Frame.of(at, [])
        report = model.Report('u', 'e', 6, sent_at=sent_at, frame=frame)
        server, report = clocks.settle(server, report, now)
        if report.frame is None:
            return report.dropped
        return clocks.shift(server, report.frame.at)

    def test_forward(self):
        self.assertEqual(1e6 - 1, self.settle(1e6 + 3599, 1e6 + 3600))
        # seen before that, sent after it
        self.assertEqual(1e6 - 9, self.settle(1e6 - 9, 1e6 + 3600))

    def test_back(self):
        self.assertEqual(1e6 - 1, self.settle(1e6 - 3601, 1e6 - 3600))
        self.assertEqual(1e6 - 9, self.settle(1e6 - 9, 1e6 - 3600))

    def test_set_right(self):
        self.assertEqual(1e6 - 1, self.settle(1e6 - 1, 1e6, kept=3600.0))
        self.assertEqual(1e6 - 9, self.settle(1e6 + 3591, 1e6, kept=3600.0))

    def test_what_took_its_time_is_no_other_clock(self):
        self.assertEqual(1e6 - 31, self.settle(1e6 - 31, 1e6 - 30))

    def test_nobody_sees_the_future(self):
        """What was left out is counted."""
        self.assertEqual(1, self.settle(1e6 + 3600, 1e6))
        self.assertEqual(1, self.settle(1e6 + 3600, 0.0))
        self.assertEqual(1e6 + 4, self.settle(1e6 + 4, 1e6))

    @hypothesis.given(*[st.floats(0, 2e6)] * 2, st.floats(-1e6, 1e6))
    def test_never(self, at, sent_at, kept):
        settled = self.settle(at, sent_at, kept)
        self.assertTrue(settled == 1 or settled <= 1e6 + clocks.AHEAD)
