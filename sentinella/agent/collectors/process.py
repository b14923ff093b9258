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

import functools

from sentinella import model
from sentinella.agent import base
from sentinella.agent import proc

NAN = float('nan')


class ProcessCollector(base.Collector):
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
            yield sample(name, value if known else NAN, service)

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
        return round(100 * spent, 1) if known else NAN


def state_samples(service):
    """Whether it is up, and its restarts since this was last called."""
    up = {model.ServiceState.UP: 1.0, model.ServiceState.DOWN: 0.0}
    yield sample('up', up.get(service.state, NAN), service)
    yield sample('restarts', service.take_restarts(), service)


def sample(name, value, service):
    return model.Sample(_metric(name, service.name), float(value))


@functools.cache
def _metric(name, service):
    return model.Metric.of(f'process.{name}', service=service)


def _open_files(stats):
    counts = [proc.open_files(stat.pid) for stat in stats]
    return NAN if None in counts else sum(counts)
