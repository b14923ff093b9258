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

"""Since when an alarm has been other than OK."""

import sqlalchemy as sa

from sentinella import model
from sentinella.db import alarms

TABLE = alarms.TRANSITIONS


def began(session, alarm, transition):
    """
    :param transition: one of the alarm's, stored; if it leads to OK, what
        ended with it is meant
    :returns: seconds; the alarm's beginning where that is not known any more
    """
    at = session.scalar(
        sa.select(TABLE.c.at)
        .where(
            TABLE.c.alarm_id == alarm.id,
            TABLE.c.id <= transition.id,
            TABLE.c.from_state == model.AlarmState.OK,
            TABLE.c.to_state != model.AlarmState.OK,
        )
        .order_by(TABLE.c.id.desc())
        .limit(1)
    )
    return alarm.first_at if at is None else at


def begun(session, alarms_):
    """As :func:`began`, of what several alarms are in now.

    :param alarms_: Alarms
    :returns: mapping of their numbers to seconds
    """
    last = (
        sa.select(sa.func.max(TABLE.c.id))
        .where(
            TABLE.c.alarm_id.in_([alarm.id for alarm in alarms_]),
            TABLE.c.from_state == model.AlarmState.OK,
            TABLE.c.to_state != model.AlarmState.OK,
        )
        .group_by(TABLE.c.alarm_id)
    )
    known = dict(
        session.execute(
            sa.select(TABLE.c.alarm_id, TABLE.c.at).where(TABLE.c.id.in_(last))
        )
        .tuples()
        .all()
    )
    return {alarm.id: known.get(alarm.id, alarm.first_at) for alarm in alarms_}
