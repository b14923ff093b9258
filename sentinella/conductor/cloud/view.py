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

"""What an API says, as samples and services of the server `cloud`."""

import collections.abc
import dataclasses
import math

from sentinella import model
from sentinella.knowledge import cloud

#: Characters of a dimension, or of a name: what an API says is bounded.
MAX_TEXT = 255


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """
    :ivar samples: Samples, what matters most first
    :ivar services: ServiceStatuses; since when is not told
    """

    samples: tuple[model.Sample, ...] = ()
    services: tuple[model.ServiceStatus, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """
    :ivar api: the project whose API is asked
    :ivar name: what it is asked for
    :ivar service_type: as in the catalog; it is not asked where there is
        none of it, and None asks without looking
    :ivar tells: whether there are services in what it is told
    :ivar ask: function of Clients, a list of mappings
    :ivar read: PURE function of that list and of a function that makes a
        server's name of a host, a View
    """

    api: str
    name: str
    service_type: str | None
    ask: collections.abc.Callable
    read: collections.abc.Callable
    tells: bool = False

    def __str__(self):
        return f'{self.api} for {self.name}'


def sample(name, value, **dimensions):
    """
    :param value: a number, a bool, or None where it is not known
    """
    metric = model.Metric.of(
        name, **{key: str(one)[:MAX_TEXT] for key, one in dimensions.items()}
    )
    return model.Sample(metric, math.nan if value is None else float(value))


def counts(name, samples):
    """On how many hosts each kind of service is, so that a share of them can
    be told from one of one.

    :param name: of the metric
    :param samples: one or more of each service, with its host
    """
    hosts = {}
    for one in samples:
        dimensions = dict(one.metric.dimensions)
        hosts.setdefault(dimensions['service'], set()).add(dimensions['host'])
    return [
        sample(name, len(found), service=service)
        for service, found in hosts.items()
    ]


def status(project, binary, host, up, reason=''):
    """
    :param up: bool, or None where it is not known
    """
    states = model.ServiceState
    return model.ServiceStatus(
        name=cloud.service_name(binary, host)[:MAX_TEXT],
        state={True: states.UP, False: states.DOWN}.get(
            up, states.UNDETERMINED
        ),
        since=0.0,
        project=project,
        evidence=f'what {project} says',
        reason=reason[:MAX_TEXT],
    )


def among(word, truths):
    """
    :param truths: mapping of the words that mean something
    :returns: what a word of an API means, None for any other
    """
    return truths.get(word) if isinstance(word, str) else None
