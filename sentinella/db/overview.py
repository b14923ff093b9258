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

"""What a person looks at first: counts, and the worst.

Each function is one statement, or two, however many rows there are.
"""

import sqlalchemy as sa

from sentinella import model
from sentinella.db import alarms
from sentinella.db import ledger
from sentinella.db import log_events
from sentinella.db import servers
from sentinella.db import services

ALARMS = alarms.TABLE
EVENTS = log_events.TABLE
SERVERS = servers.TABLE
SERVICES = services.TABLE

#: Seconds.
HOUR = 3600.0

#: An alarm that is on, or may be: nobody knows, or nobody has said, that it
#: is over.
OPEN = sa.and_(
    ALARMS.c.state != model.AlarmState.OK,
    ALARMS.c.lifecycle != model.Lifecycle.RESOLVED,
)

#: The worst first; of those alike, what nobody looks after, and the newest.
_WORST = (
    sa.case(
        {str(one): one.rank for one in model.Severity},
        value=ALARMS.c.severity,
        else_=len(model.Severity),
    ),
    sa.case((ALARMS.c.lifecycle == model.Lifecycle.OPEN, 0), else_=1),
    ALARMS.c.changed_at.desc(),
    ALARMS.c.id.desc(),
)


def count_services(session, now, project_id=None):
    """
    :param now: whoever has been silent until then for too long is silent
    :param project_id: of the servers; None for all
    :returns: list of (OpenStack project, the ServiceState that was last told,
        whether the server has been silent since, how many)
    """
    heard_at = sa.func.coalesce(SERVERS.c.last_report_at, SERVERS.c.created_at)
    silent = heard_at < now - ledger.MISSED * SERVERS.c.interval
    each = (
        sa.select(
            SERVICES.c.project,
            SERVICES.c.state,
            sa.case((silent, 1), else_=0).label('silent'),
        )
        .join_from(SERVICES, SERVERS)
        .where(servers.visible(SERVERS.c.project_id, project_id))
        .subquery()
    )
    query = sa.select(*each.c, sa.func.count()).group_by(*each.c)
    return [
        (project, state, bool(silent), count)
        for project, state, silent, count in session.execute(query)
    ]


def count_alarms(session, project_id=None, server_id=None):
    """Those that are open.

    :param server_id: the server's number; None for all
    :returns: list of (Severity, Lifecycle, how many)
    """
    query = (
        sa.select(ALARMS.c.severity, ALARMS.c.lifecycle, sa.func.count())
        .where(_which(project_id, server_id), OPEN)
        .group_by(ALARMS.c.severity, ALARMS.c.lifecycle)
    )
    return [tuple(row) for row in session.execute(query)]


def alarmed(session, project_id=None):
    """
    :returns: set of the numbers of servers with open alarms
    """
    query = (
        sa.select(ALARMS.c.server_id)
        .distinct()
        .where(_which(project_id), OPEN, ALARMS.c.server_id.is_not(None))
    )
    return set(session.scalars(query))


def worst(session, limit, project_id=None, server_id=None):
    """
    :param server_id: the server's number; None for all
    :returns: list of Alarms, those that are open, the worst first
    """
    query = sa.select(ALARMS.c.id).where(_which(project_id, server_id), OPEN)
    return _read(session, query.order_by(*_WORST).limit(limit))


def closed(session, server_id, since, limit, project_id=None):
    """
    :param server_id: the server's number
    :returns: list of its resolved Alarms that were last seen since then, the
        newest first
    """
    query = sa.select(ALARMS.c.id).where(
        _which(project_id, server_id),
        ALARMS.c.lifecycle == model.Lifecycle.RESOLVED,
        ALARMS.c.last_at >= since,
    )
    newest = ALARMS.c.last_at.desc(), ALARMS.c.id.desc()
    return _read(session, query.order_by(*newest).limit(limit))


def _which(project_id=None, server_id=None):
    mine = servers.visible(ALARMS.c.project_id, project_id)
    if server_id is None:
        return mine
    return sa.and_(mine, ALARMS.c.server_id == server_id)


def _read(session, query):
    # first which: what they join is long, and would be sorted as well
    ids = session.scalars(query).all()
    rows = session.execute(
        sa.select(*alarms.COLUMNS)
        .select_from(alarms.SOURCE)
        .where(ALARMS.c.id.in_(ids))
    )
    found = {one.id: one for one in map(alarms.read, rows)}
    return [found[id_] for id_ in ids if id_ in found]


def count_log_events(session, since, project_id=None):
    """
    :returns: mapping of levels to how many records there were since then
    """
    query = sa.select(EVENTS.c.level, sa.func.sum(EVENTS.c.count)).where(
        EVENTS.c.at >= since
    )
    if project_id is not None:
        query = query.join_from(EVENTS, SERVERS).where(
            SERVERS.c.project_id == project_id
        )
    found = session.execute(query.group_by(EVENTS.c.level))
    return {level: int(count) for level, count in found}


def log_events_by_hour(session, server_id, begin, hours):
    """
    :param server_id: the server's number
    :param begin: seconds, of the first hour
    :returns: list of (number of the hour, level, how many records)
    """
    # not a quotient: each database rounds it in another way
    ends = [begin + HOUR * number for number in range(1, hours + 1)]
    hour = sa.case(
        *((EVENTS.c.at < end, number) for number, end in enumerate(ends)),
        else_=hours,
    )
    each = (
        sa.select(hour.label('hour'), EVENTS.c.level, EVENTS.c.count)
        .where(
            EVENTS.c.server_id == server_id,
            EVENTS.c.at >= begin,
            EVENTS.c.at < ends[-1],
        )
        .subquery()
    )
    query = sa.select(
        each.c.hour, each.c.level, sa.func.sum(each.c['count'])
    ).group_by(each.c.hour, each.c.level)
    return [
        (hour, level, int(count))
        for hour, level, count in session.execute(query)
    ]
