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

"""The agent with real processes and real logs, its conductor in memory."""

import json
import os
import signal
import socket
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
from sentinella import signing
from sentinella import wire
from sentinella.agent import base as agent_base
from sentinella.agent import service
from sentinella.agent.collectors import tcp
from sentinella.knowledge import services

#: A master with a title, a pipe to it, and workers that it keeps up.
MASTER = """
import os, setproctitle, signal, sys, time
name, path = sys.argv[1:]
setproctitle.setproctitle(
    f'{name}: master process [/bin/{name} --log-file {path}]')
def spawn():
    pid = os.fork()
    if not pid:
        setproctitle.setproctitle(f'{name}: ServiceWrapper worker(0)')
        time.sleep(120)
        os._exit(0)
    return pid
spawn()
print('ready', flush=True)
while True:
    os.wait()
    spawn()
"""

SERVICES = """
tests:
  services:
    test-one:
    test-two:
"""


class Conductor:
    """Takes everything, and lets one wait for what it has taken."""

    def __init__(self):
        self.registrations = []
        self.reports = []
        self.away = False
        self.changed = threading.Condition()

    def register(self, signed):
        if self.away:
            raise exceptions.BusUnavailable('nobody')
        self.registrations.append(
            self.read(signed, model.Registration, signing.REGISTRATION)
        )
        return model.Receipt(model.ReceiptStatus.ACCEPTED)

    def report(self, signed):
        if self.away:
            raise exceptions.BusUnavailable('nobody')
        report = self.read(signed, model.Report, signing.REPORT)
        with self.changed:
            self.reports.append(report)
            self.changed.notify_all()
        return model.Receipt(model.ReceiptStatus.ACCEPTED)

    def read(self, signed, cls, kind):
        for signature in signed.signatures:
            assert signing.verify(signature, kind, signed.body)
        return wire.from_wire(cls, json.loads(signed.body))

    def wait_for(self, wanted):
        """
        :param wanted: called with all reports until it is true
        """
        with self.changed:
            if not self.changed.wait_for(lambda: wanted(self.reports), 30):
                raise AssertionError(f'not seen among {self.reports}')


def statuses(reports, name):
    return [s for r in reports for s in r.services if s.name == name]


def states(reports, name):
    """Each state that it took, once."""
    found = []
    for status in statuses(reports, name):
        if not found or found[-1] != status.state:
            found.append(status.state)
    return found


class TestAgent(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.conductor = Conductor()
        self.agent = None
        path = os.path.join(self.directory, 'services.yaml')
        with open(path, 'w') as file:
            file.write(SERVICES)
        self.conf = cfg.ConfigOpts()
        options.register_opts(self.conf)
        self.conf([], project='sentinella', default_config_files=[])
        self.conf.set_override('state_path', self.directory)
        for name, value in (
            ('interval', 1.0),
            ('watch_interval', 0.1),
            ('services_file', [path]),
            # whatever else this machine runs
            ('exclude_services', list(services.load().kinds)),
        ):
            self.conf.set_override(name, value, 'agent')

    def start(self):
        self.agent = service.Agent(self.conf, self.conductor)
        self.agent.start()
        self.addCleanup(self.stop)
        return self.agent

    def stop(self):
        if self.agent is not None:
            self.agent.stop()
        self.agent = None

    def master(self, name='test-one'):
        log = os.path.join(self.directory, f'{name}.log')
        process = subprocess.Popen(
            [sys.executable, '-c', MASTER, name, log],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.addCleanup(self.kill_all, process)
        process.stdout.readline()
        return process

    def kill_all(self, process):
        process.stdout.close()
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.poll()
        process.wait()

    def wait_for(self, name, *expected):
        self.conductor.wait_for(
            lambda reports: states(reports, name) == list(expected)
        )

    def until(self, wanted):
        for _ in range(600):
            if wanted():
                return
            time.sleep(0.05)
        self.fail(self.logger.output)

    def samples(self, metric):
        found = []
        for report in self.conductor.reports:
            if report.frame is None:
                continue
            for known, value in zip(
                report.frame.metrics or self.metrics[report.frame.schema],
                model.unpack(report.frame.values),
                strict=True,
            ):
                if known == metric:
                    found.append(value)
        return found

    @property
    def metrics(self):
        return {
            r.frame.schema: r.frame.metrics
            for r in self.conductor.reports
            if r.frame is not None and r.frame.metrics is not None
        }

    def test_a_death_and_a_return(self):
        first = self.master()
        self.start()
        self.wait_for('test-one', 'UP')
        first.kill()
        self.wait_for('test-one', 'UP', 'DOWN')
        # its worker lives on and is not taken for it
        self.conductor.wait_for(
            lambda reports: sum(r.frame is not None for r in reports) > 5
        )
        self.assertEqual(
            ['UP', 'DOWN'], states(self.conductor.reports, 'test-one')
        )
        second = self.master()
        self.wait_for('test-one', 'UP', 'DOWN', 'UP')
        last = statuses(self.conductor.reports, 'test-one')[-1]
        self.assertEqual(second.pid, last.pids[0])
        self.stop()
        up = self.samples(model.Metric.of('process.up', service='test-one'))
        self.assertEqual([1.0, 0.0, 1.0], squeezed(up))
        restarts = model.Metric.of('process.restarts', service='test-one')
        self.assertEqual(1.0, sum(self.samples(restarts)))
        times = [r.frame.at for r in self.conductor.reports if r.frame]
        self.assertEqual(sorted(set(times)), times)
        # what changed wakes evaluators, what is measured again does not
        for report in self.conductor.reports:
            names = {m.name for m in self.metrics[report.frame.schema]}
            if 'process.up' in names:
                self.assertEqual(report.urgent, 'cpu.percent' not in names)

    def test_what_others_answer_is_told_at_once_when_it_changes(self):
        self.conf.set_override('probe_interval', 1.0, 'agent')
        door = socket.create_server(('127.0.0.1', 0))
        address = f'127.0.0.1:{door.getsockname()[1]}'
        group = tcp.TcpCollector.group()
        self.conf.register_opts(tcp.TcpCollector.OPTIONS, group=group)
        self.conf.set_override('targets', [address], group)
        self.conf.set_override('collectors', ['tcp'], 'agent')
        self.start()
        up = model.Metric.of('tcp.up', target=address)
        self.until(lambda: 1.0 in self.samples(up))
        door.close()
        self.until(lambda: 0.0 in self.samples(up))
        for report in self.conductor.reports:
            if up in self.metrics[report.frame.schema]:
                refused = report.urgent
        self.assertTrue(refused)

    def test_what_others_answer_is_told_each_so_many_ticks(self):
        self.conf.set_override('probe_interval', 2.0, 'agent')
        door = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(door.close)
        address = f'127.0.0.1:{door.getsockname()[1]}'
        group = tcp.TcpCollector.group()
        self.conf.register_opts(tcp.TcpCollector.OPTIONS, group=group)
        self.conf.set_override('targets', [address], group)
        self.conf.set_override('collectors', ['tcp', 'host'], 'agent')
        self.start()
        up = model.Metric.of('tcp.up', target=address)
        self.until(lambda: len(self.samples(up)) == 4)
        told = [
            up in self.metrics[report.frame.schema]
            for report in self.conductor.reports
        ]
        first = told.index(True)
        self.assertEqual(
            [True, False, True, False, True], told[first : first + 5]
        )

    def test_a_workers_death_is_a_restart(self):
        process = self.master()
        self.start()
        self.conductor.wait_for(
            lambda reports: any(
                len(s.pids) == 2 for s in statuses(reports, 'test-one')
            )
        )
        worker = statuses(self.conductor.reports, 'test-one')[-1].pids[1]
        os.kill(worker, signal.SIGKILL)
        self.conductor.wait_for(
            lambda reports: statuses(reports, 'test-one')[-1].restarts == 1
        )
        last = statuses(self.conductor.reports, 'test-one')[-1]
        self.assertEqual(process.pid, last.pids[0])
        self.assertEqual(['UP'], states(self.conductor.reports, 'test-one'))

    def test_dead_before_the_agent_started(self):
        process = self.master()
        self.start()
        self.wait_for('test-one', 'UP')
        self.stop()
        self.kill_all(process)
        del self.conductor.reports[:]
        self.start()
        self.wait_for('test-one', 'DOWN')
        self.assertTrue(self.conductor.reports[0].complete)
        # from the first frame on, its times are right by our clock
        registered = self.conductor.registrations[-1].sent_at
        self.assertLessEqual(registered, self.conductor.reports[0].sent_at)
        self.assertGreater(registered, time.time() - 3600)

    def test_excluded(self):
        names = [*self.conf.agent.exclude_services, 'test-one']
        self.conf.set_override('exclude_services', names, 'agent')
        self.master()
        self.master('test-two')
        self.start()
        self.wait_for('test-two', 'UP')
        self.assertEqual([], states(self.conductor.reports, 'test-one'))

    def test_what_is_logged(self):
        path = os.path.join(self.directory, 'test-one.log')
        with open(path, 'w') as file:
            file.write('2026-11-22 07:00:00.500 7 ERROR a.b [-] from before\n')
        self.master()
        self.start()
        self.wait_for('test-one', 'UP')
        with open(path, 'a') as file:
            file.write('2026-11-22 07:00:01.500 7 ERROR a.b [-] broken\n')
            file.write(
                '2026-11-22 07:00:01.500 7 ERROR a.b Traceback (most recent'
                ' call last):\n'
            )
        self.conductor.wait_for(lambda reports: any(r.events for r in reports))
        (event,) = [e for r in self.conductor.reports for e in r.events]
        self.assertEqual(('broken', 1), (event.message, event.count))
        self.assertIsNotNone(event.traceback)
        count = len(self.conductor.reports)
        self.conductor.wait_for(lambda reports: len(reports) > count + 1)
        errors = model.Metric.of('log.errors', service='test-one')
        self.assertEqual(1.0, sum(self.samples(errors)))
        tracebacks = model.Metric.of('log.tracebacks', service='test-one')
        self.assertEqual(1.0, sum(self.samples(tracebacks)))

    def test_nothing_is_missing_after_the_bus_was_away(self):
        def whole(reports):
            sequences = sorted(r.sequence for r in reports)
            return len(sequences) > 2 and sequences == list(
                range(1, len(sequences) + 1)
            )

        self.conductor.away = True
        process = self.master()
        self.start()
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.publish.publisher.LONGEST', 0.5
            )
        )
        self.until(lambda: 'Reports wait' in self.logger.output)
        self.until(lambda: 'test-one' in self.agent.node.services)
        process.kill()
        self.until(lambda: 'test-one is DOWN' in self.logger.output)
        self.conductor.away = False
        self.conductor.wait_for(whole)
        reports = list(self.conductor.reports)
        in_order = sorted(reports, key=lambda r: r.sequence)
        self.assertEqual(['UP', 'DOWN'], states(in_order, 'test-one'))
        # a death overtakes, and each lane keeps its order
        for overtakes in (True, False):
            lane = [r.sequence for r in reports if r.overtakes is overtakes]
            self.assertEqual(sorted(lane), lane)
        self.assertTrue(reports[0].overtakes)

    def test_a_failing_collector_stops_no_other(self):
        class Broken(agent_base.Collector):
            def collect(self, now):
                raise RuntimeError('no luck')

        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.logs.LogsCollector', Broken
            )
        )
        self.start()
        self.conductor.wait_for(lambda reports: len(reports) > 2)
        self.assertEqual(
            1, self.logger.output.count('collector logs failed, and goes on')
        )
        self.assertTrue(self.samples(model.Metric.of('load.1m')))

    def test_an_unknown_collector_is_named(self):
        self.conf.set_override('collectors', ['nonsense'], 'agent')
        error = self.assertRaises(exceptions.InvalidConfiguration, self.start)
        self.assertIn("'nonsense'", str(error))
        self.assertIn('expected one of: ', str(error))
        self.assertIn(' host, ', str(error))


def squeezed(values):
    return [v for i, v in enumerate(values) if not i or values[i - 1] != v]
