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
"""Samples that nobody sends: what rows of the database tell. Pure.

That somebody is silent is told only while someone listened: where the
database was away, nobody could have been heard. For `GRACE` seconds after
that, what seems silent has no samples, neither high ones nor low ones.
"""

import numpy

from sentinella import model
from sentinella.db import instances

#: Seconds that everybody gets to be heard again. Agents and heartbeats try
#: again each 10 s.
GRACE = 30.0


def listening_since(several, now):
    """Since when heartbeats have reached the database without a gap.

    :param several: Instances
    :returns: seconds; `now` where none is heard, and None where there is none
        that could be
    """
    if not several:
        return None
    heard = [
        one.unbroken_since
        for one in several
        if now - one.beat_at <= instances.SILENT
    ]
    return min(heard, default=now)


def is_sure(listening, heard_at, now):
    """Whether it can be told how long somebody has been silent.

    :param listening: what :func:`listening_since` says
    :param heard_at: when somebody was last heard
    """
    if now - heard_at <= GRACE:
        return True
    return listening is None or now - listening >= GRACE


def heard_at(server):
    reported = server.last_report_at
    return server.created_at if reported is None else reported


def _silence(server, times):
    return numpy.maximum(times - heard_at(server), 0.0)


def _missed_reports(server, times):
    return _silence(server, times) / server.interval


def _clock_offset(server, times):
    return numpy.full(len(times), server.clock_offset)


def _refusal_age(server, times):
    """Seconds since something was last refused; infinite where nothing was,
    so that `< n` is seen not to hold."""
    if server.refused_at is None:
        return numpy.full(len(times), numpy.inf)
    age = times - server.refused_at
    return numpy.where(age >= 0, age, numpy.inf)


def _since_beat(instance, times):
    return numpy.maximum(times - instance.beat_at, 0.0)


def _bus_up(instance, times):
    """What it said itself, which stands as long as it is not silent."""
    up = instance.facts.get('bus')
    if up is None or times[-1] - instance.beat_at > instances.SILENT:
        return None
    return numpy.full(len(times), float(bool(up)))


#: What is told of each server, by the names of metrics: functions of a
#: Server and an array of times, the last one now.
OF_SERVERS = {
    'agent.silence': _silence,
    'agent.missed_reports': _missed_reports,
    'agent.clock_offset': _clock_offset,
    'agent.refusal_age': _refusal_age,
}

#: What is told of each of our own processes of a kind: functions of an
#: Instance and times; None where it can't be told.
OF_INSTANCES = {
    'conductor.silence': (model.InstanceKind.CONDUCTOR, _since_beat),
    'conductor.bus.up': (model.InstanceKind.CONDUCTOR, _bus_up),
    'evaluator.silence': (model.InstanceKind.EVALUATOR, _since_beat),
}

#: Those that say how long somebody was not heard.
SILENCES = frozenset(
    [
        'agent.silence',
        'agent.missed_reports',
        'conductor.silence',
        'evaluator.silence',
    ]
)

NAMES = frozenset(OF_SERVERS) | frozenset(OF_INSTANCES)


def dimensions(instance):
    """
    :returns: mapping of what tells it from others of its kind
    """
    return {'host': instance.host, 'instance': str(instance.number)}
