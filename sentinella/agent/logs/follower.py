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

"""Follows the logs of all services: files, and units of the journal."""

import dataclasses
import time

from sentinella.agent.logs import events
from sentinella.agent.logs import journal
from sentinella.agent.logs import recognise
from sentinella.agent.logs import tail

#: The journal's name among the positions.
JOURNAL = 'journal'

LEVELS = {
    'WARNING': 'warnings',
    'ERROR': 'errors',
    'CRITICAL': 'criticals',
}


@dataclasses.dataclass(slots=True)
class Counts:
    """Records of one service since they were last taken."""

    warnings: int = 0
    errors: int = 0
    criticals: int = 0
    tracebacks: int = 0

    def __bool__(self):
        return bool(
            self.warnings or self.errors or self.criticals or self.tracebacks
        )


class Logs:
    """Follows the logs of all services.

    :param per_second: see :class:`sentinella.agent.logs.events.Events`
    :param positions: {path: position}, from an earlier agent
    :ivar given: whether there was any record since :meth:`positions` told
        where each log has got to: else to read on from there is as good
    """

    def __init__(self, per_second, positions=None):
        self.events = events.Events(per_second)
        self.given = False
        self._tails = {}
        self._services = {}
        self._counts = {}
        self._positions = positions or {}
        self._journal = journal.Journal(self._positions.pop(JOURNAL, None))
        self._since = time.time()

    @property
    def pending(self):
        """Whether it is worth looking again in a moment."""
        return self._journal.pending or any(
            tail.pending for tail in self._tails.values()
        )

    def follow(self, files, forms=None):
        """
        :param files: {service: paths}; a log of two services counts as the
            first one's
        :param forms: {service: :class:`recognise.Form` of its logs}
        """
        forms = forms or {}
        wanted, units = {}, {}
        for service, paths in files.items():
            for path in paths:
                unit = journal.unit_of(path)
                (wanted if unit is None else units).setdefault(
                    unit or path, service
                )
        self._follow_files(wanted, forms)
        of_units = {
            unit: forms.get(service, recognise.Form())
            for unit, service in units.items()
        }
        for unit, record in self._journal.follow(of_units):
            self._add(self._services[unit], record, time.time())
        self._services = wanted | units

    def _follow_files(self, wanted, forms):
        for path in self._tails.keys() - wanted.keys():
            for record in self._tails.pop(path).close():
                self._add(self._services[path], record, time.time())
        for path, service in wanted.items():
            form = forms.get(service, recognise.Form())
            known = self._tails.get(path)
            if known is not None and known.form == form:
                continue
            position = self._positions.pop(path, None)
            if known is not None:
                # its service is told to log in another way
                for record in known.flush():
                    self._add(self._services[path], record, time.time())
                position = known.position()
                known.close()
            self._tails[path] = tail.Tail(path, position, self._since, form)

    def read(self, now, monotonic):
        """Read what was written."""
        self._read(self._tails.items(), now, monotonic)

    def read_pending(self, now, monotonic):
        """As :meth:`read`, but only what is worth it by :attr:`pending`."""
        pending = [(p, t) for p, t in self._tails.items() if t.pending]
        self._read(pending, now, monotonic)

    def _read(self, tails, now, monotonic):
        for path, follower in tails:
            for record in follower.read(monotonic):
                self._add(self._services[path], record, now)
        for unit, record in self._journal.read(monotonic):
            self._add(self._services[unit], record, now)

    def counted(self):
        """Names of the services that have something to tell."""
        return {name for name, counts in self._counts.items() if counts}

    def _add(self, service, record, now):
        self.given = True
        counts = self._counts.setdefault(service, Counts())
        name = LEVELS[record.level]
        setattr(counts, name, getattr(counts, name) + 1)
        counts.tracebacks += record.traceback is not None
        self.events.add(service, record, now)

    def take(self, service):
        """
        :returns: Counts since this was last called; None where it has logs
            but none can be read
        """
        counts = self._counts.pop(service, None)
        if counts is None and not self._readable(service):
            return None
        return counts or Counts()

    def _readable(self, service):
        return any(
            not self._source(name).problem
            for name, of in self._services.items()
            if of == service
        )

    def _source(self, name):
        return self._tails.get(name, self._journal)

    def followed(self):
        """Names of the services that have logs."""
        return set(self._services.values())

    def positions(self):
        """Where each log has got to, for the next agent."""
        self.given = False
        found = {path: t.position() for path, t in self._tails.items()}
        found[JOURNAL] = self._journal.position()
        found = {path: p for path, p in found.items() if p is not None}
        return {**self._positions, **found}

    def flush(self, now):
        """Give what is read but may not be complete, as the agent ends."""
        for path, follower in self._tails.items():
            for record in follower.flush():
                self._add(self._services[path], record, now)
        for unit, record in self._journal.close():
            self._add(self._services[unit], record, now)
        self.events.release()
