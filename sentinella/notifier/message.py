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

"""What a notification says: the same words for every driver.

Every text of a message is legible (see :mod:`sentinella.notifier.legible`)
and every number is one, so that each form of it is well-formed whatever
somebody called a thing.
"""

import datetime
import math
import re
import urllib.parse
import uuid

from sentinella import model
from sentinella.notifier import legible
from sentinella.notifier import words

#: Notifications that a digest names; how many more there are it says.
MOST_IN_DIGEST = 100

#: Characters of one line of a log, and lines of it.
LOG_LINE_LENGTH = 300
LOG_LINES = 5

#: What stands before that which an alarm is about, by the kind of news.
BEFORE = {
    'flapping': 'Flapping: ',
    'repeat': 'Still: ',
    'escalation': 'Nobody has acknowledged: ',
}


def build(notification, *, since=None, log_events=(), link='', reference=None):
    """
    :param notification: a Notification
    :param since: when what it is about began, in seconds; None: with the
        transition
    :param log_events: LogEvents of the failing service, the last one last
    :param link: URL in which ``{alarm}``, ``{server}``, ``{project}``,
        ``{channel}`` and ``{notification}`` are put; '' for none
    :param reference: what the driver left of the alarm's last message
    :returns: mapping of JSON types; its `id` is the notification's, so that
        a receiver knows a message that it gets twice
    """
    alarm, transition = notification.alarm, notification.transition
    definition = alarm.definition
    kind = str(notification.kind)
    severity = transition.severity or alarm.severity
    return _whole(
        id=notification.uuid,
        kind=kind,
        at=iso(transition.at),
        state=str(transition.to_state),
        severity=str(severity),
        summary=summary(alarm, kind, severity),
        reason=transition.reason,
        value=_number(transition.value),
        values={
            term: _number(value) for term, value in transition.values.items()
        },
        cause=fill(definition.cause, alarm),
        remedy=fill(definition.remedy, alarm),
        service=alarm.group.get('service'),
        server=_server(alarm.server),
        project_id=alarm.project_id,
        alarm=_alarm(alarm),
        since=iso(transition.at if since is None else since),
        link=_link(link, notification),
        log_lines=[_log_line(event) for event in log_events][-LOG_LINES:],
        reference=reference,
    )


def test(channel, now):
    """A message that only shows that a channel works.

    :returns: mapping with the same keys as :func:`build` gives
    """
    return _whole(
        id=str(uuid.uuid4()),
        kind='test',
        at=iso(now),
        summary=f'[TEST] Channel {channel.name} works',
        reason='Somebody asked for a test of this channel.',
        project_id=channel.project_id,
    )


def digest(id_, channel, notifications, now):
    """One message about many, each of which would have been one.

    :param id_: its own
    :param notifications: list of Notifications, the oldest first, not empty
    :returns: mapping with the same keys as :func:`build` gives; `digest` has
        the worst of them, `digest_left_out` says how many more there are
    """
    entries = [_entry(one) for one in notifications]
    kept = sorted(range(len(entries)), key=lambda i: _weight(entries[i]))
    kept = kept[:MOST_IN_DIGEST]
    worst = entries[kept[0]]
    bad = any(one['kind'] not in words.GOOD for one in entries)
    return _whole(
        id=id_,
        kind='digest',
        at=iso(now),
        state=str(model.AlarmState.ALARM if bad else model.AlarmState.OK),
        severity=worst['severity'],
        summary=_digest_summary(notifications, entries, kept[0]),
        reason=f'So much happened that {len(entries)} messages became one.',
        project_id=channel.project_id,
        digest=[entries[i] for i in sorted(kept)],
        digest_left_out=len(entries) - len(kept),
    )


def _whole(**fields):
    """A message: these fields, what those that are not given are, and the
    words that follow from all."""
    made = legible.tidy(
        {
            'id': None,
            'kind': None,
            'at': None,
            'state': str(model.AlarmState.OK),
            'severity': str(model.Severity.INFO),
            'summary': '',
            'reason': '',
            'value': None,
            'values': {},
            'cause': '',
            'remedy': '',
            'service': None,
            'server': None,
            'project_id': None,
            'alarm': None,
            'since': None,
            'link': '',
            'log_lines': [],
            'digest': [],
            'digest_left_out': 0,
            **fields,
            'reference': None,
        }
    )
    # a driver's own, which it gets back as it was
    made['reference'] = fields.get('reference')
    words.add(made)
    return made


def summary(alarm, kind, severity):
    """One line that tells whoever is woken by it what is wrong, and where.

    :param kind: text of a NotificationKind
    """
    if kind == model.NotificationKind.RECOVERY:
        return f'[OK] No longer: {subject(alarm)}'
    return f'[{severity.upper()}] {BEFORE.get(kind, "")}{subject(alarm)}'


def subject(alarm):
    """What an alarm is about, such as: nova-scheduler is down on ctl-01."""
    title = ' '.join(alarm.definition.description.split()).rstrip('.')
    title = title or alarm.definition.name
    text = fill(title, alarm)
    told = '{server}' in title or 'host' in alarm.group
    if alarm.server is not None and not told:
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


def _number(value):
    """None where it is none: JSON has neither NaN nor infinity."""
    return value if value is not None and math.isfinite(value) else None


def _link(template, notification):
    alarm = notification.alarm
    values = {
        'alarm': alarm.uuid,
        'server': alarm.server.uuid if alarm.server else '',
        'project': alarm.project_id,
        'channel': notification.channel.uuid,
        'notification': notification.uuid,
    }

    def put(found):
        value = legible.tidy(values.get(found[1], ''))
        return urllib.parse.quote(value, safe='')

    return re.sub(r'\{(\w+)\}', put, template)


def _log_line(event):
    last = iso(max(event.at, event.last_at))
    times = f' ({event.count} times)' if event.count > 1 else ''
    module = f' {event.module}' if event.module else ''
    return legible.line(
        f'{words.moment(last)} {event.level}{module}{times}: {event.message}',
        LOG_LINE_LENGTH,
    )


def _entry(notification):
    alarm, transition = notification.alarm, notification.transition
    kind = str(notification.kind)
    severity = transition.severity or alarm.severity
    return {
        'id': notification.uuid,
        'at': iso(transition.at),
        'title': legible.line(
            summary(alarm, kind, severity), words.TITLE_LENGTH
        ),
        'severity': str(severity),
        'kind': kind,
    }


def _weight(entry):
    """The least for what is to be read first."""
    good = entry['kind'] in words.GOOD
    return good, model.Severity(entry['severity']).rank


def _digest_summary(notifications, entries, first):
    good = sum(one['kind'] in words.GOOD for one in entries)
    told = [
        f'{number} {word}{"" if number == 1 else "s"}'
        for number, word in (
            (len(entries) - good, 'alarm'),
            (good, 'recovery'),
        )
        if number
    ]
    text = ' and '.join(told).replace('recoverys', 'recoveries')
    level = 'OK' if good == len(entries) else entries[first]['severity']
    about = subject(notifications[first].alarm)
    return f'[{level.upper()}] {text}, first of all: {about}'
