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

from oslo_config import cfg

from sentinella import model
from sentinella.agent import base
from sentinella.agent.node import connections
from sentinella.agent.node import proc
from sentinella.knowledge import services

#: Seconds that a service is given to connect once it has started.
STARTING = 60.0


class ProcessCollector(base.Collector):
    """What the processes of each watched service use, and that they live.

    A service that lives and has lost its message bus does no work. So the
    connections of those that are known to use it or a database are counted,
    and for those that hold one open as long as they work, it is said whether
    they do.

    It needs nothing. Before Linux 6.2 the open files of other users'
    processes are not for it to see. Nor is it, as an unprivileged user, which
    of two services of one user holds a connection: then their numbers are
    not known, unless the user has none.
    """

    OPTIONS = (
        cfg.ListOpt(
            'bus_ports',
            default=[],
            item_type=cfg.types.Port(),
            help='Ports that the message bus is reached at, besides 5672, '
            '5671 and those that a RabbitMQ on this node listens on.',
        ),
        cfg.ListOpt(
            'database_ports',
            default=[],
            item_type=cfg.types.Port(),
            help='Ports that the database is reached at, besides 3306, 5432 '
            'and those that a database on this node listens on.',
        ),
    )
    METRICS = {
        'process.up': 'Whether a master of the service lives: 1 or 0',
        'process.restarts': 'Restarts of masters and workers since the last '
        'report',
        'process.cpu_percent': 'Share of one processor, %',
        'process.rss_bytes': 'Resident memory of all its processes, bytes',
        'process.threads': 'Threads of all its processes',
        'process.open_files': 'Files that its processes hold open',
        'process.count': 'Number of its processes',
        'process.bus_connections': 'TCP connections to the message bus',
        'process.database_connections': 'TCP connections to a database',
        'process.bus.up': 'Whether a service that holds a connection to the '
        'message bus as long as it works has one: 1 or 0; it is not known '
        'until it was once seen to have one, and while it starts',
        'process.database.up': 'The same of the database',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._before = {}
        self._connected = set()
        self._connections = connections.Connections(
            node,
            {
                use: getattr(self.options, f'{use}_ports')
                for use in services.CONNECTIONS
            },
        )

    def collect(self, now):
        before, self._before = self._before, {}
        counted = self._connections.count()
        for service in self.node.services.values():
            yield from state_samples(service)
            yield from self._usage(service, now, before)
            yield from self._connects(service, counted.get(service.name, {}))

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

    def _connects(self, service, counted):
        for use in service.kind.uses:
            count = counted.get(use)
            yield sample(f'{use}_connections', count, service)
            if use in service.kind.keeps:
                yield sample(
                    f'{use}.up', self._holds(service, use, count), service
                )

    def _holds(self, service, use, count):
        """
        :returns: bool; None where that can't be told
        """
        if count:
            self._connected.add((service.name, use))
            return True
        # one that never had any may be told to go elsewhere
        known = count is not None and (service.name, use) in self._connected
        ages = [found.master.age() for found in service.masters.values()]
        return False if known and min(ages, default=0) > STARTING else None

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
