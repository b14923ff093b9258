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

"""What a notification says: the same words for every driver."""

import datetime
import re
import uuid

from sentinella import model

#: What one transition means to a reader, by the state it leads to.
KINDS = {
    model.AlarmState.ALARM: 'alarm',
    model.AlarmState.OK: 'recovery',
}


def build(notification):
    """
    :param notification: a Notification of a transition to ALARM or to OK
    :returns: mapping of JSON types; its `id` is the notification's, so that
        a receiver knows a message that it gets twice
    """
    alarm, transition = notification.alarm, notification.transition
    definition = alarm.definition
    kind = KINDS[transition.to_state]
    return {
        'id': notification.uuid,
        'kind': kind,
        'at': iso(transition.at),
        'state': str(transition.to_state),
        'severity': str(alarm.severity),
        'summary': summary(alarm, kind),
        'reason': transition.reason,
        'value': transition.value,
        'cause': fill(definition.cause, alarm),
        'remedy': fill(definition.remedy, alarm),
        'service': alarm.group.get('service'),
        'server': _server(alarm.server),
        'project_id': alarm.project_id,
        'alarm': _alarm(alarm),
    }


def test(channel, now):
    """A message that only shows that a channel works.

    :returns: mapping with the same keys as :func:`build` gives
    """
    return {
        'id': str(uuid.uuid4()),
        'kind': 'test',
        'at': iso(now),
        'state': str(model.AlarmState.OK),
        'severity': str(model.Severity.INFO),
        'summary': f'[TEST] Channel {channel.name} works',
        'reason': 'Somebody asked for a test of this channel.',
        'value': None,
        'cause': '',
        'remedy': '',
        'service': None,
        'server': None,
        'project_id': channel.project_id,
        'alarm': None,
    }


def summary(alarm, kind):
    """One line that tells whoever is woken by it what is wrong, and where.

    :param kind: `alarm` or `recovery`
    """
    if kind == 'recovery':
        return f'[OK] No longer: {subject(alarm)}'
    return f'[{alarm.severity.upper()}] {subject(alarm)}'


def subject(alarm):
    """What an alarm is about, such as: nova-scheduler is down on ctl-01."""
    title = ' '.join(alarm.definition.description.split()).rstrip('.')
    title = title or alarm.definition.name
    text = fill(title, alarm)
    if alarm.server is not None and '{server}' not in title:
        text += f' on {alarm.server.hostname}'
    rest = ', '.join(
        f'{name}={value}'
        for name, value in sorted(alarm.group.items())
        if name != 'server' and value and f'{{{name}}}' not in title
    )
    return f'{text} ({rest})' if rest else text


def fill(text, alarm):
    """Put an alarm's own values in the place of ``{dimension}``.

    What is no dimension of its group stays as it is.
    """
    values = dict(alarm.group)
    if alarm.server is not None:
        values['server'] = alarm.server.hostname
    return re.sub(
        r'\{([^{}]+)\}', lambda found: values.get(found[1], found[0]), text
    )


def iso(at):
    """Seconds since the epoch as ISO 8601 in UTC, with microseconds."""
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def _server(server):
    if server is None:
        return None
    return {
        'id': server.uuid,
        'hostname': server.hostname,
        'cloud_group': server.cloud_group,
        'location': server.location,
    }


def _alarm(alarm):
    return {
        'id': alarm.uuid,
        'name': alarm.definition.name,
        'definition_id': alarm.definition.uuid,
        'description': fill(alarm.definition.description, alarm),
        'expression': alarm.definition.expression,
        'group': dict(alarm.group),
        'state': str(alarm.state),
        'lifecycle': str(alarm.lifecycle),
        'count': alarm.count,
        'first_at': iso(alarm.first_at),
        'changed_at': iso(alarm.changed_at),
    }
