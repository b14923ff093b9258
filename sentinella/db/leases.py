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

"""Who alone does what only one of many processes is to do.

A lease ends by the database's clock unless its holder renews it, so that the
death of the holder costs no more than what was left of it.
"""

from oslo_db import exception as db_exception
import sqlalchemy as sa

from sentinella.db import clock
from sentinella.db import models

TABLE = models.leases


def take(session, name, owner, seconds):
    """Take a lease that nobody holds, or renew one's own.

    :param owner: distinct for each process, and each time that it starts
    :param seconds: until it ends
    :returns: whether the owner holds it now
    """
    # one statement, judged by the database: of two who ask at once, one gets
    # it
    taken = session.execute(
        TABLE.update()
        .where(
            TABLE.c.name == name,
            sa.or_(TABLE.c.owner == owner, TABLE.c.until < clock.now()),
        )
        .values(owner=owner, until=clock.now() + seconds)
    )
    return taken.rowcount == 1 or _add(session, name, owner, seconds)


def _add(session, name, owner, seconds):
    """The first one ever to ask."""
    known = session.scalar(sa.select(TABLE.c.name).where(TABLE.c.name == name))
    if known is not None:
        return False
    try:
        with session.begin_nested():
            session.execute(
                TABLE.insert().values(
                    name=name, owner=owner, until=clock.now() + seconds
                )
            )
    except db_exception.DBDuplicateEntry:
        return False
    return True


def release(session, name, owner):
    """Let another take it at once; nothing where the owner holds it not."""
    session.execute(
        TABLE.delete().where(TABLE.c.name == name, TABLE.c.owner == owner)
    )


def seconds_left(session, name):
    """
    :returns: seconds until it may be taken, 0 where nobody holds it
    """
    left = session.scalar(
        sa.select(TABLE.c.until - clock.now()).where(TABLE.c.name == name)
    )
    return max(0.0, float(left or 0.0))
