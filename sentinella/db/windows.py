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

"""Windows: planned modes.

What was in force once stays known, whatever is changed or deleted later: it
has excluded time from uptimes. So nothing but age removes a row.
"""

import dataclasses

from oslo_utils import uuidutils
import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import models
from sentinella.db import paging
from sentinella.db import rows

#: Most of a project that are not over: each is looked at again and again.
MAX_WINDOWS = 1000

TABLE = models.windows
SHAPE = rows.Shape(model.Window, TABLE)

_PRESENT = TABLE.c.valid_until.is_(None)


def visible(project_id):
    """The condition that a project may see a window: its own, and those for
    all."""
    if project_id is None:
        return sa.true()
    return TABLE.c.project_id.in_([project_id, None])


def create(session, window, now):
    """
    :returns: Window
    :raises Conflict: its project has one of that name that is not over, or
        too many
    """
    window = dataclasses.replace(
        window, created_at=now, updated_at=now, valid_from=now
    )
    _check_others(session, window, now)
    values = SHAPE.values(window)
    id_ = rows.insert(session, TABLE, values, _name(window))
    return dataclasses.replace(window, id=id_)


def _check_others(session, window, now):
    others = session.scalars(
        sa.select(TABLE.c.name).where(
            _PRESENT,
            _not_over(now),
            TABLE.c.project_id == window.project_id,
            TABLE.c.uuid != window.uuid,
        )
    ).all()
    if window.name in others:
        raise exceptions.Conflict(f'{_name(window)} exists already')
    if len(others) >= MAX_WINDOWS:
        raise exceptions.Conflict(
            f'{_name(window)}: its project has {MAX_WINDOWS} already that '
            'are not over'
        )


def _not_over(now):
    return sa.or_(TABLE.c.over_at.is_(None), TABLE.c.over_at > now)


def get(session, uuid, project_id=None):
    """
    :returns: Window
    :raises NotFound: there is none that this project may see
    """
    row = session.execute(
        sa.select(*SHAPE.columns).where(
            TABLE.c.uuid == uuid, _PRESENT, visible(project_id)
        )
    ).one_or_none()
    if row is None:
        raise exceptions.NotFound(f'window {uuid} does not exist')
    return SHAPE.read(row)


def list_(
    session,
    now,
    *,
    limit,
    marker=None,
    name=None,
    mode=None,
    over=None,
    project_id=None,
):
    """
    :param over: whether the last occurrence is; None for any
    :returns: list of Windows, the one that began first at first
    """
    query = sa.select(*SHAPE.columns).where(
        _PRESENT,
        visible(project_id),
        *paging.given(TABLE, {'name': name, 'mode': mode}),
    )
    if over is not None:
        query = query.where(
            sa.not_(_not_over(now)) if over else _not_over(now)
        )
    keys = [TABLE.c.starts_at, TABLE.c.id]
    found = paging.page(session, query, keys, marker, TABLE.c.uuid, limit)
    return [SHAPE.read(row) for row in found]


def update(session, window, now):
    """Replace a window by its UUID; what it was until now stays known.

    :returns: Window
    :raises NotFound: there is none
    :raises Conflict: see :func:`create`
    """
    known = _locked(session, window.uuid)
    past = dataclasses.replace(
        known,
        uuid=uuidutils.generate_uuid(),
        valid_until=now,
        over_at=_earliest(known.over_at, now),
    )
    window = dataclasses.replace(
        window,
        id=known.id,
        created_at=known.created_at,
        updated_at=now,
        valid_from=now,
    )
    _check_others(session, window, now)
    session.execute(TABLE.insert().values(SHAPE.values(past)))
    rows.update(session, TABLE, known.id, SHAPE.values(window), _name(window))
    return window


def delete(session, uuid, now, project_id=None):
    """Have a window be in force no more.

    :raises NotFound: see :func:`get`
    """
    get(session, uuid, project_id)
    known = _locked(session, uuid)
    values = {
        'valid_until': now,
        'updated_at': now,
        'over_at': _earliest(known.over_at, now),
    }
    rows.update(session, TABLE, known.id, values, _name(known))


def _locked(session, uuid):
    session.execute(
        sa.select(TABLE.c.id).where(TABLE.c.uuid == uuid).with_for_update()
    )
    return get(session, uuid)


def _earliest(over_at, now):
    return now if over_at is None else min(over_at, now)


def begun(session, now):
    """
    :returns: list of the Windows that may be in force now
    """
    query = sa.select(*SHAPE.columns).where(
        _PRESENT, TABLE.c.starts_at <= now, _not_over(now)
    )
    found = session.execute(query.order_by(TABLE.c.id))
    return [SHAPE.read(row) for row in found]


def between(session, since, until):
    """
    :returns: list of the Windows that may have been in force in a range,
        with those that were changed or deleted since
    """
    query = sa.select(*SHAPE.columns).where(
        TABLE.c.valid_from < until,
        TABLE.c.starts_at < until,
        _not_over(since),
    )
    found = session.execute(query.order_by(TABLE.c.id))
    return [SHAPE.read(row) for row in found]


def expire(session, before):
    """Forget those that were over before a time.

    :returns: how many
    """
    return session.execute(
        TABLE.delete().where(TABLE.c.over_at < before)
    ).rowcount


def _name(window):
    return f'window {window.name!r}'
