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

"""Has collectors work once, beside the agent and without a trace of it."""

import concurrent.futures
import dataclasses
import enum
import math
import time

from sentinella import exceptions
from sentinella import plugins

NAMESPACE = 'sentinella.collectors'


class Outcome(enum.StrEnum):
    WORKS = 'works'
    IDLE = 'nothing to do'
    FAILS = 'fails'


@dataclasses.dataclass(slots=True)
class Tried:
    """How one collector fared.

    :ivar what: why it gave nothing; '' where it did
    :ivar remedy: what to do about that, as far as the collector knows
    """

    name: str
    outcome: Outcome = Outcome.IDLE
    what: str = ''
    remedy: str = ''
    samples: list = dataclasses.field(default_factory=list)

    def collect(self, collector, now):
        """Whatever it raises is noted, and goes no further."""
        try:
            self.samples = []
            if collector.wanted():
                self.outcome = Outcome.WORKS
                self.samples.extend(collector.collect(now))
        except exceptions.Lacking as error:
            self._fails(error.what, error.remedy)
        except exceptions.SentinellaError as error:
            self._fails(str(error))
        except Exception as error:
            self._fails(f'{type(error).__name__}: {error}')

    def _fails(self, what, remedy=''):
        self.outcome, self.what, self.remedy = Outcome.FAILS, what, remedy

    def unknown(self):
        """How many of its samples are NaN."""
        return sum(math.isnan(sample.value) for sample in self.samples)

    def down(self):
        """Samples that say that something is down."""
        return [
            sample
            for sample in self.samples
            if sample.metric.name.endswith('.up') and sample.value == 0
        ]


def enabled(conf):
    """Names of the collectors that the agent runs."""
    return [
        name
        for name in conf.agent.collectors
        if name not in conf.agent.disabled_collectors
    ]


def collect(conf, node, seconds=0.0):
    """Call each collector that is enabled.

    :param node: see :func:`sentinella.cmd.agent.discover.look`
    :param seconds: to look at the node twice, so much apart, as rates need
        it; 0 to look once
    :returns: list of Tried, in the configuration's order
    """
    tried, here, probing = [], [], []
    for name in enabled(conf):
        found = Tried(name)
        tried.append(found)
        try:
            collector = plugins.load(NAMESPACE, name, conf, node)
        except Exception as error:
            ours = isinstance(error, exceptions.SentinellaError)
            found._fails(
                str(error) if ours else f'{type(error).__name__}: {error}'
            )
            continue
        (probing if collector.PROBES else here).append((found, collector))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        now = time.time()
        futures = [pool.submit(t.collect, c, now) for t, c in probing]
        _collect_here(here, seconds)
        concurrent.futures.wait(futures)
    return tried


def _collect_here(here, seconds):
    for found, collector in here:
        found.collect(collector, time.time())
    if seconds:
        time.sleep(seconds)
        for found, collector in here:
            found.collect(collector, time.time())
