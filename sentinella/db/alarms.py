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

"""Alarms and their transitions."""

import collections
import dataclasses
import hashlib
import json

from oslo_utils import uuidutils
import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import definitions
from sentinella.db import models
from sentinella.db import paging
from sentinella.db import rows
from sentinella.db import servers

#: Ids in one query.
AT_ONCE = 500

TABLE = models.alarms
TRANSITIONS = models.transitions
SHAPE = rows.Shape(model.Alarm, TABLE)
TRANSITION_SHAPE = rows.Shape(model.Transition, TRANSITIONS)

#: What :func:`read` needs, and where it is found.
COLUMNS = [
    *SHAPE.columns,
    *definitions.SHAPE.columns,
    *servers.SHAPE.columns,
]
SOURCE = TABLE.join(definitions.TABLE).outerjoin(servers.TABLE)


def read(row, start=0):
    """Make an Alarm of a row of `COLUMNS`."""
    definition_at = start + len(SHAPE.columns)
    server_at = definition_at + len(definitions.SHAPE.columns)
    return SHAPE.read(
        row,
        start,
        definition=definitions.SHAPE.read(row, definition_at),
        server=_server(row, server_at),
    )


def _server(row, start):
    return None if row[start] is None else servers.SHAPE.read(row, start)


def of_definition(session, definition):
    """The alarms of a definition that are not over: not OK, not resolved,
    flapping, or somebody was paged and is still to hear of the recovery.

    What is over stays for months; to read it at each evaluation would cost
    more each day. In a writer nobody else changes these before its end.

    :returns: list of Alarms
    """
    goes_on = sa.or_(
        TABLE.c.state != model.AlarmState.OK,
        TABLE.c.lifecycle != model.Lifecycle.RESOLVED,
        TABLE.c.notified_state == model.AlarmState.ALARM,
        TABLE.c.flapping_since.is_not(None),
    )
    return _lock(session, definition, goes_on)


def of_groups(session, definition, groups):
    """Those of some groups, over or not; as :func:`of_definition`.

    :param groups: list of mappings
    """
    if not groups:
        return []
    digests = [_digest(group) for group in groups]
    return _lock(session, definition, TABLE.c.group_digest.in_(digests))


def _lock(session, definition, condition):
    mine = sa.and_(TABLE.c.definition_id == definition.id, condition)
    locked = session.execute(
        sa.select(TABLE.c.id)
        .where(mine)
        .order_by(TABLE.c.id)
        .with_for_update()
    )
    if not locked.all():
        # as it is with nearly all definitions, nearly always
        return []
    query = sa.select(*COLUMNS).select_from(SOURCE).where(mine)
    return [read(row) for row in session.execute(query.order_by(TABLE.c.id))]


def save(session, alarm):
    """Insert an alarm (whose id is 0), or update it.

    :returns: Alarm
    :raises Conflict: its definition has one for this group
    """
    values = SHAPE.values(alarm)
    values['definition_id'] = alarm.definition.id
    values['server_id'] = alarm.server and alarm.server.id
    values['group_digest'] = _digest(alarm.group)
    name = f'an alarm for {alarm.group}'
    if alarm.id:
        rows.update(session, TABLE, alarm.id, values, name)
        return alarm
    id_ = rows.insert(session, TABLE, values, name)
    return dataclasses.replace(alarm, id=id_)


def _digest(group):
    text = json.dumps(group, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def add_transition(session, alarm, transition):
    """
    :returns: Transition
    """
    values = TRANSITION_SHAPE.values(transition) | {'alarm_id': alarm.id}
    id_ = rows.insert(session, TRANSITIONS, values, 'the transition')
    stored = dataclasses.replace(transition, id=id_)
    tell(session, alarm, transition.at, transition=stored)
    return stored


def tell(session, alarm, at, user='', transition=None):
    """Note an event, for those who watch; see :mod:`sentinella.db.events`.

    :param alarm: as it is from now on
    :param user: who did it; '' for nobody
    """
    values = {
        'alarm_id': alarm.id,
        'transition_id': transition and transition.id,
        'at': at,
        'state': transition.to_state if transition else alarm.state,
        'severity': alarm.severity,
        'lifecycle': alarm.lifecycle,
        'user': user,
    }
    rows.insert(session, models.events, values, 'the event')


def changes_since(session, ids, since):
    """When some alarms changed their state or severity.

    :param ids: of alarms
    :returns: mapping of ids to tuples of seconds
    """
    found = collections.defaultdict(list)
    changed = sa.or_(
        TRANSITIONS.c.from_state != TRANSITIONS.c.to_state,
        TRANSITIONS.c.from_severity != TRANSITIONS.c.severity,
    )
    for first in range(0, len(ids), AT_ONCE):
        query = sa.select(TRANSITIONS.c.alarm_id, TRANSITIONS.c.at).where(
            TRANSITIONS.c.alarm_id.in_(ids[first : first + AT_ONCE]),
            TRANSITIONS.c.at > since,
            changed,
        )
        for id_, at in session.execute(query):
            found[id_].append(at)
    return {id_: tuple(times) for id_, times in found.items()}


def last_transition(session, alarm):
    """The one that was stored last: clocks may be set back.

    :returns: Transition
    """
    row = session.execute(
        sa.select(*TRANSITION_SHAPE.columns)
        .where(TRANSITIONS.c.alarm_id == alarm.id)
        .order_by(TRANSITIONS.c.id.desc())
        .limit(1)
    ).one()
    return TRANSITION_SHAPE.read(row)


def get(session, uuid, project_id=None):
    """
    :returns: Alarm
    :raises NotFound: there is none that this project may see
    """
    row = session.execute(
        sa.select(*COLUMNS)
        .select_from(SOURCE)
        .where(
            TABLE.c.uuid == uuid,
            servers.visible(TABLE.c.project_id, project_id),
        )
    ).one_or_none()
    if row is None:
        raise exceptions.NotFound(f'alarm {uuid} does not exist')
    return read(row)


def list_(
    session,
    *,
    limit,
    marker=None,
    state=None,
    lifecycle=None,
    severity=None,
    server=None,
    definition=None,
    project_id=None,
):
    """
    :param server: UUID of a server; :param definition: UUID of a definition
    :returns: list of Alarms, the one that changed last first
    """
    filters = {'state': state, 'lifecycle': lifecycle, 'severity': severity}
    query = (
        sa.select(*COLUMNS)
        .select_from(SOURCE)
        .where(
            servers.visible(TABLE.c.project_id, project_id),
            *paging.given(TABLE, filters),
            *paging.given(servers.TABLE, {'uuid': server}),
            *paging.given(definitions.TABLE, {'uuid': definition}),
        )
    )
    keys = [TABLE.c.changed_at, TABLE.c.id]
    found = paging.page(
        session, query, keys, marker, TABLE.c.uuid, limit, descending=True
    )
    return [read(row) for row in found]


def transitions(session, uuid, project_id=None, *, limit, marker=None):
    """
    :param uuid: of an alarm; :param marker: UUID of a transition
    :returns: list of Transitions, newest first
    :raises NotFound: see :func:`get`
    """
    alarm = get(session, uuid, project_id)
    query = sa.select(*TRANSITION_SHAPE.columns).where(
        TRANSITIONS.c.alarm_id == alarm.id
    )
    keys = [TRANSITIONS.c.at, TRANSITIONS.c.id]
    column = TRANSITIONS.c.uuid
    found = paging.page(
        session, query, keys, marker, column, limit, descending=True
    )
    return [TRANSITION_SHAPE.read(row) for row in found]


def acknowledge(session, uuid, user, note, now, project_id=None, until=None):
    """Note that a person looks after an alarm; that person may say so again.

    :param note: None keeps the one there is
    :param until: seconds, when it is open again, or None
    :returns: Alarm
    :raises NotFound: see :func:`get`
    :raises Conflict: it is resolved, or acknowledged by somebody else
    """
    alarm = _locked(session, uuid, project_id)
    mine = (
        alarm.lifecycle == model.Lifecycle.ACKNOWLEDGED
        and alarm.acknowledged_by == user
    )
    if alarm.lifecycle != model.Lifecycle.OPEN and not mine:
        raise exceptions.Conflict(
            f'alarm {uuid} is {alarm.lifecycle.lower()} already'
        )
    return _decide(
        session, alarm, model.Lifecycle.ACKNOWLEDGED, user, note, now, until
    )


def resolve(session, uuid, user, note, now, project_id=None):
    """Note that a person holds an alarm for settled, whatever its state.

    Its next transition to ALARM opens it again.

    :returns: Alarm
    :raises NotFound: see :func:`get`
    :raises Conflict: it is resolved already
    """
    alarm = _locked(session, uuid, project_id)
    if alarm.lifecycle == model.Lifecycle.RESOLVED:
        raise exceptions.Conflict(f'alarm {uuid} is resolved already')
    return _decide(session, alarm, model.Lifecycle.RESOLVED, user, note, now)


def _locked(session, uuid, project_id):
    session.execute(
        sa.select(TABLE.c.id).where(TABLE.c.uuid == uuid).with_for_update()
    )
    return get(session, uuid, project_id)


def _decide(session, alarm, lifecycle, user, note, now, until=None):
    alarm = dataclasses.replace(
        alarm,
        lifecycle=lifecycle,
        acknowledged_by=alarm.acknowledged_by or user,
        acknowledged_at=alarm.acknowledged_at or now,
        acknowledged_severity=alarm.severity,
        acknowledged_until=until,
        note=alarm.note if note is None else note,
    )
    tell(session, alarm, now, user)
    return save(session, alarm)


def settle(session, definition, reason, now):
    """End the alarms of a definition that is evaluated no more.

    What it would say of them can't be told any longer. Nobody is told of a
    recovery that nobody saw, and one that comes back is told of anew.

    :param reason: why, in words
    """
    for alarm in of_definition(session, definition):
        if alarm.lifecycle != model.Lifecycle.RESOLVED:
            _settle(session, alarm, reason, now)


def _settle(session, alarm, reason, now):
    settled = dataclasses.replace(
        alarm,
        state=model.AlarmState.UNDETERMINED,
        lifecycle=model.Lifecycle.RESOLVED,
        reason=reason,
        value=None,
        changed_at=now,
        last_at=now,
        notified_state=None,
        notified_severity=None,
        notified_worst=None,
        notified_flapping=False,
        flapping_since=None,
    )
    save(session, settled)
    if alarm.state != settled.state:
        transition = model.Transition(
            uuid=uuidutils.generate_uuid(),
            at=now,
            from_state=alarm.state,
            to_state=settled.state,
            reason=reason,
            from_severity=alarm.severity,
            severity=settled.severity,
        )
        add_transition(session, settled, transition)


def expire(session, before):
    """Forget resolved alarms that changed last before a time.

    :returns: how many
    """
    return session.execute(
        TABLE.delete().where(
            TABLE.c.lifecycle == model.Lifecycle.RESOLVED,
            TABLE.c.changed_at < before,
        )
    ).rowcount
