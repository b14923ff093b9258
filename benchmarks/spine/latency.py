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


"""How long from a kill -9 of a service's master to the webhook.

Real processes on RabbitMQ and MariaDB. What is killed is what
SENTINELLA_BENCH_SCHEDULER starts, where that is set: the command line of a
real nova-scheduler, of which no other may run. Otherwise it is a stand-in
with nova-scheduler's launcher and worker. Beside it, on the same kills: a loop that looks at the
process once a second and posts to the same receiver, as monit does.
"""

import contextlib
import os
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.request

from benchmarks import figures
from sentinella.db import services
from tests import cloud
from tests import processes
from tests import receiver

STAND_IN_NAME = 'bench-scheduler'

#: In the form of knowledge/services.yaml.
STAND_IN_KNOWLEDGE = f'bench:\n  services:\n    {STAND_IN_NAME}:\n'

STAND_IN = """\
#!{python}
from oslo_service import backend
backend.init_backend(backend.BackendType.THREADING)
from oslo_config import cfg
from oslo_service import service
cfg.CONF([], project='nova')
launcher = service.ProcessLauncher(cfg.CONF)
launcher.launch_service(service.Service(), workers=1)
launcher.wait()
"""


class Target:
    """What is killed, and started again.

    :ivar service: its name; :ivar agent: what an agent needs to know it
    """

    def __init__(self, directory):
        given = os.environ.get('SENTINELLA_BENCH_SCHEDULER')
        if given:
            self.service, self.agent = 'nova-scheduler', ''
            self._command = shlex.split(given)
        else:
            self.service = STAND_IN_NAME
            knowledge = directory / 'services.yaml'
            knowledge.write_text(STAND_IN_KNOWLEDGE)
            self.agent = f'services_file = {knowledge}'
            self._command = self._make(directory)

    @staticmethod
    def _make(directory):
        script = directory / STAND_IN_NAME
        script.write_text(STAND_IN.format(python=sys.executable))
        script.chmod(0o755)
        return [str(script)]

    def start(self):
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
        )
        # reaped at once, as systemd does
        threading.Thread(target=self._process.wait, daemon=True).start()

    @property
    def pid(self):
        return self._process.pid

    def end(self):
        """Its workers as well."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def kill(self):
        """
        :returns: when
        """
        now = time.time()
        os.kill(self.pid, signal.SIGKILL)
        return now


class Poller(threading.Thread):
    """Looks once a second, and posts when the process is gone."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self._url = url
        self.pid = None

    def run(self):
        while True:
            time.sleep(1.0)
            if self.pid and not os.path.exists(f'/proc/{self.pid}'):
                self.pid = None
                urllib.request.urlopen(
                    urllib.request.Request(
                        self._url, b'{"kind": "poller"}', method='POST'
                    )
                ).close()


def run(quick, console):
    kills = 5 if quick else 20
    with (
        cloud.CloudFixture('mysql', interval=10) as node,
        receiver.ReceiverFixture() as ours,
        receiver.ReceiverFixture() as theirs,
        contextlib.ExitStack() as ended,
    ):
        target = prepare(node, ours)
        # one that is left over would keep the service up the next time
        ended.callback(target.end)
        poller = Poller(theirs.url)
        poller.start()
        took, polled = [], []
        with console.status('') as status:
            for number in range(kills):
                status.update(f'kill {number + 1} of {kills}')
                one, other = kill_once(node, target, poller, ours, theirs)
                took.append(one)
                polled.append(other)
    what = f'kill of {target.service} to webhook'
    for name, one, other in zip(
        ('min', 'median', 'p99'),
        figures.spread(took),
        figures.spread(polled),
        strict=True,
    ):
        yield figures.Figure(
            f'{what}, {name}', one * 1e3, 'ms', 'a look a second', other * 1e3
        )


def prepare(node, ours):
    node.install()
    node.page_to(ours.url)
    target = Target(node.directory)
    target.start()
    for script in ('conductor', 'evaluator', 'agent'):
        node.run(script, 'bench', agent=target.agent)
    return target


def kill_once(node, target, poller, ours, theirs):
    """
    :returns: seconds to our webhook, and to the poller's
    """
    processes.wait_for(lambda: seen_up(node, target), 'seen running')
    poller.pid = target.pid
    time.sleep(random.uniform(1, 2))
    ours.messages.clear()
    theirs.messages.clear()
    killed = target.kill()
    came = processes.wait_for(lambda: page(ours, target), 'our page')
    other = processes.wait_for(lambda: theirs.messages, 'the poller')[0][0]
    target.start()
    processes.wait_for(lambda: page(ours, target, 'recovery'), 'recovery')
    return came - killed, other - killed


def page(ours, target, kind='alarm'):
    """
    :returns: when the page about our service came, or None
    """
    for at, body in ours.messages:
        if body['kind'] == kind and body['service'] == target.service:
            return at
    return None


def seen_up(node, target):
    with node.database.reader() as session:
        found = services.list_(session, limit=1, name=target.service)
    return found and target.pid in found[0].status.pids
