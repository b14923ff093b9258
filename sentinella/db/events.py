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

"""What has become of alarms, in one order that all who watch agree on.

Ids are taken before they commit: 101 may be seen before 100, so whoever
follows a table by id loses rows. Here an event gets its number after its
commit, from whoever looks first, under a lock that lasts until that is
committed as well. So numbers become visible in their order, and whoever has
seen one has seen all before it: it is all that a reader has to remember.
"""

from oslo_db import exception as db_exception
import sqlalchemy as sa

from sentinella import model
from sentinella.db import alarms
from sentinella.db import definitions
from sentinella.db import models
from sentinella.db import rows
from sentinella.db import servers

TABLE = models.events
SHAPE = rows.Shape(model.Event, TABLE)
COUNTERS = models.counters

#: The last number that was given, and the last of those that are forgotten.
GIVEN, FORGOTTEN = 'events given', 'events forgotten'

#: Events that one transaction gives numbers to.
NUMBERED_AT_ONCE = 500

#: Events that one transaction removes.
EXPIRED_AT_ONCE = 10000

_COLUMNS = [
    *SHAPE.columns,
    *alarms.COLUMNS,
    *alarms.TRANSITION_SHAPE.columns,
]
_SOURCE = (
    TABLE.join(alarms.TABLE, TABLE.c.alarm_id == alarms.TABLE.c.id)
    .join(definitions.TABLE)
    .outerjoin(servers.TABLE)
    .outerjoin(
        alarms.TRANSITIONS, TABLE.c.transition_id == alarms.TRANSITIONS.c.id
    )
)


def is_one_without_number(session):
    """Whether :func:`give_numbers` has something to do."""
    query = sa.select(TABLE.c.id).where(TABLE.c.number.is_(None)).limit(1)
    return session.scalar(query) is not None


def give_numbers(session):
    """Number committed events that have no number, in a writer.

    Those of one alarm are numbered as they happened: who changes an alarm
    waits for the one before.

    :returns: how many; fewer than NUMBERED_AT_ONCE where no more are left
    """
    given = _hold(session, GIVEN)
    # by their ids, so that nothing waits for what is not committed yet
    ids = session.scalars(
        sa.select(TABLE.c.id)
        .where(TABLE.c.number.is_(None))
        .order_by(TABLE.c.id)
        .limit(NUMBERED_AT_ONCE)
    ).all()
    if ids:
        shift = given + 1 - ids[0]
        session.execute(
            TABLE.update()
            .where(TABLE.c.id.in_(ids))
            .values(number=TABLE.c.id + shift)
        )
        _set(session, GIVEN, ids[-1] + shift)
    return len(ids)


def bounds(session):
    """
    :returns: the last number that was given, and the last of those that were
        forgotten; 0 for none
    """
    found = dict(
        session.execute(sa.select(COUNTERS.c.name, COUNTERS.c.value)).all()
    )
    return found.get(GIVEN, 0), found.get(FORGOTTEN, 0)


def after(session, number, limit):
    """
    :returns: list of Events, in the order of their numbers
    """
    query = (
        sa.select(*_COLUMNS)
        .select_from(_SOURCE)
        .where(TABLE.c.number > number)
        .order_by(TABLE.c.number)
        .limit(limit)
    )
    return [_read(row) for row in session.execute(query)]


def expire(session, before):
    """Forget those of before a time, in seconds.

    :returns: how many; fewer than EXPIRED_AT_ONCE where no more are left
    """
    old = session.execute(
        sa.select(TABLE.c.id, TABLE.c.number)
        .where(TABLE.c.at < before, TABLE.c.number.is_not(None))
        .order_by(TABLE.c.at)
        .limit(EXPIRED_AT_ONCE)
    ).all()
    if old:
        last = max(number for _, number in old)
        _set(session, FORGOTTEN, max(last, _hold(session, FORGOTTEN)))
        ids = [id_ for id_, _ in old]
        session.execute(TABLE.delete().where(TABLE.c.id.in_(ids)))
    return len(old)


def _read(row):
    alarm_at = len(SHAPE.columns)
    transition_at = alarm_at + len(alarms.COLUMNS)
    shape = alarms.TRANSITION_SHAPE
    transition = shape.read(row, transition_at) if row[transition_at] else None
    return SHAPE.read(
        row, alarm=alarms.read(row, alarm_at), transition=transition
    )


def _hold(session, name):
    """Lock a counter until the transaction ends.

    :returns: its value
    """
    query = (
        sa.select(COUNTERS.c.value)
        .where(COUNTERS.c.name == name)
        .with_for_update()
    )
    value = session.scalar(query)
    if value is None:
        _begin(session, name)
        value = session.scalar(query)
    return value


def _begin(session, name):
    try:
        with session.begin_nested():
            session.execute(COUNTERS.insert().values(name=name, value=0))
    except db_exception.DBDuplicateEntry:
        """Somebody else was first; it is for both."""


def _set(session, name, value):
    session.execute(
        COUNTERS.update().where(COUNTERS.c.name == name).values(value=value)
    )
