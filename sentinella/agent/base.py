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

"""The interface of a collector."""

import abc


class Collector(abc.ABC):
    """Reads one kind of vital signs.

    It has no loop and never sleeps: the agent calls it once per interval. A
    driver's class owns its options, if it has any.

    :param conf: the agent's configuration
    :param node: what the agent knows of this node, an
        :class:`sentinella.agent.discovery.Node`
    """

    def __init__(self, conf, node):
        self.conf = conf
        self.node = node

    @abc.abstractmethod
    def collect(self, now):
        """
        :param now: seconds since the epoch; every sample is of this time
        :returns: iterable of Samples; NaN for what can't be read just now
        :raises InvalidConfiguration: it lacks something, said in one line;
            the agent goes on without it and tries again each time
        """
