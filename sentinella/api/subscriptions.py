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

"""What a channel wants to hear of, and when: read, checked, and shown."""

from sentinella import exceptions
from sentinella import model
from sentinella.db import channels
from sentinella.db import definitions
from sentinella.evaluator import recurrence

#: Channels that one alarm may be escalated through.
LONGEST_CHAIN = 16

_LISTS = ('services', 'cloud_groups', 'definitions')
_PLAIN = (
    'repeat_interval',
    'escalate_after',
    'escalate_to',
    'escalations_only',
    'rate',
    'digest_over',
)


def fields(body):
    """A channel's fields of a body's."""
    found = dict(body)
    for name in _LISTS:
        if name in found:
            found[name] = tuple(found[name])
    if 'min_severity' in found:
        found['min_severity'] = model.Severity(found['min_severity'])
    if 'quiet' in found:
        found['quiet'] = _quiet(found['quiet'])
    return found


def _quiet(hours):
    if hours is None:
        return {}
    hours = {
        'timezone': 'UTC',
        'max_severity': str(model.Severity.WARNING),
        **hours,
    }
    if hours['from'] == hours['to']:
        raise exceptions.InvalidInput(
            f'quiet.to: expected another time than from, {hours["from"]}'
        )
    try:
        recurrence.zone(hours['timezone'])
    except exceptions.InvalidInput as error:
        raise exceptions.InvalidInput(f'quiet.{error}')
    return hours


def check(session, channel, old=None):
    """
    :param old: what it was, None for one that is new
    :raises InvalidInput: it names what its project does not have, or
        escalates to nobody, to one that is not enabled, or in a circle
    """
    _check_definitions(session, channel)
    if (channel.escalate_after is None) != (channel.escalate_to is None):
        raise exceptions.InvalidInput(
            'escalate_to: expected a channel together with escalate_after, '
            'or neither'
        )
    _check_escalation(session, channel)
    if old is None or channel.escalate_to != old.escalate_to:
        _check_heard(session, channel)


def _check_definitions(session, channel):
    for position, definition in enumerate(channel.definitions):
        try:
            definitions.get(session, definition, channel.project_id)
        except exceptions.NotFound:
            raise exceptions.InvalidInput(
                f"definitions.{position}: expected one of the project's "
                f'alarm definitions, got {definition}'
            )


def _check_escalation(session, channel):
    """Whoever is told in the end must not hand it on to who was first."""
    following, passed = channel, {channel.uuid}
    while following.escalate_to is not None:
        following = _next(session, following.escalate_to, channel.project_id)
        if following.uuid in passed:
            raise exceptions.InvalidInput(
                'escalate_to: expected a channel that does not escalate back '
                f'to this one, got {channel.escalate_to}'
            )
        passed.add(following.uuid)
        if len(passed) > LONGEST_CHAIN:
            raise exceptions.InvalidInput(
                f'escalate_to: expected at most {LONGEST_CHAIN} channels in '
                'a row'
            )


def _check_heard(session, channel):
    """Nobody would hear of what it is told."""
    if channel.escalate_to is None:
        return
    target = _next(session, channel.escalate_to, channel.project_id)
    if not target.enabled:
        raise exceptions.InvalidInput(
            'escalate_to: expected a channel that is enabled, got '
            f'{channel.escalate_to}'
        )


def _next(session, uuid, project_id):
    try:
        found = channels.get(session, uuid, project_id)
    except exceptions.NotFound:
        raise exceptions.InvalidInput(
            f"escalate_to: expected one of the project's channels, got {uuid}"
        )
    return found


def view(channel):
    shown = {name: list(getattr(channel, name)) for name in _LISTS}
    shown |= {name: getattr(channel, name) for name in _PLAIN}
    return {**shown, 'quiet': channel.quiet or None}
