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

"""Reads what the rules need: each thing once for all definitions of a pass."""

import numpy

from sentinella import model
from sentinella.db import clock
from sentinella.db import servers
from sentinella.evaluator import rules
from sentinella.evaluator import vectors
from sentinella.storage import base


def _silence(server, times):
    reported = server.last_report_at
    since = server.created_at if reported is None else reported
    return numpy.maximum(times - since, 0.0)


def _missed_reports(server, times):
    return _silence(server, times) / server.interval


def _clock_offset(server, times):
    return numpy.full(len(times), server.clock_offset)


def _refusal_age(server, times):
    """Seconds since something was last refused; infinite where nothing was,
    so that `< n` is seen not to hold."""
    if server.refused_at is None:
        return numpy.full(len(times), numpy.inf)
    age = times - server.refused_at
    return numpy.where(age >= 0, age, numpy.inf)


#: Metrics that no agent can tell of itself. They follow from the servers'
#: rows, as they would have been sampled once per interval.
OF_SERVERS = {
    'agent.silence': _silence,
    'agent.missed_reports': _missed_reports,
    'agent.clock_offset': _clock_offset,
    'agent.refusal_age': _refusal_age,
}


def wanted(lookbacks):
    """What a storage is to be asked for.

    :param lookbacks: mapping of Selectors to seconds
    :returns: mapping of (name, dimensions) to seconds
    """
    return {
        (selector.metric, selector.dimensions): seconds
        for selector, seconds in lookbacks.items()
        if selector.metric not in OF_SERVERS
    }


class Moment:
    """The state of things at one time.

    :param recent: the storage's Recent
    :param expressions: pairs of what will be asked for: an Expression, and
        the project whose servers alone count, or None
    :ivar now: the database's clock
    :ivar servers: mapping of ids to Servers
    """

    def __init__(self, database, recent, expressions):
        self._recent = recent
        self._lookbacks = {}
        for expression, project_id in expressions:
            mine = self._lookbacks.setdefault(project_id, {})
            for selector, seconds in expression.lookbacks().items():
                mine[selector] = max(mine.get(selector, 0.0), seconds)
        self._windows = None
        self._samples = {}
        with database.reader() as session:
            self.now = clock.read(session)
            self.servers = {one.id: one for one in servers.all_(session)}
        self.places = vectors.Servers(self.servers)

    def samples(self, project_id):
        """
        :returns: function of a Selector, its vectors.Samples, perhaps from
            longer ago than needed
        """
        return lambda selector: self._of(project_id, selector)

    def _of(self, project_id, selector):
        key = project_id, selector
        if key not in self._samples:
            self._samples[key] = vectors.Samples.of(
                self._window(project_id, selector),
                self._places(project_id),
                self.now,
            )
        return self._samples[key]

    def _window(self, project_id, selector):
        if selector.metric in OF_SERVERS:
            return self._of_servers(project_id, selector)
        if self._windows is None:
            self._windows = self._read()
        return self._windows[selector.metric, selector.dimensions]

    def _read(self):
        """Everything that is asked for, at once."""
        longest = {}
        for mine in self._lookbacks.values():
            for one, seconds in wanted(mine).items():
                longest[one] = max(longest.get(one, 0.0), seconds)
        marks = {
            # each report makes one of the two greater
            id_: (server.epoch, server.sequence + server.urgent_sequence)
            for id_, server in self.servers.items()
        }
        return self._recent.windows(
            longest, self.now, self.now + rules.AHEAD, marks
        )

    def _places(self, project_id):
        """All servers; those of other projects have no number there."""
        if project_id is None:
            return self.places
        return self.places.only(self._ids(project_id))

    def _ids(self, project_id):
        return [
            server.id
            for server in self.servers.values()
            if project_id in (None, server.project_id)
        ]

    def _of_servers(self, project_id, selector):
        if selector.dimensions:
            return base.Window.of([])
        start = self.now - self._lookbacks[project_id][selector]
        metric = model.Metric(selector.metric)
        sample = OF_SERVERS[selector.metric]
        series = []
        for id_ in self._ids(project_id):
            server = self.servers[id_]
            if _never_reported(server):
                continue
            times = numpy.arange(self.now, start, -server.interval)[::-1]
            series.append(
                base.Series(id_, metric, times, sample(server, times))
            )
        return base.Window.of(series)


def _never_reported(server):
    """Whether it waits to be accepted for the first time: it is not silent,
    it is not listened to."""
    return server.last_report_at is None and (
        server.enrolment == model.Enrolment.PENDING
        and server.candidate_key != ''
    )
