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

"""What follows from a verdict: pure functions, `now` is an argument.

An alarm begins with its group's first ALARM. Its lifecycle goes its own way:
going to ALARM opens it again if it was resolved, going to OK resolves it,
UNDETERMINED leaves it as it is.

Whether somebody is told is decided anew at each evaluation, by the state and
not by its change: one that went to ALARM during maintenance is told of when
that ends, if it still is. Nobody is told of an alarm that a person has
acknowledged or resolved before; a recovery is told only of what was.
"""

import dataclasses
import uuid

from sentinella import model

#: Seconds after which an alarm that stays in ALARM is stored as seen again.
CONFIRM_EVERY = 60.0

ALARM, OK = model.AlarmState.ALARM, model.AlarmState.OK
RESOLVED = model.Lifecycle.RESOLVED


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What to store, and whom to tell.

    :ivar alarm: as it is to be stored, but for its `notified_state`
    :ivar transition: None where the state stays the same
    :ivar notify: ALARM for a page, OK for its recovery, or None
    :ivar dirty: whether the alarm differs from what is stored
    """

    alarm: model.Alarm
    transition: model.Transition | None
    notify: model.AlarmState | None
    dirty: bool


def follow(alarm, verdict, now, mode, definition, project_id, server=None):
    """
    :param alarm: the group's Alarm, or None if it has none
    :param mode: of its server, :func:`loudest` of several
    :param project_id: that a new alarm belongs to
    :param server: that a new alarm is about, or None
    :returns: Change, or None where nothing is to be done
    """
    if alarm is None:
        if verdict.state != ALARM:
            return None
        alarm = _begin(definition, verdict, now, project_id, server)
    transition = None
    after = alarm
    if verdict.state != alarm.state:
        transition = _transition(alarm, verdict, now)
        after = _move(alarm, verdict, now, definition)
    elif verdict.state == ALARM and now - alarm.last_at >= CONFIRM_EVERY:
        after = _seen(alarm, verdict, now)
    notify = _notify(after, mode)
    if after is alarm and notify is None:
        return None
    return Change(after, transition, notify, dirty=after is not alarm)


def is_on(alarm):
    """Whether it began and is not known to be over."""
    if alarm.state == ALARM:
        return True
    return alarm.state != OK and alarm.lifecycle != RESOLVED


def loudest(modes):
    """The mode of an alarm about several servers: only if none of them may
    page, it doesn't. About none, it does."""
    order = [model.Mode.ACTIVE, model.Mode.BLACKOUT, model.Mode.MAINTENANCE]
    return min(modes, key=order.index, default=model.Mode.ACTIVE)


def _notify(alarm, mode):
    if mode == model.Mode.MAINTENANCE:
        return None
    told = alarm.notified_state == ALARM
    if alarm.state == OK and told:
        return OK
    if (
        alarm.state == ALARM
        and alarm.lifecycle == model.Lifecycle.OPEN
        and not told
        and mode == model.Mode.ACTIVE
    ):
        return ALARM
    return None


def _begin(definition, verdict, now, project_id, server):
    return model.Alarm(
        uuid=str(uuid.uuid4()),
        definition=definition,
        group=verdict.group,
        project_id=project_id,
        state=OK,
        lifecycle=RESOLVED,
        severity=definition.severity,
        reason='',
        first_at=now,
        changed_at=now,
        last_at=now,
        server=server,
    )


def _transition(alarm, verdict, now):
    return model.Transition(
        uuid=str(uuid.uuid4()),
        at=now,
        from_state=alarm.state,
        to_state=verdict.state,
        reason=verdict.reason,
        value=verdict.value,
    )


def _move(alarm, verdict, now, definition):
    moved = dataclasses.replace(
        _seen(alarm, verdict, now),
        definition=definition,
        state=verdict.state,
        changed_at=now,
    )
    if verdict.state == OK:
        return dataclasses.replace(moved, lifecycle=RESOLVED)
    if verdict.state != ALARM:
        return moved
    moved = dataclasses.replace(
        moved, count=moved.count + 1, severity=definition.severity
    )
    return _reopen(moved) if moved.lifecycle == RESOLVED else moved


def _reopen(alarm):
    """What a person did about the last time says nothing about this one."""
    return dataclasses.replace(
        alarm,
        lifecycle=model.Lifecycle.OPEN,
        acknowledged_by=None,
        acknowledged_at=None,
        note=None,
    )


def _seen(alarm, verdict, now):
    return dataclasses.replace(
        alarm, last_at=now, reason=verdict.reason, value=verdict.value
    )
