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
"""A delivering evaluator that is killed again and again, at any moment.

All that is put into the outbox is to arrive: each message at least once, of
each alarm in order on each channel, and what comes twice with the same id.
"""

import dataclasses
import pathlib
import random
import threading
import time

import fixtures
import sqlalchemy as sa

from sentinella import model
from sentinella.db import models
from tests import databases
from tests import outbox
from tests import processes
from tests import receiver

CHANNELS = 5

CONFIG = """\
[DEFAULT]
host = ctl-0
transport_url = fake://
[database]
connection = {connection}
[notifier]
backoff = 0.2
allowed_networks = 127.0.0.0/8
"""

#: Seconds that it sends for before it is killed, at most: what was queued
#: while it started is to go out meanwhile.
LIFE = 6.0

#: Seconds in which all that is left arrives, once nobody is killed any more.
PATIENCE = 120.0


@dataclasses.dataclass(frozen=True)
class Result:
    """
    :ivar kills: how often the evaluator was killed
    :ivar queued: notifications; :ivar arrived: those that did
    :ivar lost: those that did not; :ivar foreign: that nobody had queued
    :ivar repeated: messages that came again, with the id that they had
    :ivar disordered: that came after a later one of their alarm and channel
    :ivar unsent: notifications that are not noted as sent
    """

    kills: int
    seconds: float
    queued: int
    arrived: int
    lost: int
    foreign: int
    repeated: int
    disordered: int
    unsent: int


class DeliveringFixture(fixtures.Fixture):
    """MariaDB, the evaluator, and who is told; it needs no bus for that.

    :param rate: notifications in a second
    """

    def __init__(self, rate=50.0, seed=None):
        self._rate = rate
        self._chance = random.Random(seed)

    def _setUp(self):
        databased = self.useFixture(databases.DatabaseFixture('mysql'))
        self.database = databased.database
        self.receiver = self.useFixture(receiver.ReceiverFixture())
        self.feeder = outbox.Feeder(self.database)
        self.channels = [
            self.feeder.add_channel(f'{self.receiver.url}/{number}')
            for number in range(CHANNELS)
        ]
        self.queued = {}
        self._failed = []
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        config = directory / 'sentinella.conf'
        connection = databased.conf.database.connection.replace('%', '%%')
        config.write_text(CONFIG.format(connection=connection))
        self.evaluator = self.useFixture(
            processes.ProcessFixture('sentinella-evaluator', config, directory)
        )

    def run(self, kills, tell=lambda kills, queued, arrived: None):
        """
        :param kills: how often to kill it
        :param tell: called now and then with how it goes
        :returns: Result
        """
        began, ended = time.monotonic(), threading.Event()
        feeding = threading.Thread(target=self._feed, args=(ended,))
        feeding.start()
        try:
            for number in range(kills):
                self._kill_once()
                tell(number + 1, len(self.queued), self._count())
        finally:
            ended.set()
            feeding.join()
        if self._failed:
            raise self._failed[0]
        seconds = time.monotonic() - began
        processes.wait_for(
            lambda: not self._unsent(), 'all to be sent', seconds=PATIENCE
        )
        return self._result(kills, seconds)

    def _feed(self, ended):
        due, turn = time.monotonic(), 0
        try:
            while not ended.is_set():
                channel = self.channels[turn % CHANNELS]
                for one in self.feeder.feed([channel]):
                    self.queued[one.uuid] = one
                turn, due = turn + 1, due + 1 / self._rate
                time.sleep(max(0.0, due - time.monotonic()))
        except Exception as error:
            self._failed.append(error)

    def _kill_once(self):
        """Within some seconds from when it sends again."""
        before = self._count()
        try:
            processes.wait_for(lambda: self._count() > before, 'it to send')
        except AssertionError as error:
            log = self.evaluator.log.read_text()[-2000:]
            raise AssertionError(f'{error}; its log ends with {log}')
        time.sleep(self._chance.uniform(0.0, LIFE))
        self.evaluator.kill()
        self.evaluator.start()

    def _count(self):
        return len(self.receiver.messages)

    def _unsent(self):
        table = models.notifications
        sent = table.c.state == model.NotificationState.SENT
        query = sa.select(sa.func.count()).where(sa.not_(sent))
        with self.database.reader() as session:
            return session.scalar(query)

    def _result(self, kills, seconds):
        bodies = self.receiver.bodies()
        arrived = {body['id'] for body in bodies}
        return Result(
            kills=kills,
            seconds=seconds,
            queued=len(self.queued),
            arrived=len(arrived),
            lost=len(self.queued.keys() - arrived),
            foreign=len(arrived - self.queued.keys()),
            repeated=len(bodies) - len(arrived),
            disordered=self._disordered(bodies),
            unsent=self._unsent(),
        )

    def _disordered(self, bodies):
        last, wrong = {}, 0
        for id_ in dict.fromkeys(body['id'] for body in bodies):
            one = self.queued[id_]
            key = one.alarm.id, one.channel.id
            wrong += last.get(key, 0) > one.id
            last[key] = max(last.get(key, 0), one.id)
        return wrong
