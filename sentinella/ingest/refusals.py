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

"""What was refused: said in the log, and counted at the server it names.

Whoever sends it decides how much of it there is, so none of this may cost
more where there is more: it is written once a second at most, and said in a
bounded number of lines.
"""

import threading
import time

from oslo_log import log

from sentinella import service
from sentinella.db import clock
from sentinella.db import database as db
from sentinella.db import servers

LOG = log.getLogger(__name__)

#: Seconds between two times that counts are written.
INTERVAL = 1.0

#: Senders that are told apart between two such times.
MAX_SENDERS = 1000

#: Seconds of a period of the log, and new lines in one.
PERIOD = 60.0
MAX_LINES = 20


class Refusals:
    """
    :param now: the monotonic clock
    """

    def __init__(self, database, now=time.monotonic):
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._counts = {}
        self._unnamed = 0
        self._told = {}
        self._lines = 0
        self._period_ends = self._due = now()
        self._writing = service.Guard('Counting refusals')

    def count(self, sender, candidate=''):
        """Count one against the server that it names.

        :param sender: UUID of a server, as it said
        :param candidate: a key that asks to take the known one's place
        """
        with self._lock:
            known = sender in self._counts
            if not known and len(self._counts) >= MAX_SENDERS:
                self._unnamed += 1
                return
            number, asked = self._counts.get(sender, (0, ''))
            self._counts[sender] = number + 1, candidate or asked

    def tell(self, sender, reason):
        """Say it in the log, once per sender and reason.

        :param sender: UUID of a server, or ''
        """
        with self._lock:
            if self._told.get(sender) == reason:
                return
            if self._lines >= MAX_LINES:
                return
            if len(self._told) >= MAX_SENDERS:
                self._told.clear()
            self._told[sender] = reason
            self._lines += 1
        LOG.error('Refused what came from %s: %s', sender or 'nobody', reason)

    def flush(self, last=False):
        """Write what was counted, where it is time to.

        :param last: it is, for this process ends
        """
        if self._now() < self._due and not last:
            return
        self._due = self._now() + INTERVAL
        with self._lock:
            counts, self._counts = self._counts, {}
        if counts and not self._writing.run(self._write, counts):
            self._put_back(counts)
        if self._now() >= self._period_ends or last:
            self._end_period()

    @db.retry_on_deadlock
    def _write(self, counts):
        with self._database.writer() as session:
            known = servers.refuse(session, counts, clock.read(session))
        strange = counts.keys() - known
        with self._lock:
            self._unnamed += sum(counts[sender][0] for sender in strange)

    def _put_back(self, counts):
        """For the next time: the database is away."""
        with self._lock:
            for sender, (number, candidate) in counts.items():
                more, newer = self._counts.get(sender, (0, ''))
                self._counts[sender] = number + more, newer or candidate

    def _end_period(self):
        with self._lock:
            unnamed, self._unnamed = self._unnamed, 0
            self._lines = 0
            self._period_ends = self._now() + PERIOD
        if unnamed:
            LOG.error(
                'Refused %d more that named no server that is known', unnamed
            )
