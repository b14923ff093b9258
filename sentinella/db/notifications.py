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

"""The outbox: what is to be told to whom, and what became of it."""

import collections
import dataclasses

from oslo_utils import uuidutils
import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import claims
from sentinella.db import clock
from sentinella.db import models
from sentinella.db import paging
from sentinella.db import rows
from sentinella.db import servers

TABLE = models.notifications
SHAPE = rows.Shape(model.Notification, TABLE)
CHANNEL_ID = channels.TABLE.c.id

_PARTS = (
    (SHAPE, 'notification'),
    (alarms.TRANSITION_SHAPE, 'transition'),
    (channels.SHAPE, 'channel'),
)
COLUMNS = [
    *(column for shape, _ in _PARTS for column in shape.columns),
    *alarms.COLUMNS,
]
# several ways lead from one of these tables to another
SOURCE = (
    TABLE.join(
        alarms.TRANSITIONS, TABLE.c.transition_id == alarms.TRANSITIONS.c.id
    )
    .join(channels.TABLE, TABLE.c.channel_id == channels.TABLE.c.id)
    .join(alarms.TABLE, TABLE.c.alarm_id == alarms.TABLE.c.id)
    .join(
        models.definitions,
        alarms.TABLE.c.definition_id == models.definitions.c.id,
    )
    .outerjoin(models.servers, alarms.TABLE.c.server_id == models.servers.c.id)
)


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What decides on whether people are reminded: a notification in short."""

    id: int
    channel_id: int
    transition_id: int
    kind: model.NotificationKind
    state: model.NotificationState
    created_at: float
    delivered_at: float | None
    ordinal: int


def read(row):
    """Make a Notification of a row of `COLUMNS`."""
    transition_at = len(SHAPE.columns)
    channel_at = transition_at + len(alarms.TRANSITION_SHAPE.columns)
    alarm_at = channel_at + len(channels.SHAPE.columns)
    return SHAPE.read(
        row,
        transition=alarms.TRANSITION_SHAPE.read(row, transition_at),
        channel=channels.SHAPE.read(row, channel_at),
        alarm=alarms.read(row, alarm_at),
    )


def add(
    session,
    alarm,
    transition,
    targets,
    now,
    kind=model.NotificationKind.ALARM,
    ordinal=0,
):
    """Put a transition into the outbox, once for each channel.

    :param targets: Channels
    :param ordinal: how many were there about this transition before
    :returns: list of Notifications
    """
    return [
        _add(session, alarm, transition, target, now, kind, ordinal)
        for target in targets
    ]


def _add(session, alarm, transition, channel, now, kind, ordinal):
    notification = model.Notification(
        uuid=uuidutils.generate_uuid(),
        alarm=alarm,
        transition=transition,
        channel=channel,
        created_at=now,
        next_attempt_at=now,
        kind=kind,
        ordinal=ordinal,
    )
    values = SHAPE.values(notification)
    values['alarm_id'] = alarm.id
    values['transition_id'] = transition.id
    values['channel_id'] = channel.id
    # due by the clock that claims go by, whoever's `now` is
    values['next_attempt_at'] = clock.now()
    id_ = rows.insert(session, TABLE, values, 'the notification')
    return dataclasses.replace(notification, id=id_)


def get(session, uuid, project_id=None):
    """
    :returns: Notification
    :raises NotFound: there is none that this project may see
    """
    query = sa.select(*COLUMNS).select_from(SOURCE)
    row = session.execute(
        query.where(
            TABLE.c.uuid == uuid,
            servers.visible(alarms.TABLE.c.project_id, project_id),
        )
    ).one_or_none()
    if row is None:
        raise exceptions.NotFound(f'notification {uuid} does not exist')
    return read(row)


def resend(session, uuid, user, project_id=None):
    """Have a notification sent once more, by itself, whatever became of it:
    at once, also in quiet hours.

    :param user: who asks for it
    :returns: Notification
    :raises NotFound: see :func:`get`
    :raises Conflict: it is under way
    """
    found = get(session, uuid, project_id)
    done = session.execute(
        TABLE.update()
        .where(
            TABLE.c.id == found.id,
            sa.or_(
                TABLE.c.state != model.NotificationState.PENDING,
                TABLE.c.claimed_until.is_(None),
                TABLE.c.claimed_until < clock.now(),
            ),
        )
        .values(
            state=model.NotificationState.PENDING,
            attempts=0,
            next_attempt_at=clock.now(),
            resent_by=user,
            digest_id=None,
            waits_for=None,
            last_error=None,
            **claims.FREE,
        )
    )
    if done.rowcount != 1:
        raise exceptions.Conflict(f'notification {uuid} is under way')
    return get(session, uuid, project_id)


def hearers(session, alarm):
    """Those who hear that an alarm is over: whoever was told of it since it
    was over last, or still will be.

    :returns: list of Channels that are enabled
    """
    last = (
        sa.select(TABLE.c.channel_id, sa.func.max(TABLE.c.id).label('id'))
        .where(
            TABLE.c.alarm_id == alarm.id,
            TABLE.c.state.in_(
                (model.NotificationState.PENDING, model.NotificationState.SENT)
            ),
        )
        .group_by(TABLE.c.channel_id)
        .subquery()
    )
    query = (
        sa.select(*channels.SHAPE.columns)
        .join_from(channels.TABLE, last, last.c.channel_id == CHANNEL_ID)
        .join(TABLE, TABLE.c.id == last.c.id)
        .where(
            channels.TABLE.c.enabled,
            TABLE.c.kind != model.NotificationKind.RECOVERY,
        )
        .order_by(CHANNEL_ID)
    )
    return [channels.SHAPE.read(row) for row in session.execute(query)]


def told(session, ids):
    """What was told of alarms, of repeats the last to each channel.

    :param ids: of alarms
    :returns: mapping of ids to lists of Tolds, the oldest first
    """
    found = collections.defaultdict(list)
    for first in range(0, len(ids), alarms.AT_ONCE):
        some = ids[first : first + alarms.AT_ONCE]
        for id_, *values in session.execute(_told(some)):
            found[id_].append(Told(*values))
    return found


def _told(ids):
    other = TABLE.alias('other')
    last = (
        sa.select(sa.func.max(other.c.id))
        .where(
            other.c.alarm_id.in_(ids),
            other.c.kind == model.NotificationKind.REPEAT,
        )
        .group_by(other.c.alarm_id, other.c.channel_id)
    )
    return (
        sa.select(
            TABLE.c.alarm_id,
            *(TABLE.c[field.name] for field in dataclasses.fields(Told)),
        )
        .where(
            TABLE.c.alarm_id.in_(ids),
            sa.or_(
                TABLE.c.kind != model.NotificationKind.REPEAT,
                TABLE.c.id.in_(last),
            ),
        )
        .order_by(TABLE.c.id)
    )


def list_(
    session,
    *,
    limit,
    marker=None,
    state=None,
    alarm=None,
    channel=None,
    kind=None,
    since=None,
    until=None,
    project_id=None,
):
    """
    :param alarm: UUID of an alarm; :param channel: UUID of a channel
    :param since: seconds, inclusive; :param until: seconds, exclusive
    :param project_id: of the alarms
    :returns: list of Notifications, newest first
    """
    query = (
        sa.select(*COLUMNS)
        .select_from(SOURCE)
        .where(
            servers.visible(alarms.TABLE.c.project_id, project_id),
            *paging.given(TABLE, {'state': state, 'kind': kind}),
            *_created(since, until),
            *paging.given(alarms.TABLE, {'uuid': alarm}),
            *paging.given(channels.TABLE, {'uuid': channel}),
        )
    )
    keys = [TABLE.c.created_at, TABLE.c.id]
    found = paging.page(
        session, query, keys, marker, TABLE.c.uuid, limit, descending=True
    )
    return [read(row) for row in found]


def _created(since, until):
    if since is not None:
        yield TABLE.c.created_at >= since
    if until is not None:
        yield TABLE.c.created_at < until


def count(session, state):
    """
    :returns: how many notifications there are in a state
    """
    query = sa.select(sa.func.count()).where(TABLE.c.state == state)
    return session.scalar(query)


def expire_repeats(session, before):
    """Forget repeats of before a time, but for those that still wait: an
    alarm that nobody acknowledges has one more each interval.

    :returns: how many
    """
    return session.execute(
        TABLE.delete().where(
            TABLE.c.kind == model.NotificationKind.REPEAT,
            TABLE.c.state != model.NotificationState.PENDING,
            TABLE.c.created_at < before,
        )
    ).rowcount
