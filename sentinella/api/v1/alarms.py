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

"""What is wrong, or was."""

from sentinella import exceptions
from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import alarms as schemas
from sentinella.db import alarms
from sentinella.notifier import message
from sentinella.policies import alarms as rules


class Alarms(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        with self.parts.database.reader() as session:
            found = alarms.list_(
                session,
                project_id=asked.visible,
                **asked.filters,
                **asked.paging,
            )
        return asked.page('alarms', found, view)

    @expose('GET {alarm_id}', policy=rules.SHOW)
    def show(self, asked, alarm_id):
        with self.parts.database.reader() as session:
            return view(alarms.get(session, alarm_id, asked.visible))

    @expose(
        'GET {alarm_id}/transitions',
        policy=rules.TRANSITIONS,
        query=schemas.TRANSITIONS,
    )
    def transitions(self, asked, alarm_id):
        with self.parts.database.reader() as session:
            found = alarms.transitions(
                session, alarm_id, asked.visible, **asked.paging
            )
        return asked.page('transitions', found, view_transition)

    @expose(
        'POST {alarm_id}/acknowledge',
        policy=rules.ACKNOWLEDGE,
        body=schemas.ACKNOWLEDGE,
    )
    def acknowledge(self, asked, alarm_id):
        until = _until(asked)
        return self._settle(alarms.acknowledge, asked, alarm_id, until=until)

    @expose('POST {alarm_id}/resolve', policy=rules.RESOLVE, body=schemas.NOTE)
    def resolve(self, asked, alarm_id):
        return self._settle(alarms.resolve, asked, alarm_id)

    def _settle(self, change, asked, alarm_id, **more):
        with self.parts.database.writer() as session:
            changed = change(
                session,
                alarm_id,
                asked.user,
                asked.body.get('note'),
                asked.now,
                asked.visible,
                **more,
            )
        return view(changed)


def _until(asked):
    """
    :returns: seconds since the epoch, or None
    :raises InvalidInput: that is over already
    """
    text = asked.body.get('until')
    if text is None:
        return None
    until = times.read(text, 'until')
    if until <= asked.now:
        raise exceptions.InvalidInput(
            f'until: expected a time to come, got {text}'
        )
    return until


def view(alarm):
    server, definition = alarm.server, alarm.definition
    return {
        'id': alarm.uuid,
        'name': definition.name,
        'summary': message.subject(alarm),
        'definition_id': definition.uuid,
        'severity': alarm.severity,
        'state': alarm.state,
        'lifecycle': alarm.lifecycle,
        'group': alarm.group,
        'server_id': server and server.uuid,
        'server': server and server.hostname,
        'project_id': alarm.project_id,
        'reason': alarm.reason,
        'value': alarm.value,
        'count': alarm.count,
        'first_at': times.show(alarm.first_at),
        'changed_at': times.show(alarm.changed_at),
        'last_at': times.show(alarm.last_at),
        'acknowledged_by': alarm.acknowledged_by,
        'acknowledged_at': times.show(alarm.acknowledged_at),
        'acknowledged_until': times.show(alarm.acknowledged_until),
        'note': alarm.note,
        'flapping_since': times.show(alarm.flapping_since),
        'cause': message.fill(definition.cause, alarm),
        'remedy': message.fill(definition.remedy, alarm),
    }


def view_transition(transition):
    return {
        'id': transition.uuid,
        'at': times.show(transition.at),
        'from_state': transition.from_state,
        'to_state': transition.to_state,
        'from_severity': transition.from_severity,
        'severity': transition.severity,
        'reason': transition.reason,
        'value': transition.value,
        'values': transition.values,
    }
