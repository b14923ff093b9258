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

"""A cloud without agents: servers whose samples a test writes itself."""

import uuid

from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import notifications
from sentinella.db import servers
from sentinella.evaluator import expression
from sentinella.storage import base as storage
from tests import receiver

PROJECT = 'service'


class Scene:
    """Mixed into a `tests.databases` test case."""

    def setUp(self):
        super().setUp()
        self.receiver = self.useFixture(receiver.ReceiverFixture())
        self.storage = plugins.load(
            'sentinella.storage', 'sql', self.conf, self.database
        )

    def now(self):
        with self.database.reader() as session:
            return clock.read(session)

    def add_server(self, hostname, project_id=PROJECT, facts=None):
        registration = model.Registration(
            str(uuid.uuid4()), 'e', hostname, facts=facts or {}
        )
        with self.database.writer() as session:
            server = servers.hold(
                session, registration, project_id, self.now()
            )
            server = servers.register(
                session, server, registration, project_id
            )
        self.seen(server)
        return server

    def seen(self, server, ago=0.0):
        """The server reported just now, or some time ago."""
        with self.database.writer() as session:
            servers.accept(session, {server.id: 1}, self.now() - ago)

    def add_definition(
        self, text, type_='binary', match_by=('server', 'service'), **fields
    ):
        definition = model.AlarmDefinition(
            **{
                'uuid': str(uuid.uuid4()),
                'name': text,
                'expression': text,
                'type': model.ThresholdType(type_),
                'severity': model.Severity.CRITICAL,
                'match_by': match_by,
                'description': '{service} is down',
                **fields,
            }
        )
        try:
            metrics = expression.parse(text).metrics
        except exceptions.InvalidExpression:
            metrics = {'broken'}
        with self.database.writer() as session:
            return definitions.create(session, definition, metrics, self.now())

    def add_channel(self, driver='webhook', settings=None, **fields):
        channel = model.Channel(
            **{
                'uuid': str(uuid.uuid4()),
                'name': str(uuid.uuid4()),
                'project_id': PROJECT,
                'driver': driver,
                'settings': {'url': self.receiver.url}
                if settings is None
                else settings,
                # who looks at each page is not to get them as one
                'digest_over': 100_000,
                **fields,
            }
        )
        with self.database.writer() as session:
            return channels.create(session, channel, self.now())

    def write(self, server, value, name='process.up', at=None, **dimensions):
        """One frame with one sample."""
        metric = model.Metric.of(name, **dimensions)
        at = self.now() if at is None else at
        frame = model.Frame.of(at, [model.Sample(metric, float(value))])
        if self.storage.metrics_of(frame.schema) is None:
            self.storage.learn(frame.metrics)
        self.storage.write(
            [
                storage.StoredFrame(
                    server.id, frame.at, frame.schema, frame.values
                )
            ]
        )
        with self.database.writer() as session:
            known = servers.get(session, server.uuid)
            servers.note(session, 'sequence', {known.id: known.sequence + 1})

    def poke(self, name='process.up'):
        with self.database.writer() as session:
            return definitions.poke(session, {name})

    def set_mode(self, server, mode):
        with self.database.writer() as session:
            servers.set_(session, server.uuid, mode=model.Mode(mode))

    def alarms(self):
        with self.database.reader() as session:
            return alarms.list_(session, limit=1000)

    def transitions(self, alarm):
        with self.database.reader() as session:
            found = alarms.transitions(session, alarm.uuid, limit=1000)
        return [str(one.to_state) for one in reversed(found)]

    def outbox(self):
        with self.database.reader() as session:
            found = notifications.list_(session, limit=10000)
        return list(reversed(found))

    def queue(self, *targets):
        """Put a page into the outbox, for each of these channels.

        :returns: list of Notifications
        """
        now = self.now()
        service = str(uuid.uuid4())
        with self.database.writer() as session:
            definition = self._any_definition(session)
            alarm = alarms.save(
                session,
                model.Alarm(
                    uuid=str(uuid.uuid4()),
                    definition=definition,
                    group={'service': service},
                    project_id=PROJECT,
                    state=model.AlarmState.ALARM,
                    lifecycle=model.Lifecycle.OPEN,
                    severity=model.Severity.MAJOR,
                    reason='',
                    first_at=now,
                    changed_at=now,
                    last_at=now,
                ),
            )
            transition = alarms.add_transition(
                session,
                alarm,
                model.Transition(
                    str(uuid.uuid4()),
                    now,
                    model.AlarmState.OK,
                    model.AlarmState.ALARM,
                    'because',
                ),
            )
            return notifications.add(session, alarm, transition, targets, now)

    def _any_definition(self, session):
        found = definitions.list_(session, limit=1)
        return found[0] if found else self.add_definition('last(x) < 1')
