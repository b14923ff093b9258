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

"""Delivers what is in the outbox.

Each notification is claimed for longer than a driver may take, sent, and its
outcome stored; the claim's token keeps it from being sent by two. Who dies
between sending and storing leaves it to be sent again after the lease, with
the same message id: at least once, and a receiver that remembers ids sees
each once.
"""

import concurrent.futures
import dataclasses
import os
import random
import threading
import uuid

from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella import service
from sentinella.db import clock
from sentinella.db import notifications
from sentinella.notifier import message

LOG = log.getLogger(__name__)

#: Seconds between two looks where nothing wakes us and nothing is due.
POLL = 5.0

#: Seconds that the longest wait between two attempts takes.
LONGEST_WAIT = 600.0

#: Messages under way at once, in all and to one channel: a slow one must not
#: keep the others waiting. As many as go to a channel are claimed at once,
#: so it may be a few more.
THREADS = 24
PER_CHANNEL = 4

#: Characters of an error that are kept.
ERROR_LENGTH = 500

SENT = model.NotificationState.SENT
DEAD = model.NotificationState.DEAD
PENDING = model.NotificationState.PENDING


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt; PENDING is tried again."""

    state: model.NotificationState
    error: str | None = None


def wait_before(attempt, first):
    """Seconds before an attempt: twice as long each time, within limits.

    :param attempt: 2 for the second one
    :param first: seconds before the second one
    """
    # past 2 ** 30 it is the longest wait anyhow
    return min(first * 2.0 ** min(attempt - 2, 30), LONGEST_WAIT)


class Delivery:
    """
    :param database: open
    :ivar failures: how often a driver failed as none should
    """

    def __init__(self, conf, database):
        self.failures = 0
        self._conf = conf
        self._database = database
        self._owner = f'{conf.host}:{os.getpid()}:{uuid.uuid4().hex[:8]}'
        # connecting and answering may each take as long as that
        self._lease = 2 * conf.notifier.timeout + 30
        self._drivers = {}
        self._guards = {}
        self._lock = threading.Lock()
        self._under_way = {}
        self._somebody_waits = False
        self._pool = concurrent.futures.ThreadPoolExecutor(
            THREADS, thread_name_prefix='delivery'
        )
        self._loop = service.Loop(
            'delivery', self.work, POLL, due=self._due_in
        )

    def start(self):
        # the first page is not to wait until drivers are found and imported
        self._pool.submit(self._load_drivers)
        self._loop.start()

    def wake(self):
        """Look at the outbox now."""
        self._loop.wake()

    def stop(self):
        """Let those that are under way arrive, take no more."""
        self._loop.stop()
        self._pool.shutdown()

    def work(self):
        """Begin to send some of what is due.

        :returns: how many
        """
        free, busy = self._room()
        if not free:
            return 0
        claims = self._database.write(
            lambda session: notifications.claim_due(
                session,
                self._owner,
                self._lease,
                min(free, PER_CHANNEL),
                busy,
            )
        )
        for claim in claims:
            self._begin(claim.notification.channel.id)
            self._pool.submit(self._deliver, claim)
        return len(claims)

    def _due_in(self):
        with self._lock:
            if self._somebody_waits:
                # for room, so nothing that is due can be begun before
                return None
        with self._database.reader() as session:
            return notifications.seconds_until_due(session)

    def _room(self):
        """
        :returns: number of free threads, ids of channels that have enough
        """
        with self._lock:
            free = THREADS - sum(self._under_way.values())
            busy = [
                channel
                for channel, number in self._under_way.items()
                if number >= PER_CHANNEL
            ]
            self._somebody_waits = bool(busy) or not free
        return free, busy

    def _begin(self, channel):
        with self._lock:
            self._under_way[channel] = self._under_way.get(channel, 0) + 1

    def _end(self, channel):
        with self._lock:
            self._under_way[channel] -= 1
            if not self._under_way[channel]:
                del self._under_way[channel]
            wake = self._somebody_waits
        if wake:
            self._loop.wake()

    def _deliver(self, claim):
        channel = claim.notification.channel
        try:
            self._guard('outbox').run(self._attempt, claim)
        finally:
            self._end(channel.id)

    def _attempt(self, claim):
        outcome = self._send(claim.notification)
        try:
            self._database.write(
                lambda session: self._store(session, claim, outcome)
            )
        except exceptions.Conflict as error:
            # whoever has it now sends it again, or its channel is gone
            LOG.warning('%s; its outcome was %s', error, outcome.state)
        if outcome.state == PENDING:
            # it may be due before all that the loop knows of
            self._loop.wake()

    def _send(self, notification):
        """
        :returns: Outcome
        """
        channel = notification.channel
        try:
            driver = self._driver(channel.driver)
            driver.check(channel.settings)
            driver.send(channel.settings, message.build(notification))
        except exceptions.Retry as error:
            return self._again(notification, str(error))
        except exceptions.SentinellaError as error:
            return self._outcome(notification, DEAD, str(error))
        except Exception as error:
            return self._again(notification, self._unexpected(channel, error))
        self._guards.pop(channel.driver, None)
        return Outcome(SENT)

    def _again(self, notification, error):
        last = notification.attempts + 1 >= self._conf.notifier.max_attempts
        return self._outcome(notification, DEAD if last else PENDING, error)

    def _outcome(self, notification, state, error):
        error = ' '.join(error.split())[:ERROR_LENGTH]
        LOG.warning(
            'Notification %s to channel %s did not go (attempt %d): %s%s',
            notification.uuid,
            notification.channel.name,
            notification.attempts + 1,
            error,
            '; given up' if state == DEAD else '',
        )
        return Outcome(state, error)

    def _unexpected(self, channel, error):
        self.failures += 1
        self._guard(channel.driver).failed(error)
        # its text may hold what only its driver knows to be secret
        return f'driver {channel.driver} failed: {type(error).__name__}'

    def _guard(self, name):
        guard = self._guards.get(name)
        if guard is None:
            guard = self._guards[name] = service.Guard(f'Notifier {name!r}')
        return guard

    def _load_drivers(self):
        for name in plugins.names('sentinella.notifiers'):
            try:
                self._driver(name)
            except exceptions.InvalidConfiguration as error:
                # a matter of those channels that use it
                LOG.debug('Not ready: %s', error)

    def _driver(self, name):
        if name not in self._drivers:
            self._drivers[name] = plugins.load(
                'sentinella.notifiers', name, self._conf
            )
        return self._drivers[name]

    def _store(self, session, claim, outcome):
        now = clock.read(session)
        if outcome.state == SENT:
            notifications.sent(session, claim, now)
        elif outcome.state == DEAD:
            notifications.dead(session, claim, outcome.error, now)
        else:
            wait = wait_before(
                claim.notification.attempts + 2, self._conf.notifier.backoff
            )
            # so that what failed together is not tried together
            wait *= random.uniform(0.8, 1.0)  # noqa: S311
            notifications.retry(session, claim, now + wait, outcome.error)
