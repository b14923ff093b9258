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

"""How long from the commit of a report to the commit of its alarm.

Real processes on RabbitMQ and MariaDB, all built-in definitions, and
simulated agents that report every ten seconds. Now and then one of them tells
at once that a service died. Both commits are seen from outside, by the same
eyes: who reads the database again and again. Beside it, in the same run: from
the sending of that report to its acknowledgement.
"""

import concurrent.futures
import random
import threading
import time
import uuid

from benchmarks import figures
from benchmarks.alarms import quiet
from sentinella import model
from sentinella.db import alarms
from sentinella.db import servers
from tests import cloud
from tests import processes
from tests import signers

INTERVAL = 10.0
SERVICE = 'nova-compute'
TOLD = quiet.of_a_node()
UP = model.Metric.of('process.up', service=SERVICE)


def run(quick, console):
    size, deaths = (100, 20) if quick else (1000, 100)
    with (
        cloud.CloudFixture('mysql', interval=INTERVAL) as node,
        console.status(f'{size} agents') as status,
    ):
        node.install()
        for script in ('conductor', 'evaluator'):
            node.run(script, 'bench')
        client = node.bus.client(60.0)
        agents = [Agent(number, client) for number in range(size)]
        with Reporting(agents):
            time.sleep(2 * INTERVAL)
            took, acknowledged = [], []
            for number, agent in enumerate(random.sample(agents, deaths)):
                status.update(f'death {number + 1} of {deaths}')
                time.sleep(random.uniform(0.1, 0.5))
                one, other = die(node, agent)
                took.append(one)
                acknowledged.append(other)
    for name, one, other in zip(
        ('min', 'median', 'p99'),
        figures.spread(took),
        figures.spread(acknowledged),
        strict=True,
    ):
        yield figures.Figure(
            f'{size} servers: commit of a report to its alarm, {name}',
            one * 1e3,
            'ms',
            'sent to acknowledged',
            other * 1e3,
        )


class Agent:
    """Tells what keeps each built-in definition quiet.

    :ivar server: its UUID
    :ivar acknowledged: when the report of a death was, monotonic seconds
    """

    def __init__(self, number, client):
        self.server = str(uuid.uuid4())
        self._client = client
        self._signer = signers.Signer()
        self._sequences = {False: 0, True: 0}
        self._frame = frame_of(1.0)
        self._turn = threading.Lock()
        registration = model.Registration(
            self.server, 'e', f'bench-{number:05}', interval=INTERVAL
        )
        client.register(self._signer.registration(registration))

    def tick(self):
        first = self._sequences[False] == 0
        self._send(self._frame.metrics if first else None, self._frame, False)

    def die(self):
        # what it tells from now on says so as well
        self._frame = frame_of(0.0)
        frame = model.Frame.of(0, [model.Sample(UP, 0.0)])
        self._send(frame.metrics, frame, True)
        self.acknowledged = time.monotonic()

    def _send(self, metrics, frame, urgent):
        with self._turn:
            self._sequences[urgent] += 1
            frame = model.Frame(
                round(time.time(), 3), frame.schema, frame.values, metrics
            )
            report = model.Report(
                self.server,
                'e',
                self._sequences[urgent],
                time.time(),
                frame,
                urgent=urgent,
                overtakes=urgent,
            )
            receipt = self._client.report(self._signer.report(report))
            assert receipt.status == model.ReceiptStatus.ACCEPTED, receipt


def frame_of(up):
    """All that a node tells, whose SERVICE is up or not."""
    return model.Frame.of(
        0,
        [model.Sample(UP, up) if one.metric == UP else one for one in TOLD],
    )


class Reporting:
    """While it is entered, each agent reports on its time."""

    def __init__(self, agents):
        self._agents = agents
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        began, count = time.monotonic(), 0
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            while not self._over.is_set():
                due = began + count * INTERVAL / len(self._agents)
                self._over.wait(max(due - time.monotonic(), 0))
                told = pool.submit(
                    self._agents[count % len(self._agents)].tick
                )
                told.add_done_callback(concurrent.futures.Future.result)
                count += 1


def die(node, agent):
    """
    :returns: seconds from one commit to the other, and to acknowledge
    """
    sending = threading.Thread(target=agent.die)
    began = time.monotonic()
    sending.start()
    committed = processes.wait_for(lambda: is_stored(node, agent), 'report')
    raised = processes.wait_for(lambda: is_raised(node, agent), 'alarm')
    sending.join()
    return raised - committed, agent.acknowledged - began


def is_stored(node, agent):
    """
    :returns: when it was seen, or None
    """
    with node.database.reader() as session:
        stored = servers.get(session, agent.server).urgent_sequence
    return time.monotonic() if stored else None


def is_raised(node, agent):
    """
    :returns: when it was seen, or None
    """
    with node.database.reader() as session:
        found = alarms.list_(
            session, limit=1, state=model.AlarmState.ALARM, server=agent.server
        )
    return time.monotonic() if found else None
