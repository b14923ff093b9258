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


def get(session, uuid, project_id=None, lock=False):
    """
    :param lock: have others who lock or change it wait for this transaction
    :returns: Channel
    :raises NotFound: there is none that this project may see
    """
    query = sa.select(*SHAPE.columns).where(
        TABLE.c.uuid == uuid,
        servers.visible(TABLE.c.project_id, project_id),
    )
    if lock:
        query = query.with_for_update()
    row = session.execute(query).one_or_none()
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
    :raises Conflict: its project has another of that name, or it goes to
        another project, or is disabled, while one of this one escalates to it
    """
    known = get(session, channel.uuid)
    disabled = known.enabled and not channel.enabled
    if disabled or channel.project_id != known.project_id:
        _check_last_resort(session, known)
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
    :raises Conflict: another one escalates to it
    """
    channel = get(session, uuid, project_id)
    _check_last_resort(session, channel)
    session.execute(TABLE.delete().where(TABLE.c.id == channel.id))


def _check_last_resort(session, channel):
    name = session.scalar(
        sa.select(TABLE.c.name)
        .where(TABLE.c.escalate_to == channel.uuid)
        .limit(1)
    )
    if name is not None:
        raise exceptions.Conflict(
            f'{_name(channel)}: channel {name!r} escalates to it'
        )


def all_(session):
    """
    :returns: list of all Channels
    """
    found = session.execute(sa.select(*SHAPE.columns).order_by(TABLE.c.id))
    return [SHAPE.read(row) for row in found]


def reseal(session, id_, change):
    """Seal the settings of a channel otherwise; nothing else of it changes,
    and nobody else changes it meanwhile.

    :param change: called with the settings as they are stored; returns what
        is to be stored
    """
    mine = TABLE.c.id == id_
    settings = session.execute(
        sa.select(TABLE.c.settings).where(mine).with_for_update()
    ).scalar_one_or_none()
    if settings is not None:
        new = change(settings)
        session.execute(TABLE.update().where(mine).values(settings=new))


def for_alarm(session, alarm, severity=None):
    """
    :param severity: that it is about, the alarm's own where it is None
    :returns: list of the Channels that a notification of an alarm goes to
    """
    query = sa.select(*SHAPE.columns).where(
        TABLE.c.project_id == alarm.project_id, TABLE.c.enabled
    )
    only = alarm.definition.channels
    if only:
        query = query.where(TABLE.c.uuid.in_(only))
    else:
        query = query.where(sa.not_(TABLE.c.escalations_only))
    found = session.execute(query.order_by(TABLE.c.id))
    channels = [SHAPE.read(row) for row in found]
    rank = (severity or alarm.severity).rank
    return [
        channel
        for channel in channels
        if rank <= channel.min_severity.rank and subscribes(channel, alarm)
    ]


def subscribes(channel, alarm):
    """Whether a channel wants alarms about such things."""
    service, cloud_group = about(alarm)
    return (
        _among(channel.services, service)
        and _among(channel.cloud_groups, cloud_group)
        and _among(channel.definitions, alarm.definition.uuid)
    )


def about(alarm):
    """What channels go by, beside the definition.

    :returns: (service, cloud group), None for what the alarm is of none of
    """
    server = alarm.server
    return alarm.group.get('service'), server and server.cloud_group


def _among(wanted, what):
    return not wanted or what in wanted


def _name(channel):
    return f'channel {channel.name!r}'
