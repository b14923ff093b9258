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

"""The agent: one thread that watches, one that sends."""

import os
import time

from oslo_log import log

from sentinella import model
from sentinella import service
from sentinella import version
from sentinella.agent import collecting
from sentinella.agent.node import discovery
from sentinella.agent.node import facts
from sentinella.agent import identity
from sentinella.agent.publish import spool
from sentinella.agent import state
from sentinella.agent.node import watch
from sentinella.agent.collectors import logs as log_samples
from sentinella.agent.collectors import process as process_samples
from sentinella.agent.logs import follower
from sentinella.agent.logs import settings
from sentinella.agent.publish import arrangements
from sentinella.agent.publish import publisher
from sentinella.agent.publish import routes
from sentinella.knowledge import services

LOG = log.getLogger(__name__)

#: Full ticks between two reports that name all services, changed or not.
COMPLETE = 30
#: Seconds after which a log's last record is taken to be complete.
GRACE = 0.05
#: Seconds from a service's end to a look for its successor.
SUCCESSOR = 0.25
#: Seconds between two waits, so that a step that fails does not spin.
PAUSE = 0.01
#: Looks at the node of which but one reads the process table while nothing
#: is awaited: an end is seen at once, only what begins is not.
LOOKS = 5
#: Bytes of log events in one report; more go in further ones.
EVENT_BYTES = 1 << 18


class Agent:
    """Watches this node until it is stopped.

    :param conf: the configuration
    :param client: what goes over the bus, a
        :class:`sentinella.rpc.conductor.ConductorClient`
    :ivar node: the :class:`sentinella.agent.node.discovery.Node`
    :raises InvalidConfiguration: says what can't be used, and why
    """

    def __init__(self, conf, client):
        self.conf = conf
        self._state = state.State(os.path.join(conf.state_path, 'agent'))
        self._saver = state.Saver(self._state)
        self._identity = identity.Identity(self._state)
        self.server = self._identity.server
        self._catalog = services.load(conf.agent.services_file)
        self.node = discovery.Node(
            self._catalog, conf.agent.exclude_services, conf.host
        )
        self._names = [
            name
            for name in conf.agent.collectors
            if name not in conf.agent.disabled_collectors
        ]
        self._collectors = collecting.load(conf, self.node, self._names)
        self._watcher = watch.Watcher()
        self._probe_ticks = round(
            conf.agent.probe_interval / conf.agent.interval
        )
        self._prober = collecting.Prober(
            self._collectors,
            # a tick wakes it before, where there are as many
            conf.agent.probe_interval * (2 if self._probe_ticks else 1),
            self._watcher.wake,
        )
        self._spool = spool.Spool(
            os.path.join(self._state.path, 'spool'),
            conf.agent.spool_max_bytes,
        )
        self._syncer = spool.Syncer(self._spool)
        self._publisher = publisher.Publisher(
            self._spool,
            routes.load(conf, client),
            self._identity,
            self._registration,
        )
        # hardly a pause: what it does is to wait
        self._loop = service.Loop('agent', self.step, PAUSE)
        self._stopping = False
        self._arrangements = arrangements.Arrangements()
        self._last_at = 0.0
        self._watch_at = self._tick_at = self._again_at = 0.0
        self._looks = self._ticks = 0
        self._complete = True
        self._probed = []
        self._told = {}
        self._lacking = set()
        self._facts = dict(self.node.facts)

    def start(self):
        self.open()
        self._loop.start()

    def open(self):
        """Remember what an earlier agent knew, and start what works beside
        the watching: :meth:`step` may be called now."""
        now = time.time()
        self._restore(now)
        if 'logs' in self._names:
            self.node.logs = follower.Logs(
                self.conf.agent.max_events_per_second,
                self._state.load('positions.json'),
            )
        self._saver.start()
        self._syncer.start()
        self._publisher.start()

    def stop(self):
        """End; what was not sent yet stays in the spool."""
        self._stopping = True
        self._prober.stop()
        self._watcher.wake()
        self._loop.stop()
        if self.node.logs is not None:
            self.node.logs.flush(time.time())
            self._report_logs()
            self._save_positions()
        self._save()
        self._saver.stop()
        self._publisher.stop()
        self._syncer.stop()
        self._spool.close()
        self._watcher.close()

    def _restore(self, now):
        data = self._state.load('services.json')
        try:
            if data:
                self.node.restore(data, now, self._watcher)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            LOG.warning('services.json is not used: %r', error)

    def step(self):
        """Wait for whatever comes first, and see to it."""
        if self._stopping:
            return
        deadline = min(self._watch_at, self._tick_at)
        if self._again_at:
            deadline = min(deadline, self._again_at)
        ended = self._watcher.wait(deadline - time.monotonic())
        now = time.monotonic()
        # the next time is set first, so that what fails is not tried at once
        if ended:
            self._watch_at = min(self._watch_at, now + SUCCESSOR)
            self._report_ended(ended)
        if now >= self._watch_at:
            self._watch_at = self._next_watch(now)
            self._watch()
        elif self._again_at and now >= self._again_at:
            self._read_logs(self.node.logs.read_pending)
        self._report_probed()
        if now >= self._tick_at:
            interval = self.conf.agent.interval
            self._tick_at = max(self._tick_at + interval, now + interval / 2)
            self._tick()

    def _next_watch(self, now):
        """When to look next: to wake up costs as much as many a look, so
        one that would be near a tick is at the tick."""
        interval = self.conf.agent.watch_interval
        near = abs(now + interval - self._tick_at) < interval / 2
        return self._tick_at if near else now + interval

    def _report_ended(self, ended):
        now = time.time()
        down = set()
        for key, ticks in ended.items():
            down |= self.node.ended(key, now, ticks)
        self._report_services(down)

    def _watch(self):
        changed, located = set(), False
        if self._looks % LOOKS == 0 or self.node.awaits:
            changed = self.node.look(time.time(), self._watcher)
            located = self.node.locate_logs(time.monotonic())
        self._looks += 1
        dropped = self.node.take_dropped()
        self._complete |= bool(dropped)
        if changed or dropped:
            facts_now = facts.of_services(
                self.node.services.values(), self._catalog.majors
            )
            self._facts = {**self.node.facts, **facts_now}
        # what was known to an earlier agent need not change to be followed
        first = not self._ticks
        # a service is told of when its logs are followed, not before
        if self.node.logs is not None:
            if first or changed or located or dropped:
                self._follow_logs()
            self._read_logs(self.node.logs.read)
        # all are told at the first tick
        if self._ticks:
            self._report_services(changed)

    def _follow_logs(self):
        found = self.node.services.items()
        self.node.logs.follow(
            {name: one.log_files for name, one in found},
            {name: settings.form_of(one) for name, one in found},
        )

    def _report_services(self, names):
        """Tell at once of services that came up or went down."""
        if not names:
            return
        for name in sorted(names):
            found = self.node.services[name]
            LOG.info('%s is %s: %s', name, found.state, found.reason)
        # one schema for one service and one for all, not one for each subset
        several = self.node.services if len(names) > 1 else names
        samples = [
            sample
            for name in several
            for sample in process_samples.state_samples(
                self.node.services[name]
            )
        ]
        statuses = [self.node.services[name].status() for name in names]
        self._report(samples, statuses, urgent=True, overtakes=True)
        self._save()

    def _read_logs(self, read):
        """Read logs, and tell of an error at once, and of all else with it;
        a warning, or an error that repeats another, waits for the tick.

        :param read: a method of the Logs
        """
        logs = self.node.logs
        read(time.time(), time.monotonic())
        self._again_at = time.monotonic() + GRACE if logs.pending else 0.0
        if self._ticks and logs.events.alarming:
            self._report_logs()

    def _report_logs(self):
        """Tell of all that the logs say."""
        logs = self.node.logs
        names = logs.counted()
        events = logs.events.take()
        if not names and not events:
            return
        several = logs.followed() if len(names) > 1 else names
        samples = [
            sample
            for name in several
            for sample in log_samples.count_samples(name, logs.take(name))
        ]
        critical = any(event.level == 'CRITICAL' for event in events)
        self._report(samples, events=events, urgent=True, overtakes=critical)
        self._save_positions()

    def _report_probed(self):
        """Tell what others answered: what is new at once, else at the tick."""
        samples, changed = self._prober.take()
        if changed:
            self._report(samples, urgent=True)
        elif samples:
            self._probed = samples

    def _tick(self):
        """Report everything that the node itself tells."""
        now, started = time.time(), time.perf_counter()
        samples = self._collectors.here(now) + self._probed
        self._probed = []
        spent = time.perf_counter() - started
        dropped = self._spool.take_dropped() + sum(
            int(s.value) for s in samples if s.metric.name == 'log.suppressed'
        )
        for name, value in (
            ('agent.spool_bytes', self._spool.bytes),
            ('agent.dropped', dropped),
            ('agent.collect_seconds', round(spent, 4)),
        ):
            samples.append(model.Sample(model.Metric.of(name), float(value)))
        lacking = {s.name for s in self._collectors.statuses()}
        # one that works again is no longer named
        complete = (
            self._complete
            or self._ticks % COMPLETE == 0
            or not self._lacking <= lacking
        )
        self._lacking = lacking
        if not self._ticks:
            # by now it is known what there is to ask
            self._prober.start()
        elif self._probe_ticks and self._ticks % self._probe_ticks == 0:
            # on its own time its samples would come one tick sooner or later,
            # and between two of them they would seem to be too old
            self._prober.wake()
        self._ticks += 1
        self._complete = False
        logs, statuses = self.node.logs, self._statuses(complete)
        self._report(
            samples,
            statuses,
            complete=complete,
            events=logs.events.take() if logs else (),
            dropped=dropped,
        )
        if statuses:
            self._save()
        if logs is not None and (logs.given or complete):
            self._save_positions()

    def _statuses(self, complete):
        statuses = [s.status() for s in self.node.services.values()]
        statuses += self._collectors.statuses()
        return [
            status
            for status in statuses
            if complete or self._told.get(status.name) != status
        ]

    def _report(self, samples, statuses=(), events=(), **fields):
        """Put a report into the spool, or several where events are many.

        :param fields: further ones of the Report
        """
        first, *further = batches(events)
        # distinct and growing, whatever the clock does
        self._last_at = max(self._last_at + 0.001, round(time.time(), 3))
        frame = None
        if samples:
            arranged = self._arrangements.of([s.metric for s in samples])
            frame = model.Frame.of(self._last_at, samples, arranged)
        report = model.Report(
            server=self.server,
            epoch='',
            sequence=0,
            frame=frame,
            events=tuple(first),
            services=tuple(statuses),
            **fields,
        )
        self._spool.append(report)
        for batch in further:
            self._spool.append(
                model.Report(
                    self.server,
                    '',
                    0,
                    events=tuple(batch),
                    overtakes=report.overtakes,
                )
            )
        self._told.update((status.name, status) for status in statuses)

    def _registration(self, epoch):
        """What the publisher registers with; called in its thread."""
        self._complete = True
        return model.Registration(
            server=self.server,
            epoch=epoch,
            hostname=self.conf.host,
            cloud_group=self.conf.agent.cloud_group,
            location=self.conf.agent.location,
            agent_version=version.version_string(),
            interval=self.conf.agent.interval,
            facts=self._facts,
            sent_at=time.time(),
        )

    def _save(self):
        self._saver.save('services.json', self.node.to_state())

    def _save_positions(self):
        """To be called when all is reported that was read."""
        self._saver.save('positions.json', self.node.logs.positions())


def batches(events):
    """
    :returns: list of lists of events, at least one, none of them of more
        than `EVENT_BYTES`
    """
    result, room = [[]], EVENT_BYTES
    for event in events:
        size = len(event.message) + len(event.traceback or '') + 200
        if size > room and result[-1]:
            result.append([])
            room = EVENT_BYTES
        result[-1].append(event)
        room -= size
    return result
