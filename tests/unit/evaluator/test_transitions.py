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

from hypothesis import settings
from hypothesis import stateful
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.evaluator import rules
from sentinella.evaluator import transitions

OK, ALARM, UNDETERMINED = model.AlarmState
ACTIVE, MAINTENANCE, BLACKOUT = model.Mode
SERVER = model.Server(
    id=1, uuid='server-1', hostname='ctl-01', project_id='p1'
)
DEFINITION = model.AlarmDefinition(
    uuid='definition-1',
    name='service-down',
    expression='last(process.up) < 1',
    type=model.ThresholdType.BINARY,
    severity=model.Severity.CRITICAL,
)


def follow(alarm, state, now=100.0, mode=ACTIVE, definition=DEFINITION):
    verdict = rules.Verdict({'server': 'server-1'}, state, 1.0, f'is {state}')
    return transitions.follow(
        alarm, verdict, now, mode, definition, 'p1', SERVER
    )


def told(change):
    """The alarm as the evaluator stores it."""
    return dataclasses.replace(
        change.alarm,
        notified_state=change.notify or change.alarm.notified_state,
    )


class TestFollow(base.BaseTestCase):
    def raised(self, **kwargs):
        return told(follow(None, ALARM, **kwargs))

    def test_an_alarm_begins_with_the_first_alarm(self):
        self.assertIsNone(follow(None, OK))
        self.assertIsNone(follow(None, UNDETERMINED))
        change = follow(None, ALARM)
        self.assertEqual(ALARM, change.notify)
        self.assertEqual(
            (OK, ALARM, 100.0, 'is ALARM', 1.0),
            (
                change.transition.from_state,
                change.transition.to_state,
                change.transition.at,
                change.transition.reason,
                change.transition.value,
            ),
        )
        alarm = change.alarm
        self.assertEqual(
            (ALARM, 'OPEN', 1, 'critical', 'p1', SERVER, 100.0),
            (
                alarm.state,
                alarm.lifecycle,
                alarm.count,
                alarm.severity,
                alarm.project_id,
                alarm.server,
                alarm.first_at,
            ),
        )

    def test_recovery_resolves(self):
        change = follow(self.raised(), OK, now=110.0)
        self.assertEqual(OK, change.notify)
        self.assertEqual('RESOLVED', change.alarm.lifecycle)
        self.assertEqual(110.0, change.alarm.changed_at)
        self.assertEqual(100.0, change.alarm.first_at)
        self.assertIsNone(follow(told(change), OK, now=1e6))

    def test_a_second_time_counts_and_opens_anew(self):
        alarm = told(follow(self.raised(), OK))
        alarm = dataclasses.replace(
            alarm, acknowledged_by='u', acknowledged_at=1.0, note='n'
        )
        change = follow(alarm, ALARM)
        self.assertEqual(ALARM, change.notify)
        self.assertEqual(
            ('OPEN', 2, None, None, None),
            (
                change.alarm.lifecycle,
                change.alarm.count,
                change.alarm.acknowledged_by,
                change.alarm.acknowledged_at,
                change.alarm.note,
            ),
        )

    def test_undetermined_tells_nobody_and_keeps_the_lifecycle(self):
        change = follow(self.raised(), UNDETERMINED)
        self.assertIsNone(change.notify)
        self.assertEqual('OPEN', change.alarm.lifecycle)
        change = follow(told(change), ALARM)
        self.assertIsNone(change.notify)
        self.assertEqual(2, change.alarm.count)

    def test_recovery_after_undetermined_is_told(self):
        alarm = told(follow(self.raised(), UNDETERMINED))
        self.assertEqual(OK, follow(alarm, OK).notify)

    def test_staying_is_stored_once_a_minute(self):
        alarm = self.raised()
        self.assertIsNone(follow(alarm, ALARM, now=159.0))
        change = follow(alarm, ALARM, now=160.0)
        self.assertTrue(change.dirty)
        self.assertIsNone(change.transition)
        self.assertEqual(160.0, change.alarm.last_at)
        self.assertEqual(100.0, change.alarm.changed_at)

    def test_acknowledged_stays_while_the_alarm_does(self):
        alarm = dataclasses.replace(
            self.raised(), lifecycle=model.Lifecycle.ACKNOWLEDGED
        )
        change = follow(alarm, ALARM, now=200.0)
        self.assertEqual('ACKNOWLEDGED', change.alarm.lifecycle)
        self.assertEqual('RESOLVED', follow(alarm, OK).alarm.lifecycle)

    def test_maintenance_tells_nobody_until_it_ends(self):
        alarm = self.raised(mode=MAINTENANCE)
        self.assertIsNone(alarm.notified_state)
        self.assertIsNone(follow(alarm, ALARM, mode=MAINTENANCE))
        change = follow(alarm, ALARM)
        self.assertEqual(ALARM, change.notify)
        self.assertFalse(change.dirty)
        self.assertIsNone(change.transition)

    def test_recovery_during_maintenance_is_told_after_it(self):
        alarm = told(follow(self.raised(), OK, mode=MAINTENANCE))
        self.assertEqual(ALARM, alarm.notified_state)
        self.assertEqual(OK, follow(alarm, OK).notify)

    def test_blackout_tells_the_recovery_only(self):
        self.assertIsNone(follow(None, ALARM, mode=BLACKOUT).notify)
        self.assertEqual(OK, follow(self.raised(), OK, mode=BLACKOUT).notify)

    def test_what_a_person_settled_meanwhile_is_not_told(self):
        alarm = self.raised(mode=MAINTENANCE)
        for lifecycle in ('ACKNOWLEDGED', 'RESOLVED'):
            settled = dataclasses.replace(
                alarm, lifecycle=model.Lifecycle(lifecycle)
            )
            self.assertIsNone(follow(settled, ALARM))

    def test_the_definition_of_today(self):
        alarm = told(follow(self.raised(), OK))
        milder = dataclasses.replace(
            DEFINITION, severity=model.Severity.WARNING
        )
        change = follow(alarm, ALARM, definition=milder)
        self.assertEqual('warning', change.alarm.severity)
        self.assertEqual(milder, change.alarm.definition)

    def test_mode_of_several_servers(self):
        for modes, expected in [
            ([], ACTIVE),
            ([MAINTENANCE, BLACKOUT], BLACKOUT),
            ([BLACKOUT, ACTIVE], ACTIVE),
            ([MAINTENANCE], MAINTENANCE),
        ]:
            self.assertEqual(expected, transitions.loudest(modes))


class Machine(stateful.RuleBasedStateMachine):
    """Any verdicts, modes and people; receivers must stay in step."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.alarm = None
        self.mode = ACTIVE
        self.paged = False
        self.count = 0

    @stateful.rule(
        state=st.sampled_from(model.AlarmState), pause=st.floats(1, 90)
    )
    def evaluate(self, state, pause):
        self.now += pause
        change = follow(self.alarm, state, self.now, self.mode)
        if change is None:
            assert self.alarm is None or self.alarm.state == state
            return
        self.check(change)
        self.alarm = told(change)
        assert self.alarm.state == state
        assert self.alarm.count >= self.count
        self.count = self.alarm.count

    def check(self, change):
        before = self.alarm.state if self.alarm else OK
        if change.transition:
            assert change.transition.from_state == before
            assert change.transition.to_state == change.alarm.state != before
        else:
            assert change.alarm.state == before
        if change.notify == ALARM:
            assert not self.paged, 'a second page without a recovery'
            assert self.mode == ACTIVE
            assert change.alarm.state == ALARM
            self.paged = True
        elif change.notify == OK:
            assert self.paged, 'a recovery without a page'
            assert self.mode != MAINTENANCE
            assert change.alarm.state == OK
            self.paged = False

    @stateful.rule(mode=st.sampled_from(model.Mode))
    def set_mode(self, mode):
        self.mode = mode

    @stateful.precondition(lambda self: self.alarm is not None)
    @stateful.rule(lifecycle=st.sampled_from(['ACKNOWLEDGED', 'RESOLVED']))
    def person(self, lifecycle):
        if self.alarm.lifecycle != model.Lifecycle.RESOLVED:
            self.alarm = dataclasses.replace(
                self.alarm, lifecycle=model.Lifecycle(lifecycle)
            )

    @stateful.invariant()
    def in_step(self):
        if self.alarm is None:
            return
        assert self.paged == (self.alarm.notified_state == ALARM)
        if self.alarm.state == OK:
            assert self.alarm.lifecycle == model.Lifecycle.RESOLVED

    @stateful.precondition(lambda self: self.alarm is not None)
    @stateful.rule()
    def an_active_server_settles(self):
        """One evaluation in active mode, and all is told that must be."""
        self.mode = ACTIVE
        self.evaluate(self.alarm.state, 1.0)
        if self.alarm.state == OK:
            assert not self.paged
        elif (self.alarm.state, self.alarm.lifecycle) == (ALARM, 'OPEN'):
            assert self.paged


Machine.TestCase.settings = settings(deadline=None)
TestMachine = Machine.TestCase
