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
"""What an evaluator writes when alarms change, without one: as fast, or as
slowly, as somebody wants to see it delivered."""

import itertools
import uuid

from sentinella import model
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import clock
from sentinella.db import definitions
from sentinella.db import notifications

ALARM, OK = model.AlarmState.ALARM, model.AlarmState.OK
PAGE = model.NotificationKind.ALARM
RECOVERY = model.NotificationKind.RECOVERY
PROJECT = 'service'


class Feeder:
    """Alarms that begin and end in turn.

    :param database: open
    :param count: of alarms
    """

    def __init__(self, database, count=50):
        self._database = database
        with database.writer() as session:
            definition = definitions.create(
                session, _definition(), {'process.up'}, 0.0
            )
            self._alarms = [
                alarms.save(session, _alarm(definition, number))
                for number in range(count)
            ]
        self._turns = itertools.count()

    def add_channel(self, url, **fields):
        """
        :returns: Channel
        """
        channel = model.Channel(
            **{
                'uuid': str(uuid.uuid4()),
                'name': str(uuid.uuid4()),
                'project_id': PROJECT,
                'driver': 'webhook',
                'settings': {'url': url},
                'digest_over': 100_000,
                **fields,
            }
        )
        with self._database.writer() as session:
            return channels.create(session, channel, 0.0)

    def feed(self, targets, count=1):
        """Commit transitions of that many alarms, the next ones.

        :param targets: Channels
        :returns: list of Notifications
        """
        return self._database.write(
            lambda session: self._feed(session, targets, count)
        )

    def _feed(self, session, targets, count):
        now, queued = clock.read(session), []
        for turn in itertools.islice(self._turns, count):
            again, place = divmod(turn, len(self._alarms))
            state = OK if again % 2 else ALARM
            alarm = self._alarms[place]
            transition = alarms.add_transition(
                session, alarm, _transition(now, state)
            )
            kind = RECOVERY if again % 2 else PAGE
            queued += notifications.add(
                session, alarm, transition, targets, now, kind
            )
        return queued


def _definition():
    return model.AlarmDefinition(
        uuid=str(uuid.uuid4()),
        name=f'service-down-{uuid.uuid4()}',
        expression='last(process.up) < 1',
        type=model.ThresholdType.BINARY,
        severity=model.Severity.CRITICAL,
        description='{service} is down',
        enabled=False,
    )


def _alarm(definition, number):
    return model.Alarm(
        uuid=str(uuid.uuid4()),
        definition=definition,
        group={'service': f'nova-{number}'},
        project_id=PROJECT,
        state=ALARM,
        lifecycle=model.Lifecycle.OPEN,
        severity=model.Severity.CRITICAL,
        reason='',
        first_at=0.0,
        changed_at=0.0,
        last_at=0.0,
    )


def _transition(now, state):
    return model.Transition(
        uuid=str(uuid.uuid4()),
        at=now,
        from_state=ALARM if state == OK else OK,
        to_state=state,
        reason='because',
        severity=model.Severity.CRITICAL,
    )
