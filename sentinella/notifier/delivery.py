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

One thread decides what goes, by the rules of :mod:`sentinella.notifier.plan`,
and stores what became of it; others send. Each message is claimed for a short
time, which is prolonged while it is under way; the claim's token keeps it from
being sent by two. Who dies between sending and storing leaves it to be sent
again after that time, with the same message id: at least once, and a receiver
that remembers ids sees each once.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import os
import queue
import threading
import time
import uuid

from oslo_utils import uuidutils

from sentinella import model
from sentinella import service
from sentinella.db import clock
from sentinella.db import deliveries
from sentinella.notifier import composer
from sentinella.notifier import plan
from sentinella.notifier import recording
from sentinella.notifier import room
from sentinella.notifier import sending

#: Seconds between two looks where nothing wakes us and nothing is due.
POLL = 5.0

#: Seconds that a claim lasts: so long, after the death of who has it, a
#: message waits. It is renewed when half of them are over.
LEASE = 10.0

#: Times `[notifier] timeout` that a claim is renewed: a driver that goes on
#: for longer is stuck.
PATIENCE = 3.0

#: Notifications to one channel that are looked at, where they are not many.
FEW = 64

#: Seconds until another look at a channel that another process looks at.
AFTER_ANOTHER = 0.02


@dataclasses.dataclass(slots=True)
class Job:
    """One message that is under way.

    :ivar given: list of what it tells of; emptied once it is composed
    :ivar since: when it was begun; :ivar held_since: when its claim was made
        or renewed, both by a clock that is never set
    """

    claim: deliveries.Claim
    channel: model.Channel
    digest_id: str | None
    given: list
    since: float
    held_since: float

    @property
    def message_id(self):
        return self.digest_id or self.given[0].notification.uuid


class Delivery:
    """
    :param database: open
    """

    def __init__(self, conf, database):
        self._options = conf.notifier
        self._database = database
        self._owner = f'{conf.host}:{os.getpid()}:{uuid.uuid4().hex[:8]}'
        self._composer = composer.Composer(conf, database)
        # threads that compute side by side only keep each other from it
        self._composing = threading.Lock()
        self._sender = sending.Sender(conf)
        self._room = room.Room()
        self._jobs = {}
        self._arrived = queue.SimpleQueue()
        self._to_store = []
        self._missed_turn = False
        self._pool = concurrent.futures.ThreadPoolExecutor(
            room.MOST, thread_name_prefix='delivery'
        )
        self._loop = service.Loop(
            'delivery', self.work, POLL, due=self._due_in
        )

    @property
    def failures(self):
        """How often a driver failed as none should."""
        return self._sender.failures

    def start(self):
        # the first page is not to wait until drivers are found and imported
        self._pool.submit(self._sender.load)
        self._loop.start()

    def wake(self):
        """Look at the outbox now."""
        self._loop.wake()

    def stop(self):
        """Let those that are under way arrive, take no more."""
        self._loop.stop()
        self._pool.shutdown()
        service.Guard('Outbox').run(self._store)
        self._composer.stop()

    def work(self):
        """Store what came of messages, and begin to send what is due.

        :returns: how many were begun
        """
        self._store()
        self._renew()
        jobs = self._database.write(self._begin)
        for job in jobs:
            self._room.begin(job.claim.channel_id, job.since)
            self._jobs[job.claim] = job
            self._pool.submit(self._send, job)
        return len(jobs)

    def _send(self, job):
        """In a thread of its own."""
        done = recording.Done(
            claim=job.claim,
            channel=job.channel,
            message_id=job.message_id,
            attempts=job.given[0].notification.attempts,
            outcome=None,
            reference=_reference(job),
        )
        outcome = self._sender.send(
            job.channel, functools.partial(self._compose, job)
        )
        self._arrived.put(dataclasses.replace(done, outcome=outcome))
        self._loop.wake()

    def _compose(self, job, settings):
        # templates of theirs may take their time, and nobody else's
        own = settings.get('templates') or self._options.templates
        with contextlib.nullcontext() if own else self._composing:
            return self._composed(job, settings)

    def _composed(self, job, settings):
        given, job.given = job.given, []
        if job.digest_id is None:
            return self._composer.compose(
                given[0].notification, settings, given[0].reference
            )
        several = [one.notification for one in given]
        return self._composer.digest(
            job.digest_id, job.channel, settings, several, time.time()
        )

    def _store(self):
        while not self._arrived.empty():
            self._to_store.append(self._arrived.get())
        if not self._to_store:
            return
        done = self._to_store
        self._database.write(
            lambda session: recording.store(session, done, self._options)
        )
        self._to_store = []
        now = time.monotonic()
        for one in done:
            job = self._jobs.pop(one.claim)
            self._room.end(one.claim.channel_id, job.since, now)

    def _renew(self):
        now = time.monotonic()
        jobs = [job for job in self._jobs.values() if self._renewable(job)]
        if any(now - job.held_since > LEASE / 2 for job in jobs):
            self._database.write(
                lambda session: deliveries.renew(
                    session, [job.claim for job in jobs], LEASE
                )
            )
            for job in jobs:
                job.held_since = now

    def _renewable(self, job):
        longest = PATIENCE * self._options.timeout + LEASE
        return time.monotonic() - job.since < longest

    def _due_in(self):
        """Seconds until there is something to do, None for only when
        something arrives."""
        times = [
            max(0.0, job.held_since + LEASE / 2 - time.monotonic())
            for job in self._jobs.values()
            if self._renewable(job)
        ]
        if len(self._room) < room.MOST:
            full = self._room.full(time.monotonic())
            with self._database.reader() as session:
                due = deliveries.seconds_until_due(session, full)
            if due is not None:
                times.append(max(due, AFTER_ANOTHER * self._missed_turn))
        return min(times, default=None)

    def _begin(self, session):
        """Claim what goes now.

        :returns: list of Jobs
        """
        self._missed_turn = False
        left = room.MOST - len(self._room)
        if not left:
            return []
        since = time.monotonic()
        full = self._room.full(since)
        dues = deliveries.due_channels(session, full)
        if not dues:
            return []
        turns = deliveries.take_turns(session, [d.channel.id for d in dues])
        now, singles, jobs = clock.read(session), [], []
        for due in dues:
            turn = turns.get(due.channel.id)
            free = min(
                left - len(singles) - len(jobs),
                self._room.free(due.channel.id, since),
            )
            if turn is None:
                self._missed_turn = True
            elif free > 0:
                for message in self._of_channel(session, due, turn, now, free):
                    if message.digest_id or len(message.ids) > 1:
                        jobs += self._claim_digest(session, message)
                    else:
                        singles += message.ids
        return jobs + self._claim_singles(session, singles)

    def _of_channel(self, session, due, turn, now, free):
        """
        :returns: the Messages that go to a channel now
        """
        channel = due.channel
        how = turn, now, free, self._sender.takes_digests(channel)
        made = _plan(session, due, *how)
        if made.release and deliveries.release(
            session, channel.id, made.release
        ):
            # what was quiet is to go before what is not
            made = _plan(session, due, *how)
        for wait in made.waits:
            deliveries.hold(session, wait.ids, wait.until, wait.why)
        for reason, ids in made.skips.items():
            deliveries.skip(session, ids, reason)
        if made.begun != turn.begun:
            deliveries.note_begun(session, channel.id, made.begun)
        return made.send

    def _claim_digest(self, session, message):
        digest_id, ids = message.digest_id, message.ids
        if digest_id is None:
            digest_id = uuidutils.generate_uuid()
        else:
            ids = deliveries.of_digest(session, digest_id)
        token = deliveries.claim(session, self._owner, LEASE, ids, digest_id)
        given = deliveries.given(session, token, ids)
        return [_job(token, given, digest_id)] if given else []

    def _claim_singles(self, session, ids):
        """Together: a statement for each would be most of what they cost."""
        if not ids:
            return []
        token = deliveries.claim(session, self._owner, LEASE, ids)
        given = deliveries.given(session, token, ids)
        return [_job(token, [one]) for one in given]


def _plan(session, due, turn, now, free, digests):
    many = digests and plan.is_many(due.channel, turn, now, due.count)
    rows = deliveries.rows(
        session, due.channel.id, plan.MOST_IN_DIGEST if many else FEW
    )
    return plan.plan(rows, due.channel, turn, now, free, digests)


def _job(token, given, digest_id=None):
    channel = given[0].notification.channel
    claim = deliveries.Claim(
        token,
        channel.id,
        frozenset(one.notification.id for one in given),
        frozenset(one.notification.alarm.id for one in given),
    )
    now = time.monotonic()
    return Job(claim, channel, digest_id, given, now, now)


def _reference(job):
    """What the next message about the alarm refers to, unless the driver says
    otherwise: after its recovery, to none."""
    (first, *others) = job.given
    kind = first.notification.kind
    if others or kind == model.NotificationKind.RECOVERY:
        return None
    return first.reference
