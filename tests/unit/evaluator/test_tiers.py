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

import dataclasses

from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.evaluator import expression
from sentinella.evaluator import rules
from sentinella.evaluator import tiers
from tests.unit.evaluator import scenes

OK, ALARM, UNDETERMINED = model.AlarmState
CRITICAL, MAJOR, WARNING, INFO = model.Severity
DEFINITION = model.AlarmDefinition(
    uuid='d',
    name='filling up',
    expression='last(fs.percent) > 80',
    type=model.ThresholdType.GAUGE,
    severity=WARNING,
    tiers={
        'critical': 'last(fs.percent) > 95',
        'major': 'last(fs.percent) > 90',
    },
)
GROUP = {'server': 'server-1'}


def judge(*several, definition=DEFINITION, alarms=()):
    return tiers.evaluate(
        definition,
        expression.tiers(definition),
        lambda selector: scenes.samples_of(selector, several),
        scenes.PLACES,
        scenes.NOW,
        scenes.SILENT_AFTER,
        alarms,
    )


def alarm(severity, state=ALARM, lifecycle=model.Lifecycle.OPEN):
    return model.Alarm(
        uuid='a',
        definition=DEFINITION,
        group=GROUP,
        project_id='p',
        state=state,
        lifecycle=lifecycle,
        severity=severity,
        reason='',
        first_at=0.0,
        changed_at=0.0,
        last_at=0.0,
    )


class TestTiers(base.BaseTestCase):
    def test_the_worst_that_holds(self):
        for percent, severity in [
            (81, WARNING),
            (91, MAJOR),
            (96, CRITICAL),
        ]:
            (verdict,) = judge(scenes.steady(percent, name='fs.percent'))
            self.assertEqual(
                (ALARM, severity), (verdict.state, verdict.severity)
            )
        self.assertEqual([], judge(scenes.steady(80, name='fs.percent')))

    def test_reason_and_value_are_those_of_the_worst(self):
        (verdict,) = judge(scenes.steady(93, name='fs.percent'))
        self.assertEqual(
            'last(fs.percent) is 93, more than 90', verdict.reason
        )
        self.assertEqual(93.0, verdict.value)
        self.assertEqual({'last(fs.percent)': 93.0}, verdict.values)
        self.assertEqual((1,), verdict.server_ids)

    def test_over_only_when_none_holds(self):
        (verdict,) = judge(
            scenes.steady(50, name='fs.percent'), alarms=[alarm(CRITICAL)]
        )
        self.assertEqual(OK, verdict.state)

    def test_without_data_nothing_is_known(self):
        (verdict,) = judge(alarms=[alarm(CRITICAL)])
        self.assertEqual(UNDETERMINED, verdict.state)

    def test_each_group_its_own(self):
        found = judge(
            scenes.steady(96, name='fs.percent'),
            scenes.steady(85, name='fs.percent', server_id=2),
            scenes.steady(10, name='fs.percent', server_id=3),
        )
        self.assertEqual(
            [('server-1', CRITICAL), ('server-2', WARNING)],
            sorted((v.group['server'], v.severity) for v in found),
        )

    def test_each_severity_has_its_own_end(self):
        definition = dataclasses.replace(
            DEFINITION,
            tiers={'critical': 'last(fs.percent) > 95 clear < 90'},
        )
        for before, expected in [(CRITICAL, CRITICAL), (WARNING, WARNING)]:
            (verdict,) = judge(
                scenes.steady(93, name='fs.percent'),
                definition=definition,
                alarms=[alarm(before)],
            )
            self.assertEqual(expected, verdict.severity)

    def test_a_definition_that_is_milder_by_now(self):
        definition = dataclasses.replace(
            DEFINITION,
            expression='last(fs.percent) > 95 clear < 90',
            tiers={},
            severity=INFO,
        )
        (verdict,) = judge(
            scenes.steady(93, name='fs.percent'),
            definition=definition,
            alarms=[alarm(CRITICAL)],
        )
        self.assertEqual((ALARM, INFO), (verdict.state, verdict.severity))

    def test_another_metric_has_the_type_of_its_name(self):
        """A state stands until the next one; what is measured has to cover
        its period."""
        definition = dataclasses.replace(
            DEFINITION, tiers={'critical': 'max(process.up, 600) < 1'}
        )
        (verdict,) = judge(
            scenes.steady(85, name='fs.percent'),
            scenes.series({0: 0}, name='process.up'),
            definition=definition,
        )
        self.assertEqual(CRITICAL, verdict.severity)

    def test_eight_values_at_most(self):
        text = ' or '.join(f'last(m{n}) > 90' for n in range(12))
        definition = dataclasses.replace(
            DEFINITION, expression=text, tiers={'critical': 'last(m11) > 95'}
        )
        (verdict,) = judge(
            *(scenes.steady(91 + n % 2, name=f'm{n}') for n in range(12)),
            definition=definition,
        )
        self.assertEqual(rules.MAX_VALUES, len(verdict.values))
        self.assertEqual(91.0, verdict.values['last(m0)'])


def said(severity, state):
    return rules.Verdict(
        GROUP, state, 1.0, f'{severity} {state}', (1,), severity
    )


class TestMerge(base.BaseTestCase):
    """What is not known of a severity that an alarm has."""

    tiers = expression.tiers(DEFINITION)

    def merge(self, states, before=None):
        severities = [severity for severity, _ in self.tiers]
        verdicts = [
            said(severity, state)
            for severity, state in zip(severities, states, strict=True)
        ]
        return tiers.merge(verdicts, before, self.tiers)

    def test_a_severity_that_it_has_is_kept(self):
        found = self.merge([ALARM, OK, UNDETERMINED], alarm(CRITICAL))
        self.assertEqual((ALARM, CRITICAL), (found.state, found.severity))
        self.assertEqual(
            'warning ALARM; it is not known to be less than critical again: '
            'critical UNDETERMINED',
            found.reason,
        )

    def test_a_severity_that_it_has_not_must_hold(self):
        found = self.merge([ALARM, OK, UNDETERMINED], alarm(MAJOR))
        self.assertEqual((ALARM, WARNING), (found.state, found.severity))
        self.assertEqual('warning ALARM', found.reason)

    def test_an_alarm_is_not_over_before_its_severity_is(self):
        found = self.merge([OK, OK, UNDETERMINED], alarm(CRITICAL))
        self.assertEqual(UNDETERMINED, found.state)
        found = self.merge([OK, OK, UNDETERMINED], alarm(WARNING))
        self.assertEqual(OK, found.state)

    def test_what_is_over_needs_no_more(self):
        over = alarm(CRITICAL, OK, model.Lifecycle.RESOLVED)
        self.assertEqual(OK, self.merge([OK, OK, UNDETERMINED], over).state)
        found = self.merge([UNDETERMINED, OK, OK], over)
        self.assertEqual(UNDETERMINED, found.state)


class TestRead(base.BaseTestCase):
    def test_the_mildest_first(self):
        self.assertEqual(
            [WARNING, MAJOR, CRITICAL],
            [severity for severity, _ in expression.tiers(DEFINITION)],
        )

    def test_metrics_of_all(self):
        definition = dataclasses.replace(
            DEFINITION, tiers={'critical': 'forecast(fs.free_bytes, 4h) < 0'}
        )
        self.assertEqual(
            {'fs.percent', 'fs.free_bytes'}, expression.metrics(definition)
        )

    def refused(self, kind=exceptions.InvalidInput, **changes):
        definition = dataclasses.replace(DEFINITION, **changes)
        return str(self.assertRaises(kind, expression.tiers, definition))

    def test_not_more_severe(self):
        for severity in (WARNING, INFO):
            self.assertEqual(
                f'tiers.{severity}: expected a severity that is worse than '
                "the definition's, which is warning",
                self.refused(tiers={str(severity): 'last(x) > 1'}),
            )

    def test_not_a_severity(self):
        self.assertIn("got 'bad'", self.refused(tiers={'bad': 'last(x) > 1'}))

    def test_not_an_expression(self):
        said = self.refused(
            exceptions.InvalidExpression, tiers={'major': 'median(x) > 1'}
        )
        self.assertTrue(
            said.startswith('tiers.major: expression, column 1: expected '),
            said,
        )
