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

"""What the tests of the collections begin with."""

from oslo_utils import uuidutils

from sentinella import model
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import definitions
from sentinella.db import servers

NOW = 1767225600.25


def uuid():
    return uuidutils.generate_uuid()


def registration(hostname='ctl-01', **kwargs):
    kwargs = {'server': uuid(), 'epoch': 'e1', **kwargs}
    return model.Registration(hostname=hostname, **kwargs)


def server(session, hostname='ctl-01', project_id='service', **kwargs):
    return register(session, registration(hostname, **kwargs), project_id)


def register(session, registration, project_id='service', **keys):
    known = servers.hold(session, registration, project_id, NOW)
    return servers.register(session, known, registration, project_id, **keys)


def status(name='nova-api', state=model.ServiceState.UP, **kwargs):
    return model.ServiceStatus(name, state, **{'since': NOW, **kwargs})


def definition(session, name='cpu', metrics=('cpu.percent',), **kwargs):
    made = model.AlarmDefinition(
        **{
            'uuid': uuid(),
            'name': name,
            'expression': 'last(cpu.percent) > 90',
            'type': model.ThresholdType.GAUGE,
            'severity': model.Severity.MAJOR,
            **kwargs,
        }
    )
    return definitions.create(session, made, metrics, NOW)


def alarm(session, its_definition, its_server, **kwargs):
    made = model.Alarm(
        **{
            'uuid': uuid(),
            'definition': its_definition,
            'group': {'server': its_server.uuid} if its_server else {},
            'project_id': 'service',
            'state': model.AlarmState.ALARM,
            'lifecycle': model.Lifecycle.OPEN,
            'severity': its_definition.severity,
            'reason': 'cpu.percent is 97',
            'first_at': NOW,
            'changed_at': NOW,
            'last_at': NOW,
            'count': 1,
            'value': 97.0,
            'server': its_server,
            **kwargs,
        }
    )
    return alarms.save(session, made)


def transition(session, its_alarm, at=NOW, to=model.AlarmState.ALARM):
    made = model.Transition(
        uuid(), at, model.AlarmState.OK, to, its_alarm.reason, its_alarm.value
    )
    return alarms.add_transition(session, its_alarm, made)


def channel(session, name='pager', project_id='service', **kwargs):
    made = model.Channel(
        **{
            'uuid': uuid(),
            'name': name,
            'project_id': project_id,
            'driver': 'log',
            'settings': {},
            **kwargs,
        }
    )
    return channels.create(session, made, NOW)
