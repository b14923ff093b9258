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

"""Channels that want each alarm on its own: nothing of theirs is one."""

import dataclasses

from oslotest import base

from sentinella import model
from sentinella.db import deliveries
from sentinella.notifier import plan

NOW = 1_800_000_000.0

CHANNEL = model.Channel(
    uuid='c',
    name='pager',
    project_id='p',
    driver='pagerduty',
    settings={},
    digest_over=3,
)


def rows(number, **fields):
    return [
        deliveries.Row(
            **{
                'id': i,
                'alarm_id': i,
                'kind': model.NotificationKind.ALARM,
                'severity': model.Severity.MAJOR,
                **fields,
            }
        )
        for i in range(1, number + 1)
    ]


def make(found, *, digests, free=100, channel=CHANNEL):
    return plan.plan(found, channel, deliveries.Turn(), NOW, free, digests)


def sizes(made):
    return [len(message.ids) for message in made.send]


class TestAlone(base.BaseTestCase):
    def test_many(self):
        self.assertEqual([12], sizes(make(rows(12), digests=True)))
        self.assertEqual([1] * 12, sizes(make(rows(12), digests=False)))

    def test_after_quiet_hours(self):
        woken = rows(2, waits_for=model.WaitsFor.QUIET)
        self.assertEqual([2], sizes(make(woken, digests=True)))
        self.assertEqual([1, 1], sizes(make(woken, digests=False)))

    def test_as_many_as_there_is_room_for(self):
        made = make(rows(12), digests=False, free=5)
        self.assertEqual([1] * 5, sizes(made))
        self.assertEqual((), made.waits)

    def test_the_rate_holds(self):
        slow = dataclasses.replace(CHANNEL, rate=2)
        made = make(rows(5), digests=False, channel=slow)
        self.assertEqual([(1,), (2,)], [one.ids for one in made.send])
        (wait,) = made.waits
        self.assertEqual(
            ((3, 4, 5), model.WaitsFor.RATE), (wait.ids, wait.why)
        )

    def test_of_one_alarm_the_later_waits(self):
        first, second = rows(2, alarm_id=7)
        second = dataclasses.replace(second, earlier=1)
        made = make([first, second], digests=False)
        self.assertEqual([(1,)], [one.ids for one in made.send])
        (wait,) = made.waits
        self.assertEqual(((2,), model.WaitsFor.ORDER), (wait.ids, wait.why))

    def test_a_recovery_goes_only_where_its_alarm_was_told(self):
        ended = rows(2, kind=model.NotificationKind.RECOVERY, told=False)
        made = make(ended, digests=False)
        self.assertEqual((), made.send)
        self.assertEqual({plan.NOT_TOLD: (1, 2)}, made.skips)

    def test_what_was_one_before_stays_one(self):
        before = rows(3, digest_id='d')
        self.assertEqual([3], sizes(make(before, digests=False)))
