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


def notification(to_state, alarm=ALARM):
    transition = model.Transition(
        uuid='transition-1',
        at=1.5,
        from_state=model.AlarmState.OK,
        to_state=to_state,
        reason='last(process.up) is 0, less than 1',
        value=0.0,
    )
    return model.Notification(
        uuid='notification-1',
        alarm=alarm,
        transition=transition,
        channel=CHANNEL,
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
            message.summary(alarm, 'alarm'),
        )
        alarm = dataclasses.replace(alarm, group={}, server=None)
        self.assertEqual('[CRITICAL] full', message.summary(alarm, 'alarm'))

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
