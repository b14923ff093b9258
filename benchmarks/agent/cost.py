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

"""What an agent costs its node, beside others in the same window.

It watches whatever runs here, a control plane at best, and stand-ins with
twenty logs that grow. Beside it: a loop over all processes with psutil; collectd, where it is installed;
and any process that SENTINELLA_BENCH_PEERS names, as NAME=PID[,PID...], with
spaces between several.
"""

import contextlib
import os
import pathlib
import shutil
import tempfile
import time

from benchmarks import figures
from benchmarks.agent import workload
from tests import cloud

STAND_INS, LOGS = 2, 10
INTERVAL = 10.0
#: Seconds from the agent's start to the first window: it is found out what
#: there is, once.
WARM = 45.0

COLLECTD = """\
Hostname "bench"
FQDNLookup false
Interval {interval}
BaseDir "{directory}"
PIDFile "{directory}/collectd.pid"
LoadPlugin cpu
LoadPlugin memory
LoadPlugin load
LoadPlugin df
LoadPlugin disk
LoadPlugin interface
LoadPlugin processes
LoadPlugin tail
LoadPlugin csv
<Plugin csv>
  DataDir "{directory}/csv"
</Plugin>
<Plugin processes>
{matches}
</Plugin>
<Plugin tail>
{tails}
</Plugin>
"""
MATCH = '  ProcessMatch "{name}" "^{name} "\n'
TAIL = """\
  <File "{path}">
    Instance "{name}"
    <Match>
      Regex " (WARNING|ERROR|CRITICAL) "
      DSType "CounterInc"
      Type "counter"
      Instance "{name}"
    </Match>
  </File>
"""


def run(quick, console):
    seconds = 60 if quick else 300
    with (
        cloud.CloudFixture('mysql', interval=10) as node,
        contextlib.ExitStack() as stack,
    ):
        directory = pathlib.Path(stack.enter_context(_directory()))
        stand_ins = workload.StandIns(stack, directory, STAND_INS, LOGS)
        agent = workload.run_agent(node, stand_ins, INTERVAL)
        peers = _peers(stack, directory, stand_ins)
        stand_ins.grow(stack)
        ours = workload.Tree(agent.pid)
        with console.status(f'{WARM + seconds:.0f} s beside each other'):
            time.sleep(WARM)
            spent = _measure([ours, *peers.values()], seconds)
        rss = [tree.rss() for tree in (ours, *peers.values())]
    for what, unit, values in (
        ('CPU of one core', '%', spent),
        ('resident memory', 'MiB', rss),
    ):
        for name, value in zip(peers, values[1:], strict=True):
            yield figures.Figure(what, values[0], unit, name, value)


def _measure(trees, seconds):
    """
    :returns: percent of one core that each takes
    """
    before, began = [tree.cpu() for tree in trees], time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return [
        100 * (tree.cpu() - was) / took
        for tree, was in zip(trees, before, strict=True)
    ]


def _directory():
    return tempfile.TemporaryDirectory(prefix='sentinella-bench-')


def _peers(stack, directory, stand_ins):
    peers = {'psutil loop': workload.naive(stack, INTERVAL)}
    collectd = shutil.which('collectd', path='/usr/sbin:/usr/bin')
    if collectd:
        peers['collectd'] = _collectd(stack, directory, stand_ins, collectd)
    for given in os.environ.get('SENTINELLA_BENCH_PEERS', '').split():
        name, _, pids = given.partition('=')
        peers[name] = workload.Tree(*map(int, pids.split(',')))
    return peers


def _collectd(stack, directory, stand_ins, program):
    config = directory / 'collectd.conf'
    config.write_text(
        COLLECTD.format(
            interval=INTERVAL,
            directory=directory,
            matches=''.join(
                MATCH.format(name=log.stem) for log in stand_ins.logs
            ),
            tails=''.join(
                TAIL.format(path=log, name=log.stem) for log in stand_ins.logs
            ),
        )
    )
    process = workload.start(stack, [program, '-f', '-C', config])
    return workload.Tree(process.pid)
