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

"""Alarm definitions, and who evaluates them when."""

import dataclasses

import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import claims
from sentinella.db import clock
from sentinella.db import customizing
from sentinella.db import models
from sentinella.db import paging
from sentinella.db import rows

TABLE = models.definitions
METRICS = models.definition_metrics
SHAPE = rows.Shape(model.AlarmDefinition, TABLE)

_POKE = (
    TABLE.update()
    .where(
        TABLE.c.enabled,
        # one that is due already is left alone: conductors would only wait
        # for each other
        TABLE.c.next_evaluation > clock.now(),
        TABLE.c.id.in_(
            sa.select(METRICS.c.definition_id).where(
                METRICS.c.metric.in_(sa.bindparam('metrics', expanding=True))
            )
        ),
    )
    .values(next_evaluation=clock.now())
)


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """The right to evaluate a definition, until its lease ends."""

    definition: model.AlarmDefinition
    token: str


def visible(project_id):
    """The condition that a project may see a definition: its own, and those
    for all."""
    if project_id is None:
        return sa.true()
    return TABLE.c.project_id.in_([project_id, None])


def create(session, definition, metrics, now):
    """
    :param metrics: names of the metrics that its expression reads
    :returns: AlarmDefinition
    :raises Conflict: its project has one of that name
    """
    definition = dataclasses.replace(
        definition, created_at=now, updated_at=now
    )
    values = SHAPE.values(definition) | {'next_evaluation': clock.now()}
    id_ = rows.insert(session, TABLE, values, _name(definition))
    _keep_metrics(session, id_, metrics)
    return dataclasses.replace(definition, id=id_)


def get(session, uuid, project_id=None):
    """
    :returns: AlarmDefinition
    :raises NotFound: there is none that this project may see
    """
    row = session.execute(
        sa.select(*SHAPE.columns).where(
            TABLE.c.uuid == uuid, visible(project_id)
        )
    ).one_or_none()
    if row is None:
        raise exceptions.NotFound(f'alarm definition {uuid} does not exist')
    return SHAPE.read(row)


def list_(
    session,
    *,
    limit,
    marker=None,
    name=None,
    enabled=None,
    type=None,
    severity=None,
    project_id=None,
):
    """
    :returns: list of AlarmDefinitions, by name
    """
    filters = {
        'name': name,
        'enabled': enabled,
        'type': type,
        'severity': severity,
    }
    query = sa.select(*SHAPE.columns).where(
        visible(project_id), *paging.given(TABLE, filters)
    )
    keys = [TABLE.c.name, TABLE.c.id]
    found = paging.page(session, query, keys, marker, TABLE.c.uuid, limit)
    return [SHAPE.read(row) for row in found]


def update(session, definition, metrics, now):
    """Replace a definition by its UUID, and have it evaluated now.

    An evaluation that is under way is void.

    :returns: AlarmDefinition; of a built-in one it is noted what is not as
        shipped
    :raises NotFound: there is none
    :raises Conflict: its project has another of that name
    """
    known = get(session, definition.uuid)
    definition = dataclasses.replace(
        definition,
        id=known.id,
        builtin=known.builtin,
        created_at=known.created_at,
        updated_at=now,
    )
    if known.builtin:
        definition = customizing.changed(known, definition)
    replace(session, definition, metrics)
    return definition


def replace(session, definition, metrics):
    """Store a definition by its id, and have it evaluated now.

    :param metrics: names of the metrics that its expressions read, None for
        those that they read before
    """
    values = SHAPE.values(definition) | claims.FREE
    values['next_evaluation'] = clock.now()
    rows.update(session, TABLE, definition.id, values, _name(definition))
    if metrics is not None:
        _keep_metrics(session, definition.id, metrics)


def delete(session, uuid, project_id=None):
    """Forget a definition with its alarms.

    :raises NotFound: see :func:`get`
    :raises Conflict: it is built-in
    """
    definition = get(session, uuid, project_id)
    if definition.builtin:
        raise exceptions.Conflict(
            f'{_name(definition)} is built-in; disable it instead'
        )
    session.execute(TABLE.delete().where(TABLE.c.id == definition.id))


def poke(session, metrics):
    """Make due now all enabled definitions that read any of these metrics.

    The samples must be committed before; whoever claims in the same moment
    is then sure to see them.

    :param metrics: names
    :returns: how many were not due before
    """
    return session.execute(_POKE, {'metrics': sorted(metrics)}).rowcount


def claim_due(session, owner, lease, interval, limit):
    """Claim definitions that are due.

    They are due next after `interval`, or when poked, even if that is while
    they are claimed.

    :param lease: seconds after which somebody else may claim them
    :returns: list of Claims
    """
    token, mine = claims.take(
        session,
        TABLE,
        TABLE.c.next_evaluation,
        TABLE.c.enabled,
        owner,
        lease,
        limit,
        next_evaluation=clock.now() + interval,
    )
    query = sa.select(*SHAPE.columns).where(mine)
    return [Claim(SHAPE.read(row), token) for row in session.execute(query)]


def finish(session, claim):
    """Give a claim back, in the transaction that stores the verdicts.

    :raises Conflict: it was lost; nothing of the evaluation may be stored
    """
    definition = claim.definition
    claims.finish(
        session, TABLE, definition.id, claim.token, _name(definition)
    )


def overdue(session):
    """
    :returns: seconds that some definition waits to be evaluated, and none
        does longer; 0 where none waits
    """
    late = session.scalar(
        sa.select(clock.now() - sa.func.min(TABLE.c.next_evaluation)).where(
            TABLE.c.enabled
        )
    )
    return max(0.0, float(late or 0.0))


def seconds_until_due(session):
    """See :func:`claims.seconds_until_due`."""
    return claims.seconds_until_due(
        session, TABLE, TABLE.c.next_evaluation, TABLE.c.enabled
    )


def _keep_metrics(session, id_, metrics):
    session.execute(METRICS.delete().where(METRICS.c.definition_id == id_))
    if metrics:
        session.execute(
            METRICS.insert(),
            [
                {'definition_id': id_, 'metric': metric}
                for metric in sorted(metrics)
            ],
        )


def _name(definition):
    return f'alarm definition {definition.name!r}'
