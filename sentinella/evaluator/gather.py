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

import functools

import numpy

from sentinella import model
from sentinella.db import clock
from sentinella.db import instances
from sentinella.db import windows
from sentinella.evaluator import modes
from sentinella.evaluator import rules
from sentinella.evaluator import vectors
from sentinella.evaluator import virtual
from sentinella.knowledge import releases
from sentinella.storage import base


#: The place in the world of what is of no server.
NOWHERE = model.Server(
    id=0,
    uuid='',
    hostname='',
    project_id='',
    interval=instances.INTERVAL,
)


def wanted(lookbacks):
    """What a storage is to be asked for.

    :param lookbacks: mapping of Selectors to seconds
    :returns: mapping of (name, dimensions) to seconds
    """
    return {
        (selector.metric, selector.dimensions): seconds
        for selector, seconds in lookbacks.items()
        if selector.metric not in virtual.NAMES
    }


class Moment:
    """The state of things at one time.

    :param recent: the storage's Recent
    :param roster: the evaluator's :class:`.roster.Roster`
    :param expressions: pairs of what will be asked for: an Expression, and
        the project whose servers alone count, or None
    :ivar now: the database's clock
    :ivar servers: mapping of ids to Servers, as they are watched
    :ivar planned: Windows that are in force
    """

    def __init__(self, database, recent, roster, expressions):
        self._database = database
        self._recent = recent
        self._roster = roster
        self._lookbacks = {}
        for expression, project_id in expressions:
            mine = self._lookbacks.setdefault(project_id, {})
            for selector, seconds in expression.lookbacks().items():
                mine[selector] = max(mine.get(selector, 0.0), seconds)
        self._windows = None
        self._samples = {}
        self._named = {}
        self._excluded = {'': frozenset()}
        with database.reader() as session:
            self.now = clock.read(session)
            self.servers = roster.read(session, self.now)
            begun = windows.begun(session, self.now)
            self._instances = instances.all_(session)
        self._listening = virtual.listening_since(self._instances, self.now)
        self.planned = modes.in_force(begun, self.now)
        self.places = vectors.Servers({**self.servers, NOWHERE.id: NOWHERE})

    @functools.cached_property
    def hosts(self):
        """Mapping of hostnames to lists of Servers."""
        found = {}
        for server in self.servers.values():
            found.setdefault(server.hostname, []).append(server)
        return found

    def renew(self, session, groups):
        """Read anew the servers that some groups are about by their names,
        as they are in this very transaction: nobody is paged for one that an
        operator has just put into maintenance.

        :param groups: list of pairs: a mapping, and the servers' ids
        """
        ids = {id_ for _, of in groups for id_ in of}
        for group, _ in groups:
            ids |= {one.id for one in self.hosts.get(group.get('host'), ())}
        if self._roster.renew(session, ids):
            del self.hosts

    def named(self, project_id):
        """
        :returns: vectors.Servers, of which those of a project go by their
            mere names
        """
        if project_id not in self._named:
            self._named[project_id] = self.places.named(project_id)
        return self._named[project_id]

    def samples(self, project_id, bounds=''):
        """
        :param bounds: of the releases of servers that alone count
        :returns: function of a Selector, its vectors.Samples, perhaps from
            longer ago than needed
        """
        if not self._outside(bounds):
            # what is the same is not worked out twice
            bounds = ''
        return lambda selector: self._of((project_id, bounds), selector)

    def _of(self, scope, selector):
        key = scope, selector
        if key not in self._samples:
            self._samples[key] = vectors.Samples.of(
                self._window(scope, selector), self._places(scope), self.now
            )
        return self._samples[key]

    def _window(self, scope, selector):
        if selector.metric in virtual.NAMES:
            return self._virtual(scope, selector)
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

    def _places(self, scope):
        """All servers; those that do not count have no number there."""
        if scope == (None, ''):
            return self.places
        nowhere = [NOWHERE.id] if scope[0] is None else []
        return self.places.only([*self._ids(scope), *nowhere])

    def _ids(self, scope):
        project_id, bounds = scope
        outside = self._outside(bounds)
        return [
            server.id
            for server in self.servers.values()
            if project_id in (None, server.project_id)
            and server.id not in outside
        ]

    def _outside(self, bounds):
        """Ids of the servers that run another release."""
        if bounds not in self._excluded:
            self._excluded[bounds] = {
                id_
                for id_, release in self._releases.items()
                if not releases.holds(bounds, release)
            }
        return self._excluded[bounds]

    @functools.cached_property
    def _releases(self):
        with self._database.reader() as session:
            return self._roster.releases(session)

    def _virtual(self, scope, selector):
        project_id = scope[0]
        since = self.now - self._lookbacks[project_id][selector]
        if selector.metric in virtual.OF_SERVERS:
            return self._of_servers(scope, selector, since)
        # of the cloud's own, and so of none of its projects
        several = self._instances if project_id is None else []
        return self._of_instances(several, selector, since)

    def _of_servers(self, scope, selector, since):
        if selector.dimensions:
            return base.Window.of([])
        metric = model.Metric(selector.metric)
        sample = virtual.OF_SERVERS[selector.metric]
        times_of = functools.cache(lambda step: self._times(since, step))
        found = []
        for id_ in self._ids(scope):
            server = self.servers[id_]
            if _never_reported(server):
                continue
            times = times_of(server.interval)
            values = sample(server, times)
            if not self._is_told(selector.metric, virtual.heard_at(server)):
                values = None
            found.append(_series(id_, metric, times, values))
        return base.Window.of(found)

    def _of_instances(self, several, selector, since):
        kind, sample = virtual.OF_INSTANCES[selector.metric]
        times = self._times(since, instances.INTERVAL)
        found = []
        for one in several:
            metric = model.Metric.of(
                selector.metric, **virtual.dimensions(one)
            )
            if one.kind != kind or not metric.has(dict(selector.dimensions)):
                continue
            values = sample(one, times)
            if not self._is_told(selector.metric, one.beat_at):
                values = None
            found.append(_series(NOWHERE.id, metric, times, values))
        return base.Window.of(found)

    def _times(self, since, interval):
        return numpy.arange(self.now, since, -interval)[::-1]

    def _is_told(self, name, heard_at):
        return name not in virtual.SILENCES or virtual.is_sure(
            self._listening, heard_at, self.now
        )


def _series(server_id, metric, times, values):
    """
    :param values: None where nothing is known, but that there is something
    """
    if values is None:
        times = values = numpy.zeros(0)
    return base.Series(server_id, metric, times, values)


def _never_reported(server):
    """Whether it waits to be accepted for the first time: it is not silent,
    it is not listened to."""
    return server.last_report_at is None and (
        server.enrolment == model.Enrolment.PENDING
        and server.candidate_key != ''
    )
