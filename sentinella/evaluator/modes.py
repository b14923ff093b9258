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

"""Which mode something is in: pure functions, `now` is an argument.

A mode is set by hand, of a server, or planned with windows, of whatever they
cover. Where there are several the one that says least counts: maintenance
before blackout before active.
"""

import dataclasses
import itertools

from sentinella import model
from sentinella.evaluator import recurrence

QUIETEST_LAST = (
    model.Mode.ACTIVE,
    model.Mode.BLACKOUT,
    model.Mode.MAINTENANCE,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """What a mode is asked of: an alarm, a server, or a service on one.

    :ivar project_id: of the alarm, or of the server
    :ivar server: Server or None
    :ivar service: name of a service, None for none
    :ivar definition: UUID of the alarm's definition, None for no alarm
    """

    project_id: str
    server: model.Server | None = None
    service: str | None = None
    definition: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Effective:
    """
    :ivar window: the Window that it comes from; None where it was set by
        hand, or nothing was
    """

    mode: model.Mode
    window: model.Window | None = None


def in_force(windows, now):
    """
    :returns: list of those Windows that are in force
    """
    return [one for one in windows if recurrence.is_in_force(one, now)]


def covers(window, subject):
    """Whether a window is about something; whether it is in force then is
    another question."""
    server = subject.server
    return (
        window.project_id in (None, subject.project_id)
        and _among(window.servers, server and server.uuid)
        and _among(window.cloud_groups, server and server.cloud_group)
        and _among(window.services, subject.service)
        and _among(window.definitions, subject.definition)
    )


def _among(wanted, what):
    return not wanted or what in wanted


def effective(subject, windows):
    """
    :param windows: those in force
    :returns: Effective
    """
    server = subject.server
    by_hand = Effective(server.mode if server else model.Mode.ACTIVE)
    found = [Effective(w.mode, w) for w in windows if covers(w, subject)]
    return max([by_hand, *found], key=_quietness)


def of_alarm(group, about, definition, project_id, hosts, windows):
    """
    :param group: the alarm's. The host that it names is what it is about,
        whoever told of it.
    :param about: Servers whose samples it is of
    :param definition: UUID; :param project_id: of the alarm
    :param hosts: mapping of hostnames to lists of Servers
    :param windows: those in force
    :returns: Effective; of several servers the loudest: only where none of
        them may page, the alarm doesn't
    """
    subjects = _subjects(group, about, definition, project_id, hosts)
    return min((effective(one, windows) for one in subjects), key=_quietness)


def mutes(window, group, about, definition, project_id, hosts):
    """Whether a window would mute an alarm, were it in force; the other
    arguments are those of :func:`of_alarm`."""
    subjects = _subjects(group, about, definition, project_id, hosts)
    return all(covers(window, one) for one in subjects)


def _subjects(group, about, definition, project_id, hosts):
    named = [
        server
        for server in hosts.get(group.get('host'), ())
        if server.project_id == project_id
    ]
    return [
        Subject(project_id, server, group.get('service'), definition)
        for server in named or about or [None]
    ]


def excluded(windows, subject, by_hand, since, until):
    """When something was in maintenance, which counts against no uptime.

    :param windows: all that were valid for a part of that time
    :param by_hand: list of (time, Mode): what was set, and when, in order
    :returns: list of (begin, end), in no order
    """
    spans = []
    for (begin, mode), (end, _) in itertools.pairwise(
        [*by_hand, (until, None)]
    ):
        if mode == model.Mode.MAINTENANCE:
            spans.append((begin, end))
    for window in windows:
        if window.mode == model.Mode.MAINTENANCE and covers(window, subject):
            spans += _while_valid(window, since, until)
    return spans


def _while_valid(window, since, until):
    for begin, end in recurrence.between(window, since, until):
        begin = max(begin, window.valid_from)
        if window.valid_until is not None:
            end = min(end, window.valid_until)
        if begin < end:
            yield begin, end


def _quietness(one):
    return QUIETEST_LAST.index(one.mode)
