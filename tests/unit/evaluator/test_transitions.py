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

from oslotest import base

from sentinella import model
from sentinella.evaluator import flapping
from sentinella.evaluator import inhibition
from sentinella.evaluator import rules
from sentinella.evaluator import transitions

OK, ALARM, UNDETERMINED = model.AlarmState
OPEN, ACKNOWLEDGED, RESOLVED = model.Lifecycle
CRITICAL, MAJOR, WARNING, INFO = model.Severity
PAGE, RECOVERY, FLAPPING, *_ = model.NotificationKind
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


def follow(
    alarm,
    state,
    now=100.0,
    mode=ACTIVE,
    definition=DEFINITION,
    severity=None,
    **situation,
):
    verdict = rules.Verdict(
        {'server': 'server-1'},
        state,
        1.0,
        f'is {state}',
        severity=severity or definition.severity,
        values={'last(process.up)': 1.0},
    )
    return transitions.follow(
        alarm,
        verdict,
        transitions.Situation(now, mode, **situation),
        definition,
        'p1',
        SERVER,
    )


def told(change):
    """The alarm as the evaluator stores it."""
    if change.notify is None:
        return change.alarm
    return transitions.told(change.alarm, change.notify)


class TestFollow(base.BaseTestCase):
    def raised(self, **kwargs):
        return told(follow(None, ALARM, **kwargs))

    def test_an_alarm_begins_with_the_first_alarm(self):
        self.assertIsNone(follow(None, OK))
        self.assertIsNone(follow(None, UNDETERMINED))
        change = follow(None, ALARM)
        self.assertEqual(PAGE, change.notify)
        self.assertEqual(
            (OK, ALARM, None, CRITICAL, 100.0, 'is ALARM', 1.0),
            (
                change.transition.from_state,
                change.transition.to_state,
                change.transition.from_severity,
                change.transition.severity,
                change.transition.at,
                change.transition.reason,
                change.transition.value,
            ),
        )
        self.assertEqual({'last(process.up)': 1.0}, change.transition.values)
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
        self.assertEqual(RECOVERY, change.notify)
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
        self.assertEqual(PAGE, change.notify)
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
        self.assertEqual(RECOVERY, follow(alarm, OK).notify)

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
        self.assertEqual(PAGE, change.notify)
        self.assertFalse(change.dirty)
        self.assertIsNone(change.transition)

    def test_recovery_during_maintenance_is_told_after_it(self):
        alarm = told(follow(self.raised(), OK, mode=MAINTENANCE))
        self.assertEqual(ALARM, alarm.notified_state)
        self.assertEqual(RECOVERY, follow(alarm, OK).notify)

    def test_blackout_tells_the_recovery_only(self):
        self.assertIsNone(follow(None, ALARM, mode=BLACKOUT).notify)
        self.assertEqual(
            RECOVERY, follow(self.raised(), OK, mode=BLACKOUT).notify
        )

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
        self.assertEqual(WARNING, change.alarm.severity)
        self.assertEqual(milder, change.alarm.definition)


class TestSeverities(base.BaseTestCase):
    def raised(self, severity=WARNING, **kwargs):
        return told(follow(None, ALARM, severity=severity, **kwargs))

    def test_what_gets_worse_is_the_same_alarm_and_pages_again(self):
        alarm = self.raised()
        change = follow(alarm, ALARM, now=110.0, severity=CRITICAL)
        self.assertEqual(PAGE, change.notify)
        self.assertEqual(
            (ALARM, ALARM, WARNING, CRITICAL),
            (
                change.transition.from_state,
                change.transition.to_state,
                change.transition.from_severity,
                change.transition.severity,
            ),
        )
        self.assertEqual(
            (alarm.uuid, CRITICAL, 1, 110.0, 'OPEN'),
            (
                change.alarm.uuid,
                change.alarm.severity,
                change.alarm.count,
                change.alarm.changed_at,
                change.alarm.lifecycle,
            ),
        )
        self.assertIsNone(
            follow(told(change), ALARM, 110.0, severity=CRITICAL)
        )

    def test_what_falls_is_not_told_and_what_rises_again_is(self):
        change = follow(self.raised(CRITICAL), ALARM, severity=WARNING)
        self.assertIsNone(change.notify)
        self.assertEqual(
            (CRITICAL, WARNING),
            (change.transition.from_severity, change.transition.severity),
        )
        change = follow(told(change), ALARM, severity=MAJOR)
        self.assertEqual(PAGE, change.notify)

    def test_recovery_goes_to_whom_the_worst_was_told(self):
        alarm = told(follow(self.raised(CRITICAL), ALARM, severity=WARNING))
        change = follow(alarm, OK)
        self.assertEqual(RECOVERY, change.notify)
        self.assertEqual(
            CRITICAL, transitions.audience(change.alarm, RECOVERY)
        )
        alarm = told(change)
        self.assertEqual(
            (None, None), (alarm.notified_severity, alarm.notified_worst)
        )
        change = follow(alarm, ALARM, severity=WARNING)
        self.assertEqual(WARNING, transitions.audience(change.alarm, PAGE))

    def test_rise_during_maintenance_is_told_after_it(self):
        change = follow(
            self.raised(), ALARM, mode=MAINTENANCE, severity=CRITICAL
        )
        self.assertIsNone(change.notify)
        change = follow(told(change), ALARM, severity=CRITICAL)
        self.assertEqual((PAGE, None), (change.notify, change.transition))

    def test_other_states_keep_the_severity(self):
        for state in (UNDETERMINED, OK):
            change = follow(self.raised(CRITICAL), state, severity=WARNING)
            self.assertEqual(CRITICAL, change.alarm.severity)
            self.assertEqual(CRITICAL, change.transition.severity)

    def handled(self, lifecycle, severity=WARNING, **fields):
        return dataclasses.replace(
            self.raised(severity),
            lifecycle=lifecycle,
            acknowledged_by='me',
            acknowledged_at=100.0,
            acknowledged_severity=severity,
            **fields,
        )

    def test_what_is_worse_than_a_person_knew_is_open_again(self):
        for lifecycle in (ACKNOWLEDGED, RESOLVED):
            alarm = self.handled(lifecycle)
            change = follow(alarm, ALARM, severity=CRITICAL)
            self.assertEqual(
                (PAGE, OPEN, None),
                (
                    change.notify,
                    change.alarm.lifecycle,
                    change.alarm.acknowledged_by,
                ),
            )

    def test_what_is_no_worse_stays_acknowledged(self):
        alarm = self.handled(ACKNOWLEDGED, CRITICAL)
        alarm = told(follow(alarm, ALARM, severity=WARNING))
        change = follow(alarm, ALARM, severity=CRITICAL)
        self.assertEqual(
            (None, ACKNOWLEDGED, 'me'),
            (
                change.notify,
                change.alarm.lifecycle,
                change.alarm.acknowledged_by,
            ),
        )

    def test_an_acknowledgement_ends_when_it_was_to(self):
        alarm = self.handled(ACKNOWLEDGED, acknowledged_until=150.0)
        self.assertIsNone(follow(alarm, ALARM, now=149.0, severity=WARNING))
        change = follow(alarm, ALARM, now=150.0, severity=WARNING)
        self.assertEqual(
            (PAGE, OPEN, None, None),
            (
                change.notify,
                change.alarm.lifecycle,
                change.alarm.acknowledged_by,
                change.alarm.acknowledged_until,
            ),
        )
        self.assertEqual(
            (ALARM, ALARM, 'the acknowledgement by me has ended: is ALARM'),
            (
                change.transition.from_state,
                change.transition.to_state,
                change.transition.reason,
            ),
        )
        self.assertIsNone(
            follow(told(change), ALARM, now=151.0, severity=WARNING)
        )

    def test_an_acknowledgement_ends_while_nothing_is_known(self):
        """The page that was sent is still to be followed by a recovery."""
        alarm = self.handled(
            ACKNOWLEDGED, acknowledged_until=150.0, state=UNDETERMINED
        )
        change = follow(alarm, UNDETERMINED, now=150.0)
        self.assertEqual((None, None), (change.notify, change.transition))
        self.assertEqual(OPEN, change.alarm.lifecycle)
        self.assertTrue(change.lapsed)
        self.assertEqual(RECOVERY, follow(change.alarm, OK, 151.0).notify)
        self.assertEqual(
            PAGE, follow(change.alarm, ALARM, 151.0, severity=WARNING).notify
        )

    def test_an_acknowledgement_ends_with_what_it_is_of(self):
        alarm = self.handled(ACKNOWLEDGED, acknowledged_until=150.0)
        for now in (140.0, 160.0):
            change = follow(alarm, OK, now=now)
            self.assertEqual(
                (RECOVERY, RESOLVED, 'is OK'),
                (
                    change.notify,
                    change.alarm.lifecycle,
                    change.transition.reason,
                ),
            )

    def test_a_clock_that_was_set_back(self):
        alarm = self.raised(now=5000.0)
        change = follow(alarm, ALARM, now=1400.0, severity=WARNING)
        self.assertEqual(
            (1400.0, 1400.0), (change.alarm.changed_at, change.alarm.last_at)
        )
        self.assertEqual((None, None), (change.notify, change.transition))
        self.assertIsNone(
            follow(change.alarm, ALARM, now=1401.0, severity=WARNING)
        )
        confirmed = follow(change.alarm, ALARM, now=1460.0, severity=WARNING)
        self.assertTrue(confirmed.dirty)


class TestFlapping(base.BaseTestCase):
    rule = flapping.Flapping(changes=4, window=300.0, settle=100.0)

    def setUp(self):
        super().setUp()
        self.alarm = None
        self.changes = []
        self.told = []

    def see(self, state, now, **kwargs):
        change = follow(
            self.alarm,
            state,
            now,
            recent=tuple(self.changes),
            rule=self.rule,
            **kwargs,
        )
        if change is None:
            return
        if change.transition and (
            self.alarm is None or change.alarm.state != self.alarm.state
        ):
            self.changes.append(now)
        self.last = change.transition
        self.alarm = told(change)
        if change.notify:
            self.told.append((str(change.notify), now))

    def flap(self, **kwargs):
        for number, state in enumerate([ALARM, OK, ALARM, OK, ALARM]):
            self.see(state, 10.0 * number, **kwargs)

    def test_it_is_told_once(self):
        self.flap()
        self.assertEqual(
            [
                ('alarm', 0.0),
                ('recovery', 10.0),
                ('alarm', 20.0),
                ('flapping', 30.0),
            ],
            self.told,
        )
        self.assertEqual(
            (30.0, OPEN), (self.alarm.flapping_since, self.alarm.lifecycle)
        )
        self.see(OK, 50.0)
        self.assertEqual(OPEN, self.alarm.lifecycle)

    def test_why_is_said(self):
        for number, state in enumerate([ALARM, OK, ALARM, OK]):
            self.see(state, 10.0 * number)
        self.assertEqual(
            'it flaps, 4 changes within 300 s, and is not notified of until '
            'there are none for 100 s: is OK',
            self.last.reason,
        )

    def test_it_settles_in_an_alarm(self):
        self.flap()
        self.see(ALARM, 139.0)
        self.assertEqual('flapping', self.told[-1][0])
        self.see(ALARM, 140.0)
        self.see(ALARM, 150.0)
        self.assertEqual(('alarm', 140.0), self.told[-1])
        self.assertIsNone(self.alarm.flapping_since)
        self.see(OK, 160.0)
        self.assertEqual(('recovery', 160.0), self.told[-1])

    def test_it_settles_in_peace(self):
        self.flap()
        self.see(OK, 50.0)
        self.see(OK, 150.0)
        self.assertEqual(('recovery', 150.0), self.told[-1])
        self.assertEqual(RESOLVED, self.alarm.lifecycle)
        self.assertEqual('it has settled: is OK', self.last.reason)

    def test_after_it_has_settled_counting_begins_anew(self):
        self.flap()
        self.see(ALARM, 140.0)
        self.see(OK, 150.0)
        self.assertIsNone(self.alarm.flapping_since)

    def test_an_acknowledgement_outlives_it(self):
        self.flap()
        self.alarm = dataclasses.replace(
            self.alarm,
            lifecycle=ACKNOWLEDGED,
            acknowledged_severity=CRITICAL,
        )
        self.see(OK, 50.0)
        self.see(ALARM, 60.0)
        self.see(ALARM, 160.0)
        self.assertEqual(ACKNOWLEDGED, self.alarm.lifecycle)
        self.assertEqual(('flapping', 30.0), self.told[-1])

    def test_what_nobody_was_told_of_is_not_over_either(self):
        self.flap(mode=MAINTENANCE)
        self.see(OK, 50.0, mode=MAINTENANCE)
        self.see(OK, 150.0)
        self.assertEqual([], self.told)

    def test_it_is_told_after_maintenance(self):
        self.flap(mode=MAINTENANCE)
        self.see(ALARM, 50.0)
        self.assertEqual([('flapping', 50.0)], self.told)

    def test_counted(self):
        for recent, count in [
            ([], 1),
            ([999.0, 990.0, 985.0], 4),
            # out of the window
            ([930.0, 860.0, 790.0, 720.0, 650.0], 5),
            # settled in between
            ([990.0, 880.0, 870.0], 2),
            # the clock was set back
            ([990.0, 1001.0], 2),
        ]:
            self.assertEqual(count, self.rule.count(recent, 1000.0), recent)


class TestInhibition(base.BaseTestCase):
    def test_groups_that_agree(self):
        by = inhibition.Inhibition(
            [
                ('host', {'server': 'a'}),
                ('disk', {'server': 'b', 'mount': '/'}),
            ]
        ).by
        for group, name in [
            ({'server': 'a', 'service': 'x'}, 'host'),
            ({'server': 'b', 'service': 'x'}, 'disk'),
            ({'server': 'b', 'mount': '/var'}, None),
            ({'server': 'c'}, None),
            ({}, 'host'),
        ]:
            self.assertEqual(name, by(group), group)
        self.assertEqual(
            'all', inhibition.Inhibition([('all', {})]).by({'server': 'c'})
        )

    def test_nobody_is_paged_but_all_is_kept(self):
        inhibitors = inhibition.Inhibition([('together', {})])
        change = follow(None, ALARM, inhibitors=inhibitors)
        self.assertIsNone(change.notify)
        self.assertEqual(
            'is ALARM; not notified of while there is an alarm of together',
            change.transition.reason,
        )
        alarm = told(change)
        self.assertIsNone(follow(alarm, ALARM, 110.0, inhibitors=inhibitors))
        self.assertEqual(PAGE, follow(alarm, ALARM, 120.0).notify)

    def test_the_recovery_of_what_was_paged_is_told(self):
        alarm = told(follow(None, ALARM))
        inhibitors = inhibition.Inhibition([('together', {})])
        change = follow(alarm, OK, inhibitors=inhibitors)
        self.assertEqual(RECOVERY, change.notify)
        self.assertEqual('is OK', change.transition.reason)

    def test_a_page_waits_for_a_look_at_what_inhibits(self):
        late = inhibition.Inhibition([], 99.0, 20.0)
        alarm = told(follow(None, ALARM, 100.0, inhibitors=late))
        self.assertIsNone(alarm.notified_state)
        self.assertIsNone(follow(alarm, ALARM, 110.0, inhibitors=late))
        looked = inhibition.Inhibition([], 100.0, 20.0)
        self.assertEqual(
            PAGE, follow(alarm, ALARM, 110.0, inhibitors=looked).notify
        )
        # but not for ever
        self.assertEqual(
            PAGE, follow(alarm, ALARM, 120.0, inhibitors=late).notify
        )
