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

"""What a tick takes where five hundred processes run, all others' affair.

A tick is all that the agent does in an interval: it looks for new processes
each second, reads logs, measures, and reports over RabbitMQ. Beside it a loop
over all processes with psutil, which is asked as often.
"""

import contextlib
import pathlib
import tempfile
import time

from benchmarks import figures
from benchmarks.agent import workload
from tests import cloud

PROCESSES = 500
INTERVAL = 10.0


def run(quick, console):
    ticks = 3 if quick else 12
    with (
        cloud.CloudFixture('mysql', interval=10) as node,
        contextlib.ExitStack() as stack,
    ):
        directory = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        for _ in range(PROCESSES):
            workload.start(stack, ['/bin/sleep', '3600'])
        stand_ins = workload.StandIns(stack, directory, 20)
        agent = workload.run_agent(node, stand_ins, INTERVAL)
        trees = [
            workload.Tree(agent.pid),
            workload.naive(stack, INTERVAL),
        ]
        with console.status(f'{PROCESSES} processes'):
            # until it has seen that none of them becomes a service
            time.sleep(45)
            before = [tree.cpu() for tree in trees]
            time.sleep(ticks * INTERVAL)
        ours, theirs = (
            (tree.cpu() - was) / ticks * 1e3
            for tree, was in zip(trees, before, strict=True)
        )
    yield figures.Figure(
        f'CPU of a tick, {PROCESSES} processes',
        ours,
        'ms',
        'psutil loop',
        theirs,
    )
