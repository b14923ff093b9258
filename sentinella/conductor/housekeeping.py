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
from sentinella.db import clock
from sentinella.db import log_events

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

    def work(self):
        """Remove frames, log events and resolved alarms past their age."""
        with self._database.reader() as session:
            now = clock.read(session)
        frames = self._storage.expire(
            now - self._retention.retention_hours * HOUR
        )
        events = self._expire_log_events(
            now - self._retention.log_retention_hours * HOUR
        )
        with self._database.writer() as session:
            resolved = alarms.expire(
                session, now - self._retention.alarm_retention_days * DAY
            )
        LOG.debug(
            'Expired %d frames, %d log events, %d alarms',
            frames,
            events,
            resolved,
        )

    def _expire_log_events(self, before):
        total = 0
        while True:
            with self._database.writer() as session:
                count = log_events.expire(session, before, LOG_EVENTS_AT_ONCE)
            total += count
            if count < LOG_EVENTS_AT_ONCE:
                return total
