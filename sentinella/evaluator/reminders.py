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
"""Who is told again of an alarm that nobody has acknowledged: pure.

A channel that repeats is told again each interval after the last time. One
that escalates has another one told, once after each page: when its time is
over, or at once where its own page was given up. That one may escalate to a
third; nobody is escalated to twice.
"""

import dataclasses

from sentinella import model

ALARM, RECOVERY, FLAPPING, REPEAT, ESCALATION = model.NotificationKind

PAGES = (ALARM, FLAPPING)
PENDING = model.NotificationState.PENDING
DEAD = model.NotificationState.DEAD
SKIPPED = model.NotificationState.SKIPPED


@dataclasses.dataclass(frozen=True, slots=True)
class Reminder:
    kind: model.NotificationKind
    channel: model.Channel


def due(told, channels, now):
    """
    :param told: what was told of an alarm, the oldest first, each as
        :class:`sentinella.db.notifications.Told`
    :param channels: Channels of its project that are enabled
    :returns: list of Reminders
    """
    told = [row for row in _since_recovery(told) if row.state != SKIPPED]
    escalated = _escalations(_since_page(told), channels, now)
    heard = {reminder.channel.id for reminder in escalated}
    return escalated + [
        Reminder(REPEAT, channel)
        for channel in channels
        if channel.id not in heard and _is_to_repeat(told, channel, now)
    ]


def ordinal(told, transition_id, channel_id):
    """What tells one more about a transition to a channel from the others."""
    known = [
        row.ordinal
        for row in told
        if (row.transition_id, row.channel_id) == (transition_id, channel_id)
    ]
    return max(known, default=-1) + 1


def _is_to_repeat(told, channel, now):
    mine = [row for row in told if row.channel_id == channel.id]
    if channel.repeat_interval is None or not mine:
        return False
    last = mine[-1]
    if last.state == PENDING:
        return False
    at = last.created_at if last.delivered_at is None else last.delivered_at
    return now - at >= channel.repeat_interval


def _escalations(told, channels, now):
    by_uuid = {channel.uuid: channel for channel in channels}
    reached = {row.channel_id for row in told if row.kind == ESCALATION}
    found = {}
    for channel in channels:
        target = by_uuid.get(channel.escalate_to)
        if target is None or target.id in reached:
            continue
        if _is_to_escalate(told, channel, now):
            found[target.id] = Reminder(ESCALATION, target)
    return list(found.values())


def _is_to_escalate(told, channel, now):
    mine = [
        row
        for row in told
        if row.channel_id == channel.id and row.kind != REPEAT
    ]
    if channel.escalate_after is None or not mine:
        return False
    last = mine[-1]
    return last.state == DEAD or (
        now - last.created_at >= channel.escalate_after
    )


def _since_recovery(told):
    begin = 0
    for place, row in enumerate(told, 1):
        if row.kind == RECOVERY:
            begin = place
    return told[begin:]


def _since_page(told):
    """What was told since people were last paged, whoever was."""
    pages = [row for row in told if row.kind in PAGES]
    if not pages:
        return []
    last = pages[-1].transition_id
    first = min(row.id for row in pages if row.transition_id == last)
    return [row for row in told if row.id >= first]
