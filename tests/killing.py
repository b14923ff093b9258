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

"""Two evaluators that are killed at random while faults come and go.

Each server fails, is seen to have an alarm, recovers, is seen to have none,
and so on: so it is known how many transitions there are to be, whenever
evaluators die. What was sent but not noted as sent when its sender died comes
again, with the same id; a receiver knows that it has it. Two ids for one
transition would be a true double.
"""

import collections
import dataclasses
import random
import time

import fixtures
import sqlalchemy as sa

from sentinella import model
from sentinella.db import alarms
from sentinella.db import definitions
from sentinella.db import instances
from sentinella.db import models
from tests import cloud
from tests import processes
from tests import receiver
from tests import speaking

ALARM, OK = model.AlarmState.ALARM, model.AlarmState.OK

#: Flapping is not what is looked at; claims of the dead end sooner.
EVALUATOR = """\
flap_changes = 1000000
[notifier]
timeout = 1
"""

#: Seconds after which a claim of the outbox ends.
LEASE = 10.0

#: Share of kills that may hit one that has just been started.
STARTING = 0.2

#: Seconds between reports that tell nothing new: a service's state stands
#: until its server is silent.
REFRESH = 3.0


@dataclasses.dataclass(frozen=True)
class Result:
    """
    :ivar kills: how many evaluators were killed; :ivar faults: came and went
    :ivar missing: transitions that are not there, or pages that are not
    :ivar doubled: transitions, or pages with ids of their own, too many
    :ivar repeated: pages that came again with the id that they had
    :ivar took: seconds from each report of a change to its transition
    :ivar answered: seconds that the slowest report took
    """

    kills: int
    faults: int
    transitions: int
    pages: int
    missing: int
    doubled: int
    repeated: int
    took: tuple[float, ...]
    answered: float


class Node:
    """A server whose service fails and recovers."""

    def __init__(self, server):
        self.server = server
        self.changes = 0
        self.took = []
        self.answered = 0.0
        self._up = 1.0
        self._wanted = None
        self._next_at = self._said_at = 0.0

    @property
    def settled(self):
        return self._wanted is None

    def act(self, now, alarm, pause):
        """
        :param alarm: its Alarm, or None
        :param pause: seconds until it changes again, or None: it does not
        """
        if alarm is not None and alarm.state == self._wanted:
            # stored once the report was, or a moment before that is known
            self.took.append(max(0.0, alarm.changed_at - self._changed_at))
            self._wanted = None
            self._next_at = now + (pause or 0.0)
        if self._wanted is None and pause is not None and now > self._next_at:
            self._up = 1.0 - self._up
            self._wanted = OK if self._up else ALARM
            self.changes += 1
            self._say(now)
            self._changed_at = time.time()
        elif now - self._said_at > REFRESH:
            self._say(now)

    @property
    def is_up(self):
        return bool(self._up)

    def _say(self, now):
        self._said_at = now
        began = time.monotonic()
        receipt = self.server.say(self._up)
        self.answered = max(self.answered, time.monotonic() - began)
        if receipt.status != model.ReceiptStatus.ACCEPTED:
            raise AssertionError(f'a report was {receipt}')


class KillingFixture(fixtures.Fixture):
    """MariaDB, RabbitMQ, a conductor, and the two evaluators.

    :param seed: of what is random
    """

    def __init__(self, servers=8, seed=None):
        self._count = servers
        self._chance = random.Random(seed)

    def _setUp(self):
        self.cloud = self.useFixture(cloud.CloudFixture('mysql', interval=2))
        self.receiver = self.useFixture(receiver.ReceiverFixture())
        self._define()
        self.cloud.page_to(self.receiver.url)
        self.cloud.run('conductor', 'ctl-0')
        self.evaluators = [
            self.cloud.run('evaluator', f'ctl-{i}', evaluator=EVALUATOR)
            for i in range(2)
        ]
        client = self.cloud.bus.client()
        self.nodes = [
            Node(speaking.SpeakingServer(client, number))
            for number in range(self._count)
        ]
        for node in self.nodes:
            node.server.register()

    def _define(self):
        with self.cloud.database.writer() as session:
            definition = model.AlarmDefinition(
                uuid='d',
                name='service-down',
                expression='last(process.up, 60) < 1',
                type=model.ThresholdType.BINARY,
                severity=model.Severity.CRITICAL,
                match_by=('server', 'service'),
            )
            definitions.create(session, definition, {'process.up'}, 0.0)

    def run(
        self,
        seconds,
        tell=lambda elapsed, kills, faults: None,
        patient=False,
    ):
        """
        :param seconds: for which evaluators are killed
        :param patient: whether to wait for what is sent again, too
        :param tell: called now and then with how it goes
        :returns: Result
        """
        began = time.time()
        self._started = dict.fromkeys(self.evaluators, 0.0)
        kills, kill_at, dead = 0, began + 1.0, {}
        while time.time() < began + seconds:
            now = time.time()
            if now > kill_at:
                kill_at = now + self._chance.uniform(1.0, 6.0)
                kills += self._kill(now, dead)
            self._restart(now, dead)
            self._step(lambda: self._chance.uniform(0.0, 1.0))
            tell(now - began, kills, sum(n.changes for n in self.nodes) // 2)
        self._restart(float('inf'), dead)
        self._end(patient)
        return self._result(kills)

    def _kill(self, now, dead):
        """Mostly one that is at work: else none ever would be, where it takes
        longer to start than to be killed."""
        alive = [one for one in self.evaluators if one not in dead]
        if self._chance.random() > STARTING:
            alive = [one for one in alive if self._is_at_work(one)]
        if not alive:
            return 0
        one = self._chance.choice(alive)
        one.kill()
        dead[one] = now + self._chance.uniform(0.0, 4.0)
        return 1

    def _restart(self, now, dead):
        for one in [one for one, at in dead.items() if at < now]:
            del dead[one]
            self._started[one] = time.time()
            one.start()

    def _is_at_work(self, one):
        host = f'ctl-{self.evaluators.index(one)}'
        with self.cloud.database.reader() as session:
            return any(
                heart.kind == model.InstanceKind.EVALUATOR
                and heart.host == host
                and heart.started_at > self._started[one]
                for heart in instances.all_(session)
            )

    def _step(self, pause):
        known = self._alarms()
        for node in self.nodes:
            node.act(time.time(), known.get(node.server.uuid), pause())
        time.sleep(0.02)

    def _alarms(self):
        with self.cloud.database.reader() as session:
            found = alarms.list_(session, limit=1000)
        return {one.server.uuid: one for one in found}

    def _end(self, patient):
        """All recover, and everybody has heard of it."""
        processes.wait_for(self._all_recovered, 'the end of all faults')
        waited = self._pending if patient else self._unheard
        processes.wait_for(lambda: not waited(), 'the outbox', LEASE + 60)

    def _all_recovered(self):
        self._step(lambda: None)
        for node in self.nodes:
            if node.settled and not node.is_up:
                node.act(time.time() + 1, None, 0.0)
        return all(node.settled and node.is_up for node in self.nodes)

    def _pending(self):
        return self._outbox(
            models.notifications.c.state == model.NotificationState.PENDING
        )

    def _unheard(self):
        heard = {body['id'] for body in self.receiver.bodies()}
        return self._outbox(sa.true()) - heard

    def _outbox(self, condition):
        uuid = models.notifications.c.uuid
        with self.cloud.database.reader() as session:
            return set(session.scalars(sa.select(uuid).where(condition)))

    def _result(self, kills):
        expected = {n.server.uuid: n.changes for n in self.nodes}
        kept = self._kept()
        bodies = self.receiver.bodies()
        ids = {body['id']: body for body in bodies}
        paged = collections.Counter(
            (body['server']['id'], body['at'], body['kind'])
            for body in ids.values()
        )
        pages = collections.Counter(key[0] for key in paged)
        wrong = [
            counts.get(uuid, 0) - number
            for counts in (kept, pages)
            for uuid, number in expected.items()
        ]
        return Result(
            kills=kills,
            faults=sum(expected.values()) // 2,
            transitions=sum(kept.values()),
            pages=len(ids),
            missing=-sum(n for n in wrong if n < 0),
            doubled=sum(n for n in wrong if n > 0)
            + sum(n - 1 for n in paged.values()),
            repeated=len(bodies) - len(ids),
            took=tuple(t for node in self.nodes for t in node.took),
            answered=max(node.answered for node in self.nodes),
        )

    def _kept(self):
        """How many transitions each server has; each goes to another state
        than the one before."""
        with self.cloud.database.reader() as session:
            found = alarms.list_(session, limit=1000)
            kept = {
                one.server.uuid: alarms.transitions(
                    session, one.uuid, limit=100000
                )
                for one in found
            }
        for several in kept.values():
            states = [str(one.to_state) for one in reversed(several)]
            if states != ['ALARM', 'OK'] * (len(states) // 2):
                raise AssertionError(f'transitions to {states}')
        return {uuid: len(several) for uuid, several in kept.items()}
