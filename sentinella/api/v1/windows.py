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

"""Planned modes."""

import dataclasses
import uuid

from sentinella import exceptions
from sentinella import model
from sentinella.api import preview
from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import windows as schemas
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import servers
from sentinella.db import windows
from sentinella.evaluator import recurrence
from sentinella.policies import windows as rules

_TIMES = ('starts_at', 'ends_at', 'until')
_LISTS = ('servers', 'cloud_groups', 'services', 'definitions')


class Windows(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        filters = dict(asked.filters)
        if 'over' in filters:
            filters['over'] = filters['over'] == 'true'
        with self.parts.database.reader() as session:
            now = clock.read(session)
            found = windows.list_(
                session,
                now,
                project_id=asked.visible,
                **filters,
                **asked.paging,
            )
        return asked.page('windows', found, lambda one: view(one, now))

    @expose('GET {window_id}', policy=rules.SHOW)
    def show(self, asked, window_id):
        with self.parts.database.reader() as session:
            found = windows.get(session, window_id, asked.visible)
            return view(found, clock.read(session))

    @expose('GET {window_id}/preview', policy=rules.PREVIEW)
    def preview(self, asked, window_id):
        with self.parts.database.reader() as session:
            found = windows.get(session, window_id, asked.visible)
            return preview.of(
                session, found, clock.read(session), asked.visible
            )

    @expose('POST preview', policy=rules.PREVIEW, body=schemas.CREATE)
    def preview_new(self, asked):
        with self.parts.database.reader() as session:
            now = clock.read(session)
            window = _new(session, asked, now)
            return preview.of(session, window, now, asked.visible)

    @expose('POST', policy=rules.CREATE, body=schemas.CREATE, status=201)
    def create(self, asked):
        with self.parts.database.writer() as session:
            now = clock.read(session)
            window = _new(session, asked, now)
            return view(windows.create(session, window, now), now)

    @expose('PATCH {window_id}', policy=rules.UPDATE, body=schemas.UPDATE)
    def update(self, asked, window_id):
        with self.parts.database.writer() as session:
            now = clock.read(session)
            old = windows.get(session, window_id, asked.visible)
            # those of all projects are seen by each, and changed by admins
            asked.authorize(rules.UPDATE, old.project_id)
            new = dataclasses.replace(old, **_fields(asked.body))
            if new.project_id != old.project_id:
                asked.authorize(rules.ANY_PROJECT, new.project_id)
            # it may have begun years ago, and goes on as it did
            same = new.starts_at == old.starts_at
            new = _checked(session, new, old.starts_at if same else now, old)
            return view(windows.update(session, new, now), now)

    @expose('DELETE {window_id}', policy=rules.DELETE, status=204)
    def delete(self, asked, window_id):
        with self.parts.database.writer() as session:
            old = windows.get(session, window_id, asked.visible)
            asked.authorize(rules.DELETE, old.project_id)
            now = clock.read(session)
            windows.delete(session, window_id, now, asked.visible)


def _new(session, asked, now):
    mine = asked.context.project_id
    fields = {'project_id': mine, **_fields(asked.body)}
    window = model.Window(uuid=str(uuid.uuid4()), owner=asked.user, **fields)
    if window.project_id != mine:
        asked.authorize(rules.ANY_PROJECT, window.project_id)
    return _checked(session, window, now)


def _fields(body):
    """A window's fields of a body's."""
    fields = dict(body)
    for name in _TIMES:
        if fields.get(name) is not None:
            fields[name] = float(round(times.read(fields[name], name)))
    for name in _LISTS:
        if name in fields:
            fields[name] = tuple(fields[name])
    if 'mode' in fields:
        fields['mode'] = model.Mode(fields['mode'])
    return fields


def _checked(session, window, now, old=None):
    """
    :param old: what it was; what that names may be gone by now
    :returns: the Window, with its end
    :raises InvalidInput: it can't be used
    """
    recurrence.check(window, now)
    _check_known(session, window, old, 'servers', servers.get)
    _check_known(session, window, old, 'definitions', definitions.get)
    return dataclasses.replace(window, over_at=recurrence.over_at(window))


def _check_known(session, window, old, name, get):
    named = getattr(window, name)
    if (
        old
        and named == getattr(old, name)
        and window.project_id == old.project_id
    ):
        return
    for position, one in enumerate(named):
        try:
            get(session, one, window.project_id)
        except exceptions.NotFound:
            raise exceptions.InvalidInput(
                f"{name}.{position}: expected one of the project's {name}, "
                f'got {one}'
            )


def view(window, now):
    (begin, end) = next(
        iter(recurrence.following(window, now, 1)), (None, None)
    )
    return {
        'id': window.uuid,
        'name': window.name,
        'project_id': window.project_id,
        'mode': window.mode,
        'starts_at': times.show(window.starts_at),
        'ends_at': times.show(window.ends_at),
        'rrule': window.rrule,
        'timezone': window.timezone,
        'until': times.show(window.until),
        'servers': list(window.servers),
        'cloud_groups': list(window.cloud_groups),
        'services': list(window.services),
        'definitions': list(window.definitions),
        'owner': window.owner,
        'reason': window.reason,
        'in_force': recurrence.is_in_force(window, now),
        'next_starts_at': times.show(begin),
        'next_ends_at': times.show(end),
        'over_at': times.show(window.over_at),
        'created_at': times.show(window.created_at),
        'updated_at': times.show(window.updated_at),
    }
