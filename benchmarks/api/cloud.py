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

"""What there is in a cloud that has been watched for a month.

Each server has 10 services with a month of changes, a day of log events, and
alarms that are over; some have open ones. Of the last 10 minutes there are
frames of all servers, and of some of them of a day: frames of all would fill
the disk, and nobody asks after those of two servers at once.
"""

import random
import uuid

from benchmarks.alarms import evaluation
from sentinella import model
from sentinella.api import overview
from sentinella.db import alarms
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import ledger
from sentinella.db import log_events
from sentinella.db import servers
from sentinella.db import services
from sentinella.db import windows

DAY = 86400.0
HOST = (
    'load.1m load.5m load.15m load.per_cpu_5m cpu.percent cpu.user_percent '
    'cpu.system_percent cpu.iowait_percent cpu.steal_percent memory.percent '
    'memory.available_bytes memory.total_bytes swap.percent '
    'host.uptime_seconds'
).split()
MOUNTS = ('/', '/boot', '/var', '/var/log')
SERVICES = {
    'nova': ('nova-api', 'nova-scheduler', 'nova-conductor', 'nova-compute'),
    'neutron': ('neutron-server', 'neutron-l3-agent', 'neutron-dhcp-agent'),
    'glance': ('glance-api',),
    'keystone': ('keystone',),
    'cinder': ('cinder-volume',),
}
NAMES = [name for names in SERVICES.values() for name in names]
LEVELS = ('WARNING', 'WARNING', 'WARNING', 'ERROR', 'CRITICAL')

#: Servers with frames of a whole day.
WHOLE = 20
#: Log events of a server in an hour.
EVENTS = 10
#: One of so many servers has open alarms.
ALARMED = 20
ROWS = 5000


class Cloud(evaluation.Cloud):
    """
    :ivar uuids: of the servers with frames of a whole day
    """

    def __init__(self, stored, size):
        super().__init__(stored, size)
        self._chance = random.Random(size)
        self.fill(600)
        self._fill_day()
        with self.database.reader() as session:
            known = servers.all_(session)
        self.uuids = [one.uuid for one in known[:WHOLE]]
        for first in range(0, size, 100):
            some = known[first : first + 100]
            with self.database.writer() as session:
                self._fill_services(session, some)
                self._fill_logs(session, some)
        with self.database.writer() as session:
            self._fill_alarms(session, known)
            self._plan(session)

    def frames(self):
        return [model.Frame.of(0, samples(kind)) for kind in range(100)]

    def beat(self):
        """Have all servers be heard of just now."""
        self.sequence += 1
        with self.database.writer() as session:
            now = clock.read(session)
            sequences = dict.fromkeys(self.ids, self.sequence)
            seen = dict.fromkeys(self.ids, now)
            servers.accept(session, sequences, now, observed=seen)

    def _fill_day(self):
        everybody, self.ids = self.ids, self.ids[:WHOLE]
        for tick in range(61, int(DAY / evaluation.INTERVAL)):
            self.write(tick)
        self.ids = everybody

    def _fill_services(self, session, some):
        updates = [
            (
                one.id,
                [
                    model.ServiceStatus(
                        name, model.ServiceState.UP, self.now, project=project
                    )
                    for project, names in SERVICES.items()
                    for name in names
                ],
                True,
            )
            for one in some
        ]
        services.apply_many(session, updates, self.now)
        changes = [
            (one.id, name, self.now - self._chance.uniform(0, 30 * DAY), state)
            for one in some
            for name in NAMES
            for state in (*model.ServiceState, *model.ServiceState)
        ]
        ledger.fill(session, changes)

    def _fill_logs(self, session, some):
        for one in some:
            log_events.add(
                session, [(one.id, self._event()) for _ in range(24 * EVENTS)]
            )

    def _event(self):
        return model.LogEvent(
            self.now - self._chance.uniform(0, DAY),
            self._chance.choice(NAMES),
            self._chance.choice(LEVELS),
            'Timed out waiting for a reply to message ID ' + 'f' * 32,
            'oslo_messaging._drivers.amqpdriver',
            request_id=f'req-{uuid.uuid4()}',
        )

    def _fill_alarms(self, session, known):
        several = [self._define(session, number) for number in range(5)]
        severities = list(model.Severity)
        rows = []
        for number, one in enumerate(known):
            for position, definition in enumerate(several):
                is_open = number % ALARMED == 0 and position < 2
                severity = severities[number % len(severities)]
                alarm = self._alarm(definition, one, is_open, severity)
                alarm = alarms.save(session, alarm)
                rows += self._transitions(alarm)
        for first in range(0, len(rows), ROWS):
            session.connection().execute(
                alarms.TRANSITIONS.insert(), rows[first : first + ROWS]
            )

    def _define(self, session, number):
        definition = model.AlarmDefinition(
            uuid=str(uuid.uuid4()),
            name=f'service down {number}',
            expression='last(process.up) < 1',
            type=model.ThresholdType.BINARY,
            severity=model.Severity.CRITICAL,
            cause='It crashed, or somebody stopped it.',
            remedy='See its log; start it again.',
        )
        metrics = {'process.up'}
        return definitions.create(session, definition, metrics, self.now)

    def _alarm(self, definition, server, is_open, severity):
        at = self.now - self._chance.uniform(0, DAY)
        states, lives = model.AlarmState, model.Lifecycle
        return model.Alarm(
            uuid=str(uuid.uuid4()),
            definition=definition,
            group={'server': server.uuid, 'service': 'nova-compute'},
            project_id=server.project_id,
            state=states.ALARM if is_open else states.OK,
            lifecycle=lives.OPEN if is_open else lives.RESOLVED,
            severity=severity,
            reason='last(process.up) is 0',
            first_at=at,
            changed_at=at,
            last_at=at,
            count=3,
            server=server,
        )

    def _transitions(self, alarm):
        states = [model.AlarmState.OK, model.AlarmState.ALARM] * 3
        return [
            {
                'alarm_id': alarm.id,
                'uuid': str(uuid.uuid4()),
                'at': alarm.changed_at - 60 * (5 - position),
                'from_state': before,
                'to_state': after,
                'reason': alarm.reason,
                'severity': alarm.severity,
                'values': {},
            }
            for position, (before, after) in enumerate(
                zip(states, states[1:], strict=False)
            )
        ]

    def _plan(self, session):
        for number in range(5):
            window = model.Window(
                uuid=str(uuid.uuid4()),
                name=f'patch day {number}',
                project_id=None,
                mode=model.Mode.MAINTENANCE,
                starts_at=self.now - 20 * DAY,
                ends_at=self.now - 20 * DAY + 7200,
                rrule='FREQ=WEEKLY',
                cloud_groups=(f'region-{number}',),
            )
            windows.create(session, window, self.now - 20 * DAY)


def samples(kind):
    """What the agent of a node reports: 200 values."""
    chance = random.Random(kind)
    metrics = [model.Metric(name) for name in HOST]
    metrics += [
        model.Metric.of(f'fs.{name}', mount=mount)
        for name in overview.FILESYSTEM
        for mount in MOUNTS
    ]
    metrics += [
        model.Metric.of(f'load.m{number:03}', kind='bench')
        for number in range(200 - len(metrics))
    ]
    return [
        model.Sample(metric, round(chance.uniform(0, 100), 1))
        for metric in metrics
    ]
