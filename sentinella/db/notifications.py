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

import dataclasses

from oslo_utils import uuidutils
import sqlalchemy as sa

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

_PENDING = TABLE.c.state == model.NotificationState.PENDING
_PARTS = (
    (SHAPE, 'notification'),
    (alarms.TRANSITION_SHAPE, 'transition'),
    (channels.SHAPE, 'channel'),
)
_COLUMNS = [
    *(column for shape, _ in _PARTS for column in shape.columns),
    *alarms.COLUMNS,
]
# several ways lead from one of these tables to another
_SOURCE = (
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
class Claim:
    """The right to send a notification, until its lease ends."""

    notification: model.Notification
    token: str


def _read(row):
    transition_at = len(SHAPE.columns)
    channel_at = transition_at + len(alarms.TRANSITION_SHAPE.columns)
    alarm_at = channel_at + len(channels.SHAPE.columns)
    return SHAPE.read(
        row,
        transition=alarms.TRANSITION_SHAPE.read(row, transition_at),
        channel=channels.SHAPE.read(row, channel_at),
        alarm=alarms.read(row, alarm_at),
    )


def add(session, alarm, transition, targets, now):
    """Put a transition into the outbox, once for each channel.

    :param targets: Channels
    :returns: list of Notifications
    """
    return [_add(session, alarm, transition, t, now) for t in targets]


def _add(session, alarm, transition, channel, now):
    notification = model.Notification(
        uuid=uuidutils.generate_uuid(),
        alarm=alarm,
        transition=transition,
        channel=channel,
        created_at=now,
        next_attempt_at=now,
    )
    values = SHAPE.values(notification)
    values['alarm_id'] = alarm.id
    values['transition_id'] = transition.id
    values['channel_id'] = channel.id
    # due by the clock that claims go by, whoever's `now` is
    values['next_attempt_at'] = clock.now()
    id_ = rows.insert(session, TABLE, values, 'the notification')
    return dataclasses.replace(notification, id=id_)


def claim_due(session, owner, lease, limit, exclude=()):
    """Claim notifications that are due.

    :param lease: seconds after which somebody else may claim them
    :param exclude: ids of channels whose notifications have to wait
    :returns: list of Claims, oldest first
    """
    token, mine = claims.take(
        session,
        TABLE,
        TABLE.c.next_attempt_at,
        sa.and_(_PENDING, TABLE.c.channel_id.not_in(exclude)),
        owner,
        lease,
        limit,
    )
    query = (
        sa.select(*_COLUMNS)
        .select_from(_SOURCE)
        .where(mine)
        .order_by(TABLE.c.id)
    )
    return [Claim(_read(row), token) for row in session.execute(query)]


def sent(session, claim, now):
    """Note that a notification was delivered.

    :raises Conflict: the claim was lost
    """
    _finish(
        session,
        claim,
        state=model.NotificationState.SENT,
        delivered_at=now,
        last_error=None,
    )


def retry(session, claim, next_attempt_at, error):
    """Note that a notification is to be tried again.

    :param next_attempt_at: seconds, by the database's clock
    :raises Conflict: the claim was lost
    """
    _finish(session, claim, next_attempt_at=next_attempt_at, last_error=error)


def dead(session, claim, error, now):
    """Note that a notification is given up.

    :raises Conflict: the claim was lost
    """
    _finish(
        session, claim, state=model.NotificationState.DEAD, last_error=error
    )


def _finish(session, claim, **values):
    notification = claim.notification
    claims.finish(
        session,
        TABLE,
        notification.id,
        claim.token,
        f'notification {notification.uuid}',
        attempts=TABLE.c.attempts + 1,
        **values,
    )


def list_(
    session,
    *,
    limit,
    marker=None,
    state=None,
    alarm=None,
    channel=None,
    project_id=None,
):
    """
    :param alarm: UUID of an alarm; :param channel: UUID of a channel
    :param project_id: of the alarms
    :returns: list of Notifications, newest first
    """
    query = (
        sa.select(*_COLUMNS)
        .select_from(_SOURCE)
        .where(
            servers.visible(alarms.TABLE.c.project_id, project_id),
            *paging.given(TABLE, {'state': state}),
            *paging.given(alarms.TABLE, {'uuid': alarm}),
            *paging.given(channels.TABLE, {'uuid': channel}),
        )
    )
    keys = [TABLE.c.created_at, TABLE.c.id]
    found = paging.page(
        session, query, keys, marker, TABLE.c.uuid, limit, descending=True
    )
    return [_read(row) for row in found]


def count(session, state):
    """
    :returns: how many notifications there are in a state
    """
    query = sa.select(sa.func.count()).where(TABLE.c.state == state)
    return session.scalar(query)


def seconds_until_due(session):
    """See :func:`claims.seconds_until_due`."""
    return claims.seconds_until_due(
        session, TABLE, TABLE.c.next_attempt_at, _PENDING
    )
