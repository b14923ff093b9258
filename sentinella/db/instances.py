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
"""Our own processes, each with the time of its last heartbeat.

Each has the lowest free number among those of its kind on its host. One that
starts after another died there gets, sooner or later, the number of the dead,
so that whoever watches numbers sees that it is over; what nobody takes the
place of stays to be seen.
"""

import dataclasses

import sqlalchemy as sa

from sentinella import model
from sentinella.db import clock
from sentinella.db import models
from sentinella.db import rows

TABLE = models.instances
SHAPE = rows.Shape(model.Instance, TABLE)

#: Seconds between two heartbeats.
INTERVAL = 10.0
#: Seconds after which one that says nothing has missed a beat for certain,
#: and another may take its number.
SILENT = 2.5 * INTERVAL

_SILENT = TABLE.c.beat_at < clock.now() - SILENT


def begin(session, instance):
    """Note that a process has started.

    :param instance: Instance; the database gives its number and its times
    :returns: Instance
    :raises Conflict: another took the number in the same moment; try again
    """
    number = _free(session, instance)
    now = clock.read(session)
    instance = dataclasses.replace(
        instance,
        number=number,
        started_at=now,
        beat_at=now,
        unbroken_since=now,
    )
    name = f'{instance.kind} {number} on {instance.host}'
    id_ = rows.insert(session, TABLE, SHAPE.values(instance), name)
    return dataclasses.replace(instance, id=id_)


def beat(session, instance, facts):
    """Note that a process lives.

    :param facts: what it tells of itself
    :returns: Instance, or None where it is not known any more: begin anew
    """
    number = _lower(session, instance)
    known = session.execute(
        TABLE.update()
        .where(TABLE.c.uuid == instance.uuid)
        .ordered_values(
            # by its last beat, so before that is another
            (
                TABLE.c.unbroken_since,
                sa.case((_SILENT, clock.now()), else_=TABLE.c.unbroken_since),
            ),
            (TABLE.c.beat_at, clock.now()),
            (TABLE.c.facts, facts),
            (TABLE.c.number, number),
        )
    )
    if known.rowcount != 1:
        return None
    return dataclasses.replace(instance, number=number, facts=facts)


def end(session, instance):
    """Note that a process stops as it was told to."""
    session.execute(TABLE.delete().where(TABLE.c.uuid == instance.uuid))


def all_(session):
    """
    :returns: list of Instances
    """
    query = sa.select(*SHAPE.columns).order_by(TABLE.c.id)
    return [SHAPE.read(row) for row in session.execute(query)]


def expire(session, before):
    """Forget those that were last heard of before a time.

    :returns: how many
    """
    return session.execute(
        TABLE.delete().where(TABLE.c.beat_at < before)
    ).rowcount


def _free(session, instance):
    """The lowest number that nobody living has; a dead one is forgotten."""
    query = sa.select(TABLE.c.number, sa.case((_SILENT, 1), else_=0))
    found = session.execute(query.where(*_neighbours(instance))).all()
    living = {number for number, silent in found if not silent}
    number = next(n for n in range(1, len(living) + 2) if n not in living)
    if (number, 1) in {tuple(row) for row in found}:
        _take(session, instance, number)
    return number


def _lower(session, instance):
    """Its number, or a lower one of a dead process, which is forgotten."""
    query = sa.select(sa.func.min(TABLE.c.number)).where(
        *_neighbours(instance), TABLE.c.number < instance.number, _SILENT
    )
    number = session.scalar(query)
    if number is not None and _take(session, instance, number):
        return number
    return instance.number


def _take(session, instance, number):
    """
    :returns: whether it was still to be had
    """
    gone = session.execute(
        TABLE.delete().where(
            *_neighbours(instance), TABLE.c.number == number, _SILENT
        )
    )
    return gone.rowcount == 1


def _neighbours(instance):
    return TABLE.c.kind == instance.kind, TABLE.c.host == instance.host
