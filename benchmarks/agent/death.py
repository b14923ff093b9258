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

"""How long from a kill -9 until the report of it is taken off the bus.

A real agent on RabbitMQ; the conductor is this very process, which takes
reports and notes when they came.
"""

import contextlib
import json
import os
import pathlib
import random
import signal
import tempfile
import threading
import time

from oslo_config import cfg
from oslo_config import fixture as config_fixture
import oslo_messaging as messaging

from benchmarks import figures
from benchmarks.agent import workload
from sentinella.rpc import transport
from tests import cloud


class Conductor:
    """Takes all, and remembers when it first heard of the victim's state.

    :param victim: a service's name
    :ivar heard: {state: when}
    """

    target = messaging.Target(version='1.0')

    def __init__(self, victim):
        self.victim = victim
        self.heard = {}
        self.changed = threading.Condition()

    @messaging.expose
    def register(self, context, payload):
        return {'status': 'ACCEPTED', 'reason': ''}

    @messaging.expose
    def report(self, context, payload):
        now = time.time()
        report = json.loads(payload['body'])
        for service in report['services']:
            if service['name'] == self.victim:
                with self.changed:
                    self.heard.setdefault(service['state'], now)
                    self.changed.notify_all()
        return {'status': 'ACCEPTED', 'reason': ''}

    def wait_for(self, state):
        with self.changed:
            if not self.changed.wait_for(lambda: state in self.heard, 60):
                raise AssertionError(f'{self.victim} was not reported {state}')
            return self.heard[state]


def run(quick, console):
    kills = 5 if quick else 30
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(cloud.CloudFixture('sqlite'))
        directory = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        stand_ins = workload.StandIns(stack, directory, 20)
        conductor = serve(stack, node.bus.url, stand_ins.names[0])
        node.run(
            'agent',
            'bench',
            agent=f'watch_interval = 2\ninterval = 10\n'
            f'services_file = {stand_ins.knowledge}',
        )
        conductor.wait_for('UP')
        took = []
        with console.status('kills'):
            for _ in range(kills):
                took.append(kill_once(conductor, stand_ins))
    for name, value in zip(
        ('min', 'median', 'p99'), figures.spread(took), strict=True
    ):
        yield figures.Figure(
            f'kill to report taken off the bus, {name}', value * 1e3, 'ms'
        )


def kill_once(conductor, stand_ins):
    """
    :returns: seconds
    """
    conductor.heard.clear()
    time.sleep(random.uniform(0.5, 1.5))
    killed = time.time()
    os.kill(stand_ins.pids[conductor.victim], signal.SIGKILL)
    took = conductor.wait_for('DOWN') - killed
    stand_ins.start(conductor.victim)
    conductor.wait_for('UP')
    return took


def serve(stack, url, victim):
    """
    :returns: a Conductor on the bus
    """
    conf = stack.enter_context(config_fixture.Config(cfg.CONF)).conf
    conf([], project='sentinella', default_config_files=[])
    bus = transport.get_transport(conf, url)
    stack.callback(bus.cleanup)
    conductor = Conductor(victim)
    server = transport.get_server(
        bus, transport.CONDUCTOR_TOPIC, 'bench', conductor
    )
    server.start()
    stack.callback(server.wait)
    stack.callback(server.stop)
    return conductor
