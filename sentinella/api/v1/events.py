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

"""What becomes of alarms, as it happens."""

from sentinella import exceptions
from sentinella.api import resource
from sentinella.api import streams
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import events as schemas
from sentinella.api.v1 import alarms
from sentinella.policies import events as rules

#: Digits of the greatest number of an event.
_DIGITS = 18


class Events(resource.Resource):
    @expose(
        'GET', policy=rules.WATCH, query=schemas.WATCH, media=streams.MEDIA
    )
    def watch(self, asked):
        def show(event):
            return view(event) if _wants(asked, event) else None

        last = _last(asked.headers.get('Last-Event-ID'))
        return self.parts.streams.open(asked.user, last, show)


def _last(header):
    """
    :returns: number of the last event that a client knows, or None
    :raises InvalidInput: that is none of ours
    """
    if header is None:
        return None
    if not (header.isascii() and header.isdigit() and len(header) <= _DIGITS):
        raise exceptions.InvalidInput(
            f'Last-Event-ID: expected the ID of an event, got {header!r:.60}'
        )
    return int(header)


def _wants(asked, event):
    """Whether who asked may see it, and asked for such."""
    alarm = event.alarm
    known = {
        'state': event.state,
        'lifecycle': event.lifecycle,
        'severity': event.severity,
        'server': alarm.server and alarm.server.uuid,
        'definition': alarm.definition.uuid,
    }
    if asked.visible not in (None, alarm.project_id):
        return False
    return all(known[name] == value for name, value in asked.query.items())


def view(event):
    """
    :returns: the event's kind, and what is shown of it
    """
    transition = event.transition
    kind = 'transition' if transition else 'lifecycle'
    return kind, {
        'id': str(event.number),
        'kind': kind,
        'at': times.show(event.at),
        'state': event.state,
        'severity': event.severity,
        'lifecycle': event.lifecycle,
        'user': event.user or None,
        'alarm': alarms.view(event.alarm),
        'transition': transition and alarms.view_transition(transition),
    }
