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

The windows of an expression are the `times` periods before now, each without
its begin and with its end. In each one the samples of a group's series give
one number:

- avg, sum, count, min and max take all samples of all series together;
- last takes each series' last one, and of these the one that is worst: the
  highest for > and >=, the lowest for < and <=.

When that number decides depends on the definition's type:

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
"""

import dataclasses
import operator

import numpy

from sentinella import model

#: Seconds that a sample may lie ahead: clocks differ. It counts as of now.
AHEAD = 5.0

#: Times its interval that an agent may be late before there is a gap.
PATIENCE = 2.5

#: Part of a period that samples must stand for.
ENOUGH = 0.5

COMPARE = {
    '>': operator.gt,
    '>=': operator.ge,
    '<': operator.lt,
    '<=': operator.le,
}

#: How a person says that a number compares.
SAY = {
    '>': 'more than',
    '>=': 'at least',
    '<': 'less than',
    '<=': 'at most',
}

HOLDS, HOLDS_NOT, UNKNOWN = 1, 0, -1


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What the samples say of one group.

    :ivar group: as in an Alarm
    :ivar value: of the newest period, None without a sample
    :ivar server_ids: whose samples these are, sorted
    """

    group: dict[str, str]
    state: model.AlarmState
    value: float | None
    reason: str
    server_ids: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _Samples:
    """All samples of all series, end to end.

    :ivar series: of each sample, the number of its series
    :ivar group: of each series, the number of its group
    :ivar interval: of each series, seconds between its server's reports
    :ivar newest: of each series, the time of its last sample
    :ivar fresh: of each series, whether that is recent
    """

    times: numpy.ndarray
    values: numpy.ndarray
    series: numpy.ndarray
    group: numpy.ndarray
    interval: numpy.ndarray
    newest: numpy.ndarray
    fresh: numpy.ndarray
    groups: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Window:
    """One period, of each group: `HOLDS`, `HOLDS_NOT` or `UNKNOWN`, the
    number that was compared (NaN without samples), and the part covered."""

    truth: numpy.ndarray
    value: numpy.ndarray
    covered: numpy.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class _Judged:
    """All periods together, of each group, and the newest of them."""

    truth: numpy.ndarray
    newest: _Window

    @classmethod
    def of(cls, definition, expression, samples, now):
        windows = [
            _window(
                definition, expression, samples, now - n * expression.period
            )
            for n in range(expression.times)
        ]
        truths = numpy.array([window.truth for window in windows])
        return cls(_consecutive(truths), windows[0])


def evaluate(
    definition, expression, series, servers, now, silent_after, known=()
):
    """
    :param series: storage Series from `expression.lookback` before now until
        `AHEAD` of it
    :param servers: mapping of their ids to Servers; a series of another
        server is left out
    :param silent_after: seconds after which a newest sample is too old
    :param known: groups that have an alarm
    :returns: list of Verdicts: of each known group, and of each other one
        that is in ALARM. Nothing follows from the others.
    """
    since = now - expression.lookback
    series = [
        one
        for one in series
        if one.server_id in servers
        and len(one.times)
        and one.times[-1] > since
    ]
    groups, numbers = _group(series, servers, definition.match_by)
    known = {tuple(sorted(group.items())): group for group in known}
    verdicts = [
        Verdict(
            group,
            model.AlarmState.UNDETERMINED,
            None,
            f'no {_sample(expression)}',
        )
        for key, group in known.items()
        if key not in groups
    ]
    if series:
        samples = _flatten(series, numbers, servers, now, silent_after)
        judged = _Judged.of(definition, expression, samples, now)
        verdicts += [
            _verdict(expression, samples, judged, series, key, number, now)
            for key, number in groups.items()
            if judged.truth[number] == HOLDS or key in known
        ]
    return verdicts


def _verdict(expression, samples, judged, series, key, number, now):
    members = numpy.flatnonzero(samples.group == number)
    value = float(judged.newest.value[number])
    return Verdict(
        group=dict(key),
        state=_STATES[int(judged.truth[number])],
        value=None if numpy.isnan(value) else value,
        reason=_reason(expression, samples, judged, number, now),
        server_ids=tuple(sorted({series[i].server_id for i in members})),
    )


def _group(series, servers, match_by):
    """
    :returns: mapping of groups, as sorted pairs, to their numbers; and the
        number of each series' group
    """
    names = sorted(match_by)
    groups, numbers = {}, []
    for one in series:
        dimensions = dict(one.metric.dimensions)
        dimensions['server'] = servers[one.server_id].uuid
        key = tuple([(name, dimensions.get(name, '')) for name in names])
        numbers.append(groups.setdefault(key, len(groups)))
    return groups, numpy.array(numbers, dtype=int)


def _flatten(series, numbers, servers, now, silent_after):
    interval = numpy.array([servers[s.server_id].interval for s in series])
    newest = numpy.array([s.times[-1] for s in series])
    return _Samples(
        times=numpy.minimum(numpy.concatenate([s.times for s in series]), now),
        values=numpy.concatenate([s.values for s in series]),
        series=numpy.repeat(
            numpy.arange(len(series)), [len(s.times) for s in series]
        ),
        group=numbers,
        interval=interval,
        newest=newest,
        fresh=now - newest <= numpy.maximum(silent_after, PATIENCE * interval),
        groups=int(numbers.max()) + 1,
    )


_STATES = {
    HOLDS: model.AlarmState.ALARM,
    HOLDS_NOT: model.AlarmState.OK,
    UNKNOWN: model.AlarmState.UNDETERMINED,
}


def _consecutive(truths):
    """Whether each period holds, the newest first.

    If the newest is not known nothing is; else one that does not hold
    settles it, even if others are not known.
    """
    fails = (truths == HOLDS_NOT).any(0)
    settled = fails | (truths != UNKNOWN).all(0)
    truth = numpy.where(fails, HOLDS_NOT, HOLDS)
    truth[~settled | (truths[0] == UNKNOWN)] = UNKNOWN
    return truth


def _window(definition, expression, samples, end):
    """Judge one period of each group."""
    start = end - expression.period
    inside = (samples.times > start) & (samples.times <= end)
    one_is_enough = (
        expression.function == 'last'
        or definition.type is model.ThresholdType.BINARY
    )
    if one_is_enough:
        inside &= samples.fresh[samples.series]
    index = numpy.flatnonzero(inside)
    value = _value(expression, samples, index)
    with numpy.errstate(invalid='ignore'):
        holds = COMPARE[expression.operator](value, expression.threshold)
    covered = _covered(samples, index, start, end)
    decided = (
        one_is_enough
        | (covered >= ENOUGH)
        | _certain(definition, expression, holds)
    )
    truth = numpy.where(holds, HOLDS, HOLDS_NOT)
    truth[~decided | numpy.isnan(value)] = UNKNOWN
    return _Window(truth, value, covered)


def _certain(definition, expression, holds):
    """Where further samples in the same period could not change it."""
    rises = expression.function in ('max', 'count') or (
        expression.function == 'sum'
        and definition.type is model.ThresholdType.TAILABLE
    )
    if rises:
        return holds if expression.upward else ~holds
    if expression.function == 'min':
        return ~holds if expression.upward else holds
    return numpy.zeros_like(holds)


def _value(expression, samples, index):
    """The one number of each group; NaN where it has no sample."""
    if expression.function == 'last':
        # samples of a series are neighbours, oldest first
        series = samples.series[index]
        index = index[
            numpy.append(series[1:] != series[:-1], True)[: len(index)]
        ]
    group = samples.group[samples.series[index]]
    values = samples.values[index]
    count = numpy.bincount(group, minlength=samples.groups).astype(float)
    if expression.function in ('max', 'min', 'last'):
        highest = expression.function == 'max' or (
            expression.function == 'last' and expression.upward
        )
        number = numpy.full(
            samples.groups, -numpy.inf if highest else numpy.inf
        )
        (numpy.maximum if highest else numpy.minimum).at(number, group, values)
    elif expression.function == 'count':
        number = count.copy()
    else:
        # of nothing at all it makes integers
        number = numpy.bincount(group, values, samples.groups).astype(float)
        if expression.function == 'avg':
            number = number / numpy.maximum(count, 1)
    number[count == 0] = numpy.nan
    return number


def _covered(samples, index, start, end):
    """The part of a period that samples stand for, on each group's mean.

    A sample stands for the time since the one before, unless that is a gap;
    the first one and the time after the last one for an interval at most.
    """
    times, series = samples.times[index], samples.series[index]
    interval = samples.interval[series]
    first = numpy.append(True, series[1:] != series[:-1])[: len(index)]
    last = numpy.append(series[1:] != series[:-1], True)[: len(index)]
    before = numpy.append(start, times[:-1])[: len(index)]
    before[first] = start
    longest = numpy.where(first, interval, PATIENCE * interval)
    seconds = numpy.minimum(times - before, longest)
    seconds[last] += numpy.minimum(end - times[last], interval[last])
    size = len(samples.group)
    each = numpy.bincount(series, seconds, minlength=size)
    each[~samples.fresh] = 0.0
    members = numpy.bincount(samples.group, minlength=samples.groups)
    total = numpy.bincount(samples.group, each, minlength=samples.groups)
    return total / (members * (end - start))


def _reason(expression, samples, judged, number, now):
    if judged.truth[number] == UNKNOWN:
        return _why_unknown(expression, samples, judged.newest, number, now)
    holds = judged.newest.truth[number] == HOLDS
    text = (
        f'{expression.call} is {judged.newest.value[number]:.6g}, '
        f'{"" if holds else "not "}{SAY[expression.operator]} '
        f'{expression.threshold:.10g}'
    )
    if holds and expression.times > 1:
        but = '' if judged.truth[number] == HOLDS else ', but not'
        text += f'{but} in each of {expression.times} periods'
    return text


def _why_unknown(expression, samples, newest, number, now):
    members = samples.group == number
    if not samples.fresh[members].any():
        age = now - samples.newest[members].max()
        return f'the last {_sample(expression, age)}'
    if numpy.isnan(newest.value[number]):
        return f'no {_sample(expression)}'
    if newest.truth[number] != UNKNOWN:
        return (
            f'samples of {expression.metric} do not cover the last '
            f'{expression.times} periods'
        )
    covered = newest.covered[number] * expression.period
    return (
        f'samples of {expression.metric} cover only {covered:.0f} of '
        f'{expression.period:.10g} s'
    )


def _sample(expression, age=None):
    if age is not None:
        return f'sample of {expression.metric} is {age:.0f} s old'
    return (
        f'sample of {expression.metric} in the last {expression.period:.10g} s'
    )
