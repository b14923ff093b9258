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

"""Remembers the services of this node from one look to the next."""

import os
import time

from oslo_log import log

from sentinella import model
from sentinella.agent.node import facts
from sentinella.agent.node import identify
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.agent.node import sockets
from sentinella.agent.node import traces
from sentinella.agent.node import watched

LOG = log.getLogger(__name__)

#: Seconds that something new must live to be a service rather than somebody
#: asking a binary for its --version.
PROBATION = 1.0
#: Seconds for which what listens is taken to be the same.
LISTENERS = 10.0
#: Seconds between two looks at what would start services again, and at what
#: they listen on.
TRACE = 60.0
#: Seconds that a service is DOWN before it may be taken to be no longer
#: meant to run: while a package is upgraded its files are gone.
RETIRED = 300.0


class Node:
    """What collectors are given: this node and the services on it.

    :param catalog: a :class:`sentinella.knowledge.services.Catalog`
    :param exclude: names of services that are not watched
    :ivar services: {name: :class:`sentinella.agent.node.watched.Service`}
    :ivar facts: short facts for the registration
    :ivar logs: the :class:`sentinella.agent.logs.follower.Logs` that follows
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
        self._dropped = set()
        self._trace_at = 0.0
        self._listening = []
        self._listeners_by_name = {}
        self._listened_at = -LISTENERS

    @property
    def awaits(self):
        """Whether something may begin soon: a successor, or what was there
        and not sure yet."""
        return self._unsure or any(
            not service.masters for service in self.services.values()
        )

    def find(self):
        """All services that run just now, remembered ones aside.

        :returns: list of :class:`sentinella.agent.node.scan.Found`
        """
        # a successor is told of at once, something new when it has lived
        awaited = any(not s.masters for s in self.services.values())
        table = self._scanner.scan(time.monotonic(), awaited)
        if self._scanner.changed:
            found = scan.assemble(table, self._listeners, self._catalog)
            self._found = [
                f for f in found if not self._exclude & {f.kind.name, f.name}
            ]
        return self._found

    def _listeners(self):
        """What :func:`scan.assemble` asks for."""
        return {s.inode: (s.port, s.uid) for s in self._all_listening()}

    def _all_listening(self):
        now = time.monotonic()
        if now >= self._listened_at + LISTENERS:
            self._listened_at = now
            self._listening = sockets.listening()
        return self._listening

    def listeners_of(self, name):
        """
        :param name: of a service
        :returns: sorted list of what it listens on over TCP, (address, port);
            empty where that can't be told. Where its sockets are not to be
            seen, it is what its user listens on at the ports that are known
            to be its own.
        """
        service = self.services.get(name)
        if service is None or not service.masters:
            return []
        key = tuple(service.masters)
        known, until, found = self._listeners_by_name.get(name, ((), 0, []))
        if known != key or time.monotonic() >= until:
            found = self._find_listeners(service)
            until = time.monotonic() + (TRACE if found else LISTENERS)
            self._listeners_by_name[name] = key, until, found
        return found

    def _find_listeners(self, service):
        found = set()
        for process in service.processes:
            held = proc.sockets(process.pid)
            owner = proc.uid(process.pid)
            found |= {
                (s.address, s.port)
                for s in self._all_listening()
                if (
                    s.uid == owner and s.port in service.kind.ports
                    if held is None
                    else s.inode in held
                )
            }
        return sorted(found)

    def look(self, now, watcher):
        """Look for what is new or no longer known.

        :param now: seconds since the epoch
        :param watcher: a :class:`sentinella.agent.node.watch.Watcher`, which is
            given each new master
        :returns: set of names of the services that came UP or went DOWN
        """
        self._trace(now)
        changed = set()
        grouped = {}
        running = self.find()
        if not self._scanner.changed and not self._unsure:
            return changed
        self._unsure = False
        for found in running:
            grouped.setdefault(found.name, []).append(found)
        for name, several in grouped.items():
            if self._see(name, several, now, watcher):
                changed.add(name)
        present = {}
        for found in running:
            present.setdefault(found.name, set()).add(found.master.key)
        for service in self.services.values():
            soon, down = service.unserved(
                present.get(service.name, set()), now
            )
            self._unsure |= soon
            if down or (not service.masters and service.missing(now)):
                changed.add(service.name)
        return changed

    def _trace(self, now):
        """Note what would start each service again; forget those that
        nothing would."""
        if not self._trace_at <= time.monotonic():
            return
        self._trace_at = time.monotonic() + TRACE
        for service in list(self.services.values()):
            if service.masters:
                found = next(iter(service.masters.values()))
                # of one that an earlier agent knew, nothing is seen yet
                if found.master.title:
                    service.traces = traces.of(found)
            elif (
                service.state is model.ServiceState.DOWN
                and now - service.since >= RETIRED
                and service.traces.lost()
            ):
                self._drop(service)

    def _drop(self, service):
        LOG.info(
            '%s is no longer watched: %s',
            service.name,
            service.traces.lost(),
        )
        del self.services[service.name]
        self._dropped.add(service.name)

    def take_dropped(self):
        """Names of services that are no longer watched, since the last
        call."""
        dropped, self._dropped = self._dropped, set()
        return dropped

    def _see(self, name, several, now, watcher):
        """
        :returns: whether the service has changed its state
        """
        service = self.services.get(name)
        if service is None:
            proven = [f for f in several if f.master.age() > PROBATION]
            self._unsure |= proven != several
            several = proven
            service = (
                watched.Service(several[0].kind, now, name)
                if several
                else None
            )
        if service is None:
            return False
        before = service.state
        for found in several:
            if service.is_orphan(found, now):
                # it may yet turn out to be none
                self._unsure |= now < service.orphaned_until
            elif self._watch(found, watcher):
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
        :returns: set of names of the services that are no longer UP by that:
            a web server may be the master of several
        """
        self._watched.discard(key)
        return {
            service.name
            for service in self.services.values()
            if service.died(key, now, ticks)
        }

    def locate_logs(self, now):
        """
        :param now: seconds of the monotonic clock
        :returns: whether any service has other logs than before
        """
        due = [s for s in self.services.values() if s.is_due(now)]
        if not due:
            return False
        beside = sorted(
            {
                os.path.dirname(path)
                for service in self.services.values()
                for path in service.log_files
            }
        )
        return any([service.locate_logs(now, beside) for service in due])

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
            kind = self._catalog.kinds.get(name.partition('@')[0])
            if kind is None or self._exclude & {kind.name, name}:
                continue
            service = watched.Service.from_state(kind, state, same_boot, name)
            self.services[name] = service
            for key in list(service.masters):
                if watcher.add(key):
                    self._watched.add(key)
                else:
                    service.died(key, now, None)
