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
"""Every try to send a message, and what the other side said."""

import sqlalchemy as sa

from sentinella import model
from sentinella.db import models
from sentinella.db import rows

TABLE = models.notification_attempts
SHAPE = rows.Shape(model.Attempt, TABLE)

#: Attempts of one message that are shown: the last ones.
SHOWN = 200


def add(session, attempts):
    """
    :param attempts: Attempts, to channels that are there
    """
    if attempts:
        session.connection().execute(
            TABLE.insert(), [SHAPE.values(one) for one in attempts]
        )


def add_known(session, attempts):
    """As :func:`add`, but for those to channels that are gone."""
    ids = {one.channel_id for one in attempts}
    query = sa.select(models.channels.c.id)
    known = set(
        session.scalars(query.where(models.channels.c.id.in_(sorted(ids))))
    )
    add(session, [one for one in attempts if one.channel_id in known])


def of_message(session, ids):
    """
    :param ids: UUIDs that a notification went by: its own, its digest's
    :returns: list of Attempts, the oldest first
    """
    query = (
        sa.select(*SHAPE.columns)
        .where(TABLE.c.message_id.in_(ids))
        .order_by(TABLE.c.id.desc())
        .limit(SHOWN)
    )
    found = [SHAPE.read(row) for row in session.execute(query)]
    return found[::-1]


def expire(session, before):
    """Forget attempts of before a time.

    :returns: how many
    """
    return session.execute(TABLE.delete().where(TABLE.c.at < before)).rowcount
