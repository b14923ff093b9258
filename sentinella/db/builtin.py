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

"""Brings the built-in definitions to those of a release."""

import dataclasses

import sqlalchemy as sa

from sentinella.db import customizing
from sentinella.db import definitions

TABLE = definitions.TABLE
SHAPE = definitions.SHAPE


@dataclasses.dataclass(frozen=True, slots=True)
class Synced:
    """What was done; names.

    :ivar notes: what people changed and what is shipped otherwise by now,
        each in one line
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def sync(session, shipped, now):
    """Make the built-in definitions those of this release.

    :param shipped: list of (AlarmDefinition, names of its metrics), with
        what is customized in it left out
    :param now: seconds
    :returns: Synced
    """
    query = sa.select(*SHAPE.columns).order_by(TABLE.c.name)
    rows = session.execute(query).all()
    found = [SHAPE.read(row) for row in rows]
    own = {d.name for d in found if not d.builtin and d.project_id is None}
    present = {d.uuid: d for d in found if d.builtin}
    by_name = {d.name: d.uuid for d in present.values()}
    added, updated, notes = [], [], []
    for definition, metrics in shipped:
        uuid = definition.uuid
        if uuid not in present:
            uuid = by_name.get(definition.name, uuid)
        known = present.pop(uuid, None)
        if known is not None:
            after = customizing.upgraded(known, definition)
            if after != known:
                _replace(session, known, after, metrics, now)
                updated.append(definition.name)
                notes += _beneath(known, after)
        elif definition.name in own:
            notes.append(
                f'{definition.name}: is not added, for there is one of that '
                'name for all projects; rename that'
            )
        else:
            builtin = dataclasses.replace(
                definition, builtin=True, customized=False, project_id=None
            )
            definitions.create(session, builtin, metrics, now)
            added.append(definition.name)
    removed = [_retire(session, one, notes) for one in present.values()]
    return Synced(
        tuple(added), tuple(updated), tuple(filter(None, removed)),
        tuple(notes),
    )  # fmt: skip


def _replace(session, known, after, metrics, now):
    """Store what has become of one, and have it evaluated if that is due."""
    same = after.expression == known.expression and after.tiers == known.tiers
    definitions.replace(
        session,
        dataclasses.replace(after, updated_at=now),
        None if same else metrics,
    )


def _beneath(known, after):
    """
    :yields: a line for each field that stays as somebody set it, though
        another value is shipped by now
    """
    for name, note in after.customizations.items():
        if known.customizations.get(name, {}).get('is') == note['is']:
            continue
        was = note['was']
        before = '' if was is None else f', where {shown(was)} was'
        yield (
            f'{after.name}: {name} stays {shown(getattr(after, name))}; '
            f'shipped is {shown(note["is"])}{before}'
        )


def shown(value):
    """A field's value in one line."""
    if isinstance(value, dict):
        pairs = (f'{key}: {one}' for key, one in value.items())
        return f'{{{"; ".join(pairs)}}}'
    if isinstance(value, list | tuple):
        return f'[{", ".join(value)}]'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 200 else f'{text[:200]}...'


def _retire(session, obsolete, notes):
    """
    :returns: the name of one that is gone, None of one that somebody changed
        so that it would be missed
    """
    if set(obsolete.customizations) - {'enabled'} or (
        obsolete.customized and not obsolete.customizations
    ):
        kept = dataclasses.replace(
            obsolete, builtin=False, customized=False, customizations={}
        )
        definitions.replace(session, kept, None)
        notes.append(
            f'{obsolete.name}: is not shipped any more; as somebody changed '
            'it, it stays as one of your own'
        )
        return None
    session.execute(TABLE.delete().where(TABLE.c.id == obsolete.id))
    return obsolete.name
