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

"""What is looked for, and what it means."""

import dataclasses
import uuid

from sentinella import exceptions
from sentinella import model
from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import alarm_definitions as schemas
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import definitions
from sentinella.evaluator import expression
from sentinella.knowledge import releases
from sentinella.policies import alarm_definitions as rules


class AlarmDefinitions(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        filters = dict(asked.filters)
        if 'enabled' in filters:
            filters['enabled'] = filters['enabled'] == 'true'
        with self.parts.database.reader() as session:
            found = definitions.list_(
                session,
                project_id=asked.visible,
                **filters,
                **asked.paging,
            )
        return asked.page('alarm_definitions', found, view)

    @expose('GET {definition_id}', policy=rules.SHOW)
    def show(self, asked, definition_id):
        with self.parts.database.reader() as session:
            return view(definitions.get(session, definition_id, asked.visible))

    @expose('POST', policy=rules.CREATE, body=schemas.CREATE, status=201)
    def create(self, asked):
        mine = asked.context.project_id
        read = expression.parse(asked.body['expression'])
        fields = {'project_id': mine, 'type': read.type, **_fields(asked.body)}
        definition = model.AlarmDefinition(uuid=str(uuid.uuid4()), **fields)
        if definition.project_id != mine:
            asked.authorize(rules.ANY_PROJECT, definition.project_id)
        with self.parts.database.writer() as session:
            return _store(session, definitions.create, definition, asked.now)

    @expose('PATCH {definition_id}', policy=rules.UPDATE, body=schemas.UPDATE)
    def update(self, asked, definition_id):
        with self.parts.database.writer() as session:
            old = definitions.get(session, definition_id, asked.visible)
            # those of all projects are seen by each, and changed by admins
            asked.authorize(rules.UPDATE, old.project_id)
            new = dataclasses.replace(old, **_fields(asked.body))
            if new.project_id != old.project_id:
                asked.authorize(rules.ANY_PROJECT, new.project_id)
            shown = _store(session, definitions.update, new, asked.now)
            if not new.enabled:
                reason = f'definition {new.name} was disabled'
                alarms.settle(session, new, reason, asked.now)
            return shown

    @expose('DELETE {definition_id}', policy=rules.DELETE, status=204)
    def delete(self, asked, definition_id):
        with self.parts.database.writer() as session:
            old = definitions.get(session, definition_id, asked.visible)
            asked.authorize(rules.DELETE, old.project_id)
            definitions.delete(session, definition_id, asked.visible)


def _store(session, store, definition, now):
    metrics = expression.metrics(definition)
    releases.bounds(definition.releases)
    _check_channels(session, definition)
    return view(store(session, definition, metrics, now))


def _fields(body):
    """A definition's fields of a body's."""
    kinds = {
        'type': model.ThresholdType,
        'severity': model.Severity,
        'match_by': tuple,
        'channels': tuple,
        'inhibited_by': tuple,
    }
    return {
        name: kinds.get(name, lambda value: value)(value)
        for name, value in body.items()
    }


def _check_channels(session, definition):
    for position, channel in enumerate(definition.channels):
        try:
            channels.get(session, channel, definition.project_id)
        except exceptions.NotFound:
            raise exceptions.InvalidInput(
                f"channels.{position}: expected one of the project's "
                f'channels, got {channel}'
            )


def view(definition):
    return {
        'id': definition.uuid,
        'name': definition.name,
        'expression': definition.expression,
        'type': definition.type,
        'severity': definition.severity,
        'tiers': definition.tiers,
        'match_by': list(definition.match_by),
        'inhibited_by': list(definition.inhibited_by),
        'releases': definition.releases,
        'description': definition.description,
        'cause': definition.cause,
        'remedy': definition.remedy,
        'channels': list(definition.channels),
        'enabled': definition.enabled,
        'project_id': definition.project_id,
        'builtin': definition.builtin,
        'customized': definition.customized,
        'customizations': definition.customizations,
        'created_at': times.show(definition.created_at),
        'updated_at': times.show(definition.updated_at),
    }
