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

"""Stores what follows from verdicts."""

from sentinella import model
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import inhibitors
from sentinella.db import notifications
from sentinella.evaluator import reminders
from sentinella.evaluator import transitions


class Writer:
    """Of the verdicts on one definition.

    :param now: seconds, for the outbox
    """

    def __init__(self, session, now):
        self._session = session
        self._now = now
        self._targets = {}
        self._hurried = False

    def save(self, change):
        """Store a change, and put it into the outbox.

        A page that no channel takes is not told: it goes out once there is
        one, if the alarm still is. A recovery is told with or without.

        :returns: how many notifications were put there
        """
        session, alarm, dirty = self._session, change.alarm, change.dirty
        kind = change.notify
        targets = self._to(alarm, kind) if kind else []
        if targets or kind == model.NotificationKind.RECOVERY:
            alarm = transitions.told(alarm, kind)
            dirty = True
        if dirty:
            alarm = alarms.save(session, alarm)
        if change.waits:
            self._hurry(alarm.definition)
        transition = change.transition
        if transition is not None:
            transition = alarms.add_transition(session, alarm, transition)
        elif change.lapsed:
            alarms.tell(session, alarm, self._now)
        elif targets:
            # it led here before, when nobody was to be told
            transition = alarms.last_transition(session, alarm)
        if targets:
            notifications.add(
                session, alarm, transition, targets, self._now, kind
            )
        return len(targets)

    def _hurry(self, definition):
        """A page is not to wait for an interval to be over."""
        if not self._hurried:
            self._hurried = True
            inhibitors.hurry(self._session, definition)

    def remind(self, unanswered):
        """Put into the outbox what is told again of alarms.

        :param unanswered: Alarms that people were told of, and that nobody
            has acknowledged
        :returns: how many notifications were put there
        """
        session, count = self._session, 0
        channels_of = self._reminding(unanswered)
        wanted = [a for a in unanswered if channels_of[a.project_id]]
        told = notifications.told(session, [alarm.id for alarm in wanted])
        for alarm in wanted:
            before = told[alarm.id]
            for one in reminders.due(
                before, channels_of[alarm.project_id], self._now
            ):
                self._remind(alarm, one, before)
                count += 1
        return count

    def _remind(self, alarm, reminder, told):
        transition = alarms.last_transition(self._session, alarm)
        notifications.add(
            self._session,
            alarm,
            transition,
            [reminder.channel],
            self._now,
            reminder.kind,
            reminders.ordinal(told, transition.id, reminder.channel.id),
        )

    def _reminding(self, unanswered):
        """The channels of each project where one reminds, of others none."""
        found = {}
        for project_id in {alarm.project_id for alarm in unanswered}:
            mine = channels.list_(
                self._session, limit=None, enabled=True, project_id=project_id
            )
            reminds = any(c.repeat_interval or c.escalate_to for c in mine)
            found[project_id] = mine if reminds else []
        return found

    def _to(self, alarm, kind):
        if kind == model.NotificationKind.RECOVERY and alarm.id:
            return notifications.hearers(self._session, alarm)
        return self._for(alarm, kind)

    def _for(self, alarm, kind):
        """One look for all alarms that go the same way: there may be many,
        at each evaluation, where nobody has made a channel."""
        severity = transitions.audience(alarm, kind)
        key = alarm.project_id, severity, channels.about(alarm)
        if key not in self._targets:
            self._targets[key] = channels.for_alarm(
                self._session, alarm, severity
            )
        return self._targets[key]
