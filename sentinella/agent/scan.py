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

"""Reads the process table and makes services of it."""

import dataclasses

from sentinella.agent import identify
from sentinella.agent import proc

#: Seconds after which a process is what it is going to be: forked, executed
#: and renamed.
SETTLED = 30.0
#: Seconds between two looks at processes that have settled.
RESCAN = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """One master with its workers, as a look at the processes shows it."""

    kind: object
    evidence: str
    master: proc.Process
    workers: tuple[proc.Process, ...] = ()


class Scanner:
    """Reads the process table, and of it only what is new.

    :param identifier: an :class:`sentinella.agent.identify.Identifier`
    :ivar changed: whether the last :meth:`scan` saw anything new, or was
        one of those that look at all anew
    """

    def __init__(self, identifier):
        self._identifier = identifier
        self._known = {}
        self._unsettled = {}
        self._rescan_at = 0.0
        self.changed = True

    def scan(self, now):
        """
        :param now: seconds of the monotonic clock
        :returns: {pid: (Process, Identity or None)}
        """
        pids = set(proc.pids())
        gone = self._known.keys() - pids
        for pid in gone:
            self._forget(pid)
        self.changed = bool(gone)
        if now >= self._rescan_at:
            self._rescan_at = now + RESCAN
            self.changed = True
            again = pids
        else:
            again = pids - self._known.keys()
            again |= {p for p, at in self._unsettled.items() if now >= at}
        ticks = proc.ticks_now()
        for pid in again:
            self._look(pid, now, ticks)
        return self._known

    def _look(self, pid, now, ticks):
        process = proc.read(pid)
        if process is None:
            self._forget(pid)
            return
        before = self._known.get(pid)
        age = (ticks - process.start) / proc.TICKS
        young = age < SETTLED
        if young:
            # less and less often
            self._unsettled[pid] = now + age / 2
        else:
            self._unsettled.pop(pid, None)
        if before and before[0] == process and (before[1] or not young):
            return
        identity = self._identifier.identify(process)
        # a server that shows nothing may come to listen on a known port
        self.changed |= before != (process, identity) or (
            identity is None and identify.is_server(_title(process))
        )
        self._known[pid] = process, identity

    def _forget(self, pid):
        self.changed |= self._known.pop(pid, None) is not None
        self._unsettled.pop(pid, None)


def assemble(table, listeners=None, catalog=None):
    """Make services of processes.

    :param table: what :meth:`Scanner.scan` returns
    :param listeners: called for what listens, see :func:`proc.listeners`;
        None where that shall not be looked at
    :returns: list of Found
    """
    members = {}
    for pid, (process, identity) in table.items():
        if identity is not None:
            root = _root(table, pid)
            members.setdefault(root, []).append(process)
    found = [
        Found(
            kind=table[root][1].kind,
            evidence=table[root][1].evidence,
            master=table[root][0],
            workers=tuple(p for p in processes if p.pid != root),
        )
        for root, processes in members.items()
        # a worker without a master is what a dead one has left
        if root in table and not table[root][1].marked_worker
    ]
    if listeners is not None:
        found += _by_port(table, listeners, catalog, found)
    return sorted(found, key=lambda f: (f.kind.name, f.master.start))


def _root(table, pid):
    """The master above a process, or itself."""
    process, identity = table[pid]
    _, parent = table.get(process.ppid, (None, None))
    if parent is None or process.ppid == pid:
        return pid
    if identity.marked_worker or parent.kind == identity.kind:
        return _root(table, process.ppid)
    return pid


def _by_port(table, listeners, catalog, found):
    """WSGI servers that show nothing but the port that they listen on.

    Who may see their sockets is sure of it. Who may not goes by what is
    left over: where one user has just one such server, and one known port
    that no other service accounts for.
    """
    nameless = [
        (process, [p for p, _ in table.values() if p.ppid == process.pid])
        for process, identity in table.values()
        if identity is None and _is_nameless(table, process)
    ]
    if not nameless:
        return []
    open_ports = listeners()
    names = {f.kind.name for f in found}
    result = []
    for process, workers in nameless:
        program = _title(process).program
        ports = _ports_of(process, open_ports)
        if ports is None and identify.SERVERS.fullmatch(program):
            alike = [p for p, _ in nameless if _resemble(p, process)]
            ports = _left_over(process, open_ports, names, catalog)
            ports = ports if len(alike) == len(ports) == 1 else []
        for port in sorted(filter(catalog.by_port, ports or ()))[:1]:
            kind, said = catalog.by_port(port), f'{program} on port {port}'
            result.append(Found(kind, said, process, tuple(workers)))
    return result


def _is_nameless(table, process):
    title = _title(process)
    if not identify.is_server(title) or title.is_worker:
        return False
    parent, _ = table.get(process.ppid, (None, None))
    return parent is None or not identify.is_server(_title(parent))


def _ports_of(process, open_ports):
    """What it listens on; None where its sockets are not to be seen."""
    held = proc.sockets(process.pid)
    if held is None:
        return None
    return {open_ports[inode][0] for inode in held if inode in open_ports}


def _resemble(one, other):
    """Whether both are WSGI servers of one user."""
    program = _title(one).program
    return identify.SERVERS.fullmatch(program) and (
        proc.uid(one.pid) == proc.uid(other.pid)
    )


def _left_over(process, open_ports, names, catalog):
    """Known ports of its user that no other service accounts for."""
    owner = proc.uid(process.pid)
    return [
        port
        for port in {p for p, uid in open_ports.values() if uid == owner}
        if catalog.by_port(port) and catalog.by_port(port).name not in names
    ]


def _title(process):
    return identify.read_title(process.title)
