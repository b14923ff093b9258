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

"""How many connections services hold to the message bus and the database.

The kernel tells everyone which user a connection belongs to, and only the
same user and root to which process. So what may be said without rights is: a
service whose user has none has none; and what the user has is the service's
where no other service is of that user.
"""

import dataclasses
import time

from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.agent.node import sockets

#: Where they listen unless told otherwise.
PORTS = {'bus': (5672, 5671), 'database': (3306, 5432)}
#: Whose ports on this node they are as well.
SERVERS = {'bus': ('rabbitmq',), 'database': ('mariadb', 'postgresql')}

#: Seconds for which a count stands where processes are the same: to go
#: through all its connections takes the kernel a millisecond.
COUNT = 15.0
#: Seconds between two looks at who holds new connections.
SEARCH = 30.0

clock = time.monotonic


@dataclasses.dataclass(frozen=True, slots=True)
class Owner:
    """
    :ivar uid: whose rights a process has
    :ivar network: what names its network namespace
    """

    uid: int | None
    network: int | None


class Connections:
    """
    :param node: a :class:`sentinella.agent.node.discovery.Node`
    :param further: {'bus' or 'database': further ports}
    """

    def __init__(self, node, further):
        self._node = node
        self._further = further
        self._owners = {}
        self._holders = {}
        self._nobodys = set()
        self._counted = {}
        self._count_at = self._search_at = 0.0

    def count(self):
        """
        :returns: {service name: {what it connects to: number of connections,
            or None where that can't be told}}, of the services that run and
            connect to anything
        """
        services = {
            service.name: service
            for service in self._node.services.values()
            if service.kind.uses and service.masters
        }
        if not services:
            return {}
        owners = self._find_owners(services)
        now = clock()
        if now < self._count_at:
            return self._counted
        self._count_at = now + COUNT
        held = self._connections()
        inodes = set().union(*(i for of in held.values() for i in of.values()))
        new = self._forget(inodes)
        counted = self._count_all(services, owners, held)
        if new and self._is_to_search(counted, now):
            self._search_at = now + SEARCH
            self._find_holders(services, new)
            counted = self._count_all(services, owners, held)
        self._counted = counted
        return counted

    def _ports(self):
        found = {}
        for use, usual in PORTS.items():
            listened = (
                port
                for name in SERVERS[use]
                for _, port in self._node.listeners_of(name)
            )
            found[use] = {*usual, *self._further.get(use, ()), *listened}
        return found

    def _find_owners(self, services):
        """
        :returns: {service name: set of Owners}
        """
        before, self._owners = self._owners, {}
        found = {}
        for name, service in services.items():
            for process in members(service):
                owner = before.get(process.key)
                # whose rights it has may change until it has settled
                if owner is None or process.age() < scan.SETTLED:
                    owner = Owner(
                        proc.uid(process.pid), sockets.network(process.pid)
                    )
                self._owners[process.key] = owner
                found.setdefault(name, set()).add(owner)
        if before.keys() != self._owners.keys():
            # somebody new may hold what nobody did
            self._nobodys.clear()
            self._count_at = self._search_at = 0.0
        return found

    def _connections(self):
        """
        :returns: {what is connected to: {Owner: inodes of its connections}}
        """
        ports = self._ports()
        every = set().union(*ports.values())
        pids = {owner.network: key[0] for key, owner in self._owners.items()}
        pids.pop(None, None)
        found = {use: {} for use in ports}
        for network, pid in pids.items():
            for connection in sockets.established(every, pid):
                owner = Owner(connection.uid, network)
                for use, theirs in ports.items():
                    if connection.remote_port in theirs:
                        found[use].setdefault(owner, set()).add(
                            connection.inode
                        )
        return found

    def _forget(self, inodes):
        """Forget connections that are no more.

        :returns: those of which it is not known who holds them
        """
        self._nobodys &= inodes
        for held in self._holders.values():
            held &= inodes
        return inodes - self._nobodys.union(*self._holders.values())

    def _is_to_search(self, counted, now):
        """To look who holds what is new takes a while. It can wait, unless a
        service may have replaced all that it had."""
        return now >= self._search_at or any(
            before and not counted.get(name, {}).get(use)
            for name, of in self._counted.items()
            for use, before in of.items()
        )

    def _find_holders(self, services, new):
        """Look, where that is allowed, who holds connections that were not
        seen before."""
        for name, service in services.items():
            for process in members(service):
                held = proc.sockets(process.pid) or set()
                self._holders.setdefault(name, set()).update(new & held)
        self._nobodys |= new.difference(*self._holders.values())

    def _count_all(self, services, owners, held):
        return {
            name: {
                use: self._count(service, owners, held[use])
                for use in service.kind.uses
            }
            for name, service in services.items()
        }

    def _count(self, service, owners, held):
        """
        :returns: int, or None
        """
        mine = owners.get(service.name, set())
        if not mine or any(None in (o.uid, o.network) for o in mine):
            return None
        candidates = set().union(*(held.get(owner, ()) for owner in mine))
        own = candidates & self._holders.get(service.name, set())
        unknown = candidates.difference(own, *self._holders.values())
        if not unknown or _is_open(service):
            return len(own)
        others = (o for n, o in owners.items() if n != service.name)
        return None if mine & set().union(*others) else len(candidates)


def members(service):
    """Its processes, but for a web server that serves others as well."""
    for found in service.masters.values():
        if not found.hosted:
            yield found.master
        yield from found.workers


def _is_open(service):
    """Whether the files of all its processes are for this one to see."""
    return all(proc.may_see_files(p.pid) for p in members(service))
