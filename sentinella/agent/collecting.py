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

"""Calls the collectors: those of this node, and those that wait for others."""

import concurrent.futures
import math
import threading
import time

from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella import service
from sentinella.agent import base

#: Collectors that wait for something at a time.
AT_ONCE = 4
#: Seconds between two tries of one that lacks something: the first, and the
#: longest. Each may be an error in the log of whom it asks.
SHORTEST, LONGEST = 30.0, 300.0
#: What is said of a collector that can't work, as if it were a service.
PREFIX = 'collector:'


class Collecting:
    """One collector, and how it fares.

    :ivar reason: why it gave nothing the last time; '' where it worked, None
        where there was nothing to do
    :ivar since: when that began, seconds since the epoch
    """

    def __init__(self, name, collector, now):
        self.name = name
        self.collector = collector
        self.reason = None
        self.since = now
        self._pause = self._again_at = 0.0
        self._guard = service.Guard(f'collector {name}')

    def collect(self, now):
        """
        :returns: list of Samples; empty where it failed, which is said once
        """
        if not self.collector.wanted():
            self._becomes(None, now)
            self._pause = self._again_at = 0.0
            return []
        # the clock may have been set back
        if 0 < self._again_at - now <= LONGEST:
            return []
        samples, failure = [], None
        try:
            samples.extend(self.collector.collect(now))
        except Exception as error:
            failure = error
        if failure is None:
            self._guard.went_well()
            self._becomes('', now)
            self._pause = self._again_at = 0.0
            return samples
        self._guard.failed(failure)
        if isinstance(failure, exceptions.Lacking):
            self._pause = min(LONGEST, max(SHORTEST, 2 * self._pause))
            self._again_at = now + self._pause
        ours = isinstance(failure, exceptions.SentinellaError)
        name = '' if ours else f'{type(failure).__name__}: '
        self._becomes(f'{name}{failure}', now)
        return []

    def _becomes(self, reason, now):
        if reason != self.reason:
            self.since = now
        self.reason = reason

    def status(self):
        """
        :returns: ServiceStatus that says what it lacks, or None where it
            works or has nothing to do
        """
        if not self.reason:
            return None
        return model.ServiceStatus(
            name=f'{PREFIX}{self.name}',
            state=model.ServiceState.UNDETERMINED,
            since=self.since,
            project='sentinella',
            reason=self.reason,
        )


def load(conf, node, names):
    """
    :param names: of the collectors to load
    :returns: Collectors
    :raises InvalidConfiguration: there is no such collector, or it has an
        option that can't be used
    """
    now = time.time()
    return Collectors(
        Collecting(
            name, plugins.load('sentinella.collectors', name, conf, node), now
        )
        for name in names
    )


class Collectors:
    """All collectors of a node.

    :param loaded: iterable of Collecting
    """

    def __init__(self, loaded):
        loaded = list(loaded)
        self._here = [c for c in loaded if not c.collector.PROBES]
        self._probing = [c for c in loaded if c.collector.PROBES]

    def here(self, now):
        """What the node itself tells; takes no time worth mentioning.

        :returns: list of Samples
        """
        samples = [s for c in self._here for s in c.collect(now)]
        return samples + self._health()

    def probed(self, now):
        """What others answer; returns once all of them have, or will not.

        :returns: list of Samples
        """
        wanted = [c for c in self._probing if c.collector.wanted()]
        if not wanted:
            return []
        with concurrent.futures.ThreadPoolExecutor(
            min(AT_ONCE, len(wanted)), 'agent-probe'
        ) as pool:
            found = list(pool.map(lambda c: c.collect(now), wanted))
        return [sample for samples in found for sample in samples]

    def _health(self):
        """Which collectors work, of those that have something to do."""
        return [
            base.sample(
                'agent.collector_up',
                base.NAN if c.reason else 1.0,
                collector=c.name,
            )
            for c in (*self._here, *self._probing)
            if c.reason is not None
        ]

    def statuses(self):
        """
        :returns: list of ServiceStatuses of those that can't work, and of
            what others found that needs words
        """
        found = []
        for one in (*self._here, *self._probing):
            lacking = one.status()
            if lacking is not None:
                found.append(lacking)
            elif one.reason is not None:
                found.extend(one.collector.statuses())
        return found


class Prober:
    """Asks the collectors that wait for others, in a thread of its own.

    :param collectors: a :class:`Collectors`
    :param interval: seconds between two rounds
    :param done: called, in that thread, when a round's samples can be taken
    """

    def __init__(self, collectors, interval, done):
        self._collectors = collectors
        self._done = done
        self._lock = threading.Lock()
        self._samples = []
        self._states = {}
        self._loop = service.Loop(
            'agent-prober', self._probe, interval, jitter=0.1
        )

    def start(self):
        self._loop.start()

    def stop(self):
        # what waits for a far server is left to end by itself
        self._loop.stop(timeout=1.0)

    def wake(self):
        """Have a round begin now."""
        self._loop.wake()

    def _probe(self):
        samples = self._collectors.probed(time.time())
        if not samples:
            return
        with self._lock:
            # of rounds that nobody took, the last one counts
            self._samples = samples
        self._done()

    def take(self):
        """
        :returns: samples of the last round, if they were not taken before,
            and whether anything in it went up or down since the round before
        """
        with self._lock:
            samples, self._samples = self._samples, []
        if not samples:
            return [], False
        before, self._states = self._states, {}
        changed = False
        for metric, value in _binaries(samples):
            known = before.get(metric, 1.0)
            # what can't be told just now is taken to be as it was
            self._states[metric] = known if math.isnan(value) else value
            changed |= self._states[metric] != known
        return samples, changed


def _binaries(samples):
    for sample in samples:
        if sample.metric.name.endswith('.up'):
            yield sample.metric, sample.value
