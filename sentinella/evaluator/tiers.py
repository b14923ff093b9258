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
"""Which of a definition's severities a group has: pure.

The expressions of a definition are judged one by one, and of those that hold
the worst is the alarm's. A severity that an alarm has is kept until it is
known to hold no more; one that it has not has to hold.
"""

import dataclasses

from sentinella import model
from sentinella.evaluator import rules
from sentinella.evaluator import transitions

ALARM, UNDETERMINED = model.AlarmState.ALARM, model.AlarmState.UNDETERMINED


def evaluate(definition, tiers, samples, servers, now, silent_after, alarms):
    """As :func:`rules.evaluate`, of all expressions of a definition.

    :param tiers: what :func:`expression.tiers` made of it
    :param alarms: those of its groups
    :returns: list of Verdicts
    """
    known = [alarm.group for alarm in alarms]
    several = [
        rules.evaluate(
            _alone(definition, severity, expression, tiers[0][1]),
            expression,
            samples,
            servers,
            now,
            silent_after,
            known,
            [alarm.group for alarm in alarms if had(alarm, severity, tiers)],
        )
        for severity, expression in tiers
    ]
    if len(several) == 1:
        return several[0]
    return _by_group(several, alarms, tiers)


def had(alarm, severity, tiers):
    """Whether an alarm is on, and at least as bad as a severity; as bad as
    the mildest, where its definition has become less severe since."""
    if not transitions.is_on(alarm):
        return False
    return severity == tiers[0][0] or not severity.exceeds(alarm.severity)


def merge(verdicts, alarm, tiers):
    """
    :param verdicts: one group's, the mildest first; those that are not
        there neither hold nor have an alarm
    :param alarm: of that group, or None
    :returns: Verdict
    """
    holding = [one for one in verdicts if one.state == ALARM]
    kept = [
        one
        for one in verdicts
        if one.state == UNDETERMINED
        and alarm is not None
        and had(alarm, one.severity, tiers)
    ]
    # the worst of each
    chosen = (holding or kept or verdicts[:1])[-1]
    severity, reason = chosen.severity, chosen.reason
    if holding and kept and kept[-1].severity.exceeds(severity):
        severity = kept[-1].severity
        reason += f'; it is not known to be less than {severity} again: '
        reason += kept[-1].reason
    return dataclasses.replace(
        chosen,
        severity=severity,
        reason=reason,
        values=rules.bounded(
            pair for one in verdicts for pair in one.values.items()
        ),
        server_ids=tuple(sorted({i for v in verdicts for i in v.server_ids})),
    )


def _alone(definition, severity, expression, mildest):
    """A definition of one severity. Its type is said of what the mildest
    expression reads; of something else, that one's own name tells."""
    kind = definition.type
    if expression.metrics != mildest.metrics:
        kind = expression.type
    return dataclasses.replace(definition, severity=severity, type=kind)


def _by_group(several, alarms, tiers):
    found = {}
    for verdicts in several:
        for one in verdicts:
            found.setdefault(_key(one.group), []).append(one)
    on = {_key(alarm.group): alarm for alarm in alarms}
    return [merge(found[key], on.get(key), tiers) for key in found]


def _key(group):
    return tuple(sorted(group.items()))
