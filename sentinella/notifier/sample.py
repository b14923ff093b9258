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

"""An alarm that never was, to try templates on before it matters."""

from sentinella import model
from sentinella.notifier import message

UUID = '00000000-0000-4000-8000-000000000000'

_SERVER = model.Server(
    id=0,
    uuid=UUID,
    hostname='ctl-01.example.org',
    project_id=UUID,
    cloud_group='region-1',
    location='rack 4',
)
_DEFINITION = model.AlarmDefinition(
    uuid=UUID,
    name='service-down',
    expression='last(process.up) < 1',
    type=model.ThresholdType.BINARY,
    severity=model.Severity.CRITICAL,
    match_by=('server', 'service'),
    description='{service} is down',
    cause='It ended by itself, or was stopped.',
    remedy='Read the end of its log, then start it.',
)


def build(link, now):
    """
    :param link: see :func:`message.build`
    :returns: a message in which everything is set
    """
    return message.build(
        _notification(now),
        since=now - 60,
        link=link or 'https://dashboard.example.org/',
        log_events=[
            model.LogEvent(
                at=now - 1,
                service='nova-scheduler',
                level='CRITICAL',
                module='nova',
                message='Unhandled error: ValueError',
            )
        ],
    )


def _notification(now):
    return model.Notification(
        uuid=UUID,
        alarm=_alarm(now),
        transition=model.Transition(
            uuid=UUID,
            at=now,
            from_state=model.AlarmState.OK,
            to_state=model.AlarmState.ALARM,
            reason='last(process.up) is 0, less than 1',
            value=0.0,
            severity=model.Severity.CRITICAL,
            values={'last(process.up)': 0.0},
        ),
        channel=model.Channel(
            uuid=UUID, name='', project_id=UUID, driver='', settings={}
        ),
    )


def _alarm(now):
    return model.Alarm(
        uuid=UUID,
        definition=_DEFINITION,
        group={'server': UUID, 'service': 'nova-scheduler'},
        project_id=UUID,
        state=model.AlarmState.ALARM,
        lifecycle=model.Lifecycle.OPEN,
        severity=model.Severity.CRITICAL,
        reason='',
        first_at=now,
        changed_at=now,
        last_at=now,
        count=1,
        server=_SERVER,
    )
