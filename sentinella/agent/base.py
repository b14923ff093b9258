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

"""The interface of a collector, and what all of them need to say."""

import abc
import functools

from sentinella import model
from sentinella import service

NAN = float('nan')


class Collector(abc.ABC):
    """Reads one kind of vital signs.

    It has no loop and never sleeps: the agent calls it. Its class says all
    that there is to know of it: the docstring what it is good for and what it
    needs, `METRICS` what it measures, `OPTIONS` what can be set.

    :cvar OPTIONS: oslo.config options, of the group `collector_<name>`
    :cvar METRICS: {name: what it is, its unit and dimensions, in words}; it
        gives no others
    :cvar SERVICES: names of the kinds of `services.yaml` that it asks; it is
        called only while one of them is known on this node. Empty: always.
    :cvar PROBES: whether it waits for others than this node's kernel. Such
        a one is called once in a `probe_interval`, in a thread beside the
        agent's own, and bounds its waiting by itself.

    :param conf: the agent's configuration
    :param node: what the agent knows of this node, an
        :class:`sentinella.agent.node.discovery.Node`
    :raises InvalidConfiguration: an option has a value that can't be used
    """

    OPTIONS = ()
    METRICS = {}
    SERVICES = ()
    PROBES = False

    def __init__(self, conf, node):
        self.conf = conf
        self.node = node
        if self.OPTIONS:
            conf.register_opts(self.OPTIONS, group=self.group())
            service.read_options(conf, self.group(), self.OPTIONS)

    @classmethod
    def group(cls):
        """The section of its options."""
        return f'collector_{cls.__module__.rpartition(".")[2]}'

    @property
    def options(self):
        """The values of its own options."""
        return self.conf[self.group()]

    def wanted(self):
        """Whether there is anything for it to do on this node, just now."""
        if not self.SERVICES:
            return True
        return any(name in self.node.services for name in self.SERVICES)

    @abc.abstractmethod
    def collect(self, now):
        """
        :param now: seconds since the epoch; every sample is of this time
        :returns: iterable of Samples; NaN for what can't be read just now
        :raises Lacking: it can do nothing at all for want of something, said
            in one line with what to do about it; the agent goes on without
            it, shows that, and tries again, less and less often
        """

    def statuses(self):
        """What it found last, where that needs words; besides its samples.

        :returns: iterable of ServiceStatuses, a few at most; each has a name
            that no service has. Called from the agent's own thread.
        """
        return ()


def sample(name, value, **dimensions):
    """
    :param value: a number, a bool or NaN; None is NaN
    :returns: Sample
    """
    value = NAN if value is None else float(value)
    pairs = tuple(dimensions.items())
    if len(pairs) > 1:
        pairs = tuple(sorted(pairs))
    return model.Sample(_metric(name, pairs), value)


@functools.lru_cache(maxsize=4096)
def _metric(name, dimensions):
    return model.Metric(name, dimensions)
