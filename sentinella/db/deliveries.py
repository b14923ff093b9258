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
"""What is to go out, channel by channel: looked at, claimed, finished.

`next_attempt_at` says when a notification is looked at next, whatever it
waits for; of one that is under way, when its claim ends. So that no rate is
exceeded by two who decide side by side, whoever decides on a channel has its
turn, a row that stays locked meanwhile.
"""

import dataclasses
import functools

from oslo_db import exception as db_exception
from oslo_utils import uuidutils
import sqlalchemy as sa

from sentinella import model
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import claims
from sentinella.db import clock
from sentinella.db import models
from sentinella.db import notifications

TABLE = models.notifications
TURNS = models.channel_turns

SENT = model.NotificationState.SENT
RECOVERY = model.NotificationKind.RECOVERY

#: Rows that are looked at to see which channels have something due.
LOOKED_AT = 1024

_PENDING = TABLE.c.state == model.NotificationState.PENDING
_DUE = sa.and_(
    _PENDING,
    TABLE.c.next_attempt_at <= clock.now(),
    sa.or_(
        TABLE.c.claimed_until.is_(None), TABLE.c.claimed_until < clock.now()
    ),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Due:
    """A channel that has something to be sent.

    :ivar count: of its notifications that were seen, `LOOKED_AT` at most
    """

    channel: model.Channel
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """
    :ivar not_before: when the other end may be asked again, in seconds
    :ivar begun: when its last messages were begun
    """

    not_before: float = 0.0
    begun: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """What decides on one notification that is due.

    :ivar severity: of what it tells
    :ivar digest_id: of the digest that it was sent in before, or None
    :ivar resent: whether somebody asked for it just now
    :ivar earlier: how many of the same alarm to the same channel, and not
        settled yet, came before it
    :ivar wait: seconds until the next of those is looked at, None: of none
    :ivar told: for a recovery, whether what it ends was sent
    """

    id: int
    alarm_id: int
    kind: model.NotificationKind
    severity: model.Severity
    created_at: float = 0.0
    attempts: int = 0
    digest_id: str | None = None
    waits_for: model.WaitsFor | None = None
    resent: bool = False
    earlier: int = 0
    wait: float | None = None
    told: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one message, until its lease ends.

    :ivar token: that proves it
    :ivar ids: of its notifications; :ivar alarm_ids: of their alarms
    """

    token: str
    channel_id: int
    ids: frozenset[int]
    alarm_ids: frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """A notification to send.

    :ivar reference: what its driver left of the alarm's last message
    """

    notification: model.Notification
    reference: dict | None


def due_channels(session, exclude):
    """
    :param exclude: ids of channels that have to wait
    :returns: list of Dues, the one that waits longest first
    """
    found = session.execute(_due_channels(), {'exclude': sorted(exclude)})
    return [Due(channels.SHAPE.read(row), row[-1]) for row in found]


# to make such a statement costs more than to execute it
@functools.cache
def _due_channels():
    seen = (
        sa.select(TABLE.c.channel_id, TABLE.c.next_attempt_at)
        .where(_DUE, TABLE.c.channel_id.not_in(_several('exclude')))
        .order_by(TABLE.c.next_attempt_at)
        .limit(LOOKED_AT)
        .subquery()
    )
    counted = (
        sa.select(
            seen.c.channel_id,
            sa.func.count().label('count'),
            sa.func.min(seen.c.next_attempt_at).label('first'),
        )
        .group_by(seen.c.channel_id)
        .subquery()
    )
    table = channels.TABLE
    return (
        sa.select(*channels.SHAPE.columns, counted.c.count)
        .join_from(table, counted, counted.c.channel_id == table.c.id)
        .order_by(counted.c.first)
    )


def _several(name):
    return sa.bindparam(name, expanding=True)


def seconds_until_due(session, exclude):
    """
    :param exclude: ids of channels that have to wait
    :returns: seconds until one is to be looked at, None if there is none
    """
    left = session.scalar(
        sa.select(sa.func.min(TABLE.c.next_attempt_at) - clock.now()).where(
            _PENDING, TABLE.c.channel_id.not_in(sorted(exclude))
        )
    )
    return None if left is None else max(0.0, float(left))


def take_turns(session, ids):
    """Lock the turns of channels, until the transaction ends.

    :param ids: of channels
    :returns: mapping of ids to Turns, without those that others have
    """
    mine = TURNS.c.channel_id.in_(sorted(ids))
    found = session.execute(
        sa.select(TURNS.c.channel_id, TURNS.c.not_before, TURNS.c.begun)
        .where(mine)
        .order_by(TURNS.c.channel_id)
        .with_for_update(skip_locked=True)
    )
    taken = {row[0]: Turn(row[1], row[2]) for row in found}
    if len(taken) < len(ids):
        known = session.scalars(sa.select(TURNS.c.channel_id).where(mine))
        for id_ in sorted(set(ids) - set(known)):
            if _first_turn(session, id_):
                taken[id_] = Turn()
    return taken


def _first_turn(session, id_):
    values = {'channel_id': id_, 'not_before': 0.0, 'begun': ()}
    try:
        with session.begin_nested():
            session.execute(TURNS.insert().values(values))
    except (
        db_exception.DBDuplicateEntry,
        # the channel is gone by now
        db_exception.DBReferenceError,
    ):
        return False
    return True


def note_begun(session, id_, begun):
    """Remember when a channel's last messages were begun."""
    session.execute(
        TURNS.update().where(TURNS.c.channel_id == id_).values(begun=begun)
    )


def leave_alone(session, id_, until):
    """Send nothing to a channel before a time, in seconds."""
    session.execute(
        TURNS.update()
        .where(TURNS.c.channel_id == id_, TURNS.c.not_before < until)
        .values(not_before=until)
    )


def rows(session, channel_id, limit):
    """
    :returns: list of Rows of a channel that are due, the oldest first
    """
    values = {'channel': channel_id, 'most': limit}
    return [_row(found) for found in session.execute(_rows(), values)]


@functools.cache
def _rows():
    # a bound on what all that follows is looked up for
    due = (
        sa.select(TABLE.c.id)
        .where(_DUE, TABLE.c.channel_id == sa.bindparam('channel'))
        .order_by(TABLE.c.id)
        .limit(sa.bindparam('most'))
        .subquery()
    )
    other = TABLE.alias('other')
    same = sa.and_(
        other.c.alarm_id == TABLE.c.alarm_id,
        other.c.channel_id == TABLE.c.channel_id,
        other.c.id < TABLE.c.id,
    )
    waiting = other.c.state == model.NotificationState.PENDING
    earlier = sa.select(sa.func.count()).where(same, waiting)
    first = sa.func.min(other.c.next_attempt_at)
    wait = sa.select(first - clock.now()).where(same, waiting)
    last = (
        sa.select(other.c.kind)
        .where(same, other.c.state == SENT)
        .order_by(other.c.id.desc())
        .limit(1)
    )
    return (
        sa.select(
            TABLE.c.id,
            TABLE.c.alarm_id,
            TABLE.c.kind,
            sa.func.coalesce(
                alarms.TRANSITIONS.c.severity, alarms.TABLE.c.severity
            ),
            TABLE.c.created_at,
            TABLE.c.attempts,
            TABLE.c.digest_id,
            TABLE.c.waits_for,
            TABLE.c.resent_by.is_not(None),
            _in_order(earlier, other),
            _in_order(wait, other),
            sa.case((TABLE.c.kind == RECOVERY, _in_order(last, other))),
        )
        .join_from(
            TABLE,
            alarms.TRANSITIONS,
            TABLE.c.transition_id == alarms.TRANSITIONS.c.id,
        )
        .join(alarms.TABLE, TABLE.c.alarm_id == alarms.TABLE.c.id)
        .join(due, TABLE.c.id == due.c.id)
        .order_by(TABLE.c.id)
    )


def _in_order(query, other):
    """A query for what was before one, by the index that is made for it:
    MariaDB would read all that was ever sent, for want of statistics."""
    hint = f'FORCE INDEX ({models.ORDER_INDEX})'
    for dialect in ('mysql', 'mariadb'):
        query = query.with_hint(other, hint, dialect)
    return query.scalar_subquery()


def _row(found):
    *plain, severity, created_at, attempts = found[:6]
    told = found[2] != RECOVERY or found[11] not in (None, RECOVERY)
    return Row(
        *plain,
        model.Severity(severity),
        created_at,
        attempts,
        *found[6:8],
        bool(found[8]),
        found[9],
        None if found[10] is None else float(found[10]),
        told,
    )


def hold(session, ids, until, why):
    """Look at notifications again at a time.

    :param why: a WaitsFor
    """
    _change(session, ids, next_attempt_at=until, waits_for=why)


def skip(session, ids, reason):
    """Never send notifications.

    :param reason: why, in words
    """
    _change(
        session,
        ids,
        state=model.NotificationState.SKIPPED,
        last_error=reason,
        waits_for=None,
    )


def release(session, channel_id, alarm_ids):
    """Let go what waits for the end of quiet hours.

    :returns: how many
    """
    return session.execute(
        TABLE.update()
        .where(
            _PENDING,
            TABLE.c.channel_id == channel_id,
            TABLE.c.alarm_id.in_(sorted(alarm_ids)),
            TABLE.c.waits_for == model.WaitsFor.QUIET,
            TABLE.c.next_attempt_at > clock.now(),
        )
        .values(next_attempt_at=clock.now())
    ).rowcount


def claim(session, owner, lease, ids, digest_id=None):
    """Claim notifications that are due.

    :param lease: seconds
    :param digest_id: UUID of the one message that they become, or None
    :returns: the token
    """
    token = uuidutils.generate_uuid()
    values = {
        'ids': sorted(ids),
        'owner': owner,
        'token': token,
        'lease': lease,
        'digest': digest_id,
    }
    session.execute(_claiming(), values)
    return token


@functools.cache
def _claiming():
    until = clock.now() + sa.bindparam('lease', type_=sa.Double())
    return (
        TABLE.update()
        .where(TABLE.c.id.in_(_several('ids')), _DUE)
        .values(
            claimed_by=sa.bindparam('owner'),
            claim_token=sa.bindparam('token'),
            claimed_until=until,
            next_attempt_at=until,
            waits_for=None,
            digest_id=sa.bindparam('digest'),
        )
    )


def _change(session, ids, **values):
    # the condition stands here as well: a cluster of databases takes locks
    # on one node only, and judges the changes
    session.execute(
        TABLE.update().where(TABLE.c.id.in_(sorted(ids)), _DUE).values(values)
    )


def of_digest(session, digest_id):
    """
    :returns: ids of those notifications of a digest that are due
    """
    query = sa.select(TABLE.c.id).where(TABLE.c.digest_id == digest_id, _DUE)
    return list(session.scalars(query.order_by(TABLE.c.id)))


def given(session, token, ids):
    """
    :param ids: of the notifications that were claimed by a token
    :returns: list of Givens, those of them that were, the oldest first
    """
    values = {'ids': sorted(ids), 'token': token}
    return [
        Given(notifications.read(row), row[-1] or None)
        for row in session.execute(_given(), values)
    ]


@functools.cache
def _given():
    other = TABLE.alias('other')
    reference = (
        sa.select(other.c.reference)
        .where(
            other.c.alarm_id == TABLE.c.alarm_id,
            other.c.channel_id == TABLE.c.channel_id,
            other.c.id < TABLE.c.id,
            other.c.state == SENT,
            other.c.digest_id.is_(None),
        )
        .order_by(other.c.id.desc())
        .limit(1)
    )
    return (
        sa.select(*notifications.COLUMNS, _in_order(reference, other))
        .select_from(notifications.SOURCE)
        .where(
            TABLE.c.id.in_(_several('ids')),
            TABLE.c.claim_token == sa.bindparam('token'),
        )
        .order_by(TABLE.c.id)
    )


def renew(session, held, lease):
    """Hold claims for longer.

    :param held: Claims; :param lease: seconds from now
    """
    session.execute(
        TABLE.update()
        .where(_of(held))
        .values(
            claimed_until=clock.now() + lease,
            next_attempt_at=clock.now() + lease,
        )
    )


def lock(session, held):
    """
    :param held: Claims
    :returns: list of those that still hold what they held
    """
    query = sa.select(TABLE.c.id).where(_of(held))
    found = set(session.scalars(query.order_by(TABLE.c.id).with_for_update()))
    return [one for one in held if found & one.ids]


def finish(session, held, **values):
    """Give back what is held.

    :param held: Claims; :param values: what to set
    """
    session.execute(
        TABLE.update()
        .where(_of(held))
        .values(attempts=TABLE.c.attempts + 1, **claims.FREE, **values)
    )


def let_follow(session, settled):
    """Look now at what waited for the ones before it to be settled: of each
    alarm the next one, for the others wait for that.

    :param settled: Claims
    """
    ids = []
    for channel_id in sorted({one.channel_id for one in settled}):
        mine = [one for one in settled if one.channel_id == channel_id]
        values = {
            'channel': channel_id,
            'alarms': sorted(set().union(*(one.alarm_ids for one in mine))),
        }
        ids += session.scalars(_following(), values)
    if ids:
        session.execute(
            TABLE.update()
            .where(
                _PENDING,
                TABLE.c.id.in_(sorted(ids)),
                TABLE.c.waits_for == model.WaitsFor.ORDER,
            )
            .values(next_attempt_at=clock.now())
        )


@functools.cache
def _following():
    return (
        sa.select(sa.func.min(TABLE.c.id))
        .where(
            _PENDING,
            TABLE.c.channel_id == sa.bindparam('channel'),
            TABLE.c.alarm_id.in_(_several('alarms')),
        )
        .group_by(TABLE.c.alarm_id)
    )


def _of(held):
    ids = set().union(*(one.ids for one in held))
    return sa.and_(
        _PENDING,
        TABLE.c.id.in_(sorted(ids)),
        TABLE.c.claim_token.in_(sorted({one.token for one in held})),
    )
