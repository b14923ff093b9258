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

"""The samples of all servers as arrays.

A series is a stretch of two long arrays. What is asked of all series at once
takes some passes over these, however many series there are.
"""

import copy
import functools

import numpy

#: Times its interval that an agent may be late before there is a gap.
PATIENCE = 2.5


class Servers:
    """What the rules need to know of servers, each at a place.

    :param servers: mapping of ids to Servers
    :ivar hostnames: of each; see :meth:`named`
    """

    def __init__(self, servers):
        self.ids = numpy.array(sorted(servers), dtype=numpy.int64)
        ordered = [servers[id_] for id_ in self.ids.tolist()]
        self.uuids = [one.uuid for one in ordered]
        self.hostnames = [one.hostname for one in ordered]
        self.interval = numpy.array([one.interval for one in ordered], float)
        self._projects = [one.project_id for one in ordered]
        self._visible = numpy.ones(len(ordered), bool)

    def __len__(self):
        return len(self.uuids)

    @functools.cached_property
    def places(self):
        return {uuid: place for place, uuid in enumerate(self.uuids)}

    def named(self, project_id):
        """The same, but only servers of a project go by their mere names:
        nobody's server becomes a host of the cloud for being called so."""
        mine = copy.copy(self)
        mine.hostnames = [
            name if project == project_id else f'{name}@{project}'
            for name, project in zip(
                self.hostnames, self._projects, strict=True
            )
        ]
        return mine

    def only(self, ids):
        """The same places, but only some servers are found."""
        some = copy.copy(self)
        some._visible = numpy.isin(self.ids, ids)
        return some

    def find(self, ids):
        """
        :returns: the place of each id, and whether it has one
        """
        places = numpy.searchsorted(self.ids, ids)
        places[places == len(self.ids)] = 0
        if not len(self.ids):
            return places, numpy.zeros(len(ids), bool)
        return places, (self.ids[places] == ids) & self._visible[places]


class Samples:
    """Some series of known servers.

    :ivar times: not after now; :ivar values: as many
    :ivar first: of each series, where it begins; :ivar end: and ends
    :ivar metric: of each series, the place in `metrics`
    :ivar server: of each series, the place of its server
    :ivar interval: of each series, seconds between its server's reports
    """

    def __init__(self, metrics, times, values, series):
        self.metrics = metrics
        self.times = times
        self.values = values
        self._until = {}
        self._told = {}
        self.first, self.end, self.metric, self.server, self.interval = series

    @classmethod
    def of(cls, window, servers, now):
        """
        :param window: what the storage found
        :param servers: Servers; a series of another one is left out
        """
        place, known = servers.find(window.server_ids)
        place = place[known]
        series = (
            window.bounds[:-1][known],
            window.bounds[1:][known],
            window.places[known],
            place,
            servers.interval[place],
        )
        times = window.times
        if len(times) and times.max() > now:
            times = numpy.minimum(times, now)
        return cls(window.metrics, times, window.values, series)

    def __len__(self):
        return len(self.first)

    def take(self, chosen):
        """Only some of the series.

        :param chosen: whether, of each
        """
        first, end = self.first[chosen], self.end[chosen]
        index = ranges(first, end)
        bounds = numpy.concatenate(([0], numpy.cumsum(end - first)))
        series = (
            bounds[:-1],
            bounds[1:],
            self.metric[chosen],
            self.server[chosen],
            self.interval[chosen],
        )
        values = self.values[index]
        return Samples(self.metrics, self.times[index], values, series)

    def until(self, at):
        """
        :returns: of each series, where what is after a time begins
        """
        if not len(self.times) or at >= self.latest:
            return self.end
        if at < self.earliest:
            return self.first
        if at not in self._until:
            # many definitions look back as far
            count = numpy.concatenate(([0], numpy.cumsum(self.times <= at)))
            self._until[at] = self.first + (
                count[self.end] - count[self.first]
            )
        return self._until[at]

    def told(self, names):
        """What the series tell by themselves.

        :param names: of dimensions
        :returns: list of tuples of their values, None for what is not there;
            and of each series the place of its own
        """
        if names not in self._told:
            used, place = numpy.unique(self.metric, return_inverse=True)
            several = [dict(self.metrics[one].dimensions) for one in used]
            keys = [tuple([one.get(n) for n in names]) for one in several]
            self._told[names] = keys, place
        return self._told[names]

    @functools.cached_property
    def latest(self):
        return self.times.max()

    @functools.cached_property
    def earliest(self):
        return self.times.min()

    @functools.cached_property
    def bridged(self):
        """Seconds that all samples up to each one stand for, those at the
        beginning of a series for none: the time since the one before, unless
        that is a gap."""
        seconds = numpy.diff(self.times, prepend=0.0)
        lengths = self.end - self.first
        index = ranges(self.first, self.end)
        longest = numpy.zeros(len(self.times))
        longest[index] = PATIENCE * numpy.repeat(self.interval, lengths)
        longest[self.first[lengths > 0]] = 0.0
        seconds = numpy.minimum(numpy.maximum(seconds, 0.0), longest)
        return numpy.cumsum(seconds)

    @functools.cached_property
    def increases(self):
        """How much more each sample is than the one before it. A counter
        that fell began anew from zero."""
        with numpy.errstate(invalid='ignore'):
            more = numpy.diff(self.values, prepend=0.0)
        return numpy.where(more < 0, self.values, more)


def ranges(first, end):
    """All indexes of some stretches, one after the other."""
    lengths = end - first
    total = int(lengths.sum())
    before = numpy.cumsum(lengths) - lengths
    return numpy.arange(total) + numpy.repeat(first - before, lengths)


def reduce(ufunc, values, first, end):
    """Of stretches that are not empty, what a ufunc makes of each.

    :param first: ascending
    """
    if not len(first):
        return numpy.zeros(0)
    bounds = numpy.stack((first, end), 1).ravel()
    if bounds[-1] == len(values):
        # the last one goes to the end
        bounds = bounds[:-1]
    return ufunc.reduceat(values, bounds)[::2]
