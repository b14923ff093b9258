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


"""An agent that lives through so many virtual seconds.

Prints its resident memory as JSON, in MiB, a hundred times on the way.
"""

import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

from benchmarks.agent import workload
from sentinella import model
from sentinella import service
from sentinella.agent import service as agent_service

STAND_INS = 5
#: Virtual seconds from one service's end to the next one's, and between two
#: rotations of the logs.
DEATHS, ROTATIONS = 300, 3600


class Clock:
    """Takes the place of the real one, from which it starts."""

    def __init__(self):
        self._monotonic, self._time = time.monotonic(), time.time()
        self.passed = 0.0
        time.monotonic = lambda: self._monotonic + self.passed
        time.time = lambda: self._time + self.passed


class Conductor:
    """Takes all."""

    def report(self, signed):
        return model.Receipt(model.ReceiptStatus.ACCEPTED)

    register = report


def main(seconds):
    """
    :returns: list of MiB
    """
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        stand_ins = workload.StandIns(stack, directory, STAND_INS)
        agent = _agent(directory, stand_ins)
        clock = Clock()
        agent.open()
        ours, rss = workload.Tree(os.getpid()), []
        for second in range(seconds):
            clock.passed = float(second)
            _live(stand_ins, second)
            agent.step()
            if second % (seconds // 100) == 0:
                rss.append(round(ours.own_rss(), 1))
        return rss


def _agent(directory, stand_ins):
    config = directory / 'sentinella.conf'
    config.write_text(
        f'[DEFAULT]\nhost = week\nstate_path = {directory}\n'
        f'log_file = {directory}/agent.log\n'
        f'[agent]\nservices_file = {stand_ins.knowledge}\n'
        # a step has nothing to wait for: what it waits for is real time
        'watch_interval = 1\n'
        'collectors = host,process,logs\n'
    )
    conf = service.prepare(['--config-file', str(config)])
    return agent_service.Agent(conf, Conductor())


def _live(stand_ins, second):
    """What happens on a node."""
    name = stand_ins.names[second // DEATHS % STAND_INS]
    if second % DEATHS == 0:
        os.kill(stand_ins.pids[name], signal.SIGKILL)
        stand_ins.start(name)
    for number, log in enumerate(stand_ins.logs):
        if second % ROTATIONS == 0:
            os.replace(log, f'{log}.1')
        with log.open('a') as file:
            file.write(_line(second * STAND_INS + number))


def _line(number):
    level = 'ERROR' if number % 50 == 0 else 'INFO'
    stamp = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(time.time()))
    return (
        f'{stamp}.{number % 1000:03} 4711 {level} stand.in.service [-] '
        f'request {number:x} of {number % 977} failed\n'
    )


if __name__ == '__main__':
    print(json.dumps(main(int(sys.argv[1]))))
    os._exit(0)
