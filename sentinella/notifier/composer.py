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

"""Composes what is sent, of a notification and what is known around it."""

import dataclasses

from sentinella import model
from sentinella.db import episodes
from sentinella.db import log_events
from sentinella.notifier import message
from sentinella.notifier import overrides
from sentinella.notifier import sample

#: Seconds before and after a transition in which what its service logs is
#: told: who reports a death has its last words to send still.
BEFORE = 900.0
AFTER = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Composed:
    """
    :ivar message: for a driver, see :mod:`sentinella.notifier.message`
    :ivar note: which templates could not be used and why; '' for none
    """

    message: dict
    note: str = ''


class Composer:
    """Threads may share it.

    :param database: open
    """

    def __init__(self, conf, database):
        self._conf = conf
        self._database = database
        self._overrides = overrides.Overrides(conf)

    def stop(self):
        """End what is kept for the next one."""
        self._overrides.stop()

    def compose(self, notification, settings, reference=None):
        """
        :param settings: of its channel
        :param reference: what the driver left of the alarm's last message
        :returns: Composed
        """
        alarm, transition = notification.alarm, notification.transition
        with self._database.reader() as session:
            since = episodes.began(session, alarm, transition)
            events = _log_events(session, alarm, transition)
        made = message.build(
            notification,
            since=since,
            log_events=events,
            link=self._conf.notifier.link,
            reference=reference,
        )
        return self._with_templates(made, notification.channel, settings)

    def digest(self, id_, channel, settings, notifications, now):
        """As :func:`message.digest`.

        :returns: Composed
        """
        made = message.digest(id_, channel, notifications, now)
        return self._with_templates(made, channel, settings)

    def test(self, channel, settings, now):
        """As :func:`message.test`.

        :returns: Composed
        """
        return self._with_templates(
            message.test(channel, now), channel, settings
        )

    def check(self, settings, now):
        """Try a channel's templates on an alarm that never was.

        :raises InvalidInput: one can't be used; says which, and why
        """
        templates = settings.get('templates')
        if templates:
            link = self._conf.notifier.link
            self._overrides.check(templates, sample.build(link, now))

    def _with_templates(self, made, channel, settings):
        note = self._overrides.apply(made, channel, settings)
        return Composed(made, note)


def _log_events(session, alarm, transition):
    """
    :returns: list of LogEvents of the service that an alarm is about
    """
    service = alarm.group.get('service')
    over = transition.to_state == model.AlarmState.OK
    if over or not service or alarm.server is None:
        return []
    found = log_events.list_(
        session,
        limit=message.LOG_LINES,
        server=alarm.server.uuid,
        service=service,
        since=transition.at - BEFORE,
        until=transition.at + AFTER,
    )
    return [stored.event for stored in reversed(found)]
