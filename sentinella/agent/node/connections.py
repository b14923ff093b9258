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

from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.agent.node import sockets

#: Where they listen unless told otherwise.
PORTS = {'bus': (5672, 5671), 'database': (3306, 5432)}
#: Whose ports on this node they are as well.
SERVERS = {'bus': ('rabbitmq',), 'database': ('mariadb', 'postgresql')}


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
        ports = self._ports()
        owners = self._find_owners(services)
        held = self._connections(set().union(*ports.values()))
        self._find_holders(services, held)
        return {
            name: {
                use: self._count(service, owners, held, ports[use])
                for use in service.kind.uses
            }
            for name, service in services.items()
        }

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
        return found

    def _connections(self, ports):
        """
        :returns: {Owner: its connections to any of the ports}
        """
        pids = {owner.network: key[0] for key, owner in self._owners.items()}
        pids.pop(None, None)
        found = {}
        for network, pid in pids.items():
            for connection in sockets.established(pid):
                if connection.remote_port in ports:
                    owner = Owner(connection.uid, network)
                    found.setdefault(owner, []).append(connection)
        return found

    def _find_holders(self, services, held):
        """Look, where that is allowed, who holds connections that were not
        seen before."""
        inodes = {c.inode for several in held.values() for c in several}
        self._holders = {
            inode: name
            for inode, name in self._holders.items()
            if inode in inodes
        }
        self._nobodys &= inodes
        new = inodes - self._holders.keys() - self._nobodys
        if not new:
            return
        for name, service in services.items():
            for process in members(service):
                for inode in new & (proc.sockets(process.pid) or set()):
                    self._holders[inode] = name
        self._nobodys |= new - self._holders.keys()

    def _count(self, service, owners, held, ports):
        """
        :returns: int, or None
        """
        mine = owners.get(service.name, set())
        if not mine or any(None in (o.uid, o.network) for o in mine):
            return None
        candidates = [
            connection.inode
            for owner in mine
            for connection in held.get(owner, ())
            if connection.remote_port in ports
        ]
        own = [i for i in candidates if self._holders.get(i) == service.name]
        if all(i in self._holders for i in candidates) or _is_open(service):
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
