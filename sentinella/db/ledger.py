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

"""What servers and their services were, and in which mode.

One row for each change. What was told late takes its place between the
others: a report that waited in an agent's spool changes the past, and only
what no report tells of is a gap. The server itself is named ''; it is UP
while its agent reports, and UNDETERMINED while it is silent.
"""

import sqlalchemy as sa

from sentinella import model
from sentinella.db import models

STATES = models.state_changes
MODES = models.mode_changes

SERVER = ''

#: Intervals without a report, after which an agent is silent.
MISSED = 3.5

#: Ledgers' rows that are removed in one transaction.
EXPIRED_AT_ONCE = 1000


def grace(server):
    """Seconds that a state is taken to last after a report told it."""
    return MISSED * server.interval


def silent_from(server):
    """Since when the last that is known of a server is too old: in the
    future, where it is not."""
    if server.observed_at is None:
        return server.created_at
    return server.observed_at + grace(server)


def append(session, table, changes):
    """Note changes, each of them later than all that are known.

    Those whose time says otherwise, for clocks jump, follow at once.

    :param changes: list of (server's id, name, time, what it is from then
        on); those of one thing in order
    """
    if not changes:
        return
    last = _last(session, table, changes)
    rows = []
    for server_id, name, at, value in changes:
        key = server_id, name
        at = _milliseconds(at)
        last[key] = max(at, last[key] + 1) if key in last else at
        rows.append(_row(table, server_id, name, last[key], value))
    session.connection().execute(table.insert(), rows)


def _last(session, table, changes):
    found = session.execute(
        sa.select(table.c.server_id, table.c.name, sa.func.max(table.c.at))
        .where(
            table.c.server_id.in_(sorted({change[0] for change in changes})),
            table.c.name.in_(sorted({change[1] for change in changes})),
        )
        .group_by(table.c.server_id, table.c.name)
    )
    return {(server_id, name): at for server_id, name, at in found}


def fill(session, changes):
    """Note states that were told late; those that are known stay.

    :param changes: list of (server's id, name, time, ServiceState)
    """
    rows = {
        (server_id, name, _milliseconds(at)): state
        for server_id, name, at, state in changes
    }
    if not rows:
        return
    keys = sa.tuple_(STATES.c.server_id, STATES.c.name, STATES.c.at)
    known = {
        tuple(key)
        for key in session.execute(
            sa.select(STATES.c.server_id, STATES.c.name, STATES.c.at).where(
                keys.in_(sorted(rows))
            )
        )
    }
    new = [
        _row(STATES, *key, state)
        for key, state in sorted(rows.items())
        if key not in known
    ]
    if new:
        session.connection().execute(STATES.insert(), new)


def observe(session, server_id, previous, seen, lasts):
    """Note that a server reports, and whether it was silent before.

    :param previous: when what its report before told was seen, or None
    :param seen: when what this one tells was
    :param lasts: seconds that a state is taken to last, see :func:`grace`
    """
    changes = []
    if previous is None:
        changes = [(seen, model.ServiceState.UP)]
    elif seen - previous > lasts:
        changes = [
            (previous + lasts, model.ServiceState.UNDETERMINED),
            (seen, model.ServiceState.UP),
        ]
    append(
        session,
        STATES,
        [(server_id, SERVER, at, state) for at, state in changes],
    )


def imply(session, wanted, now):
    """Note which services are in maintenance since they are disabled.

    :param wanted: set of (server's id, service's name); others are not
    """
    known = sorted({server_id for server_id, _ in wanted})
    # whoever does the same at this moment waits, and then sees it done
    locked = session.scalars(
        sa.select(models.servers.c.id)
        .where(models.servers.c.id.in_(known))
        .order_by(models.servers.c.id)
        .with_for_update()
    ).all()
    wanted = {one for one in wanted if one[0] in locked}
    present = _in_maintenance(session)
    append(
        session,
        MODES,
        [
            (*one, now, mode)
            for ones, mode in (
                (wanted - present, model.Mode.MAINTENANCE),
                (present - wanted, model.Mode.ACTIVE),
            )
            for one in sorted(ones)
        ],
    )


def _in_maintenance(session):
    last = (
        sa.select(
            MODES.c.server_id,
            MODES.c.name,
            sa.func.max(MODES.c.at).label('at'),
        )
        .where(MODES.c.name != SERVER)
        .group_by(MODES.c.server_id, MODES.c.name)
        .subquery()
    )
    found = session.execute(
        sa.select(MODES.c.server_id, MODES.c.name).where(
            MODES.c.server_id == last.c.server_id,
            MODES.c.name == last.c.name,
            MODES.c.at == last.c.at,
            MODES.c.mode == model.Mode.MAINTENANCE,
        )
    )
    return {tuple(row) for row in found}


def of_server(session, table, server_id, since, until):
    """
    :returns: mapping of names to lists of (time, what it is from then on) in
        order; the first is what it was at `since`
    """
    mine = table.c.server_id == server_id
    begin = _milliseconds(since)
    before = (
        sa.select(table.c.name, sa.func.max(table.c.at).label('at'))
        .where(mine, table.c.at <= begin)
        .group_by(table.c.name)
        .subquery()
    )
    columns = table.c.name, table.c.at, _what(table)
    first = sa.select(*columns).where(
        mine, table.c.name == before.c.name, table.c.at == before.c.at
    )
    later = sa.select(*columns).where(
        mine, table.c.at > begin, table.c.at < _milliseconds(until)
    )
    found = {}
    for query in (first, later.order_by(table.c.at)):
        for name, at, value in session.execute(query):
            found.setdefault(name, []).append((at / 1000, value))
    return found


def expire(session, table, before):
    """Forget what changed before a time, but for the last of each thing:
    it says what the thing was then.

    :returns: how many things had such; there may be more, where it is
        `EXPIRED_AT_ONCE`
    """
    old = session.execute(
        sa.select(table.c.server_id, table.c.name, sa.func.max(table.c.at))
        .where(table.c.at <= _milliseconds(before))
        .group_by(table.c.server_id, table.c.name)
        .having(sa.func.count() > 1)
        .limit(EXPIRED_AT_ONCE)
    ).all()
    for server_id, name, last in old:
        session.execute(
            table.delete().where(
                table.c.server_id == server_id,
                table.c.name == name,
                table.c.at < last,
            )
        )
    return len(old)


def _row(table, server_id, name, at, value):
    what = _what(table).name
    return {'server_id': server_id, 'name': name, 'at': at, what: value}


def _what(table):
    return table.c.state if table is STATES else table.c.mode


def _milliseconds(at):
    return round(at * 1000)
