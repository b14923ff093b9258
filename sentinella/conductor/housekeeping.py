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

"""Forgets what has expired."""

from oslo_log import log

from sentinella.db import alarms
from sentinella.db import attempts
from sentinella.db import clock
from sentinella.db import events
from sentinella.db import instances
from sentinella.db import ledger
from sentinella.db import log_events
from sentinella.db import notifications
from sentinella.db import windows

LOG = log.getLogger(__name__)

HOUR = 3600.0
DAY = 24 * HOUR

#: Log events that one transaction removes: short locks, and a bound on what
#: a deadlock costs.
LOG_EVENTS_AT_ONCE = 10000


class Housekeeping:
    """Any number of conductors may do this side by side."""

    def __init__(self, conf, database, storage):
        self._retention = conf.storage
        self._database = database
        self._storage = storage
        # to find what is old in them, all that is older is looked at
        self._ledgers_due = 0.0

    def work(self):
        """Remove what is past its age."""
        with self._database.reader() as session:
            now = clock.read(session)
        frames = self._storage.expire(
            now - self._retention.retention_hours * HOUR
        )
        log_records = self._expire_log_events(
            now - self._retention.log_retention_hours * HOUR
        )
        settled = now - self._retention.alarm_retention_days * DAY
        with self._database.writer() as session:
            resolved = alarms.expire(session, settled)
            attempts.expire(session, settled)
            notifications.expire_repeats(session, settled)
            instances.expire(session, now - DAY)
        self._expire_events(now - self._retention.event_retention_hours * HOUR)
        self._expire_ledgers(
            now, now - self._retention.uptime_retention_days * DAY
        )
        LOG.debug(
            'Expired %d frames, %d log events, %d alarms',
            frames,
            log_records,
            resolved,
        )

    def _expire_events(self, before):
        # numbered here as well, so that not all have to be when somebody
        # watches after a long time
        number = events.NUMBERED_AT_ONCE
        while number == events.NUMBERED_AT_ONCE:
            number = self._database.write(events.give_numbers)
        count = events.EXPIRED_AT_ONCE
        while count == events.EXPIRED_AT_ONCE:
            with self._database.writer() as session:
                count = events.expire(session, before)

    def _expire_ledgers(self, now, before):
        if now < self._ledgers_due:
            return
        for table in (ledger.STATES, ledger.MODES):
            count = ledger.EXPIRED_AT_ONCE
            while count == ledger.EXPIRED_AT_ONCE:
                with self._database.writer() as session:
                    count = ledger.expire(session, table, before)
        with self._database.writer() as session:
            windows.expire(session, before)
        self._ledgers_due = now + HOUR

    def _expire_log_events(self, before):
        total = 0
        while True:
            with self._database.writer() as session:
                count = log_events.expire(session, before, LOG_EVENTS_AT_ONCE)
            total += count
            if count < LOG_EVENTS_AT_ONCE:
                return total
