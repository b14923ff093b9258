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

"""An agent that is killed again and again loses nothing of a log."""

import datetime
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import fixtures
from oslo_config import cfg
from oslotest import base

from sentinella import conf as options
from sentinella import exceptions
from sentinella import model
from sentinella import wire
from sentinella.agent import service

from sentinella.knowledge import services
from tests import processes

#: A service's master, which only lives.
MASTER = """
import sys, time
import setproctitle
name, path = sys.argv[1:]
setproctitle.setproctitle(
    f'{name}: master process [/bin/{name} --log-file {path}]')
print('ready', flush=True)
time.sleep(300)
"""
SERVICES = """
tests:
  services:
    test-killed:
"""
#: An agent that reaches nobody, so that all it says is in its spool.
AGENT = """
import sys, time
from tests.functional.agent import test_killed
agent = test_killed.service.Agent(
    test_killed.configuration(sys.argv[1]), test_killed.Conductor())
agent.start()
print('ready', flush=True)
time.sleep(300)
"""


class Conductor:
    """One that is away, until it is there."""

    def __init__(self, away=True):
        self.away = away
        self.reports = []
        self._lock = threading.Lock()

    def register(self, signed):
        if self.away:
            raise exceptions.BusUnavailable('nobody')
        return model.Receipt(model.ReceiptStatus.ACCEPTED)

    def report(self, signed):
        if self.away:
            raise exceptions.BusUnavailable('nobody')
        found = wire.from_wire(model.Report, json.loads(signed.body))
        with self._lock:
            self.reports.append(found)
        return model.Receipt(model.ReceiptStatus.ACCEPTED)


def configuration(directory):
    path = os.path.join(directory, 'services.yaml')
    with open(path, 'w') as file:
        file.write(SERVICES)
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], project='sentinella', default_config_files=[])
    conf.set_override('state_path', directory)
    for name, value in (
        ('interval', 1.0),
        ('watch_interval', 0.1),
        ('max_events_per_second', 10000),
        ('collectors', ['logs']),
        ('services_file', [path]),
        ('exclude_services', list(services.load().kinds)),
    ):
        conf.set_override(name, value, 'agent')
    return conf


def word(number):
    """Another one for each number, of letters only."""
    return ''.join(chr(ord('g') + int(digit)) for digit in str(number))


class TestKilled(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(self.directory, 'test-killed.log')
        self.number = 0
        self.write(0)
        self.run_script(MASTER, 'test-killed', self.path)

    def run_script(self, script, *arguments):
        process = subprocess.Popen(
            [sys.executable, '-c', script, *arguments],
            stdout=subprocess.PIPE,
        )
        self.addCleanup(self.kill, process)
        self.assertEqual(b'ready\n', process.stdout.readline())
        return process

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    def write(self, count):
        with open(self.path, 'a') as file:
            for _ in range(count):
                self.number += 1
                now = datetime.datetime.now().isoformat(' ', 'milliseconds')
                file.write(f'{now} 7 ERROR a.b [-] {word(self.number)}\n')

    def rotate(self):
        for number in range(9, 0, -1):
            if os.path.exists(f'{self.path}.{number}'):
                os.rename(f'{self.path}.{number}', f'{self.path}.{number + 1}')
        os.rename(self.path, f'{self.path}.1')

    def test_each_record_is_told(self):
        chance = random.Random(5)
        agent = self.run_script(AGENT, self.directory)
        positions = os.path.join(self.directory, 'agent', 'positions.json')
        processes.wait_for(
            lambda: os.path.exists(positions) and self.path in read(positions),
            'the log is followed',
        )
        for i in range(6):
            for _ in range(6):
                self.write(chance.randint(1, 9))
                time.sleep(chance.random() / 20)
            self.kill(agent)
            self.write(chance.randint(1, 9))
            if i % 2:
                self.rotate()
                self.write(chance.randint(1, 9))
            agent = self.run_script(AGENT, self.directory)
            time.sleep(chance.random())
        self.kill(agent)
        conductor = Conductor(away=False)
        last = service.Agent(configuration(self.directory), conductor)
        last.start()
        wanted = {word(number) for number in range(1, self.number + 1)}
        try:
            processes.wait_for(
                lambda: wanted <= told(conductor.reports), 'all was told'
            )
        finally:
            last.stop()
        counts = [
            event.count
            for report in conductor.reports
            for event in report.events
        ]
        # what was read again is what was read since the place was kept
        self.assertLess(sum(counts), 3 * self.number)


def told(reports):
    return {event.message for r in list(reports) for event in r.events}


def read(path):
    with open(path) as file:
        return file.read()
