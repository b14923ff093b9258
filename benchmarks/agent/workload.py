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

"""Processes that are measured, and what they are measured on."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from tests import receiver

TICKS = os.sysconf('SC_CLK_TCK')

#: Log lines that a stand-in writes in a second; a busy API's are as many.
LINES = 5


class Tree:
    """One or more processes, with all that they have started.

    :param pids: of the processes
    """

    def __init__(self, *pids):
        self._pids = pids

    def cpu(self):
        """
        :returns: seconds that it has run, children that ended included
        """
        return sum(sum(_stat(pid)[11:15]) for pid in self._all()) / TICKS

    def rss(self):
        """
        :returns: MiB that are resident
        """
        return sum(_rss(pid) for pid in self._all())

    def own_rss(self):
        """As :meth:`rss`, without what they have started."""
        return sum(map(_rss, self._pids))

    def _all(self):
        found, rest = [], list(self._pids)
        while rest:
            pid = rest.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                children = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
                rest += map(int, children.read_text().split())
        return found


def _rss(pid):
    return _stat(pid)[21] * os.sysconf('SC_PAGE_SIZE') / 2**20


def _stat(pid):
    """As in proc(5), counted from the state, which is 0."""
    try:
        text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return [0] * 50
    fields = text[text.rindex(')') + 2 :].split()
    return [0, *map(int, fields[1:])]


#: What others write: every process and the host, each time, with psutil.
NAIVE = """\
import sys, time
import psutil, requests
def looked_at(process):
    return {
        'pid': process.pid, 'name': process.name(),
        'cpu': process.cpu_percent(), 'memory': process.memory_percent(),
        'rss': process.memory_info().rss, 'status': process.status(),
        'command': process.cmdline(),
    }
while True:
    began = time.time()
    found = []
    for process in psutil.process_iter():
        try:
            found.append(looked_at(process))
        except psutil.Error:
            pass
    requests.post(sys.argv[1], json={
        'processes': found,
        'cpus': psutil.cpu_percent(percpu=True),
        'cpu': psutil.cpu_times()._asdict(),
        'memory': psutil.virtual_memory()._asdict(),
        'swap': psutil.swap_memory()._asdict(),
        'load': psutil.getloadavg(),
        'filesystems': [psutil.disk_usage(p.mountpoint)._asdict()
                        for p in psutil.disk_partitions()],
        'disks': {k: v._asdict() for k, v in
                  psutil.disk_io_counters(perdisk=True).items()},
        'network': {k: v._asdict() for k, v in
                    psutil.net_io_counters(pernic=True).items()},
    })
    time.sleep(max(0, float(sys.argv[2]) - (time.time() - began)))
"""


def naive(stack, interval):
    """Start a loop over all processes, written as one would at first.

    :returns: Tree
    """
    sink = stack.enter_context(receiver.ReceiverFixture())
    process = start(
        stack, [sys.executable, '-c', NAIVE, sink.url, str(interval)]
    )
    return Tree(process.pid)


def start(stack, command, **options):
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


class StandIns:
    """Services that only sleep, and their logs, which grow.

    :param count: of services; :param logs: of each
    :ivar knowledge: a file for `[agent] services_file`
    :ivar names: theirs; :ivar pids: {name: pid}
    """

    def __init__(self, stack, directory, count, logs=1):
        # not those of another benchmark beside this one
        ours = f'stand-in-{os.getpid()}'
        self.names = [f'{ours}-{number}' for number in range(count)]
        self.knowledge = directory / 'stand-ins.yaml'
        lines = ['stand-ins:', '  services:']
        self.logs, self.pids = [], {}
        for name in self.names:
            files = [directory / f'{name}-{n}.log' for n in range(logs)]
            for file in files:
                file.touch()
            self.logs += files
            paths = ', '.join(map(str, files))
            lines += [f'    {name}:', f'      log_files: [{paths}]']
            self.start(name)
        stack.callback(self._end)
        self.knowledge.write_text('\n'.join(lines) + '\n')

    def start(self, name):
        """Start it, in the place of one that was killed."""
        process = subprocess.Popen([name, '7200'], executable='/bin/sleep')
        # reaped at once, as systemd does
        threading.Thread(target=process.wait, daemon=True).start()
        self.pids[name] = process.pid

    def _end(self):
        for pid in self.pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def grow(self, stack):
        """Have all logs grow until the stack ends."""
        ended = threading.Event()
        writer = threading.Thread(target=self._write, args=(ended,))
        writer.start()
        stack.callback(writer.join)
        stack.callback(ended.set)

    def _write(self, ended):
        number = 0
        while not ended.wait(1 / LINES):
            number += 1
            level = 'WARNING' if number % 100 == 0 else 'INFO'
            stamp = time.strftime('%Y-%m-%d %H:%M:%S')
            text = (
                f'{stamp}.{number % 1000:03} 4711 {level} stand.in.service '
                f'[None req-{number:08x}-0000-4000-8000-000000000000 '
                f'admin admin] request {number} took {number % 97} ms\n'
            )
            for log in self.logs:
                with log.open('a') as file:
                    file.write(text)


def run_agent(node, stand_ins, interval=10.0):
    """Have a conductor, and an agent that is set up as it is by default.

    :param node: a :class:`tests.cloud.CloudFixture`
    :returns: the agent's process
    """
    node.install()
    node.run('conductor', 'bench')
    return node.run(
        'agent',
        'bench',
        # not as quick as tests want it
        agent=f'watch_interval = 2\ninterval = {interval}\n'
        f'services_file = {stand_ins.knowledge}',
    )
