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

"""How counts and last values are shown: pure functions, `now` is an
argument."""

import collections

from sentinella import model
from sentinella.api import times
from sentinella.db import ledger
from sentinella.evaluator import modes

#: Seconds.
HOUR = 3600.0

#: What a server may be; of several the first.
HEALTHS = ('maintenance', 'blackout', 'pending', 'silent', 'alarm', 'up')

LEVELS = ('critical', 'error', 'warning')

#: Vital signs by their kind, and those that each filesystem has.
SIGNS = {
    'load': ('1m', '5m', '15m', 'per_cpu_5m'),
    'cpu': (
        'percent',
        'user_percent',
        'system_percent',
        'iowait_percent',
        'steal_percent',
    ),
    'memory': ('percent', 'available_bytes', 'total_bytes'),
    'swap': ('percent',),
    'host': ('uptime_seconds',),
}
FILESYSTEM = ('percent', 'inodes_percent', 'free_bytes', 'read_only')
#: Most filesystems that are shown.
FILESYSTEMS = 256


def heard_at(server):
    """When a server was last heard of: seconds."""
    reported = server.last_report_at
    return server.created_at if reported is None else reported


def is_silent(server, now):
    return heard_at(server) < now - ledger.grace(server)


def health(server, windows, is_alarmed, now):
    """
    :param windows: those in force
    :param is_alarmed: whether it has open alarms
    :returns: one of `HEALTHS`
    """
    subject = modes.Subject(server.project_id, server)
    mode = modes.effective(subject, windows).mode
    if mode != model.Mode.ACTIVE:
        return str(mode)
    if not server.public_key and server.last_report_at is None:
        return 'pending'
    if is_silent(server, now):
        return 'silent'
    return 'alarm' if is_alarmed else 'up'


def servers(found, windows, alarmed, now):
    """
    :param found: Servers; :param windows: those in force
    :param alarmed: set of the numbers of those with open alarms
    :returns: how many there are, and of each health
    """
    counts = collections.Counter(
        health(one, windows, one.id in alarmed, now) for one in found
    )
    return {'total': len(found), **{name: counts[name] for name in HEALTHS}}


def services(counts):
    """
    :param counts: list of (OpenStack project, ServiceState, whether its
        server is silent, how many)
    :returns: list of how many of each state a project has
    """
    found = collections.defaultdict(collections.Counter)
    for project, state, silent, count in counts:
        found[project][_known(state, silent)] += count
    return [
        {'project': project, **by_state(found[project])}
        for project in sorted(found)
    ]


def by_state(counts):
    """
    :param counts: mapping of ServiceStates
    """
    return {str(s).lower(): counts.get(s, 0) for s in model.ServiceState}


def _known(state, silent):
    return model.ServiceState.UNDETERMINED if silent else state


def services_of(server, statuses, now):
    """The services of one server, by OpenStack project.

    :param statuses: ServiceStatuses
    """
    silent = is_silent(server, now)
    found = collections.defaultdict(list)
    for status in statuses:
        found[status.project].append(_service(server, status, silent))
    return [
        {
            'project': project,
            **by_state(collections.Counter(one['state'] for one in some)),
            'services': sorted(some, key=lambda one: one['name']),
        }
        for project, some in sorted(found.items())
    ]


def _service(server, status, silent):
    since, reason = status.since, status.reason
    if silent:
        since = heard_at(server)
        reason = f"it was {status.state} when its server's agent fell silent"
    return {
        'name': status.name,
        'state': _known(status.state, silent),
        'since': times.show(since),
        'reason': reason,
        'restarts': status.restarts,
    }


def alarms(counts):
    """
    :param counts: list of (Severity, Lifecycle, how many)
    :returns: list of how many there are of each severity, the worst first
    """
    known = {(severity, life): count for severity, life, count in counts}
    return [
        {
            'severity': one,
            'open': known.get((one, model.Lifecycle.OPEN), 0),
            'acknowledged': known.get((one, model.Lifecycle.ACKNOWLEDGED), 0),
        }
        for one in model.Severity
    ]


def log_events(counts):
    """
    :param counts: mapping of levels to how many records
    """
    return {name: counts.get(name.upper(), 0) for name in LEVELS}


def log_events_by_hour(counts, begin, hours):
    """
    :param counts: list of (number of the hour, level, how many)
    :returns: list of those of each hour, the oldest first
    """
    found = collections.defaultdict(dict)
    for hour, level, count in counts:
        found[hour][level] = count
    return [
        {
            'since': times.show(begin + HOUR * hour),
            **log_events(found.get(hour, {})),
        }
        for hour in range(hours)
    ]


def total(shown, names):
    """Add up what is shown of several.

    :param shown: list of mappings
    """
    return {name: sum(one[name] for one in shown) for name in names}


def vital_signs(latest):
    """
    :param latest: list of (Metric, time, value)
    :returns: the last values; None for what is not known
    """
    plain, mounts, seen = {}, collections.defaultdict(dict), []
    for metric, at, value in latest:
        kind, _, name = metric.name.partition('.')
        dimensions = dict(metric.dimensions)
        if not dimensions and name in SIGNS.get(kind, ()):
            plain[kind, name] = float(value)
        elif (
            kind == 'fs' and name in FILESYSTEM and [*dimensions] == ['mount']
        ):
            mounts[dimensions['mount']][name] = float(value)
        else:
            continue
        seen.append(at)
    return {
        'at': times.show(max(seen, default=None)),
        **{
            kind: {name: plain.get((kind, name)) for name in names}
            for kind, names in SIGNS.items()
        },
        'filesystems': [
            {'mount': mount, **{n: mounts[mount].get(n) for n in FILESYSTEM}}
            for mount in sorted(mounts)[:FILESYSTEMS]
        ],
    }
