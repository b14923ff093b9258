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

"""Records of the services' logs."""

import dataclasses

import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import models
from sentinella.db import paging
from sentinella.db import rows
from sentinella.db import servers

TABLE = models.log_events
SHAPE = rows.Shape(model.LogEvent, TABLE)


@dataclasses.dataclass(frozen=True, slots=True)
class StoredLogEvent:
    id: int
    server: model.Server
    event: model.LogEvent


def add(session, events):
    """
    :param events: list of (server's id, LogEvent)
    """
    if events:
        session.connection().execute(
            TABLE.insert(),
            [
                {'server_id': server_id, **SHAPE.values(event)}
                for server_id, event in events
            ],
        )


def list_(
    session,
    *,
    limit,
    marker=None,
    server=None,
    service=None,
    level=None,
    signature=None,
    since=None,
    until=None,
    project_id=None,
):
    """
    :param server: UUID of a server
    :param since: seconds, inclusive; :param until: seconds, exclusive
    :param marker: id of a StoredLogEvent, as text
    :returns: list of StoredLogEvents, newest first
    """
    filters = {'service': service, 'level': level, 'signature': signature}
    query = (
        sa.select(TABLE.c.id, *SHAPE.columns, *servers.SHAPE.columns)
        .join_from(TABLE, servers.TABLE)
        .where(
            servers.visible(servers.TABLE.c.project_id, project_id),
            *paging.given(TABLE, filters),
            *paging.given(servers.TABLE, {'uuid': server}),
        )
    )
    if since is not None:
        query = query.where(TABLE.c.at >= since)
    if until is not None:
        query = query.where(TABLE.c.at < until)
    found = paging.page(
        session,
        query,
        [TABLE.c.at, TABLE.c.id],
        None if marker is None else _id(marker),
        TABLE.c.id,
        limit,
        descending=True,
    )
    return [_stored(row) for row in found]


def _id(marker):
    # the largest that the column holds: what is above is no row's
    if not marker.isdecimal() or int(marker) >= 1 << 63:
        raise exceptions.InvalidInput(f'marker {marker!r:.60} is unknown')
    return int(marker)


def _stored(row):
    start = 1 + len(SHAPE.columns)
    return StoredLogEvent(
        row[0], servers.SHAPE.read(row, start), SHAPE.read(row, 1)
    )


def expire(session, before, limit=10000):
    """Forget the oldest events.

    :param before: seconds
    :param limit: about how many at most, so that locks are short
    :returns: how many; fewer than `limit` when no more are left
    """
    last = session.scalar(
        sa.select(TABLE.c.at)
        .where(TABLE.c.at < before)
        .order_by(TABLE.c.at)
        .offset(limit - 1)
        .limit(1)
    )
    old = TABLE.c.at < before if last is None else TABLE.c.at <= last
    return session.execute(TABLE.delete().where(old)).rowcount
