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

"""How many records of which level each service has logged."""

import functools

from sentinella import model
from sentinella.agent import base

NAN = float('nan')
NAMES = ('warnings', 'errors', 'criticals', 'tracebacks')


class LogsCollector(base.Collector):
    def collect(self, now):
        logs = self.node.logs
        if logs is None:
            return
        suppressed = logs.events.take_suppressed()
        for service in sorted(logs.followed()):
            yield from count_samples(service, logs.take(service))
            yield sample('suppressed', suppressed.get(service, 0), service)


def count_samples(service, counts):
    """
    :param counts: a :class:`sentinella.agent.tail.Counts`; None where its
        logs can't be read
    """
    for name in NAMES:
        value = NAN if counts is None else getattr(counts, name)
        yield sample(name, value, service)


def sample(name, value, service):
    return model.Sample(_metric(name, service), float(value))


@functools.cache
def _metric(name, service):
    return model.Metric.of(f'log.{name}', service=service)
