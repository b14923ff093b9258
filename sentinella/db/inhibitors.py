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
"""What inhibits the alarms of a definition."""

import sqlalchemy as sa

from sentinella import model
from sentinella.db import clock
from sentinella.db import models

ALARMS = models.alarms
DEFINITIONS = models.definitions


def on(session, definition, since):
    """The alarms that began, and are not known to have been over since some
    time, of those that a definition is inhibited by.

    :param since: seconds
    :returns: list of pairs of a definition's name and a group
    """
    query = (
        sa.select(DEFINITIONS.c.name, ALARMS.c.group)
        .join(ALARMS, ALARMS.c.definition_id == DEFINITIONS.c.id)
        .where(
            *_of(definition),
            sa.or_(
                ALARMS.c.state == model.AlarmState.ALARM,
                sa.and_(
                    ALARMS.c.state == model.AlarmState.OK,
                    ALARMS.c.changed_at > since,
                ),
                sa.and_(
                    ALARMS.c.state == model.AlarmState.UNDETERMINED,
                    ALARMS.c.lifecycle != model.Lifecycle.RESOLVED,
                ),
            ),
        )
        .order_by(DEFINITIONS.c.name, ALARMS.c.id)
    )
    return [tuple(row) for row in session.execute(query)]


def looked_at(session, definition, interval):
    """When all of those were certainly evaluated.

    :param interval: seconds between two evaluations
    :returns: seconds; infinite where there are none, and less than infinite
        where one is being evaluated
    """
    # what is due was set that far ahead when it was claimed; a poke brings
    # it nearer only
    claimed_at = sa.case(
        (DEFINITIONS.c.claim_token.is_(None), DEFINITIONS.c.next_evaluation),
        else_=-1e18,
    )
    query = sa.select(sa.func.min(claimed_at)).where(*_of(definition))
    due = session.scalar(query)
    return float('inf') if due is None else float(due) - interval


def hurry(session, definition):
    """Have all of those evaluated now, and then the definition once more:
    a page waits for them."""
    late = DEFINITIONS.c.next_evaluation > clock.now()
    session.execute(
        DEFINITIONS.update()
        .where(
            sa.or_(
                DEFINITIONS.c.id == definition.id, sa.and_(*_of(definition))
            ),
            late,
        )
        .values(next_evaluation=clock.now())
    )


def _of(definition):
    return (
        DEFINITIONS.c.name.in_(definition.inhibited_by),
        DEFINITIONS.c.project_id == definition.project_id,
        DEFINITIONS.c.enabled,
    )
