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

from sentinella.agent import base

NAMES = ('warnings', 'errors', 'criticals', 'tracebacks')


class LogsCollector(base.Collector):
    """How many records of which level each service has logged.

    It needs to read the services' logs: on most systems by being in the group
    `adm`, and in those of the services.
    """

    METRICS = {
        'log.warnings': 'WARNING records since the last report; by service',
        'log.errors': 'ERROR records since the last report; by service',
        'log.criticals': 'CRITICAL records since the last report; by service',
        'log.tracebacks': 'Tracebacks since the last report; by service',
        'log.suppressed': 'Log events counted but not sent, since the last '
        'report; by service',
    }

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
    :param counts: a :class:`sentinella.agent.logs.follower.Counts`; None
        where its logs can't be read
    """
    for name in NAMES:
        value = None if counts is None else getattr(counts, name)
        yield sample(name, value, service)


def sample(name, value, service):
    return base.sample(f'log.{name}', value, service=service)
