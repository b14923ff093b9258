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

"""Of one server all that a page needs, in one answer."""

from sentinella.api import overview as shaping
from sentinella.api import uptime
from sentinella.api.v1 import summary
from sentinella.db import ledger
from sentinella.db import overview
from sentinella.db import services
from sentinella.db import windows
from sentinella.evaluator import modes
from sentinella.policies import alarms as alarm_rules
from sentinella.policies import logs as log_rules
from sentinella.policies import metrics as metric_rules
from sentinella.policies import servers as server_rules
from sentinella.policies import services as service_rules

#: Most that are shown of a kind.
SERVICES = 1000
OPEN = 100
CLOSED = 20

#: Seconds, in which alarms were closed recently.
RECENTLY = 24 * shaping.HOUR
#: Hours of which log events are told.
HOURS = 24
#: Seconds before a server was heard of last, or more where it reports
#: seldom, that a vital sign is looked for.
SIGNS_FROM = 120.0


def of(session, asked, server, now):
    """
    :param server: Server, which may be seen
    :returns: its health and each part, or None instead of a part whose own
        rule does not allow it
    """
    parts = {
        'services': (service_rules.LIST, _services),
        'alarms': (alarm_rules.LIST, _alarms),
        'log_events': (log_rules.LIST, _log_events),
        'uptime': (server_rules.UPTIME, _uptime),
    }
    shown = {
        name: read(session, asked, server, now)
        if asked.may_ask(rule)
        else None
        for name, (rule, read) in parts.items()
    }
    alarms = overview.count_alarms(session, asked.visible, server.id)
    planned = modes.in_force(windows.begun(session, now), now)
    return {
        'health': shaping.health(server, planned, bool(alarms), now),
        **shown,
        'counts': _counts(shown, alarms),
    }


def vital_signs(asked, server):
    """Not with the others: the storage opens a session of its own.

    :returns: the last values that it told, perhaps long ago, or None where
        their rule does not allow it
    """
    if not asked.may_ask(metric_rules.LIST):
        return None
    back = max(SIGNS_FROM, ledger.grace(server))
    since = shaping.heard_at(server) - back
    latest = asked.parts.storage.latest(server.id, since)
    return shaping.vital_signs(latest)


def _services(session, asked, server, now):
    found = services.list_(session, limit=SERVICES, server=server.uuid)
    return shaping.services_of(server, [one.status for one in found], now)


def _alarms(session, asked, server, now):
    open_ = overview.worst(session, OPEN, asked.visible, server.id)
    since = now - RECENTLY
    closed = overview.closed(session, server.id, since, CLOSED, asked.visible)
    shown = summary.view_alarms(session, open_ + closed)
    return {'open': shown[: len(open_)], 'closed': shown[len(open_) :]}


def _log_events(session, asked, server, now):
    begin = now - HOURS * shaping.HOUR
    found = overview.log_events_by_hour(session, server.id, begin, HOURS)
    return shaping.log_events_by_hour(found, begin, HOURS)


def _uptime(session, asked, server, now):
    return uptime.of(session, server, {}, now)


def _counts(shown, alarms):
    """Of each part that is shown, added up."""
    counts = dict.fromkeys(('services', 'alarms', 'log_events'))
    if shown['services'] is not None:
        states = shaping.by_state({})
        counts['services'] = shaping.total(shown['services'], states)
    if shown['alarms'] is not None:
        counts['alarms'] = shaping.alarms(alarms)
    if shown['log_events'] is not None:
        levels = shaping.LEVELS
        counts['log_events'] = shaping.total(shown['log_events'], levels)
    return counts
