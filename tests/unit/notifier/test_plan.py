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
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.db import deliveries
from sentinella.notifier import plan

NOW = 1_800_000_000.0
ALARM, RECOVERY = model.NotificationKind.ALARM, model.NotificationKind.RECOVERY
CRITICAL, MAJOR, WARNING, INFO = model.Severity
ORDER, RATE, DIGEST, QUIET, RETRY, RECEIVER = model.WaitsFor
#: NOW is at 08:00 UTC.
NIGHT = {'from': '07:00', 'to': '09:00', 'timezone': 'UTC'}


def channel(**fields):
    return model.Channel(
        **{
            'uuid': 'c',
            'name': 'c',
            'project_id': 'p',
            'driver': 'log',
            'settings': {},
            **fields,
        }
    )


def row(id_, alarm_id=None, kind=ALARM, severity=MAJOR, **fields):
    return deliveries.Row(id_, alarm_id or 100 + id_, kind, severity, **fields)


def made(rows, turn=None, free=4, now=NOW, **fields):
    turn = turn or deliveries.Turn()
    return plan.plan(rows, channel(**fields), turn, now, free)


def sent(found):
    return [message.ids for message in found.send]


def waiting(found):
    return {wait.why: wait.ids for wait in found.waits}


class TestPlan(base.BaseTestCase):
    def test_few_go_one_by_one(self):
        found = made([row(1), row(2)])
        self.assertEqual([(1,), (2,)], sent(found))
        self.assertEqual((NOW, NOW), found.begun)

    def test_as_many_as_there_is_room_for(self):
        found = made([row(n) for n in range(1, 6)], free=2)
        self.assertEqual([(1,), (2,)], sent(found))
        self.assertEqual((), found.waits)

    def test_of_one_alarm_in_order(self):
        found = made([row(1, 7), row(2, 7, earlier=1, wait=0.2)])
        self.assertEqual([(1,)], sent(found))
        (wait,) = found.waits
        self.assertEqual(((2,), NOW + 1, ORDER), dataclasses.astuple(wait))

    def test_what_waits_for_a_long_time_is_not_looked_at_all_the_time(self):
        found = made([row(2, earlier=1, wait=500.0)])
        self.assertEqual(NOW + 30, found.waits[0].until)

    def test_more_than_it_wants_become_one(self):
        rows = [row(n) for n in range(1, 12)]
        self.assertEqual([tuple(range(1, 12))], sent(made(rows)))

    def test_a_digest_has_all_of_an_alarm_in_order(self):
        rows = [row(1, 7), row(2, 7, RECOVERY, earlier=1, told=False)]
        found = made(rows, digest_over=1)
        self.assertEqual([(1, 2)], sent(found))

    def test_a_digest_overtakes_nothing(self):
        rows = [row(2, 7, earlier=1), row(3), row(4)]
        found = made(rows, digest_over=1)
        self.assertEqual([(3, 4)], sent(found))
        self.assertEqual({ORDER: (2,)}, waiting(found))

    def test_after_messages_one_collects(self):
        turn = deliveries.Turn(begun=tuple(NOW - n for n in range(10, 0, -1)))
        found = made([row(1), row(2)], turn)
        self.assertEqual({DIGEST: (1, 2)}, waiting(found))
        self.assertEqual(NOW - 1 + plan.COLLECT, found.waits[0].until)

    def test_what_was_collected_goes_as_one(self):
        turn = deliveries.Turn(begun=tuple(NOW - n for n in range(25, 15, -1)))
        self.assertEqual([(1, 2)], sent(made([row(1), row(2)], turn)))

    def test_a_full_digest_does_not_wait(self):
        turn = deliveries.Turn(begun=(NOW,) * 10)
        rows = [row(n) for n in range(1, plan.MOST_IN_DIGEST + 1)]
        self.assertEqual(1, len(made(rows, turn).send))

    def test_a_digest_is_the_same_again(self):
        rows = [row(1, digest_id='d'), row(2, digest_id='d'), row(3)]
        found = made(rows)
        self.assertEqual(
            (plan.Message((1, 2), 'd'), plan.Message((3,))), found.send
        )

    def test_a_minute_later_they_go_one_by_one_again(self):
        turn = deliveries.Turn(begun=(NOW - 61,) * 10)
        self.assertEqual([(1,)], sent(made([row(1)], turn)))

    def test_the_rate_of_a_channel(self):
        turn = deliveries.Turn(begun=(NOW - 50, NOW - 20))
        found = made([row(1), row(2)], turn, rate=3)
        self.assertEqual([(1,)], sent(found))
        self.assertEqual({RATE: (2,)}, waiting(found))
        self.assertEqual(NOW + 10, found.waits[0].until)

    def test_a_high_rate_is_counted_in_a_part_of_a_minute(self):
        turn = deliveries.Turn(begun=(NOW - 1,) * plan.REMEMBERED)
        found = made([row(1)], turn, rate=6000, digest_over=100_000)
        self.assertEqual(NOW - 1 + 60 * 240 / 6000, found.waits[0].until)

    def test_the_other_end_wants_to_be_left_alone(self):
        found = made([row(1)], deliveries.Turn(not_before=NOW + 40))
        self.assertEqual({RECEIVER: (1,)}, waiting(found))

    def test_a_disabled_channel(self):
        found = made([row(1), row(2)], enabled=False)
        self.assertEqual({plan.DISABLED: (1, 2)}, found.skips)

    def test_the_recovery_of_what_was_not_told(self):
        found = made([row(1, kind=RECOVERY, told=False)])
        self.assertEqual({plan.NOT_TOLD: (1,)}, found.skips)
        found = made([row(1, kind=RECOVERY, told=False, resent=True)])
        self.assertEqual([(1,)], sent(found))


class TestQuiet(base.BaseTestCase):
    def test_what_is_not_severe_waits(self):
        quiet = {**NIGHT, 'max_severity': 'warning'}
        rows = [row(1, severity=WARNING), row(2, severity=MAJOR)]
        found = made(rows, quiet=quiet)
        self.assertEqual([(2,)], sent(found))
        self.assertEqual({QUIET: (1,)}, waiting(found))
        self.assertEqual(NOW + 3600, found.waits[0].until)

    def test_what_waited_goes_as_one(self):
        rows = [row(1, waits_for=QUIET), row(2, waits_for=QUIET)]
        self.assertEqual([(1, 2)], sent(made(rows)))
        self.assertEqual([(1,)], sent(made(rows[:1])))

    def test_what_is_severe_waits_for_nothing_quiet(self):
        loud = row(2, 7, severity=CRITICAL, earlier=1)
        found = made([loud], quiet=NIGHT)
        self.assertEqual(({7}, ()), (set(found.release), found.waits))
        rows = [row(1, 7, severity=WARNING, waits_for=QUIET), loud]
        self.assertEqual([(1,)], sent(made(rows, quiet=NIGHT)))

    def test_what_somebody_asked_for_waits_for_no_morning(self):
        rows = [row(1, severity=INFO, resent=True)]
        self.assertEqual([(1,)], sent(made(rows, quiet=NIGHT)))

    def test_what_was_begun_goes_on(self):
        rows = [row(1, severity=INFO, attempts=1)]
        self.assertEqual([(1,)], sent(made(rows, quiet=NIGHT)))


@st.composite
def piles(draw):
    """Rows of a channel that are due, and how many are before each."""
    alarms = draw(st.lists(st.integers(1, 5), max_size=25))
    hidden = draw(st.sets(st.integers(1, 5)))
    ahead, rows = {alarm: int(alarm in hidden) for alarm in range(6)}, []
    for id_, alarm in enumerate(alarms, 1):
        rows.append(
            row(
                id_,
                alarm,
                draw(st.sampled_from([ALARM, RECOVERY])),
                draw(st.sampled_from(list(model.Severity))),
                earlier=ahead[alarm],
                told=draw(st.booleans()),
                resent=draw(st.integers(0, 9)) == 0,
                waits_for=draw(st.sampled_from([None, QUIET, DIGEST])),
            )
        )
        ahead[alarm] += 1
    return rows


class TestAlways(base.BaseTestCase):
    @hypothesis.settings(max_examples=400, deadline=None)
    @hypothesis.given(
        piles(),
        st.lists(st.floats(0, 90), max_size=30),
        st.one_of(st.none(), st.integers(1, 30)),
        st.integers(1, 30),
        st.integers(1, 6),
        st.booleans(),
    )
    def test_nothing_is_lost_doubled_or_overtaken(
        self, rows, ago, rate, digest_over, free, is_night
    ):
        turn = deliveries.Turn(begun=tuple(sorted(NOW - a for a in ago)))
        limits = {'rate': rate, 'digest_over': digest_over}
        quiet = NIGHT if is_night else {}
        found = made(rows, turn, free, **limits, quiet=quiet)
        going = [id_ for ids in sent(found) for id_ in ids]
        held = [id_ for wait in found.waits for id_ in wait.ids]
        skipped = [id_ for ids in found.skips.values() for id_ in ids]
        dealt = going + held + skipped
        self.assertEqual(len(dealt), len(set(dealt)))
        self.assertLessEqual(set(dealt), {one.id for one in rows})
        self.assertLessEqual(len(found.send), free)
        self.assertTrue(all(wait.until > NOW for wait in found.waits))
        self._check_order(found, rows)
        if rate is not None:
            recent = [at for at in turn.begun if at > NOW - 60]
            self.assertLessEqual(len(found.send), max(0, rate - len(recent)))
        if len(dealt) < len(rows) and not found.release:
            # what is left is due still: only for want of room
            self.assertEqual(free, len(found.send))

    def _check_order(self, found, rows):
        by_id = {one.id: one for one in rows}
        for ids in sent(found):
            ahead = {}
            for id_ in ids:
                one = by_id[id_]
                skipped = sum(
                    by_id[other].alarm_id == one.alarm_id and other < id_
                    for several in found.skips.values()
                    for other in several
                )
                self.assertLessEqual(
                    one.earlier, ahead.get(one.alarm_id, 0) + skipped
                )
                ahead[one.alarm_id] = ahead.get(one.alarm_id, 0) + 1

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(
        st.lists(st.floats(0.01, 20), min_size=1, max_size=120),
        st.integers(1, 20),
        st.integers(1, 20),
    )
    def test_a_rate_holds_in_any_minute(self, pauses, rate, digest_over):
        """Of a channel to which one goes after another, each when it may."""
        turn, now, begun, pile = deliveries.Turn(), NOW, [], []
        for id_, pause in enumerate(pauses, 1):
            now += pause
            pile.append(row(id_))
            found = made(
                pile, turn, now=now, rate=rate, digest_over=digest_over
            )
            gone = {one for ids in sent(found) for one in ids}
            pile = [one for one in pile if one.id not in gone]
            begun += [now] * len(found.send)
            turn = deliveries.Turn(begun=found.begun)
        for at in begun:
            within = [other for other in begun if at - 60 < other <= at]
            self.assertLessEqual(len(within), rate)
