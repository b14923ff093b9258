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

"""What samples mean: pure functions, `now` is an argument.

The windows of a comparison are the `times` periods before now, each without
its begin and with its end. In each one the samples of a group's series give
one number:

- avg, stddev, sum, count, min and max take all samples of all series
  together; rate and delta add up those of each series;
- last and forecast take each series' own, and of these the one that is
  worst: the highest for > and >=, the lowest for < and <=.

When that number decides depends on the type of the samples:

- BINARY: a sample is a state, and stands until the next one. One is enough.
- TAILABLE: samples count what happened since the one before. A sum can only
  grow, so `sum > n` holds as soon as it is reached, and is known not to hold
  only when samples cover the period.
- GAUGE: samples were measured. They must cover the period; but `max > n`,
  `min < n` and `count > n` hold as soon as they are certain.

`last` needs one sample, whatever the type. Samples cover a period when they
stand for half of it, on the mean of the group's series. A series whose newest
sample is older than `silent_after` covers nothing and has no last sample: its
server may be dead. Where nothing decides, the state is UNDETERMINED.

With `clear` and `keep` an alarm that is on goes on until that is so; whether
it is on, the database knows.
"""

import dataclasses
import itertools

import numpy

from sentinella import model
from sentinella.evaluator import conditions
from sentinella.evaluator import groups
from sentinella.evaluator import reasons
from sentinella.evaluator import scopes
from sentinella.knowledge import metrics

#: Seconds that a sample may lie ahead: clocks differ. It counts as of now.
AHEAD = 5.0

#: Of a verdict; an expression may have 100 terms.
MAX_VALUES = 8

HOLDS, HOLDS_NOT, UNKNOWN = (
    conditions.HOLDS,
    conditions.HOLDS_NOT,
    conditions.UNKNOWN,
)

_STATES = {
    HOLDS: model.AlarmState.ALARM,
    HOLDS_NOT: model.AlarmState.OK,
    UNKNOWN: model.AlarmState.UNDETERMINED,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What the samples say of one group.

    :ivar group: as in an Alarm
    :ivar value: of the newest period, None without a sample
    :ivar server_ids: whose samples these are, sorted
    :ivar severity: that of its definition
    :ivar values: mapping of the terms of the expression to their numbers,
        `MAX_VALUES` at most
    """

    group: dict[str, str]
    state: model.AlarmState
    value: float | None
    reason: str
    server_ids: tuple[int, ...] = ()
    severity: model.Severity | None = None
    values: dict[str, float] = dataclasses.field(default_factory=dict)


def evaluate(
    definition,
    expression,
    samples,
    servers,
    now,
    silent_after,
    known=(),
    firing=(),
):
    """
    :param samples: function of a Selector, vectors.Samples from its lookback
        before now until `AHEAD` of it
    :param servers: vectors.Servers
    :param silent_after: seconds after which a newest sample is too old
    :param known: groups that have an alarm; :param firing: those of them
        whose alarm is on
    :returns: list of Verdicts: of each known group, and of each other one
        that is in ALARM. Nothing follows from the others.
    """
    moment = scopes.Moment(
        now, samples, _kinds(definition, expression), servers, silent_after
    )
    return _Evaluation(definition, expression, moment, known, firing).verdicts


def _kinds(definition, expression):
    """What the definition says of its metric. Of several, what their names
    tell comes first."""
    if len(expression.metrics) == 1:
        return lambda name: definition.type

    def kind_of(name):
        told = metrics.type_of(name)
        return definition.type if told is model.ThresholdType.GAUGE else told

    return kind_of


class _Evaluation:
    def __init__(self, definition, expression, moment, known, firing):
        self._definition = definition
        self._expression = expression
        self._moment = moment
        grouping = groups.Grouping(definition.match_by, moment.servers)
        keys = [_key(grouping, group) for group in known]
        told = [one for one in (expression.condition, expression.clear) if one]
        self._scope = scopes.Scope.of(
            told,
            definition.match_by,
            moment,
            [key for key in keys if key],
            scopes.needs(expression.condition),
        )
        self._judge = conditions.Judge(self._scope, moment)
        self._truth = self._judge.truth(expression.condition).copy()
        self._said = {}
        numbers = self._numbers(keys)
        if not expression.simple:
            on = {tuple(sorted(group.items())) for group in firing}
            self._stay(
                [
                    number
                    for number, group in zip(numbers, known, strict=True)
                    if number is not None
                    and tuple(sorted(group.items())) in on
                ]
            )
        self.verdicts = [
            _lost(group, definition)
            for group, number in zip(known, numbers, strict=True)
            if number is None
        ]
        told = {number for number in numbers if number is not None}
        told.update(numpy.flatnonzero(self._truth == HOLDS).tolist())
        self.verdicts += [self._verdict(number) for number in sorted(told)]

    def _numbers(self, keys):
        """The number of each known group, None where it can't be there."""
        found = iter(self._scope.universe.add([key for key in keys if key]))
        return [next(found) if key else None for key in keys]

    def _stay(self, on):
        """What follows for groups whose alarm is on."""
        on = numpy.array(on, dtype=numpy.int64)
        expression, judge = self._expression, self._judge
        base, clear = expression.base, expression.clear
        holds = judge.findings[id(base)].truth[on] == HOLDS
        wanted, condition = HOLDS_NOT, base
        if clear is not None:
            judge = conditions.Judge(self._scope, self._moment, clearing=True)
            judge.truth(clear)
            wanted, condition = HOLDS, clear
        truth = judge.findings[id(condition)].truth[on]
        self._set(on[holds], HOLDS, self._judge, base)
        unknown = ~holds & (truth == UNKNOWN)
        self._set(on[unknown], UNKNOWN, judge, condition)
        within = ~holds & (truth != wanted) & ~unknown
        self._set(on[within], HOLDS, judge, condition, f', not {clear}')
        over = on[~holds & (truth == wanted)]
        self._set(over, HOLDS_NOT, judge, condition)
        if expression.keep:
            ended = judge.kept(condition, wanted, expression.keep, over)
            seconds = f', but not yet for {expression.keep:.10g} s'
            kept = numpy.setdiff1d(over, ended)
            self._set(kept, HOLDS, judge, condition, seconds)

    def _set(self, numbers, truth, judge, condition, more=''):
        self._truth[numbers] = truth
        for number in numbers.tolist():
            self._said[number] = judge, condition, more

    def _verdict(self, number):
        judge, condition, more = self._said.get(
            number, (self._judge, self._expression.condition, '')
        )
        why = reasons.Reasons(judge, self._scope, self._moment, number)
        return Verdict(
            group=self._scope.universe.group(number),
            state=_STATES[int(self._truth[number])],
            value=why.value(condition),
            reason=why.text(condition) + more,
            server_ids=tuple(sorted(why.server_ids(condition))),
            severity=self._definition.severity,
            values=bounded(why.values(condition)),
        )


def _key(grouping, group):
    """A group's key, None for one that can't be any more."""
    names = set(grouping.names)
    if grouping.by_server:
        names.add(groups.SERVER)
    if names != set(group):
        return None
    place = 0
    if grouping.by_server:
        place = grouping.servers.places.get(group[groups.SERVER])
    return None if place is None else (grouping.key(group), place)


def bounded(values):
    """
    :param values: pairs, as many as there are
    :returns: mapping of the first of them
    """
    return dict(itertools.islice(values, MAX_VALUES))


def _lost(group, definition):
    return Verdict(
        group,
        model.AlarmState.UNDETERMINED,
        None,
        'there is no such server, or no such group of its definition, any '
        'more',
        severity=definition.severity,
    )
