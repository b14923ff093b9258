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

"""Remembers the services of this node from one look to the next.

A service is as many masters as there are instances of it on the node (two
networks' `neutron-dhcp-agent`, say), each with its workers. It is UP as long
as one master lives, and DOWN when none does: a worker never stands in for
its master, for a killed master's workers go on for some seconds.
"""

import os
import time

from sentinella import model
from sentinella.agent import facts
from sentinella.agent import identify
from sentinella.agent import logfiles
from sentinella.agent import proc
from sentinella.agent import scan

#: Seconds that something new must live to be a service rather than somebody
#: asking a binary for its --version.
PROBATION = 1.0
#: Seconds between two searches for a service's logs.
RELOCATE = 60.0
#: Seconds for which what listens is taken to be the same.
LISTENERS = 10.0
#: Ticks by which a successor may seem to start before its predecessor ends:
#: a shell's loop is fast, and the clock coarse.
CLOSE = 5


class Service:
    """What the agent knows of one service, over time.

    :ivar masters: {(pid, start): Found}
    :ivar restarts: of masters and workers since the agent first knew it
    """

    def __init__(self, kind, now):
        self.kind = kind
        self.name = kind.name
        self.state = model.ServiceState.UNDETERMINED
        self.since = now
        self.masters = {}
        self.evidence = ''
        self.reason = ''
        self.log_files = ()
        self.restarts = 0
        self._reported_restarts = 0
        self._followers = set()
        self._owed = {}
        self._died_at = None
        self._relocate_at = 0.0

    @property
    def processes(self):
        """Its masters first, then their workers."""
        found = [f.master for f in self.masters.values()]
        return found + [w for f in self.masters.values() for w in f.workers]

    def take_restarts(self):
        """Restarts since this was last called."""
        taken = self.restarts - self._reported_restarts
        self._reported_restarts = self.restarts
        return taken

    def status(self):
        return model.ServiceStatus(
            name=self.name,
            state=self.state,
            since=self.since,
            project=self.kind.project,
            pids=tuple(process.pid for process in self.processes),
            log_files=self.log_files,
            evidence=self.evidence,
            reason=self.reason,
            restarts=self.restarts,
        )

    def is_orphan(self, found):
        """Whether a seeming master is what an ended one has left behind."""
        key = found.master.key
        if key in self.masters:
            return False
        if key in self._followers:
            return True
        # its own successor starts after it ended
        return self._died_at is not None and key[1] < self._died_at

    def seen(self, found, now):
        """Take note of a living master.

        :returns: whether it was not known before
        """
        key = found.master.key
        before = self.masters.get(key)
        self.masters[key] = found
        self.evidence = found.evidence
        self._follow(key, before, found)
        if before is not None and self.state is model.ServiceState.UP:
            return False
        if self.state is model.ServiceState.DOWN:
            self.restarts += 1
        if self.state is not model.ServiceState.UP:
            self._become(model.ServiceState.UP, now)
        self.reason = f'process {key[0]} runs'
        return True

    def _follow(self, key, before, found):
        """Count a worker that took a dead one's place as a restart."""
        if not self.kind.workers or before is None:
            new, lost = 0, 0
        else:
            old = {worker.key for worker in before.workers}
            present = {worker.key for worker in found.workers}
            new, lost = len(present - old), len(old - present)
        owed = self._owed.get(key, 0) + lost
        self.restarts += min(new, owed)
        self._owed[key] = owed - min(new, owed)
        self._followers.update(w.key for w in found.workers)

    def died(self, key, now, ticks):
        """Take note of a master's end.

        :returns: whether the service is DOWN by that
        """
        if self.masters.pop(key, None) is None:
            return False
        self._owed.pop(key, None)
        self._died_at = None if ticks is None else ticks - CLOSE
        if self.masters:
            self.reason = f'process {key[0]} ended, others run'
            return False
        self.reason = f'its process {key[0]} ended'
        self._become(model.ServiceState.DOWN, now)
        return True

    def missing(self, now):
        """Take note that it was known, and has no master.

        :returns: whether that is news
        """
        if self.state is model.ServiceState.DOWN:
            return False
        self.reason = 'was not running when the agent started'
        self._become(model.ServiceState.DOWN, now)
        return True

    def _become(self, state, now):
        self.state = state
        self.since = now

    def forget_followers(self):
        """Drop remembered workers that are gone."""
        present = {process.key for process in self.processes}
        for key in self._followers - present:
            found = proc.stat(key[0])
            if found is None or found.start != key[1]:
                self._followers.discard(key)

    def locate_logs(self, now, beside):
        """Look for its logs, if it is time to.

        :param now: seconds of the monotonic clock
        :returns: whether they are others than before
        """
        if now < self._relocate_at or not self.masters:
            return False
        found = logfiles.locate(self.kind, self.processes, beside)
        # a service opens its log some seconds after its process starts
        self._relocate_at = now + (RELOCATE if found else RELOCATE / 12)
        changed = bool(found) and found != self.log_files
        if changed:
            self.log_files = found
        return changed

    def to_state(self):
        """What is kept on disk of it."""
        return {
            'state': self.state,
            'since': self.since,
            'log_files': self.log_files,
            'evidence': self.evidence,
            'restarts': self.restarts,
            'masters': list(self.masters),
            'workers': list(self._followers),
        }

    @classmethod
    def from_state(cls, kind, data, same_boot):
        """
        :param same_boot: whether its processes may still be there
        :raises KeyError, TypeError, ValueError: this is not from
            :meth:`to_state`
        """
        self = cls(kind, float(data['since']))
        state = model.ServiceState(data['state'])
        if same_boot or state is model.ServiceState.DOWN:
            self.state = state
        self.log_files = tuple(map(str, data['log_files']))
        self.evidence = str(data['evidence'])
        self.restarts = self._reported_restarts = int(data['restarts'])
        if same_boot:
            for pid, start in data['masters']:
                process = proc.Process(pid, start, 0, '')
                self.masters[pid, start] = scan.Found(kind, '', process)
            self._followers = {(p, s) for p, s in data['workers']}
        return self


class Node:
    """What collectors are given: this node and the services on it.

    :param catalog: a :class:`sentinella.knowledge.services.Catalog`
    :param exclude: names of services that are not watched
    :ivar services: {name: Service}
    :ivar facts: short facts for the registration
    :ivar logs: the :class:`sentinella.agent.tail.Logs` that follows the
        services' logs, once the agent has set it
    """

    def __init__(self, catalog, exclude=(), hostname=''):
        self.services = {}
        self.facts = facts.of_host(hostname)
        self.logs = None
        self._catalog = catalog
        self._exclude = set(exclude)
        self._scanner = scan.Scanner(identify.Identifier(catalog))
        self._watched = set()
        self._found = []
        self._unsure = False
        self._listened_at, self._listening = -LISTENERS, {}

    def find(self):
        """All services that run just now, remembered ones aside.

        :returns: list of :class:`sentinella.agent.scan.Found`
        """
        table = self._scanner.scan(time.monotonic())
        if self._scanner.changed:
            found = scan.assemble(table, self._listeners, self._catalog)
            self._found = [
                f for f in found if f.kind.name not in self._exclude
            ]
        return self._found

    def _listeners(self):
        """As :func:`proc.listeners`, which takes the kernel milliseconds."""
        now = time.monotonic()
        if now >= self._listened_at + LISTENERS:
            self._listened_at, self._listening = now, proc.listeners()
        return self._listening

    def look(self, now, watcher):
        """Look for what is new or no longer known.

        :param now: seconds since the epoch
        :param watcher: a :class:`sentinella.agent.watch.Watcher`, which is
            given each new master
        :returns: set of names of the services that came UP or went DOWN
        """
        changed = set()
        grouped = {}
        running = self.find()
        if not self._scanner.changed and not self._unsure:
            return changed
        self._unsure = False
        for found in running:
            grouped.setdefault(found.kind.name, []).append(found)
        for name, several in grouped.items():
            if self._see(name, several, now, watcher):
                changed.add(name)
        for service in self.services.values():
            if not service.masters and service.missing(now):
                changed.add(service.name)
        return changed

    def _see(self, name, several, now, watcher):
        """
        :returns: whether the service has changed its state
        """
        service = self.services.get(name)
        if service is None:
            proven = [f for f in several if _age(f.master) > PROBATION]
            self._unsure |= proven != several
            several = proven
            service = Service(several[0].kind, now) if several else None
        if service is None:
            return False
        before = service.state
        for found in several:
            if not service.is_orphan(found) and self._watch(found, watcher):
                service.seen(found, now)
        if service.masters:
            self.services[name] = service
        service.forget_followers()
        return service.state is not before

    def _watch(self, found, watcher):
        if found.master.key not in self._watched:
            if not watcher.add(found.master.key):
                return False
            self._watched.add(found.master.key)
        return True

    def ended(self, key, now, ticks):
        """Take note of the end of a master.

        :param ticks: when it ended, on the clock of :class:`proc.Stat`; None
            where that is not known
        :returns: name of the service that is DOWN by that, or None
        """
        self._watched.discard(key)
        for service in self.services.values():
            if service.died(key, now, ticks):
                return service.name
        return None

    def locate_logs(self, now):
        """
        :param now: seconds of the monotonic clock
        :returns: whether any service has other logs than before
        """
        beside = {
            os.path.dirname(path)
            for service in self.services.values()
            for path in service.log_files
        }
        return any(
            [
                service.locate_logs(now, sorted(beside))
                for service in list(self.services.values())
            ]
        )

    def to_state(self):
        """What is kept on disk."""
        return {
            'boot': proc.boot_id(),
            'services': {n: s.to_state() for n, s in self.services.items()},
        }

    def restore(self, data, now, watcher):
        """Remember what an earlier agent knew.

        :param data: from :meth:`to_state`
        :raises KeyError, TypeError, ValueError, AttributeError: it is not
        """
        same_boot = data['boot'] == proc.boot_id()
        for name, state in data['services'].items():
            kind = self._catalog.kinds.get(name)
            if kind is None or name in self._exclude:
                continue
            service = Service.from_state(kind, state, same_boot)
            self.services[name] = service
            for key in list(service.masters):
                if watcher.add(key):
                    self._watched.add(key)
                else:
                    service.died(key, now, None)


def _age(process):
    return (proc.ticks_now() - process.start) / proc.TICKS
