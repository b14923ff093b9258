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
UNDETERMINED leaves it as it is. An acknowledgement is of a severity, and may
be of a time: what gets worse than that, or goes on after it, is open again.

Whether somebody is told is decided anew at each evaluation, by the state and
not by its change: one that went to ALARM during maintenance is told of when
that ends, if it still is. So is one that got worse than receivers know of.
Nobody is told of an alarm that a person has acknowledged or resolved before;
a recovery is told only of what was.

An alarm that changes again and again is told of once more, as flapping, and
then not before it has settled; until then it is not over either. One that
another inhibits is not told of as long as that one is on.
"""

import dataclasses
import uuid

from sentinella import model
from sentinella.evaluator import flapping
from sentinella.evaluator import inhibition

#: Seconds after which it is stored that an alarm still is.
CONFIRM_EVERY = 60.0

ALARM, OK = model.AlarmState.ALARM, model.AlarmState.OK
OPEN, ACKNOWLEDGED, RESOLVED = model.Lifecycle
PAGE = model.NotificationKind.ALARM
RECOVERY = model.NotificationKind.RECOVERY
FLAPPING = model.NotificationKind.FLAPPING


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What to store, and whom to tell.

    :ivar alarm: as it is to be stored, but for what was notified
    :ivar transition: None where neither state nor severity change, nor
        people are told of it anew
    :ivar notify: NotificationKind, or None
    :ivar dirty: whether the alarm differs from what is stored
    :ivar lapsed: whether an acknowledgement has ended without a transition
    :ivar waits: whether its page begins to wait for what may inhibit it
    """

    alarm: model.Alarm
    transition: model.Transition | None
    notify: model.NotificationKind | None
    dirty: bool
    lapsed: bool = False
    waits: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Situation:
    """What else decides on what follows.

    :ivar now: seconds
    :ivar mode: see :func:`sentinella.evaluator.modes.of_alarm`
    :ivar inhibitors: an inhibition.Inhibition
    :ivar recent: times of the alarm's last changes
    :ivar rule: a flapping.Flapping
    """

    now: float
    mode: model.Mode = model.Mode.ACTIVE
    inhibitors: inhibition.Inhibition = inhibition.Inhibition()
    recent: tuple[float, ...] = ()
    rule: flapping.Flapping = flapping.Flapping()


def follow(alarm, verdict, situation, definition, project_id, server=None):
    """
    :param alarm: the group's Alarm, or None if it has none
    :param situation: Situation
    :param project_id: that a new alarm belongs to
    :param server: that a new alarm is about, or None
    :returns: Change, or None where nothing is to be done
    """
    before, now = alarm, situation.now
    if alarm is None:
        if verdict.state != ALARM:
            return None
        alarm = _begin(definition, verdict, now, project_id, server)
    inhibitor = situation.inhibitors.by(verdict.group)
    if inhibitor and verdict.state == ALARM:
        verdict = _inhibited(verdict, inhibitor)
    changed = is_change(alarm, verdict)
    after, why = _lapse(_not_ahead(alarm, now), now)
    if changed:
        after, why = _flap(after, situation)
        after = _move(after, verdict, now, definition)
    elif _has_settled(after, situation):
        after, why = _settle(after), 'it has settled: '
    elif verdict.state == ALARM and now - after.last_at >= CONFIRM_EVERY:
        after = _seen(after, verdict, now)
    transition = None
    if changed or why:
        transition = _transition(before, after, verdict, now, why)
    notify = _notify(after, situation, inhibitor)
    waits = notify == PAGE and situation.inhibitors.is_to_wait(
        after.changed_at, situation.now
    )
    if waits:
        notify = None
    if after is alarm and notify is None:
        return None
    return Change(
        after,
        transition,
        notify,
        dirty=after is not alarm,
        lapsed=transition is None and after.lifecycle != alarm.lifecycle,
        waits=waits and changed,
    )


def is_change(alarm, verdict):
    """Whether a verdict is another than an alarm's state and severity."""
    return alarm.state != verdict.state or (
        verdict.state == ALARM and _severity(alarm, verdict) != alarm.severity
    )


def is_on(alarm):
    """Whether it began and is not known to be over."""
    if alarm.state == ALARM:
        return True
    return alarm.state != OK and alarm.lifecycle != RESOLVED


def is_unanswered(alarm, situation, group):
    """Whether people were told of an alarm that goes on, nobody has acted on
    it, and nothing keeps them from being told again.

    :param alarm: Alarm, or None
    :param group: of the verdict
    """
    return (
        alarm is not None
        and is_on(alarm)
        and alarm.lifecycle == OPEN
        and alarm.notified_state == ALARM
        and alarm.flapping_since is None
        and situation.mode == model.Mode.ACTIVE
        and not situation.inhibitors.by(group)
    )


def told(alarm, kind):
    """An alarm of which a notification went to the outbox.

    :returns: Alarm
    """
    if kind == RECOVERY:
        return dataclasses.replace(
            alarm,
            notified_state=OK,
            notified_severity=None,
            notified_worst=None,
        )
    severity = alarm.severity
    worse = severity.exceeds(alarm.notified_worst)
    return dataclasses.replace(
        alarm,
        notified_state=ALARM,
        notified_severity=severity,
        notified_worst=severity if worse else alarm.notified_worst,
        notified_flapping=kind == FLAPPING,
    )


def audience(alarm, kind):
    """The severity that channels are chosen by: who was told of the worst
    hears that it is over.

    :returns: Severity
    """
    if kind == RECOVERY and alarm.notified_worst is not None:
        return alarm.notified_worst
    return alarm.severity


def _notify(alarm, situation, inhibitor):
    """
    :param inhibitor: name of a definition, or None
    :returns: NotificationKind, or None
    """
    mode = situation.mode
    if mode == model.Mode.MAINTENANCE:
        return None
    was_told = alarm.notified_state == ALARM
    flaps = alarm.flapping_since is not None
    if alarm.state == OK and was_told and not flaps:
        return RECOVERY
    if mode != model.Mode.ACTIVE or alarm.lifecycle != OPEN or inhibitor:
        return None
    if flaps:
        return None if alarm.notified_flapping else FLAPPING
    if alarm.state != ALARM:
        return None
    if was_told and not alarm.severity.exceeds(alarm.notified_severity):
        return None
    return PAGE


def _inhibited(verdict, inhibitor):
    return dataclasses.replace(
        verdict,
        reason=f'{verdict.reason}; not notified of while there is an alarm '
        f'of {inhibitor}',
    )


def _flap(alarm, situation):
    """It changes now: note it where that is too often.

    :returns: Alarm, and why people are told so, or ''
    """
    rule, now = situation.rule, situation.now
    count = rule.count(situation.recent, now)
    if alarm.flapping_since is not None or count < rule.changes:
        return alarm, ''
    flaps = dataclasses.replace(
        alarm, flapping_since=now, notified_flapping=False
    )
    return flaps, (
        f'it flaps, {count} changes within {rule.window:.10g} s, and is not '
        f'notified of until there are none for {rule.settle:.10g} s: '
    )


def _has_settled(alarm, situation):
    if alarm.flapping_since is None:
        return False
    return situation.now - alarm.changed_at >= situation.rule.settle


def _settle(alarm):
    """What it is by now is to be told, whatever was told before."""
    over = alarm.state == OK
    return dataclasses.replace(
        alarm,
        flapping_since=None,
        notified_flapping=False,
        notified_severity=None,
        lifecycle=RESOLVED if over else alarm.lifecycle,
    )


def _begin(definition, verdict, now, project_id, server):
    return model.Alarm(
        uuid=str(uuid.uuid4()),
        definition=definition,
        group=verdict.group,
        project_id=project_id,
        state=OK,
        lifecycle=RESOLVED,
        severity=verdict.severity or definition.severity,
        reason='',
        first_at=now,
        changed_at=now,
        last_at=now,
        server=server,
    )


def _not_ahead(alarm, now):
    """Where the clock was set back, what was has just been: else nothing
    would be confirmed, or settle, until it is as late again."""
    ahead = {
        name: now
        for name in ('changed_at', 'last_at')
        if getattr(alarm, name) > now
    }
    return dataclasses.replace(alarm, **ahead) if ahead else alarm


def _lapse(alarm, now):
    """End an acknowledgement whose time is over.

    :returns: Alarm, and why people are told anew, or ''
    """
    until = alarm.acknowledged_until
    if alarm.lifecycle != ACKNOWLEDGED or until is None or until > now:
        return alarm, ''
    why = f'the acknowledgement by {alarm.acknowledged_by} has ended: '
    opened = dataclasses.replace(_reopen(alarm), notified_severity=None)
    return opened, why if alarm.state == ALARM else ''


def _transition(before, after, verdict, now, why):
    return model.Transition(
        uuid=str(uuid.uuid4()),
        at=now,
        from_state=before.state if before else OK,
        to_state=after.state,
        reason=why + verdict.reason,
        value=verdict.value,
        from_severity=before.severity if before else None,
        severity=after.severity,
        values=verdict.values,
    )


def _move(alarm, verdict, now, definition):
    moved = dataclasses.replace(
        _seen(alarm, verdict, now),
        definition=definition,
        state=verdict.state,
        changed_at=now,
    )
    if verdict.state == OK and alarm.flapping_since is None:
        return dataclasses.replace(moved, lifecycle=RESOLVED)
    if verdict.state != ALARM:
        return moved
    return _raise(moved, alarm.state != ALARM, _severity(alarm, verdict))


def _raise(alarm, anew, severity):
    """
    :param anew: whether it was in another state before
    """
    known = alarm.notified_severity
    raised = dataclasses.replace(
        alarm,
        severity=severity,
        count=alarm.count + anew,
        # what falls is not told, and what rises again is
        notified_severity=severity
        if known and known.exceeds(severity)
        else known,
    )
    over = alarm.lifecycle == RESOLVED and anew
    if alarm.lifecycle != OPEN and not over:
        over = severity.exceeds(alarm.acknowledged_severity)
    return _reopen(raised) if over else raised


def _severity(alarm, verdict):
    return verdict.severity or alarm.severity


def _reopen(alarm):
    """What a person did about the last time says nothing about this one."""
    return dataclasses.replace(
        alarm,
        lifecycle=OPEN,
        acknowledged_by=None,
        acknowledged_at=None,
        acknowledged_severity=None,
        acknowledged_until=None,
        note=None,
    )


def _seen(alarm, verdict, now):
    return dataclasses.replace(
        alarm, last_at=now, reason=verdict.reason, value=verdict.value
    )
