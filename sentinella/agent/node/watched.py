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

"""What the agent knows of one service, from one look to the next.

A service is as many masters as there are instances of it on the node (two
networks' `neutron-dhcp-agent`, say), each with its workers. It is UP as long
as one master lives, and DOWN when none does: a worker never stands in for
its master, for a killed master's workers go on for some seconds.
"""

import re

from sentinella import model
from sentinella.agent.node import logfiles
from sentinella.agent.node import places
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.agent.node import traces

#: Seconds between two searches for a service's logs.
RELOCATE = 60.0
#: The same where they were found and nothing is new: to look at all that
#: processes hold open takes the kernel a while.
CONFIRM = 300.0
#: Seconds for which a web server may have no process for a service: it is
#: about to start another.
UNSERVED = 10.0
#: Ticks by which a successor may seem to start before its predecessor ends:
#: a shell's loop is fast, and the clock coarse.
CLOSE = 5
#: Seconds that workers may go on after their master was killed. What began
#: before its end, and goes on for longer, is a master of its own: the next
#: one may be started while the last one still takes its time to end.
ORPHANED = 30.0


class Service:
    """What the agent knows of one service, over time.

    :param name: where it is one of several instances
    :ivar masters: {(pid, start): Found}
    :ivar restarts: of masters and workers since the agent first knew it
    :ivar traces: what would start it again
    :ivar orphaned_until: seconds, when the workers of the master that ended
        last are gone
    """

    def __init__(self, kind, now, name=''):
        self.kind = kind
        self.name = name or kind.name
        self.state = model.ServiceState.UNDETERMINED
        self.since = now
        self.masters = {}
        self.evidence = ''
        self.reason = ''
        self.log_files = ()
        self.restarts = 0
        self.traces = traces.Traces()
        self._idles = False
        self._unserved = {}
        self._reported_restarts = 0
        self._followers = set()
        self._owed = {}
        self._died_at = None
        self.orphaned_until = 0.0
        self._relocate_at = 0.0

    @property
    def processes(self):
        """Its masters first, then their workers."""
        found = [f.master for f in self.masters.values()]
        return found + [w for f in self.masters.values() for w in f.workers]

    @property
    def place(self):
        """Where its masters run: a :class:`sentinella.agent.node.places.Place`."""
        return next((f.place for f in self.masters.values()), places.NOWHERE)

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

    def is_orphan(self, found, now):
        """Whether a seeming master is what an ended one has left behind.

        :param now: seconds since the epoch
        """
        key = found.master.key
        if key in self.masters:
            return False
        if key in self._followers:
            return True
        # its own successor starts after it ended, as a rule
        began_before = self._died_at is not None and key[1] < self._died_at
        return began_before and now < self.orphaned_until

    def seen(self, found, now):
        """Take note of a living master.

        :returns: whether it was not known before
        """
        key = found.master.key
        before = self.masters.get(key)
        self.masters[key] = found
        self.evidence = found.evidence
        self._unserved.pop(key, None)
        self._idles = bool(
            self.kind.idles and re.search(self.kind.idles, found.master.title)
        )
        self._follow(key, before, found)
        if before is None:
            # it may have been told to log elsewhere
            self._relocate_at = 0.0
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

        :returns: whether the service is no longer UP by that
        """
        if self.masters.pop(key, None) is None:
            return False
        self._owed.pop(key, None)
        self._died_at = None if ticks is None else ticks - CLOSE
        self.orphaned_until = now + ORPHANED
        if self.masters:
            self.reason = f'process {key[0]} ended, others run'
            return False
        self._end(f'its process {key[0]} ended', now)
        return True

    def _end(self, reason, now):
        if self._idles:
            self.reason = f'{reason}, as it does when nobody asks for it'
            self._become(model.ServiceState.UNDETERMINED, now)
        else:
            self.reason = reason
            self._become(model.ServiceState.DOWN, now)

    def unserved(self, present, now):
        """Take note of web servers that no longer serve it, though they
        live.

        :param present: keys of all masters that are there
        :returns: whether one of them is to be looked at again soon, and
            whether the service is no longer UP by that
        """
        lost = {
            key
            for key, found in self.masters.items()
            if found.hosted and key not in present
        }
        since = {key: self._unserved.get(key, now) for key in lost}
        self._unserved = since
        for key in lost:
            if now - since[key] >= UNSERVED:
                del self.masters[key], since[key]
                self._owed.pop(key, None)
                self.reason = f'process {key[0]} no longer serves it'
        down = bool(lost) and not self.masters
        if down:
            self._become(model.ServiceState.DOWN, now)
        return bool(since), down

    def missing(self, now):
        """Take note that it was known, and has no master.

        :returns: whether that is news
        """
        if self._idles or self.state is model.ServiceState.DOWN:
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

    def is_due(self, now):
        """Whether it is time to look for its logs.

        :param now: seconds of the monotonic clock
        """
        return now >= self._relocate_at and bool(self.masters)

    def locate_logs(self, now, beside):
        """Look for its logs.

        :param now: seconds of the monotonic clock
        :param beside: directories of other services' logs
        :returns: whether they are others than before
        """
        found = logfiles.locate(
            self.kind,
            self.processes,
            beside,
            self.place,
            self.name.partition('@')[2],
        )
        # a service opens its log some seconds after its process starts
        youngest = min(f.master.age() for f in self.masters.values())
        young = youngest < RELOCATE
        if found:
            self._relocate_at = now + (RELOCATE if young else CONFIRM)
        else:
            self._relocate_at = now + (RELOCATE / 12 if young else RELOCATE)
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
            'traces': self.traces.to_state(),
            'idles': self._idles,
            'masters': list(self.masters),
            'workers': list(self._followers),
        }

    @classmethod
    def from_state(cls, kind, data, same_boot, name=''):
        """
        :param same_boot: whether its processes may still be there
        :raises KeyError, TypeError, ValueError: this is not from
            :meth:`to_state`
        """
        self = cls(kind, float(data['since']), name)
        state = model.ServiceState(data['state'])
        if same_boot or state is model.ServiceState.DOWN:
            self.state = state
        self.log_files = tuple(map(str, data['log_files']))
        self.evidence = str(data['evidence'])
        self.restarts = self._reported_restarts = int(data['restarts'])
        self.traces = traces.Traces.from_state(data.get('traces', {}))
        self._idles = bool(data.get('idles'))
        if same_boot:
            for pid, start in data['masters']:
                process = proc.Process(pid, start, 0, '')
                self.masters[pid, start] = scan.Found(kind, '', process)
            self._followers = {(p, s) for p, s in data['workers']}
        return self
