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

"""All that there is, and what is wrong with it, at a glance."""

from sentinella.api import overview as shaping
from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import summary as schemas
from sentinella.api.v1 import alarms as alarm_views
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import episodes
from sentinella.db import instances
from sentinella.db import overview
from sentinella.db import servers
from sentinella.db import windows
from sentinella.evaluator import modes
from sentinella.policies import alarms as alarm_rules
from sentinella.policies import logs as log_rules
from sentinella.policies import servers as server_rules
from sentinella.policies import services as service_rules
from sentinella.policies import summary as rules

#: Alarms that are shown where nobody asks for a number.
WORST = 10


class Summary(resource.Resource):
    @expose('GET', policy=rules.SHOW, query=schemas.SHOW)
    def show(self, asked):
        with self.parts.database.reader() as session:
            now = clock.read(session)
            return {'at': times.show(now), **_read(session, asked, now)}


def _read(session, asked, now):
    """Each part, or None where its own rule does not allow it."""
    project_id = asked.visible
    parts = {
        'servers': (server_rules.LIST, _servers),
        'services': (service_rules.LIST, _services),
        'alarms': (alarm_rules.LIST, _alarms),
        'log_events': (log_rules.LIST, _log_events),
    }
    shown = {
        name: read(session, now, project_id) if asked.may_ask(rule) else None
        for name, (rule, read) in parts.items()
    }
    if shown['alarms']:
        limit = asked.query.get('limit', WORST)
        worst = overview.worst(session, limit, project_id)
        shown['alarms']['worst'] = view_alarms(session, worst)
    return {**shown, 'sentinella': _own(session, asked, now)}


def _servers(session, now, project_id):
    found = servers.watched(session, project_id=project_id)
    planned = modes.in_force(windows.begun(session, now), now)
    alarmed = overview.alarmed(session, project_id)
    return shaping.servers(found, planned, alarmed, now)


def _services(session, now, project_id):
    return shaping.services(overview.count_services(session, now, project_id))


def _alarms(session, now, project_id):
    found = shaping.alarms(overview.count_alarms(session, project_id))
    return {
        **shaping.total(found, ('open', 'acknowledged')),
        'by_severity': found,
    }


def _log_events(session, now, project_id):
    since = now - shaping.HOUR
    found = overview.count_log_events(session, since, project_id)
    return {'since': times.show(since), **shaping.log_events(found)}


def _own(session, asked, now):
    """Our own processes, for those who see what is the cloud's."""
    if asked.visible not in (None, asked.parts.conf.service_project_id):
        return None
    return {
        'evaluation_lag': definitions.overdue(session),
        'instances': [_instance(one, now) for one in instances.all_(session)],
    }


def _instance(one, now):
    return {
        'kind': one.kind,
        'host': one.host,
        'number': one.number,
        'pid': one.pid,
        'alive': now - one.beat_at <= instances.SILENT,
        'started_at': times.show(one.started_at),
        'beat_at': times.show(one.beat_at),
        'facts': one.facts,
    }


def view_alarms(session, found):
    """
    :param found: Alarms
    :returns: as they are shown, each with since when it has been so
    """
    began = episodes.begun(session, found)
    return [
        {**alarm_views.view(one), 'since': times.show(began[one.id])}
        for one in found
    ]
