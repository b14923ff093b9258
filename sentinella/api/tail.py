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

"""Follows the events, once for all streams of a process."""

import collections
import threading

from oslo_log import log

from sentinella.db import database as db
from sentinella.db import events

LOG = log.getLogger(__name__)

#: Seconds between two looks, as long as somebody follows.
INTERVAL = 0.25

#: Seconds to wait where the database can't be used.
PAUSE = 1.0

#: Events that are kept for those who lag; what is older they read again.
KEPT = 1000

#: Events of one query.
AT_ONCE = 200


class Tail:
    """Asks the database for what is new, while somebody follows.

    What it keeps is one for all, so that one who lags costs no memory. Its
    thread begins with the first who follows: the process may fork before.
    """

    def __init__(self, database):
        self._database = database
        self._changed = threading.Condition()
        self._followers = 0
        self._thread = None
        # all with numbers above `_begin` up to `_end`
        self._kept = collections.deque()
        self._begin = self._end = 0
        self.stopped = False

    def follow(self):
        """Begin to follow; whoever does has to :meth:`leave`.

        :returns: the last number by now, and the last that is forgotten
        """
        number_all(self._database)
        with self._database.reader() as session:
            given, forgotten = events.bounds(session)
        with self._changed:
            self._followers += 1
            if self._thread is None:
                self._start(given)
        return given, forgotten

    def leave(self):
        with self._changed:
            self._followers -= 1
            self._changed.notify_all()

    def stop(self):
        """Let nobody wait any more, and give them the time to leave."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._followers, PAUSE)

    def read(self, after, timeout):
        """What comes after a number, at once or when there is some.

        :param timeout: seconds to wait for it
        :returns: list of Events, and the number that all is read up to
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._end > after or self.stopped, timeout
            )
            if after >= self._begin:
                found = [event for event in self._kept if event.number > after]
                return found, max(after, self._end)
            begin = self._begin
        return self._read_again(after, begin)

    def _read_again(self, after, begin):
        with self._database.reader() as session:
            found = events.after(session, after, AT_ONCE)
        last = found[-1].number if found else after
        # those that are missing up to where it began are gone
        return found, last if len(found) == AT_ONCE else max(last, begin)

    def _start(self, number):
        self._kept.clear()
        self._begin = self._end = number
        self._thread = threading.Thread(
            target=self._run, name='events', daemon=True
        )
        self._thread.start()

    def _run(self):
        failure = None
        while self._goes_on(PAUSE if failure else INTERVAL):
            before, failure = failure, self._look()
            if failure and not before:
                LOG.warning('Events can not be read: %s', failure)

    def _goes_on(self, seconds):
        with self._changed:
            self._changed.wait_for(lambda: not self._followers, seconds)
            if not self._followers:
                self._thread = None
            return self._thread is not None

    def _look(self):
        """
        :returns: what failed, or None
        """
        try:
            number_all(self._database)
            while self._take() == AT_ONCE:
                """There may be more."""
        except db.FAILURES as error:
            return type(error).__name__

    def _take(self):
        with self._database.reader() as session:
            found = events.after(session, self._end, AT_ONCE)
        with self._changed:
            self._kept.extend(found)
            while len(self._kept) > KEPT:
                self._begin = self._kept.popleft().number
            if found:
                self._end = found[-1].number
                self._changed.notify_all()
        return len(found)


def number_all(database):
    """Give a number to each event that is committed and has none."""
    with database.reader() as session:
        if not events.is_one_without_number(session):
            return
    while database.write(events.give_numbers) == events.NUMBERED_AT_ONCE:
        """There may be more."""
