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

"""What a window covers, before anybody misses an alarm."""

import dataclasses

from sentinella import model
from sentinella.api import times
from sentinella.db import alarms
from sentinella.db import definitions
from sentinella.db import servers
from sentinella.db import services
from sentinella.evaluator import modes
from sentinella.evaluator import recurrence
from sentinella.notifier import message

#: Occurrences that are shown, and things of each kind; how many there are
#: is told as well.
OCCURRENCES = 10
SHOWN = 100
#: Alarms that are looked at, the newest.
ALARMS = 10000


def of(session, window, now, project_id):
    """
    :param project_id: of the only project whose things may be shown; None
        for all
    :returns: what is shown
    """
    known = _servers(session, window, project_id)
    covered = [
        one for one in known if modes.covers(_without(window), _subject(one))
    ]
    return {
        'occurrences': [
            {'starts_at': times.show(begin), 'ends_at': times.show(end)}
            for begin, end in recurrence.following(window, now, OCCURRENCES)
        ],
        **_several('servers', covered, _view_server),
        **_several('services', _services(session, window, covered), dict),
        **_several(
            'definitions',
            _definitions(session, window, project_id),
            _view_definition,
        ),
        **_several(
            'alarms', _alarms(session, window, known, project_id), _view_alarm
        ),
    }


def _several(name, found, view):
    return {
        name: [view(one) for one in found[:SHOWN]],
        f'{name}_total': len(found),
    }


def _without(window):
    """Its servers, whatever of them it covers."""
    return dataclasses.replace(window, services=(), definitions=())


def _subject(server):
    return modes.Subject(server.project_id, server)


def _servers(session, window, project_id):
    return [
        one
        for one in servers.all_(session)
        if project_id in (None, one.project_id)
    ]


def _services(session, window, covered):
    if window.definitions:
        # those mute alarms, whatever service they are about
        return []
    found = services.on_servers(session, [one.id for one in covered])
    return [
        {'name': name, 'servers': count}
        for name, count in found
        if not window.services or name in window.services
    ]


def _definitions(session, window, project_id):
    own = window.project_id if project_id is None else project_id
    found = definitions.list_(
        session, limit=None, enabled=True, project_id=own
    )
    return [
        one
        for one in found
        if (not window.definitions or one.uuid in window.definitions)
        and (not window.services or 'service' in one.match_by)
    ]


def _alarms(session, window, known, project_id):
    """Those that are on, as the evaluator would look at them."""
    hosts = {}
    for server in known:
        hosts.setdefault(server.hostname, []).append(server)
    found = alarms.list_(
        session,
        limit=ALARMS,
        state=model.AlarmState.ALARM,
        project_id=project_id,
    )
    return [
        one
        for one in found
        if modes.mutes(
            window,
            one.group,
            [one.server] if one.server else [],
            one.definition.uuid,
            one.project_id,
            hosts,
        )
    ]


def _view_server(server):
    return {'id': server.uuid, 'hostname': server.hostname}


def _view_definition(definition):
    return {'id': definition.uuid, 'name': definition.name}


def _view_alarm(alarm):
    return {
        'id': alarm.uuid,
        'severity': alarm.severity,
        'summary': message.subject(alarm),
    }
