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


"""Simulated agents: `python -m benchmarks.spine.load
CONFIG SERVERS REPORTS THREADS SECONDS`.

Each has its own epoch and sequence and sends its next report when the one
before is acknowledged, as an agent does that empties its spool. Reports are
made and signed beforehand: it is the conductor that is measured. Says when it
is ready, waits for a line, and prints one JSON object when it is done.
"""

import concurrent.futures
import dataclasses
import json
import random
import struct
import sys
import time
import uuid

from sentinella import model
from sentinella import service
from sentinella.rpc import conductor
from sentinella.rpc import transport
from tests import signers

#: What the agent of a node with all of a small control plane on it reports:
#: it was 209 with keystone, nova, placement, glance, neutron, cinder, RabbitMQ
#: and MariaDB.
METRICS = 200


def values(tick, seed):
    """A quarter each of states, counters, percents to one decimal, and
    float32 of full entropy: what a frame holds, and a share of the worst."""
    chance = random.Random(seed * 100003 + tick)
    quarter = METRICS // 4
    return (
        [1.0 if chance.random() < 0.999 else 0.0 for _ in range(quarter)]
        + [float(seed * 1000 + tick * (i + 1)) for i in range(quarter)]
        + [round(chance.uniform(0, 100), 1) for _ in range(quarter)]
        + [
            struct.unpack('f', struct.pack('f', chance.random()))[0]
            for _ in range(quarter)
        ]
    )


def samples(tick, seed):
    return [
        model.Sample(model.Metric.of(f'load.m{i:03}', kind='bench'), value)
        for i, value in enumerate(values(tick, seed))
    ]


class SimulatedAgent:
    """
    :param reports: how many are made beforehand, one each ten seconds
    """

    def __init__(self, number, reports, start):
        self.server = str(uuid.uuid4())
        self.epoch = uuid.uuid4().hex
        self.hostname = f'bench-{number:04}'
        self._signer = signers.Signer()
        self._signed = [
            self._sign(sequence, number, start + 10 * sequence)
            for sequence in range(1, reports + 1)
        ]

    def _sign(self, sequence, number, at):
        frame = model.Frame.of(at, samples(sequence, number))
        if sequence > 1:
            frame = dataclasses.replace(frame, metrics=None)
        return self._signer.report(
            model.Report(self.server, self.epoch, sequence, frame=frame)
        )

    def register(self, client):
        client.register(
            self._signer.registration(
                model.Registration(self.server, self.epoch, self.hostname)
            )
        )

    def send_next(self, client):
        """
        :returns: seconds that it took, or None when all are sent
        """
        if not self._signed:
            return None
        started = time.monotonic()
        receipt = client.report(self._signed.pop(0))
        assert receipt.status == model.ReceiptStatus.ACCEPTED, receipt
        return time.monotonic() - started


def drive(agents, client, until):
    """One thread's share: each of its agents in turn."""
    took = []
    while time.monotonic() < until:
        for agent in agents:
            seconds = agent.send_next(client)
            if seconds is None:
                return took
            took.append(seconds)
    return took


def main():
    config_file, servers, reports, threads, seconds = sys.argv[1:]
    conf = service.prepare(['--config-file', config_file], prog='load')
    client = conductor.ConductorClient(transport.get_transport(conf), 60.0)
    start = time.time() - 10 * int(reports)
    agents = [
        SimulatedAgent(number, int(reports), start)
        for number in range(int(servers))
    ]
    with concurrent.futures.ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(lambda agent: agent.register(client), agents))
        # the schema is learnt, and caches are warm, before the clock runs
        list(pool.map(lambda agent: agent.send_next(client), agents))
        print('ready', flush=True)
        sys.stdin.readline()
        began = time.monotonic()
        until = began + float(seconds)
        shares = [agents[i :: int(threads)] for i in range(int(threads))]
        took = [
            item
            for share in pool.map(lambda s: drive(s, client, until), shares)
            for item in share
        ]
        elapsed = time.monotonic() - began
    print(json.dumps({'reports': len(took), 'seconds': elapsed, 'took': took}))


if __name__ == '__main__':
    main()
