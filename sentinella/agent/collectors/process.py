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

"""What the processes of each watched service use."""

from sentinella import model
from sentinella.agent import base
from sentinella.agent import proc


class ProcessCollector(base.Collector):
    """What the processes of each watched service use, and that they live.

    It needs nothing. Before Linux 6.2 the open files of other users'
    processes are not for it to see.
    """

    METRICS = {
        'process.up': 'Whether a master of the service lives: 1 or 0',
        'process.restarts': 'Restarts of masters and workers since the last '
        'report',
        'process.cpu_percent': 'Share of one processor, %',
        'process.rss_bytes': 'Resident memory of all its processes, bytes',
        'process.threads': 'Threads of all its processes',
        'process.open_files': 'Files that its processes hold open',
        'process.count': 'Number of its processes',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._before = {}

    def collect(self, now):
        before, self._before = self._before, {}
        for service in self.node.services.values():
            yield from state_samples(service)
            yield from self._usage(service, now, before)

    def _usage(self, service, now, before):
        stats = [proc.stat(process.pid) for process in service.processes]
        stats = [stat for stat in stats if stat is not None]
        values = {
            'cpu_percent': self._cpu(stats, now, before),
            'rss_bytes': sum(stat.rss for stat in stats),
            'threads': sum(stat.threads for stat in stats),
            'open_files': _open_files(stats),
            'count': len(stats),
        }
        for name, value in values.items():
            # a service that is down uses nothing that could be measured
            known = stats or name == 'count'
            yield sample(name, value if known else base.NAN, service)

    def _cpu(self, stats, now, before):
        """In percent of one CPU."""
        spent, known = 0.0, False
        for stat in stats:
            key = stat.pid, stat.start
            self._before[key] = now, stat.cpu
            at, cpu = before.get(key, (now, 0))
            if now > at:
                known = True
                spent += (stat.cpu - cpu) / proc.TICKS / (now - at)
        return round(100 * spent, 1) if known else base.NAN


def state_samples(service):
    """Whether it is up, and its restarts since this was last called."""
    up = {model.ServiceState.UP: 1.0, model.ServiceState.DOWN: 0.0}
    yield sample('up', up.get(service.state, base.NAN), service)
    yield sample('restarts', service.take_restarts(), service)


def sample(name, value, service):
    return base.sample(f'process.{name}', value, service=service.name)


def _open_files(stats):
    counts = [proc.open_files(stat.pid) for stat in stats]
    return base.NAN if None in counts else sum(counts)
