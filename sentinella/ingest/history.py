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

"""What reports tell of the past: whether their agent was silent, and what
services were before."""

import dataclasses

from sentinella.db import ledger
from sentinella.db import services
from sentinella.ingest import clocks


@dataclasses.dataclass(frozen=True, slots=True)
class Sight:
    """A server that was seen.

    :ivar previous: when it was before, or None
    :ivar seen: when it was; never before that
    :ivar lasts: seconds that a state is taken to last
    """

    server_id: int
    previous: float | None
    seen: float
    lasts: float


def sights(accepted, now):
    """Those that reports tell of which come in the order in which they were
    made: what overtakes them says nothing of what they are to tell.

    :param accepted: list of (Server, Report) in order
    :returns: list of Sights, in order
    """
    found, last = [], {}
    for server, report in accepted:
        if report.overtakes or report.frame is None:
            continue
        previous = last.get(server.id, server.observed_at)
        at = clocks.shift(server, report.frame.at)
        # one that comes in time is taken to be of now: so most servers are
        # written as one
        seen = now if not at < now - server.interval else at
        seen = seen if previous is None else max(previous, seen)
        last[server.id] = seen
        found.append(Sight(server.id, previous, seen, ledger.grace(server)))
    return found


def keep(session, accepted, now):
    """Note in the ledger whose agents were silent.

    :returns: mapping of servers' numbers to when they were last seen
    """
    found = sights(accepted, now)
    for one in found:
        ledger.observe(
            session, one.server_id, one.previous, one.seen, one.lasts
        )
    return {one.server_id: one.seen for one in found}


def fill(session, past, now):
    """Note what services were, of reports that others have overtaken.

    :param past: list of (Server, Report)
    """
    ledger.fill(
        session,
        [
            (server.id, status.name, services.began(status, now), status.state)
            for server, report in past
            for status in clocks.shift_all(server, report.services, 'since')
            if status.name
        ],
    )
