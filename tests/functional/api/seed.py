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

"""A small cloud to ask the API about.

Project `alpha` has ctl-01 with all there can be, `beta` has ctl-02 with the
like, so that a test can tell whose things it is shown.
"""

import time
import uuid

from sentinella import model
from sentinella.db import alarms
from sentinella.db import attempts
from sentinella.db import channels
from sentinella.db import definitions
from sentinella.db import log_events
from sentinella.db import notifications
from sentinella.db import servers
from sentinella.db import services
from sentinella.storage import base

#: Public keys: that the servers are known by, and one that asks for it.
KEY = 'O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik'
CANDIDATE = 'iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w'

BUILTIN = '00000000-0000-4000-8000-0000000000bb'


def number(kind, project):
    """A UUID that tells what it is of, when a test fails."""
    kinds = (
        'server definition channel alarm transition notification absent'
    ).split()
    digits = f'{kinds.index(kind):x}' * 8
    return f'{digits}-0000-4000-8000-{project.encode().hex():0>12.12}'


def fill(database, storage, alpha='alpha', beta='beta'):
    """
    :param alpha: ID of that project; :param beta: of that one
    :returns: when all of it was seen: one minute ago, and not one minute
        before the first test was loaded
    """
    at = round(time.time()) - 60
    with database.writer() as session:
        builtin = definitions.create(
            session,
            model.AlarmDefinition(
                uuid=BUILTIN,
                name='service down',
                expression='last(process.up) < 1',
                type=model.ThresholdType.BINARY,
                severity=model.Severity.CRITICAL,
                match_by=('server', 'service'),
                cause='It crashed, or somebody stopped it.',
                remedy='See its log; start it again.',
                builtin=True,
            ),
            {'process.up'},
            at,
        )
        ids = [
            _fill_project(session, builtin, 'ctl-01', 'alpha', alpha, at),
            _fill_project(session, builtin, 'ctl-02', 'beta', beta, at),
        ]
    frame = model.Frame.of(
        at,
        [
            model.Sample(model.Metric.of('cpu.percent'), 12.5),
            model.Sample(model.Metric.of('fs.percent', mount='/'), 40.0),
            model.Sample(model.Metric.of('swap.percent'), float('nan')),
        ],
    )
    storage.learn(frame.metrics)
    storage.write(
        [base.StoredFrame(id_, at, frame.schema, frame.values) for id_ in ids]
    )
    return at


def _fill_project(session, builtin, hostname, name, project_id, at):
    registration = model.Registration(
        server=number('server', name),
        epoch=str(uuid.uuid4()),
        hostname=hostname,
        cloud_group='region-one',
        location='rack 1',
        agent_version='1.0.0',
        facts={'cpus': 8, 'openstack': '2026.1'},
    )
    server = servers.hold(session, registration, project_id, at - 3600)
    server = servers.register(
        session, server, registration, project_id, public_key=KEY
    )
    services.apply(
        session,
        server.id,
        [
            model.ServiceStatus(
                'nova-api',
                model.ServiceState.UP,
                at - 3000,
                project='nova',
                pids=(100, 101),
                log_files=('/var/log/nova/nova-api.log',),
                evidence='listens on port 8774',
            ),
            model.ServiceStatus(
                'nova-scheduler',
                model.ServiceState.DOWN,
                at,
                project='nova',
                reason='its master, process 200, is gone',
                restarts=1,
            ),
        ],
        True,
        at,
    )
    log_events.add(
        session,
        [
            (
                server.id,
                model.LogEvent(
                    at - position,
                    'nova-scheduler',
                    level,
                    f'message {position}',
                    module='nova.scheduler.manager',
                    request_id=f'req-{uuid.uuid4()}',
                    traceback='Traceback ...' if level == 'ERROR' else None,
                ),
            )
            for position, level in enumerate(('ERROR', 'WARNING', 'CRITICAL'))
        ],
    )
    definition = definitions.create(
        session,
        model.AlarmDefinition(
            uuid=number('definition', name),
            name='cpu busy',
            expression='avg(cpu.percent, 120) > 90',
            type=model.ThresholdType.GAUGE,
            severity=model.Severity.MAJOR,
            project_id=project_id,
        ),
        {'cpu.percent'},
        at,
    )
    channel = channels.create(
        session,
        model.Channel(
            uuid=number('channel', name),
            name='pager',
            project_id=project_id,
            driver='log',
            settings={},
            min_severity=model.Severity.WARNING,
        ),
        at,
    )
    assert definition.id
    _raise_alarm(session, builtin, server, channel, name, at)
    return server.id


def _raise_alarm(session, definition, server, channel, name, at):
    alarm = alarms.save(
        session,
        model.Alarm(
            uuid=number('alarm', name),
            definition=definition,
            group={'server': server.uuid, 'service': 'nova-scheduler'},
            project_id=server.project_id,
            state=model.AlarmState.ALARM,
            lifecycle=model.Lifecycle.OPEN,
            severity=model.Severity.CRITICAL,
            reason='last(process.up) is 0',
            first_at=at,
            changed_at=at,
            last_at=at,
            count=1,
            value=0.0,
            server=server,
        ),
    )
    transition = alarms.add_transition(
        session,
        alarm,
        model.Transition(
            uuid=number('transition', name),
            at=at,
            from_state=model.AlarmState.OK,
            to_state=model.AlarmState.ALARM,
            reason='last(process.up) is 0',
            value=0.0,
            severity=model.Severity.CRITICAL,
            values={'last(process.up)': 0.0},
        ),
    )
    _notification(session, alarm, transition, channel, name, at)


def _notification(session, alarm, transition, channel, name, at):
    """One that did not go at first."""
    (queued,) = notifications.add(session, alarm, transition, [channel], at)
    uuid, said = number('notification', name), 'HTTP 503 Service Unavailable'
    session.execute(
        notifications.TABLE.update()
        .where(notifications.TABLE.c.id == queued.id)
        .values(
            uuid=uuid,
            attempts=1,
            last_error=said,
            waits_for=model.WaitsFor.RETRY,
        )
    )
    pending = model.NotificationState.PENDING
    attempts.add(
        session,
        [model.Attempt(channel.id, uuid, at, 0.0125, pending, said)],
    )
