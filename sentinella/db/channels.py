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

"""Where notifications go."""

import dataclasses

import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import models
from sentinella.db import paging
from sentinella.db import rows
from sentinella.db import servers

TABLE = models.channels
SHAPE = rows.Shape(model.Channel, TABLE)


def create(session, channel, now):
    """
    :returns: Channel
    :raises Conflict: its project has one of that name
    """
    channel = dataclasses.replace(channel, created_at=now, updated_at=now)
    id_ = rows.insert(session, TABLE, SHAPE.values(channel), _name(channel))
    return dataclasses.replace(channel, id=id_)


def get(session, uuid, project_id=None):
    """
    :returns: Channel
    :raises NotFound: there is none that this project may see
    """
    row = session.execute(
        sa.select(*SHAPE.columns).where(
            TABLE.c.uuid == uuid,
            servers.visible(TABLE.c.project_id, project_id),
        )
    ).one_or_none()
    if row is None:
        raise exceptions.NotFound(f'channel {uuid} does not exist')
    return SHAPE.read(row)


def list_(
    session,
    *,
    limit,
    marker=None,
    name=None,
    driver=None,
    enabled=None,
    project_id=None,
):
    """
    :returns: list of Channels, by name
    """
    filters = {'name': name, 'driver': driver, 'enabled': enabled}
    query = sa.select(*SHAPE.columns).where(
        servers.visible(TABLE.c.project_id, project_id),
        *paging.given(TABLE, filters),
    )
    keys = [TABLE.c.name, TABLE.c.id]
    found = paging.page(session, query, keys, marker, TABLE.c.uuid, limit)
    return [SHAPE.read(row) for row in found]


def update(session, channel, now):
    """Replace a channel by its UUID.

    :returns: Channel
    :raises NotFound: there is none
    :raises Conflict: its project has another of that name
    """
    known = get(session, channel.uuid)
    channel = dataclasses.replace(
        channel, id=known.id, created_at=known.created_at, updated_at=now
    )
    rows.update(
        session, TABLE, known.id, SHAPE.values(channel), _name(channel)
    )
    return channel


def delete(session, uuid, project_id=None):
    """Forget a channel with the notifications that went there.

    :raises NotFound: see :func:`get`
    """
    channel = get(session, uuid, project_id)
    session.execute(TABLE.delete().where(TABLE.c.id == channel.id))


def for_alarm(session, alarm):
    """
    :returns: list of the Channels that a notification of an alarm goes to
    """
    query = sa.select(*SHAPE.columns).where(
        TABLE.c.project_id == alarm.project_id, TABLE.c.enabled
    )
    only = alarm.definition.channels
    if only:
        query = query.where(TABLE.c.uuid.in_(only))
    found = session.execute(query.order_by(TABLE.c.id))
    channels = [SHAPE.read(row) for row in found]
    rank = alarm.severity.rank
    return [c for c in channels if rank <= c.min_severity.rank]


def _name(channel):
    return f'channel {channel.name!r}'
