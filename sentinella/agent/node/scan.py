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
import re

from sentinella.agent.node import identify
from sentinella.agent.node import places
from sentinella.agent.node import proc

#: Seconds of being there after which a process is what it is going to be:
#: forked, executed and renamed.
SETTLED = 30.0
#: Seconds between two looks at processes that have settled.
RESCAN = 60.0
#: What a command line says that is listened on.
_TOLD_PORT = re.compile(r'[\w\]]:(\d{2,5})(?!\S)')


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """One master with its workers, as a look at the processes shows it.

    :ivar hosted: the master is a web server, which may come to serve it no
        longer
    """

    kind: object
    evidence: str
    master: proc.Process
    workers: tuple[proc.Process, ...] = ()
    instance: str = ''
    place: places.Place = places.NOWHERE
    hosted: bool = False

    @property
    def name(self):
        """Of the service that it is one of the masters of."""
        return f'{self.kind.name}@{self.instance}'.rstrip('@')


class Scanner:
    """Reads the process table, and of it only what is new.

    :param identifier: an :class:`sentinella.agent.node.identify.Identifier`
    :ivar changed: whether the last :meth:`scan` saw anything that could make
        services others than before, or is one of those that say so anyway
    """

    def __init__(self, identifier):
        self._identifier = identifier
        self._known = {}
        self._unsettled = {}
        self._new = set()
        self._turn, self._share = [], 0.0
        self._pulse = None
        self._scanned_at = None
        self._changed_at = 0.0
        self.changed = True

    def scan(self, now, eager=True):
        """
        :param now: seconds of the monotonic clock
        :param eager: whether to look at what is new the first time that it
            is there; most of it is gone by the next time
        :returns: {pid: (Process, Identity or None)}; of a process that can
            be no service only the title is known
        """
        self.changed = now >= self._changed_at
        if self.changed:
            self._changed_at = now + RESCAN
        pulse = proc.pulse()
        if pulse is None or pulse != self._pulse:
            pids = set(proc.pids())
            for pid in self._known.keys() - pids:
                self._forget(pid)
            new = pids - self._known.keys()
        else:
            new = self._new
        first = self._pulse is None
        stayed = new if eager or first else new & self._new
        self._new = new - stayed
        self._pulse = pulse
        due = {p for p, (at, _) in self._unsettled.items() if now >= at}
        for pid in stayed.union(due, self._next(now)):
            self._look(pid, now)
        return self._known

    def _next(self, now):
        """Those of the settled ones whose turn it is: each once in RESCAN."""
        elapsed = now - (now if self._scanned_at is None else self._scanned_at)
        self._scanned_at = now
        self._share += len(self._known) * min(1.0, elapsed / RESCAN)
        share = int(self._share)
        self._share -= share
        if len(self._turn) < share:
            self._turn = list(self._known)
        taken, self._turn = self._turn[:share], self._turn[share:]
        return [pid for pid in taken if pid in self._known]

    def _look(self, pid, now):
        before, known = self._known.get(pid, (None, None))
        title = proc.title(pid)
        if known and not title:
            # it ended, or is about to and has no memory any more
            if proc.process(pid) is None:
                self._forget(pid)
            return
        self._settle(pid, now)
        # a server that shows nothing may yet come to listen on a known port
        waits = not known and pid in self._unsettled and identify.serves(title)
        if before is not None and title == before.title and not waits:
            return
        process, identity = proc.Process(pid, 0, 0, title), None
        # what is no service is not looked into any further
        if self._identifier.may_be(title):
            process = proc.process(pid)
            if process is None:
                self._forget(pid)
                return
            identity = self._identifier.identify(process)
        if identity is None or (before, known) != (process, identity):
            self._note(before, known)
            self._note(process, identity)
        self._known[pid] = process, identity

    def _settle(self, pid, now):
        """Have it looked at less and less often."""
        if pid in self._known and pid not in self._unsettled:
            return
        _, delay = self._unsettled.get(pid, (now, 0.5))
        if 2 * delay > SETTLED:
            del self._unsettled[pid]
        else:
            self._unsettled[pid] = now + 2 * delay, 2 * delay

    def _forget(self, pid):
        self._note(*self._known.pop(pid, (None, None)))
        self._unsettled.pop(pid, None)

    def _note(self, process, identity):
        """Something began, ended or changed, which may be a service."""
        self.changed |= process is not None and (
            identity is not None or identify.serves(process.title)
        )


def assemble(table, listeners=None, catalog=None):
    """Make services of processes.

    :param table: what :meth:`Scanner.scan` returns
    :param listeners: called for {inode of a listening socket: (port, uid)};
        None where that shall not be looked at
    :returns: list of Found
    """
    groups = {}
    for pid, (process, identity) in table.items():
        if identity is not None:
            root, lead = _leader(table, pid)
            members = groups.setdefault((root, lead.kind.name), (lead, []))[1]
            members.append(process)
    found = [
        Found(
            kind=lead.kind,
            evidence=lead.evidence,
            master=table[root][0],
            workers=tuple(p for p in processes if p.pid != root),
            instance=lead.instance,
            place=lead.place,
            hosted=lead.hosted,
        )
        for (root, _), (lead, processes) in groups.items()
        # a worker without a master is what a dead one has left
        if not lead.marked_worker
    ]
    if listeners is not None:
        found += _by_port(table, listeners, catalog, found)
    return sorted(found, key=lambda f: (f.kind.name, f.master.start))


def _leader(table, pid):
    """
    :returns: pid of its master, and the Identity that says what they are
    """
    process, identity = table[pid]
    if identity.hosted and process.ppid in table:
        return process.ppid, identity
    root = _root(table, pid)
    return root, table[root][1]


def _root(table, pid):
    """The master above a process, or itself."""
    passed = set()
    while pid not in passed:
        passed.add(pid)
        process, identity = table[pid]
        _, parent = table.get(process.ppid, (None, None))
        if parent is None:
            break
        if identity.marked_worker or parent.kind is identity.kind:
            pid = process.ppid
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
    taken = {
        int(port) for f in found for port in _TOLD_PORT.findall(f.master.title)
    }
    result = []
    for process, workers in nameless:
        program = _title(process).program
        ports = _ports_of(process, open_ports)
        if ports is None and identify.SERVERS.fullmatch(program):
            alike = [p for p, _ in nameless if _resemble(p, process)]
            ports = _left_over(process, open_ports, names, catalog) - taken
            ports = ports if len(alike) == len(ports) == 1 else []
        for port in sorted(filter(catalog.by_port, ports or ()))[:1]:
            kind, said = catalog.by_port(port), f'{program} on port {port}'
            result.append(Found(kind, said, process, tuple(workers)))
    return result


def _is_nameless(table, process):
    if not identify.serves(process.title) or _title(process).is_worker:
        return False
    parent, _ = table.get(process.ppid, (None, None))
    return parent is None or not identify.serves(parent.title)


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
    return {
        port
        for port, uid in open_ports.values()
        if uid == owner
        and catalog.by_port(port)
        and catalog.by_port(port).name not in names
    }


def _title(process):
    return identify.read_title(process.title)
