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

from oslotest import base

from sentinella import model
from sentinella.notifier import message

SERVER = model.Server(
    id=1, uuid='server-1', hostname='ctl-01', project_id='service'
)
DEFINITION = model.AlarmDefinition(
    uuid='definition-1',
    name='service-down',
    expression='last(process.up) < 1',
    type=model.ThresholdType.BINARY,
    severity=model.Severity.CRITICAL,
    match_by=('server', 'service'),
    description='{service} is down',
    cause='{service} ended, and {nothing} else.',
    remedy='Start {service} on {server}.',
)
ALARM = model.Alarm(
    uuid='alarm-1',
    definition=DEFINITION,
    group={'server': 'server-1', 'service': 'nova-scheduler'},
    project_id='service',
    state=model.AlarmState.ALARM,
    lifecycle=model.Lifecycle.OPEN,
    severity=model.Severity.CRITICAL,
    reason='',
    first_at=1.0,
    changed_at=1.0,
    last_at=1.0,
    count=1,
    server=SERVER,
)
CHANNEL = model.Channel(
    uuid='channel-1',
    name='ops',
    project_id='service',
    driver='log',
    settings={'secret': 'hunter2'},
)


def notification(to_state, alarm=ALARM, **fields):
    transition = model.Transition(
        uuid='transition-1',
        at=1.5,
        from_state=model.AlarmState.OK,
        to_state=to_state,
        reason='last(process.up) is 0, less than 1',
        value=0.0,
        values={'last(process.up)': 0.0},
        **fields,
    )
    recovered = to_state == model.AlarmState.OK
    return model.Notification(
        uuid='notification-1',
        alarm=alarm,
        transition=transition,
        channel=CHANNEL,
        kind=model.NotificationKind.RECOVERY
        if recovered
        else model.NotificationKind.ALARM,
    )


class TestMessage(base.BaseTestCase):
    def test_alarm(self):
        made = message.build(notification(model.AlarmState.ALARM))
        self.assertEqual(
            '[CRITICAL] nova-scheduler is down on ctl-01', made['summary']
        )
        self.assertEqual('alarm', made['kind'])
        self.assertEqual('notification-1', made['id'])
        self.assertEqual('1970-01-01T00:00:01.500000Z', made['at'])
        self.assertEqual('nova-scheduler', made['service'])
        self.assertEqual('ctl-01', made['server']['hostname'])
        self.assertEqual('Start nova-scheduler on ctl-01.', made['remedy'])
        self.assertEqual(
            'nova-scheduler ended, and {nothing} else.', made['cause']
        )

    def test_severity_is_that_of_the_transition(self):
        """By now the alarm may be better."""
        made = message.build(
            notification(
                model.AlarmState.ALARM,
                dataclasses.replace(ALARM, severity=model.Severity.WARNING),
                severity=model.Severity.MAJOR,
            )
        )
        self.assertEqual('major', made['severity'])
        self.assertTrue(made['summary'].startswith('[MAJOR] '))
        self.assertEqual({'last(process.up)': 0.0}, made['values'])

    def test_flapping(self):
        made = message.build(
            dataclasses.replace(
                notification(model.AlarmState.OK),
                kind=model.NotificationKind.FLAPPING,
            )
        )
        self.assertEqual('flapping', made['kind'])
        self.assertEqual(
            '[CRITICAL] Flapping: nova-scheduler is down on ctl-01',
            made['summary'],
        )

    def test_recovery_says_so_whatever_the_alarm_is_by_now(self):
        made = message.build(notification(model.AlarmState.OK))
        self.assertEqual(('recovery', 'OK'), (made['kind'], made['state']))
        self.assertEqual(
            '[OK] No longer: nova-scheduler is down on ctl-01',
            made['summary'],
        )

    def test_summary_without_placeholders(self):
        definition = dataclasses.replace(
            DEFINITION,
            name='full',
            description='',
            severity=model.Severity.INFO,
        )
        alarm = dataclasses.replace(
            ALARM,
            definition=definition,
            group={'mount': '/var', 'server': 'server-1', 'x': ''},
        )
        self.assertEqual(
            '[CRITICAL] full on ctl-01 (mount=/var)',
            message.summary(alarm, 'alarm', alarm.severity),
        )
        alarm = dataclasses.replace(alarm, group={}, server=None)
        self.assertEqual(
            '[CRITICAL] full', message.summary(alarm, 'alarm', alarm.severity)
        )

    def test_a_test_has_the_same_keys(self):
        made = message.build(notification(model.AlarmState.ALARM))
        test = message.test(CHANNEL, 3.0)
        self.assertEqual(list(made), list(test))
        self.assertIn('ops', test['summary'])

    def test_is_json_and_tells_no_settings(self):
        for made in (
            message.build(notification(model.AlarmState.ALARM)),
            message.test(CHANNEL, 3.0),
        ):
            self.assertEqual(made, json.loads(json.dumps(made)))
            self.assertNotIn('hunter2', json.dumps(made))

    def test_a_value_that_is_none(self):
        """JSON has no NaN, and strict readers refuse the whole message."""
        page = notification(model.AlarmState.ALARM)
        transition = dataclasses.replace(
            page.transition, value=math.nan, values={'max(x)': math.inf}
        )
        made = message.build(dataclasses.replace(page, transition=transition))
        self.assertIsNone(made['value'])
        self.assertEqual({'max(x)': None}, made['values'])
        self.assertIn('Values: max(x) = unknown', made['text'])

    def test_link(self):
        page = notification(model.AlarmState.ALARM)
        made = message.build(
            page, link='https://x/{project}/{alarm}?{nosuch}&s={server}'
        )
        self.assertEqual('https://x/service/alarm-1?&s=server-1', made['link'])
        self.assertIn(made['link'], made['text'])
        self.assertIn('?&amp;s=server-1">', made['html'])
        hostile = dataclasses.replace(ALARM, project_id='a/../"><b>')
        page = notification(model.AlarmState.ALARM, hostile)
        made = message.build(page, link='https://x/{project}')
        self.assertEqual('https://x/a%2F..%2F%22%3E%3Cb%3E', made['link'])

    def test_logs(self):
        events = [
            model.LogEvent(
                at=float(at),
                service='nova-scheduler',
                level='ERROR',
                module='nova.scheduler',
                message=f'number {at}\nand more ' + 'x' * 1000,
                count=at,
                last_at=60.0 * at,
            )
            for at in range(8)
        ]
        made = message.build(
            notification(model.AlarmState.ALARM), log_events=events
        )
        self.assertEqual(message.LOG_LINES, len(made['log_lines']))
        self.assertTrue(
            made['log_lines'][-1].startswith(
                '1970-01-01 00:07:00 UTC ERROR nova.scheduler (7 times): '
                'number 7 and more xxx'
            )
        )
        for line in made['log_lines']:
            self.assertLessEqual(len(line), message.LOG_LINE_LENGTH)
            self.assertIn(line, made['text'])
            self.assertIn(line, made['html'])

    def test_reference_is_the_drivers_own(self):
        made = message.build(
            notification(model.AlarmState.ALARM), reference={'ts': '\x00'}
        )
        self.assertEqual({'ts': '\x00'}, made['reference'])

    def test_repeat_and_escalation(self):
        alarm = dataclasses.replace(ALARM, severity=model.Severity.MAJOR)
        for kind, words in (
            ('repeat', '[MAJOR] Still: nova-scheduler is down on ctl-01'),
            (
                'escalation',
                '[MAJOR] Nobody has acknowledged: '
                'nova-scheduler is down on ctl-01',
            ),
        ):
            self.assertEqual(
                words, message.summary(alarm, kind, alarm.severity)
            )


class TestDigest(base.BaseTestCase):
    def entries(self, *severities):
        return [
            dataclasses.replace(
                notification(
                    model.AlarmState.ALARM, severity=model.Severity(severity)
                ),
                uuid=f'{place}',
            )
            for place, severity in enumerate(severities)
        ]

    def test_it_lists_what_happened(self):
        pages = self.entries('warning', 'critical', 'info')
        pages.append(notification(model.AlarmState.OK))
        made = message.digest('digest-1', CHANNEL, pages, 9.0)
        self.assertEqual(
            '[CRITICAL] 3 alarms and 1 recovery, first of all: '
            'nova-scheduler is down on ctl-01',
            made['title'],
        )
        self.assertEqual(
            ('digest-1', 'digest', 'ALARM', 'critical', 0),
            tuple(
                made[name]
                for name in (
                    'id',
                    'kind',
                    'state',
                    'severity',
                    'digest_left_out',
                )
            ),
        )
        self.assertEqual(
            ['0', '1', '2', 'notification-1'],
            [one['id'] for one in made['digest']],
        )
        for one in made['digest']:
            self.assertIn(one['title'], made['text'])
            self.assertIn(one['title'], made['html'])
        single = message.build(pages[0])
        self.assertEqual(list(single), list(made))

    def test_only_recoveries(self):
        pages = [notification(model.AlarmState.OK)] * 2
        made = message.digest('digest-1', CHANNEL, pages, 9.0)
        self.assertEqual('OK', made['state'])
        self.assertTrue(made['title'].startswith('[OK] 2 recoveries, '))

    def test_a_storm_is_bounded_and_says_so(self):
        severities = ['info'] * 3000 + ['critical'] + ['info'] * 1999
        pages = self.entries(*severities)
        made = message.digest('digest-1', CHANNEL, pages, 9.0)
        self.assertEqual(message.MOST_IN_DIGEST, len(made['digest']))
        self.assertEqual(4900, made['digest_left_out'])
        self.assertIn('5000 alarms', made['title'])
        self.assertIn('3000', [one['id'] for one in made['digest']])
        self.assertIn('and 4900 more', made['text'])
        self.assertIn('and 4900 more', made['html'])
        self.assertLess(len(made['html']), 50000)
