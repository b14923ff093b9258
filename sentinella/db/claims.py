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

"""Who works on a row: a lease by the database's clock, and a token.

Whoever asks gets rows that nobody holds, or whose holder's lease ended. The
token fences: one that lost its lease to another can't finish.
"""

from oslo_utils import uuidutils
import sqlalchemy as sa

from sentinella import exceptions
from sentinella.db import clock

FREE = {'claimed_by': None, 'claim_token': None, 'claimed_until': None}


def take(session, table, due, condition, owner, lease, limit, **values):
    """Claim rows that are due.

    :param due: the column that says when
    :param condition: what else they must be
    :param lease: seconds
    :param values: what to set besides
    :returns: the token, and a condition that selects the rows
    """
    free = sa.and_(
        condition,
        due <= clock.now(),
        sa.or_(
            table.c.claimed_until.is_(None),
            table.c.claimed_until < clock.now(),
        ),
    )
    # What another is claiming right now is skipped rather than waited for.
    # The condition stands in the UPDATE as well: a cluster of databases
    # takes locks on one node only, and judges the changes.
    ids = session.scalars(
        sa.select(table.c.id)
        .where(free)
        .order_by(due, table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    token = uuidutils.generate_uuid()
    if ids:
        session.execute(
            table.update()
            .where(table.c.id.in_(sorted(ids)), free)
            .values(
                claimed_by=owner,
                claim_token=token,
                claimed_until=clock.now() + lease,
                **values,
            )
        )
    return token, sa.and_(table.c.id.in_(ids), table.c.claim_token == token)


def finish(session, table, id_, token, name, **values):
    """Give a row back.

    :param values: what to set besides
    :param name: what a person calls it
    :raises Conflict: the claim was lost; what was worked out must go
    """
    result = session.execute(
        table.update()
        .where(table.c.id == id_, table.c.claim_token == token)
        .values(**FREE, **values)
    )
    if result.rowcount != 1:
        raise exceptions.Conflict(f'the claim of {name} was lost')


def seconds_until_due(session, table, due, condition):
    """
    :returns: seconds until one can be claimed, 0 if now, None if there is
        none
    """
    ready = sa.case(
        (table.c.claimed_until > due, table.c.claimed_until), else_=due
    )
    left = session.scalar(
        sa.select(sa.func.min(ready) - clock.now()).where(condition)
    )
    return None if left is None else max(0.0, float(left))
