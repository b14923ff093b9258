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

"""Raises alerts at a Prometheus Alertmanager, and ends them."""

import base64
import concurrent.futures
import datetime
import re
import time

from sentinella import exceptions
from sentinella.notifier import base
from sentinella.notifier import legible
from sentinella.notifier import web

#: Seconds after which Alertmanager ends an alert that it hears no more of,
#: where a channel says nothing. Far away: who was not told that an alarm is
#: over is not to take it for that.
ENDS_AFTER = 365 * 86400
#: Seconds that a test lasts: a route's `group_wait` is to be over by then.
TEST_LASTS = 300.0

#: Seconds that its clock may be behind ours. It ignores an end that is in
#: its future, for what it was told of this alert before ends later.
SKEW = 60.0

#: Seconds after an alarm's end in which all of several have to take it. For
#: longer, one that is down is not to keep what comes next from the others.
PATIENCE = 60.0

#: Members of a cluster.
MOST = 8

#: Characters of a label, and of an annotation.
LABEL = 100
ANNOTATION = 8000

#: A dimension that is no label: an id, of which `instance` has the name.
ID = 'server'


class AlertmanagerDriver(base.Driver):
    """Raises alerts at a Prometheus Alertmanager, and ends them.

    With its API v2. Each alert has the labels `alertname` (the alarm
    definition), `severity`, `alarm_id`, `project_id`, `instance` (the
    server's name), `cloud_group` and the alarm's dimensions, such as
    `service`, for routes, inhibition and silences to match on, besides
    `labels` of the channel's own. What is repeated is the same alert. Where
    an alarm gets better or worse, the alert of the old severity ends and one
    of the new begins.

    Of a cluster, give the addresses of all members: each is told all, as
    Alertmanager wants it, and one that takes it is enough. The end of an
    alarm is tried again for a minute until all have it. Who repeats is
    Alertmanager; set no `repeat_interval` but to have a member that was
    restarted know of an alarm again. A test is an alert of five minutes.
    """

    DIGESTS = False
    schema = base.settings(
        {
            'urls': {
                'type': 'array',
                'title': 'URLs',
                'description': 'Of an Alertmanager, or of all of a cluster, '
                'such as http://alerts.example.org:9093, without '
                '/api/v2/alerts.',
                'items': web.URL,
                'minItems': 1,
                'maxItems': MOST,
                'uniqueItems': True,
            },
            'username': {
                'type': 'string',
                'title': 'User name',
                'description': 'For basic authentication, if it wants one.',
                'pattern': '^[^:\\x00-\\x1f]+$',
                'maxLength': 200,
            },
            'password': {
                'type': 'string',
                'title': 'Password',
                'description': 'That goes with the user name.',
                'minLength': 1,
                'maxLength': 1000,
            },
            'token': {
                'type': 'string',
                'title': 'Token',
                'description': 'For bearer authentication, in the place of '
                'a user name.',
                'pattern': '^[!-~]+$',
                'maxLength': 4000,
            },
            'labels': {
                'type': 'object',
                'title': 'Labels',
                'description': 'Further labels of each alert, which go '
                'before our own.',
                'maxProperties': 10,
                'propertyNames': {
                    'pattern': '^[A-Za-z_][A-Za-z0-9_]*$',
                    'maxLength': 50,
                },
                'additionalProperties': {
                    'type': 'string',
                    'minLength': 1,
                    'maxLength': LABEL,
                },
            },
            'ends_after': {
                'type': 'integer',
                'title': 'Ends after',
                'description': 'Seconds after which it takes an alarm for '
                f'over that it hears no more of; {ENDS_AFTER} (a year) if '
                'not given.',
                'minimum': 300,
                'maximum': 10 * ENDS_AFTER,
            },
            **web.TLS_SETTINGS,
        },
        required=['urls'],
    )
    secrets = ('password', 'token')

    def __init__(self, conf):
        super().__init__(conf)
        self._client = web.Client(conf)

    def send(self, settings, message):
        alerts, reference = render(settings, message)
        outcomes = self._tell_all(settings, alerts)
        ends = message['kind'] == 'recovery'
        fresh = time.time() - _seconds(message['at']) < PATIENCE
        return base.Delivered(
            judge(outcomes, needs_all=ends and fresh), reference
        )

    def _tell_all(self, settings, alerts):
        """
        :returns: an Answer or an error of each URL
        """
        urls = settings['urls']
        if len(urls) == 1:
            return [self._tell(settings, alerts, urls[0])]
        # at once: one that hangs is not to use up the time of the others
        with concurrent.futures.ThreadPoolExecutor(len(urls)) as pool:
            return list(
                pool.map(lambda url: self._tell(settings, alerts, url), urls)
            )

    def _tell(self, settings, alerts, url):
        try:
            return self._client.post(
                f'{url.rstrip("/")}/api/v2/alerts',
                json=alerts,
                headers=_authorization(settings),
                settings=settings,
                explain=_said,
            )
        except (exceptions.Retry, exceptions.Final) as error:
            return error


def _authorization(settings):
    if 'token' in settings:
        return {'Authorization': f'Bearer {settings["token"]}'}
    if 'username' not in settings:
        return {}
    pair = f'{settings["username"]}:{settings.get("password", "")}'
    coded = base64.b64encode(pair.encode()).decode()
    return {'Authorization': f'Basic {coded}'}


def _said(answer):
    """Such as: invalid label set."""
    said = answer.json()
    if isinstance(said, dict):
        said = said.get('message')
    return web.word(said)


def judge(outcomes, needs_all):
    """
    :param outcomes: an Answer or an error of each
    :param needs_all: whether one that took it is not enough
    :returns: what they said
    :raises Retry: it may go the next time
    :raises Final: nobody will ever take it
    """
    retries = [one for one in outcomes if isinstance(one, exceptions.Retry)]
    errors = [one for one in outcomes if isinstance(one, Exception)]
    taken = len(outcomes) - len(errors)
    said = str(outcomes[0])
    if len(outcomes) > 1:
        said = '; '.join(
            [f'{taken} of {len(outcomes)} took it']
            + [
                f'number {number}: {one}'
                for number, one in enumerate(outcomes, 1)
                if isinstance(one, Exception)
            ]
        )
    if retries and (needs_all or not taken):
        after = [one.after for one in retries if one.after is not None]
        raise exceptions.Retry(said, min(after, default=None))
    if not taken:
        raise exceptions.Final(said)
    return said


def render(settings, message):
    """
    :returns: alerts to post, and what the alarm's next message is to know
    """
    now = {
        'labels': labels(settings, message),
        'startsAt': message['since'] or message['at'],
    }
    before = message['reference'] or {}
    if message['kind'] == 'recovery':
        return [_ended(before or now, message)], None
    lasts = settings.get('ends_after', ENDS_AFTER)
    if message['kind'] == 'test':
        lasts = TEST_LASTS
    alert = {
        **now,
        'endsAt': _moment(_seconds(message['at']) + lasts),
        'annotations': annotations(message),
    }
    if message['link']:
        alert['generatorURL'] = message['link']
    alerts = [alert]
    if before and before['labels'] != now['labels']:
        # it would stay beside the new one
        alerts.insert(0, _ended(before, message))
    return alerts, now


def _ended(alert, message):
    """Of what has labels and a beginning, its end."""
    start = _seconds(alert['startsAt'])
    end = max(start, _seconds(message['at']) - SKEW)
    return {
        'labels': alert['labels'],
        'startsAt': _moment(start),
        'endsAt': _moment(end),
        'annotations': annotations(message),
    }


def labels(settings, message):
    """What an alarm is known by: texts by name."""
    alarm = message['alarm'] or {}
    server = message['server'] or {}
    known = {
        _name(name): value
        for name, value in alarm.get('group', {}).items()
        if name != ID
    }
    known |= {
        'alertname': alarm.get('name') or 'Sentinella',
        'severity': message['severity'],
        'alarm_id': alarm.get('id') or message['id'],
        'project_id': message['project_id'],
        'instance': server.get('hostname'),
        'cloud_group': server.get('cloud_group'),
        **settings.get('labels', {}),
    }
    return {
        name: legible.line(value, LABEL)
        for name, value in known.items()
        if value
    }


def _name(dimension):
    """A dimension as the name of a label, which has fewer characters."""
    name = re.sub(r'[^A-Za-z0-9_]', '_', dimension)
    return f'_{name}' if name[:1].isdigit() else name


def annotations(message):
    told = {
        'summary': message['title'],
        'description': message['text'],
        'reason': message['reason'],
        'cause': message['cause'],
        'remedy': message['remedy'],
        'kind': message['kind'],
        'notification_id': message['id'],
    }
    return {
        name: legible.clip(value, ANNOTATION)
        for name, value in told.items()
        if value
    }


def _seconds(moment):
    """Of ISO 8601, seconds since the epoch."""
    return datetime.datetime.fromisoformat(moment).timestamp()


def _moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
