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
"""Samples, gaps, clocks that jump, modes, people and restarts in any order;
what follows is held against a model that was written without a look at how
it is done."""

import dataclasses
import math
import pickle

from hypothesis import settings
from hypothesis import stateful
from hypothesis import strategies as st
import numpy

from sentinella import model
from sentinella.evaluator import expression
from sentinella.evaluator import flapping
from sentinella.evaluator import inhibition
from sentinella.evaluator import rules
from sentinella.evaluator import tiers
from sentinella.evaluator import transitions
from sentinella.evaluator import vectors
from sentinella.storage import base as storage
from tests.unit.evaluator import scenes

OK, ALARM, UNDETERMINED = model.AlarmState
ACTIVE, MAINTENANCE, BLACKOUT = model.Mode
DEFINITION = model.AlarmDefinition(
    uuid='d',
    name='filling',
    expression='last(fs.percent) > 80',
    type=model.ThresholdType.GAUGE,
    severity=model.Severity.WARNING,
    tiers={'critical': 'last(fs.percent) > 95'},
)
TIERS = expression.tiers(DEFINITION)
RULE = flapping.Flapping(changes=4, window=300.0, settle=100.0)
PATIENCE = 20.0
#: Nothing that is compared is a multiple of it: no time is on an edge.
STEP = 8.0
#: Seconds after which a last sample stands for nothing, as the agent reports
#: each 10 s.
OLD = max(scenes.SILENT_AFTER, 25.0)
#: How bad it is; the naive model knows no names.
BADNESS = {model.Severity.WARNING: 1, model.Severity.CRITICAL: 2}


class Naive:
    """Thinks of receivers and of people, and keeps whatever happened."""

    def __init__(self):
        self.samples = {}
        self.what, self.badness = 'off', 0
        self.known = False
        self.changes = []
        self.same_since = 0.0
        self.flaps = self.flap_told = False
        #: how bad receivers think it is, 0 for over
        self.receivers = 0
        self.repeat = False
        #: of `nobody`, `looks after it`, `says it is over`, `it is over`
        self.people = 'it is over'
        self.accepted = 0
        self.until = None

    def observe(self, now):
        """What the samples say, and how bad that is."""
        past = {at: v for at, v in self.samples.items() if at <= now + 5}
        if not past or now - max(past) > OLD:
            return 'unknown', self.badness
        badness = sum(past[max(past)] > bound for bound in (80, 95))
        return ('on', badness) if badness else ('off', self.badness)

    def look(self, now, mode, inhibited, looked_at):
        """
        :returns: what people are told, or None
        """
        what, badness = self.observe(now)
        if not self.known and what != 'on':
            return None
        self.known = True
        self.same_since = min(self.same_since, now)
        if self.people == 'looks after it' and self.until is not None:
            if self.until <= now:
                self.people, self.repeat = 'nobody', True
        if (what, badness) != (self.what, self.badness):
            self.change(now, what, badness)
        elif self.flaps and now - self.same_since >= RULE.settle:
            self.flaps, self.repeat = False, True
            if what == 'off':
                self.people = 'it is over'
        word = self.word(now, mode, inhibited, looked_at)
        if word == 'recovery':
            self.receivers, self.repeat = 0, False
        elif word is not None:
            self.receivers, self.repeat = self.badness, False
            self.flap_told = word == 'flapping'
        return word

    def change(self, now, what, badness):
        if not self.flaps:
            self.flaps, self.flap_told = self.is_too_much(now), False
        self.changes.append(now)
        self.same_since = now
        came = what == 'on' and self.what != 'on'
        self.what, self.badness = what, badness
        if what == 'off' and not self.flaps:
            self.people = 'it is over'
        if what != 'on':
            return
        self.receivers = min(self.receivers, badness)
        if came and self.people in ('it is over', 'says it is over'):
            self.people = 'nobody'
        if self.people != 'it is over' and badness > self.accepted:
            self.people = 'nobody'

    def is_too_much(self, now):
        """Whether there are as many changes as the rule has, this one too,
        without any pause that is long enough to settle."""
        # two at one reading of a clock that was set back are two
        times = sorted(
            at for at in self.changes if now - RULE.window < at <= now
        ) + [now]
        pauses = [b - a for a, b in zip(times, times[1:], strict=False)]
        while any(pause >= RULE.settle for pause in pauses):
            times, pauses = times[1:], pauses[1:]
        return len(times) >= RULE.changes

    def word(self, now, mode, inhibited, looked_at):
        if mode == MAINTENANCE:
            return None
        if self.what == 'off' and self.receivers and not self.flaps:
            return 'recovery'
        if mode == BLACKOUT or inhibited or self.people != 'nobody':
            return None
        if self.flaps:
            return None if self.flap_told else 'flapping'
        if self.what != 'on':
            return None
        if self.receivers >= self.badness and not self.repeat:
            return None
        waits = looked_at < self.same_since and now < (
            self.same_since + PATIENCE
        )
        return None if waits else 'alarm'


class Machine(stateful.RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now = 1_000_000.0
        self.mode = ACTIVE
        self.inhibited = False
        self.looked_at = math.inf
        self.naive = Naive()
        #: all that the database would have
        self.alarm = None
        self.transitions = []

    @stateful.rule(value=st.sampled_from([10, 85, 97]), look=st.booleans())
    def sample(self, value, look):
        self.now += STEP
        self.naive.samples[self.now] = value
        if look:
            self.evaluate()

    @stateful.rule(last=st.sampled_from([10, 85, 97]))
    def unrest(self, last):
        for value in (85, 10, 97, last):
            self.sample(value, True)

    @stateful.rule(value=st.sampled_from([10, 85, 97]))
    def peace(self, value):
        for _ in range(14):
            self.sample(value, True)

    @stateful.rule(steps=st.integers(1, 14))
    def gap(self, steps):
        self.now += steps * STEP

    @stateful.rule(direction=st.sampled_from([-1, 1]))
    def clock_jumps(self, direction):
        self.now += direction * 3600.0 + 1.0

    @stateful.rule(mode=st.sampled_from(model.Mode))
    def set_mode(self, mode):
        self.mode = mode

    @stateful.rule(inhibited=st.booleans())
    def inhibit(self, inhibited):
        self.inhibited = inhibited

    @stateful.rule(late=st.booleans())
    def inhibitors_are_late(self, late):
        self.looked_at = self.now - STEP if late else math.inf

    @stateful.rule()
    def restart(self):
        kept = pickle.dumps((self.alarm, self.transitions))
        self.alarm, self.transitions = pickle.loads(kept)  # noqa: S301

    @stateful.precondition(lambda self: self.alarm is not None)
    @stateful.rule(steps=st.one_of(st.none(), st.integers(1, 8)))
    def acknowledge(self, steps):
        if self.alarm.lifecycle == model.Lifecycle.RESOLVED:
            return
        until = None if steps is None else self.now + steps * STEP
        self.handle(model.Lifecycle.ACKNOWLEDGED, until)
        self.naive.people = 'looks after it'

    @stateful.precondition(lambda self: self.alarm is not None)
    @stateful.rule()
    def resolve(self):
        if self.alarm.lifecycle == model.Lifecycle.RESOLVED:
            return
        self.handle(model.Lifecycle.RESOLVED, None)
        self.naive.people = 'says it is over'

    def handle(self, lifecycle, until):
        """As db.alarms stores what people do."""
        self.naive.accepted, self.naive.until = self.naive.badness, until
        self.alarm = dataclasses.replace(
            self.alarm,
            lifecycle=lifecycle,
            acknowledged_by='me',
            acknowledged_severity=self.alarm.severity,
            acknowledged_until=until,
        )

    @stateful.rule()
    def evaluate(self):
        on = [('other', {})] if self.inhibited else []
        change = None
        for verdict in self.verdicts():
            change = transitions.follow(
                self.alarm,
                verdict,
                transitions.Situation(
                    self.now,
                    self.mode,
                    inhibition.Inhibition(on, self.looked_at, PATIENCE),
                    self.changes(),
                    RULE,
                ),
                DEFINITION,
                'p',
                scenes.SERVERS[1],
            )
        word = self.naive.look(
            self.now, self.mode, self.inhibited, self.looked_at
        )
        assert (change and change.notify) == word, (change, word)
        if change:
            self.store(change)

    def verdicts(self):
        samples = {
            self.now - at: value
            for at, value in self.naive.samples.items()
            if self.now - 3600 < at <= self.now + rules.AHEAD
        }
        series = []
        if samples:
            times = sorted(samples, reverse=True)
            series = [
                storage.Series(
                    1,
                    model.Metric.of('fs.percent'),
                    numpy.array([self.now - age for age in times]),
                    numpy.array([float(samples[age]) for age in times]),
                )
            ]
        return tiers.evaluate(
            DEFINITION,
            TIERS,
            lambda selector: vectors.Samples.of(
                storage.Window.of(series), scenes.PLACES, self.now
            ),
            scenes.PLACES,
            self.now,
            scenes.SILENT_AFTER,
            [self.alarm] if self.alarm else [],
        )

    def changes(self):
        """As db.alarms reads them."""
        return tuple(
            one.at
            for one in self.transitions
            if one.from_state != one.to_state
            or one.from_severity not in (None, one.severity)
        )

    def store(self, change):
        before = self.alarm
        self.alarm = change.alarm
        if change.notify:
            self.alarm = transitions.told(change.alarm, change.notify)
        one = change.transition
        if one is not None:
            was = (before.state, before.severity) if before else (OK, None)
            assert (one.from_state, one.from_severity) == was
            assert (one.to_state, one.severity) == (
                self.alarm.state,
                self.alarm.severity,
            )
            assert one.reason
            self.transitions.append(one)
        elif before:
            assert before.state == self.alarm.state
            assert before.severity == self.alarm.severity

    @stateful.invariant()
    def is_the_same(self):
        if self.alarm is None:
            assert not self.naive.known
            return
        naive = self.naive
        assert STATES[self.alarm.state] == naive.what
        assert BADNESS[self.alarm.severity] == naive.badness
        assert naive.people in LIFECYCLES[self.alarm.lifecycle]
        assert (self.alarm.flapping_since is not None) == naive.flaps
        told = self.alarm.notified_state == ALARM
        assert told == bool(naive.receivers)
        count = sum(
            one.to_state == ALARM != one.from_state for one in self.transitions
        )
        assert self.alarm.count == count


STATES = {OK: 'off', ALARM: 'on', UNDETERMINED: 'unknown'}
LIFECYCLES = {
    model.Lifecycle.OPEN: ['nobody'],
    model.Lifecycle.ACKNOWLEDGED: ['looks after it'],
    model.Lifecycle.RESOLVED: ['it is over', 'says it is over'],
}

Machine.TestCase.settings = settings(
    deadline=None, max_examples=100, stateful_step_count=50
)
TestMachine = Machine.TestCase
