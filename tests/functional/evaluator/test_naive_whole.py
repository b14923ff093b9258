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


"""The lifecycle once more, of the whole evaluator: frames in a storage, rules,
transitions, windows, and a database, held against the same naive model."""

import dataclasses
import uuid

import fixtures
from hypothesis import settings
from hypothesis import stateful
from hypothesis import strategies as st

from sentinella import model
from sentinella import plugins
from sentinella.db import alarms
from sentinella.db import definitions
from sentinella.db import models
from sentinella.db import windows
from sentinella.evaluator import expression
from sentinella.evaluator import modes
from sentinella.evaluator import service
from tests import databases
from tests.functional.evaluator import scene
from tests.unit.evaluator import scenes
from tests.unit.evaluator import test_naive_lifecycle as naive

#: Is never due, so always looked at lately.
NEVER = 1e12


class Place(scene.Scene):
    """Like a test's, but for each example anew."""

    def __init__(self):
        self.fixture = databases.DatabaseFixture('sqlite')
        self.fixture.setUp()
        self.conf, self.database = self.fixture.conf, self.fixture.database
        rule = naive.RULE
        for name, value in (
            ('flap_changes', rule.changes),
            ('flap_window', rule.window),
            ('flap_settle', rule.settle),
            ('silent_after', scenes.SILENT_AFTER),
        ):
            self.conf.set_override(name, value, 'evaluator')
        self.storage = plugins.load(
            'sentinella.storage', 'sql', self.conf, self.database
        )


class Machine(naive.Machine):
    def __init__(self):
        super().__init__()
        self.place = Place()
        # by hand the time goes faster
        self.clock = fixtures.MonkeyPatch(
            'sentinella.db.clock.read', lambda session: self.now
        )
        self.clock.setUp()
        self.windows = []
        self.server = self.place.add_server('ctl-1')
        self.place.add_channel('log', {})
        self.definition = self.define(
            dataclasses.replace(naive.DEFINITION, inhibited_by=('other',))
        )
        self.other = self.define(
            model.AlarmDefinition(
                uuid='o',
                name='other',
                expression='last(other) < 1',
                type=model.ThresholdType.BINARY,
                severity=model.Severity.CRITICAL,
            )
        )
        with self.place.database.writer() as session:
            table = models.definitions
            session.execute(
                table.update()
                .where(table.c.uuid == 'o')
                .values(next_evaluation=NEVER)
            )
        self.restart()

    def define(self, definition):
        metrics = expression.metrics(definition)
        with self.place.database.writer() as session:
            return definitions.create(session, definition, metrics, self.now)

    def teardown(self):
        self.clock.cleanUp()
        self.place.fixture.cleanUp()

    @stateful.rule()
    def restart(self):
        """Nothing but the database knows of what was."""
        self.evaluator = service.Evaluator(
            self.place.conf, self.place.database, self.place.storage
        )

    @stateful.rule(value=st.sampled_from([10, 85, 97]), look=st.booleans())
    def sample(self, value, look):
        self.now += naive.STEP
        if self.now not in self.naive.samples:
            self.naive.samples[self.now] = value
            self.place.write(self.server, value, 'fs.percent')
        if look:
            self.evaluate()

    @stateful.rule(value=st.sampled_from([10, 85, 97]))
    def peace(self, value):
        """As long, with fewer looks: each takes its time here."""
        for number in range(14):
            self.sample(value, number in (0, 13))

    # mostly active: where all is mute there is little to be seen
    @stateful.rule(mode=st.sampled_from([*model.Mode, *[naive.ACTIVE] * 3]))
    def set_mode(self, mode):
        self.mode = mode
        self.place.set_mode(self.server, mode)

    @stateful.rule(
        mode=st.sampled_from([naive.MAINTENANCE, naive.BLACKOUT]),
        steps=st.integers(1, 5),
    )
    def plan(self, mode, steps):
        begin, end = self.now - 0.5, self.now + steps * naive.STEP + 0.5
        self.windows.append((mode, begin, end))
        window = model.Window(
            uuid=str(uuid.uuid4()),
            name=str(uuid.uuid4()),
            project_id=scene.PROJECT,
            mode=mode,
            starts_at=begin,
            ends_at=end,
            servers=(self.server.uuid,),
            over_at=end,
        )
        with self.place.database.writer() as session:
            windows.create(session, window, begin)

    @stateful.rule(inhibited=st.booleans())
    def inhibit(self, inhibited):
        if inhibited == self.inhibited:
            return
        self.inhibited = inhibited
        with self.place.database.writer() as session:
            if inhibited:
                alarms.save(session, self.another())
            else:
                table = models.alarms
                session.execute(
                    table.delete().where(
                        table.c.definition_id == self.other.id
                    )
                )

    @stateful.rule(value=st.sampled_from([85, 97]))
    def one_cause(self, value):
        """What inhibits begins, and then what it explains."""
        self.inhibit(True)
        self.sample(value, True)

    def another(self):
        return model.Alarm(
            uuid=str(uuid.uuid4()),
            definition=self.other,
            group={},
            project_id=scene.PROJECT,
            state=naive.ALARM,
            lifecycle=model.Lifecycle.OPEN,
            severity=model.Severity.CRITICAL,
            reason='',
            first_at=self.now,
            changed_at=self.now,
            last_at=self.now,
        )

    @stateful.rule()
    def inhibitors_are_late(self):
        """Not here."""

    def handle(self, lifecycle, until):
        self.naive.accepted, self.naive.until = self.naive.badness, until
        with self.place.database.writer() as session:
            if lifecycle == model.Lifecycle.RESOLVED:
                alarms.resolve(session, self.alarm.uuid, 'me', '', self.now)
            else:
                alarms.acknowledge(
                    session, self.alarm.uuid, 'me', '', self.now, until=until
                )
        self.read()

    @stateful.rule()
    def evaluate(self):
        before = len(self.outbox())
        self.place.poke('fs.percent')
        while self.evaluator.work():
            pass
        assert self.evaluator.failures == 0
        kinds = [str(one.kind) for one in self.outbox()[before:]]
        mode = max(
            [self.mode]
            + [m for m, begin, end in self.windows if begin <= self.now < end],
            key=modes.QUIETEST_LAST.index,
        )
        word = None
        if not self.is_over() or self.naive.observe(self.now)[0] == 'on':
            word = self.naive.look(
                self.now, mode, self.inhibited, float('inf')
            )
        assert kinds == ([word] if word else []), (kinds, word)
        self.read()

    def outbox(self):
        """In the order in which it was put there, whatever clocks said."""
        return sorted(self.place.outbox(), key=lambda one: one.id)

    def is_over(self):
        """Whether nothing is looked at but whether it begins again."""
        naive = self.naive
        return (
            naive.what == 'off'
            and naive.people in ('it is over', 'says it is over')
            and not naive.receivers
            and not naive.flaps
        )

    def read(self):
        with self.place.database.reader() as session:
            found = alarms.list_(
                session, limit=2, definition=self.definition.uuid
            )
            if not found:
                return
            (self.alarm,) = found
            self.transitions = sorted(
                alarms.transitions(session, self.alarm.uuid, limit=1000),
                key=lambda one: one.id,
            )
        state, severity = naive.OK, None
        for one in self.transitions:
            assert (one.from_state, one.from_severity) == (state, severity)
            state, severity = one.to_state, one.severity
        assert (state, severity) == (self.alarm.state, self.alarm.severity)


Machine.TestCase.settings = settings(
    deadline=None, max_examples=4, stateful_step_count=25
)
TestMachine = Machine.TestCase
