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

"""The examples in api-ref are answers that the API gave.

Each is compared with an answer of now, by its keys and types. After a
change write them anew with SENTINELLA_WRITE_SAMPLES=1 in the environment.
"""

import dataclasses
import json
import os
import pathlib
import time

from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.db import heartbeat
from sentinella.db import servers
from sentinella.db import windows
from sentinella.evaluator import recurrence
from tests import signers
from tests.functional.api import base
from tests.functional.api import seed

SAMPLES = pathlib.Path(__file__).parents[3] / 'api-ref/source/samples'

_SERVER = seed.number('server', 'alpha')
_ALARM = seed.number('alarm', 'alpha')
_DEFINITION = seed.number('definition', 'alpha')
_CHANNEL = seed.number('channel', 'alpha')
_NOTIFICATION = seed.number('notification', 'alpha')
_WINDOW = '77777777-0000-4000-8000-00616c706861'

_AGENT = signers.Signer()
_SENT_AT = float(round(time.time()))
_REGISTRATION = model.Registration(
    seed.number('absent', 'alpha'),
    '0d5a2a1f7f5c4f6f8d5a1c9e4b7a6c3d',
    'vm-01',
    agent_version='1.0.0',
    facts={'cpus': 2},
    sent_at=_SENT_AT,
)
_REPORT = model.Report(
    _REGISTRATION.server,
    _REGISTRATION.epoch,
    1,
    sent_at=_SENT_AT,
    frame=model.Frame.of(
        _SENT_AT, [model.Sample(model.Metric.of('cpu.percent'), 12.5)]
    ),
)

#: By file: method, path and body, in an order that keeps each possible.
EXCHANGES = {
    'versions': ('GET', '/', None),
    'version': ('GET', '/v1', None),
    'servers-list': ('GET', '/v1/servers?limit=1', None),
    'servers-show': ('GET', f'/v1/servers/{_SERVER}', None),
    'servers-view': ('GET', f'/v1/servers/{_SERVER}/view', None),
    'summary-show': ('GET', '/v1/summary?limit=1', None),
    'servers-update': (
        'PATCH',
        f'/v1/servers/{_SERVER}',
        {'mode': 'maintenance', 'location': 'rack 2'},
    ),
    'servers-uptime': (
        'GET',
        f'/v1/servers/{_SERVER}/uptime?service=nova-api',
        None,
    ),
    'servers-accept': (
        'POST',
        f'/v1/servers/{_SERVER}/accept',
        {'fingerprint': signing.fingerprint(seed.CANDIDATE)},
    ),
    'registrations-create': (
        'POST',
        '/v1/registrations',
        wire.to_wire(_AGENT.registration(_REGISTRATION)),
    ),
    'reports-create': (
        'POST',
        '/v1/reports',
        wire.to_wire(_AGENT.report(_REPORT)),
    ),
    'services-list': ('GET', f'/v1/services?server={_SERVER}', None),
    'alarms-list': ('GET', '/v1/alarms?state=ALARM&limit=1', None),
    'alarms-show': ('GET', f'/v1/alarms/{_ALARM}', None),
    'alarms-transitions': ('GET', f'/v1/alarms/{_ALARM}/transitions', None),
    'alarms-acknowledge': (
        'POST',
        f'/v1/alarms/{_ALARM}/acknowledge',
        {'note': 'I look after it.'},
    ),
    'alarms-resolve': (
        'POST',
        f'/v1/alarms/{_ALARM}/resolve',
        {'note': 'It was started again.'},
    ),
    'alarm-definitions-list': (
        'GET',
        '/v1/alarm-definitions?type=binary',
        None,
    ),
    'alarm-definitions-show': (
        'GET',
        f'/v1/alarm-definitions/{_DEFINITION}',
        None,
    ),
    'alarm-definitions-create': (
        'POST',
        '/v1/alarm-definitions',
        {
            'name': 'filesystem nearly full',
            'expression': 'last(fs.percent) > 95',
            'type': 'gauge',
            'severity': 'critical',
            'match_by': ['server', 'mount'],
            'cause': 'Logs or images that nobody removes.',
            'remedy': 'Look for the largest with du -x.',
        },
    ),
    'alarm-definitions-update': (
        'PATCH',
        f'/v1/alarm-definitions/{_DEFINITION}',
        {'severity': 'warning', 'enabled': False},
    ),
    'channels-list': ('GET', '/v1/channels?limit=1', None),
    'channels-show': ('GET', f'/v1/channels/{_CHANNEL}', None),
    'channels-create': (
        'POST',
        '/v1/channels',
        {
            'name': 'duty desk',
            'driver': 'webhook',
            'settings': {
                'url': 'https://desk.example.org/hook',
                'secret': 'not to be shown',
            },
            'min_severity': 'major',
            'services': ['nova-compute', 'neutron-server'],
            'repeat_interval': 3600,
            'quiet': {
                'from': '22:00',
                'to': '07:00',
                'timezone': 'Europe/Rome',
            },
        },
    ),
    'channels-update': (
        'PATCH',
        f'/v1/channels/{_CHANNEL}',
        {'min_severity': 'critical'},
    ),
    'drivers-list': ('GET', '/v1/drivers?name=log', None),
    'channels-test': ('POST', f'/v1/channels/{_CHANNEL}/test', None),
    'metrics-list': ('GET', f'/v1/metrics?server={_SERVER}', None),
    'metrics-range': (
        'GET',
        f'/v1/metrics/range?server={_SERVER}&name=fs.percent'
        '&dimensions=mount:/&function=max',
        None,
    ),
    'logs-list': ('GET', '/v1/logs?level=ERROR&limit=1', None),
    'notifications-list': ('GET', '/v1/notifications?limit=1', None),
    'notifications-show': ('GET', f'/v1/notifications/{_NOTIFICATION}', None),
    'notifications-resend': (
        'POST',
        f'/v1/notifications/{_NOTIFICATION}/resend',
        None,
    ),
    'windows-list': ('GET', '/v1/windows?limit=1', None),
    'windows-show': ('GET', f'/v1/windows/{_WINDOW}', None),
    'windows-create': (
        'POST',
        '/v1/windows',
        {
            'name': 'firmware of rack 1',
            'mode': 'maintenance',
            'starts_at': '2030-01-06T02:00:00+01:00',
            'ends_at': '2030-01-06T04:00:00+01:00',
            'rrule': 'FREQ=MONTHLY;BYDAY=1SU',
            'timezone': 'Europe/Rome',
            'until': '2030-12-31T00:00:00Z',
            'cloud_groups': ['region-one'],
            'services': ['nova-compute'],
            'reason': 'Hypervisors get the firmware of the month.',
        },
    ),
    'windows-preview': ('GET', f'/v1/windows/{_WINDOW}/preview', None),
    'windows-preview-new': (
        'POST',
        '/v1/windows/preview',
        {
            'name': 'network of rack 1',
            'mode': 'blackout',
            'starts_at': '2030-01-06T02:00:00Z',
            'ends_at': '2030-01-06T04:00:00Z',
            'servers': [_SERVER],
            'project_id': 'alpha',
        },
    ),
    'windows-update': (
        'PATCH',
        f'/v1/windows/{_WINDOW}',
        {'mode': 'blackout', 'reason': 'The firmware waits.'},
    ),
    'error': ('GET', '/v1/servers?limit=none', None),
}


def shape(thing):
    """Keys and types, without what they hold."""
    if isinstance(thing, dict):
        return {key: shape(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return [shape(thing[0])] if thing else []
    return type(thing).__name__


class TestSamples(base.ApiTestCase):
    def setUp(self):
        super().setUp()
        with self.database.writer() as session:
            servers.refuse(
                session, {_SERVER: (1, seed.CANDIDATE)}, self.seen_at
            )
            self._plan(session)
            server = servers.get(session, _SERVER)
            now = self.seen_at + 60.0
            seen = {server.id: now}
            servers.accept(session, {server.id: 1}, now, observed=seen)
        running = heartbeat.Heartbeat(
            self.database, model.InstanceKind.EVALUATOR, 'ctl-01'
        )
        running.beat()
        self.addCleanup(running.stop)

    def _plan(self, session):
        window = model.Window(
            uuid=_WINDOW,
            name='kernels',
            project_id='alpha',
            mode=model.Mode.MAINTENANCE,
            starts_at=1893895200.0,
            ends_at=1893902400.0,
            rrule='FREQ=WEEKLY;BYDAY=SU',
            until=1924905600.0,
            servers=(_SERVER,),
            owner='5b1a8a6ac8e94d7c9c2a4f0d8e7b6c5a',
            reason='Kernels are updated on Sundays.',
        )
        over_at = recurrence.over_at(window)
        window = dataclasses.replace(window, over_at=over_at)
        windows.create(session, window, self.seen_at)

    def test_samples(self):
        written = 'SENTINELLA_WRITE_SAMPLES' in os.environ
        for name, (method, path, body) in EXCHANGES.items():
            answer = self.api.ask(method, path, body).json
            files = {f'{name}-response.json': answer}
            if body is not None:
                files[f'{name}-request.json'] = body
            for file, content in files.items():
                if written:
                    text = json.dumps(content, indent=4)
                    (SAMPLES / file).write_text(f'{text}\n')
                kept = json.loads((SAMPLES / file).read_text())
                self.assertEqual(shape(content), shape(kept), file)

    def test_none_is_left_over(self):
        expected = {f'{name}-response.json' for name in EXCHANGES} | {
            f'{name}-request.json'
            for name, (_, _, body) in EXCHANGES.items()
            if body is not None
        }
        self.assertEqual(
            expected, {path.name for path in SAMPLES.glob('*.json')}
        )
