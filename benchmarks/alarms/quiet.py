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

"""What a cloud costs the evaluator where nothing is wrong.

All built-in definitions are there, and on each server all that they read:
services, disks, databases, message queues, as they are while those keep
quiet. What Nova and Neutron say of the servers is told by one more. It is the
evaluator itself that is measured, from the claims of what is due to the end
of the last transaction: CPU time, and statements that go to MariaDB.
"""

import re
import resource
import time

import sqlalchemy as sa

from benchmarks import figures
from benchmarks.alarms import evaluation
from sentinella import model
from sentinella.db import alarms
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import servers
from sentinella.evaluator import builtin
from sentinella.evaluator import service as evaluator
from sentinella.knowledge import cloud as clouds
from sentinella.knowledge import definitions as knowledge
from sentinella.storage import base
from tests import databases

#: Names of what is well while it is much; of all else it is while it is little.
MUCH = re.compile(
    r'.+(\.up|_bytes|_left|_ratio|nodes|_running|\.controllers.*|connected'
    r'|synced|synchronised|trusted|streaming|applied|active|_leader)'
)

#: What an API tells of services that run on each node.
SERVICES = {
    'nova-compute': ('nova.service.up', 'nova.service.enabled'),
    'neutron-openvswitch-agent': ('neutron.agent.up', 'neutron.agent.enabled'),
}


def run(quick, console):
    few, many = (100, 1000) if quick else (1000, 10000)
    took = {}
    for size in (few, many):
        with (
            databases.DatabaseFixture('mysql') as stored,
            console.status(f'{size} quiet servers'),
        ):
            cloud = Quiet(stored, size)
            cloud.fill(300)
            took[size] = cloud.passes()
            assert not cloud.alarms(), cloud.alarms()
        for name, of in took[size].items():
            yield figures.Figure(f'{size} servers, {name}: CPU', of[0], 's')
            yield figures.Figure(f'{size}, {name}: statements', of[1], '')
    yield figures.Figure(
        f'CPU a server of {many}, all that is built in, next pass',
        took[many]['next pass'][0] / many * 1e6,
        'us',
        f'a server of {few}',
        took[few]['next pass'][0] / few * 1e6,
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield figures.Figure('resident memory, at most', peak, 'MiB')


class Quiet(evaluation.Cloud):
    def __init__(self, stored, size):
        super().__init__(stored, size)
        builtin.install(self.database)
        with self.database.writer() as session:
            self._told_by = evaluation.register(
                session, clouds.HOSTNAME, clouds.SERVER, 60.0
            )
        # each is due once a pass, however long that takes
        stored.conf.set_override('interval', 3600, 'evaluator')
        self._evaluator = evaluator.Evaluator(
            stored.conf, self.database, self.storage
        )
        self._statements = 0
        engine = self.database.engine
        sa.event.listen(engine, 'before_cursor_execute', self._count)

    def frames(self):
        return [model.Frame.of(0, of_a_node())]

    def write(self, tick):
        super().write(tick)
        if tick % 6 == 0:
            self._write_cloud(tick)

    def _write_cloud(self, tick):
        """What each API says is a frame of its own."""
        hosts = [evaluation.hostname(n) for n in range(len(self.ids))]
        for number, (service, names) in enumerate(SERVICES.items()):
            frame = model.Frame.of(0, of_the_cloud(service, names, hosts))
            self.storage.learn(frame.metrics)
            at = self.now - tick * evaluation.INTERVAL - 1 + number / 1000
            self.storage.write(
                [
                    base.StoredFrame(
                        self._told_by, at, frame.schema, frame.values
                    )
                ]
            )

    def passes(self):
        """
        :returns: mapping of names to (seconds of CPU, statements): one pass
            that reads everything, one that reads what each server reported
            since, and one where none did
        """
        self._report()
        found = {'first pass': self._pass()}
        # what is told is told in time, not before it was
        time.sleep(evaluation.INTERVAL)
        self._report()
        found['next pass'] = self._pass()
        found['nothing new'] = self._pass()
        return found

    def _report(self):
        """Each server does once more, until this very moment."""
        with self.database.reader() as session:
            self.now = clock.read(session) - evaluation.INTERVAL
        self.report()
        with self.database.writer() as session:
            # nobody falls silent while others use this machine
            session.execute(
                servers.TABLE.update().values(last_report_at=self.now + 600)
            )

    def _pass(self):
        with self.database.writer() as session:
            session.execute(
                definitions.TABLE.update().values(next_evaluation=0)
            )
        before, cpu = self._statements, time.process_time()
        while self._evaluator.work():
            pass
        assert self._evaluator.failures == 0
        return time.process_time() - cpu, self._statements - before

    def alarms(self):
        """
        :returns: mapping of definitions' names to a reason
        """
        with self.database.reader() as session:
            return {
                one.definition.name: one.reason
                for one in alarms.list_(session, limit=None)
            }

    def _count(self, *_):
        self._statements += 1


def of_a_node():
    """
    :returns: Samples of all that built-in definitions read of a node
    """
    told = {}
    for entry in knowledge.entries():
        for case in entry.quiet:
            for place in case.places:
                for metric, stretches in place.samples.items():
                    told.setdefault(metric, []).extend(numbers(stretches))
    return [
        model.Sample(model.Metric(*metric), best(metric[0], several))
        for metric, several in told.items()
        if metric[0] not in clouds.METRICS
    ]


def numbers(stretches):
    """All that a metric's words stand for."""
    return [
        number
        for one in stretches
        for number in (one.first, one.last)
        if number is not None
    ]


def best(name, several):
    """Of what keeps definitions quiet, what is furthest from an alarm."""
    return max(several) if MUCH.fullmatch(name) else min(several, key=abs)


def of_the_cloud(service, names, hosts):
    return [
        model.Sample(model.Metric.of(name, service=service, host=host), 1.0)
        for host in hosts
        for name in names
    ]
