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
import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.db import notifications
from sentinella.evaluator import reminders

ALARM, RECOVERY, FLAPPING, REPEAT, ESCALATION = model.NotificationKind
PENDING, SENT, DEAD, SKIPPED = model.NotificationState


def channel(id_, **fields):
    return model.Channel(
        uuid=f'c{id_}',
        name=f'c{id_}',
        project_id='p',
        driver='log',
        settings={},
        id=id_,
        **fields,
    )


def told(id_, channel_id, kind=ALARM, state=SENT, at=0.0, transition=1):
    delivered = at if state == SENT else None
    return notifications.Told(
        id_, channel_id, transition, kind, state, at, delivered, 0
    )


def due(rows, channels, now):
    return [
        (str(one.kind), one.channel.id)
        for one in reminders.due(rows, channels, now)
    ]


class TestRepeats(base.BaseTestCase):
    channels = (channel(1, repeat_interval=60.0), channel(2))

    def test_each_interval_after_the_last_time(self):
        rows = [told(1, 1), told(2, 2)]
        self.assertEqual([], due(rows, self.channels, 59.0))
        self.assertEqual([('repeat', 1)], due(rows, self.channels, 60.0))
        rows.append(told(3, 1, REPEAT, at=60.0))
        self.assertEqual([], due(rows, self.channels, 119.0))
        self.assertEqual([('repeat', 1)], due(rows, self.channels, 120.0))

    def test_not_while_one_is_on_its_way(self):
        rows = [told(1, 1, state=PENDING)]
        self.assertEqual([], due(rows, self.channels, 1e6))

    def test_what_was_given_up_is_told_again(self):
        rows = [told(1, 1, state=DEAD)]
        self.assertEqual([('repeat', 1)], due(rows, self.channels, 60.0))

    def test_not_where_it_was_never_told(self):
        self.assertEqual([], due([told(1, 2)], self.channels, 1e6))
        rows = [told(1, 1), told(2, 1, RECOVERY), told(3, 2)]
        self.assertEqual([], due(rows, self.channels, 1e6))
        self.assertEqual(
            [], due([told(1, 1, state=SKIPPED)], self.channels, 1e6)
        )


class TestEscalations(base.BaseTestCase):
    channels = (
        channel(1, escalate_after=60.0, escalate_to='c2'),
        channel(2, escalate_after=60.0, escalate_to='c3'),
        channel(3, escalate_after=60.0, escalate_to='c1'),
    )

    def test_from_one_to_the_next_and_no_further(self):
        rows = [told(1, 1)]
        self.assertEqual([], due(rows, self.channels, 59.0))
        for id_, (target, at) in enumerate([(2, 60.0), (3, 120.0)], 2):
            self.assertEqual(
                [('escalation', target)], due(rows, self.channels, at)
            )
            rows.append(told(id_, target, ESCALATION, at=at))
            self.assertEqual([], due(rows, self.channels, at + 59))
        # back to the first one, and that is all
        self.assertEqual([('escalation', 1)], due(rows, self.channels, 180.0))
        rows.append(told(4, 1, ESCALATION, at=180.0))
        self.assertEqual([], due(rows, self.channels, 1e6))

    def test_at_once_where_it_could_not_be_delivered(self):
        rows = [told(1, 1, state=DEAD)]
        self.assertEqual([('escalation', 2)], due(rows, self.channels, 1.0))

    def test_a_repeat_is_no_answer(self):
        rows = [told(1, 1), told(2, 1, REPEAT, at=50.0)]
        self.assertEqual([('escalation', 2)], due(rows, self.channels, 60.0))

    def test_anew_for_a_new_page(self):
        rows = [
            told(1, 1),
            told(2, 2, ESCALATION, at=60.0),
            told(3, 1, at=70.0, transition=2),
        ]
        self.assertEqual([], due(rows, self.channels, 100.0))
        self.assertEqual([('escalation', 2)], due(rows, self.channels, 130.0))

    def test_once_for_two_that_escalate_to_one(self):
        channels = (
            channel(1, escalate_after=1.0, escalate_to='c3'),
            channel(2, escalate_after=1.0, escalate_to='c3'),
            channel(3, repeat_interval=1.0),
        )
        rows = [told(1, 1), told(2, 2), told(3, 3)]
        self.assertEqual([('escalation', 3)], due(rows, channels, 60.0))

    def test_one_that_is_gone(self):
        self.assertEqual([], due([told(1, 1)], self.channels[:1], 60.0))

    @hypothesis.given(
        st.lists(
            st.tuples(st.integers(1, 4), st.integers(1, 100)),
            min_size=1,
            max_size=4,
            unique_by=lambda pair: pair[0],
        )
    )
    def test_it_comes_to_an_end(self, targets):
        channels = [
            channel(id_, escalate_after=float(after), escalate_to=f'c{to}')
            for id_, (to, after) in enumerate(targets, 1)
        ]
        rows, last = [told(1, 1)], 0.0
        for now in range(0, 2000, 10):
            for _, id_ in due(rows, channels, float(now)):
                last = now
                rows.append(
                    told(len(rows) + 1, id_, ESCALATION, at=float(now))
                )
        reached = [row.channel_id for row in rows[1:]]
        self.assertEqual(len(reached), len(set(reached)))
        self.assertLess(last, 500)


class TestOrdinal(base.BaseTestCase):
    def test_the_next_one(self):
        rows = [told(1, 1), told(2, 2), told(3, 1, REPEAT)]
        self.assertEqual(1, reminders.ordinal(rows, 1, 1))
        self.assertEqual(0, reminders.ordinal(rows, 2, 1))
