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

"""What a function makes of the samples of a period: of each group a number,
and between what bounds it would be if none was missing."""

import dataclasses

import numpy

from sentinella import model
from sentinella.evaluator import vectors

#: Part of a period that samples must stand for.
ENOUGH = 0.5

#: Samples below which nobody should foretell anything from them.
ENOUGH_TO_FIT = 10

BINARY = model.ThresholdType.BINARY
TAILABLE = model.ThresholdType.TAILABLE


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """Of each group.

    :ivar value: NaN where there is none
    :ivar low: it is not less; :ivar high: nor more
    :ivar covered: the part of the period that samples stand for, NaN where
        that does not matter
    """

    value: numpy.ndarray
    low: numpy.ndarray
    high: numpy.ndarray
    covered: numpy.ndarray

    def at(self, places):
        """As other groups see it; place -1 has no number."""
        return Measured(
            _spread(self.value, places, numpy.nan),
            _spread(self.low, places, -numpy.inf),
            _spread(self.high, places, numpy.inf),
            _spread(self.covered, places, 0.0),
        )

    def known(self):
        """Where there is no number, nothing bounds it."""
        unknown = numpy.isnan(self.value)
        low = numpy.where(
            unknown | numpy.isnan(self.low), -numpy.inf, self.low
        )
        high = numpy.where(
            unknown | numpy.isnan(self.high), numpy.inf, self.high
        )
        return dataclasses.replace(self, low=low, high=high)


def _spread(values, places, missing):
    return numpy.append(values, missing)[places]


class Period:
    """The samples of one period, as a function is to see them.

    :param sight: Sight of the series
    :param fresh_only: leave out series whose newest sample is too old
    """

    def __init__(self, sight, start, end, fresh_only):
        samples = sight.samples
        self.start, self.end = start, end
        self.groups = sight.groups
        self._sight = sight
        first, stop = samples.until(start), samples.until(end)
        some = stop > first
        if fresh_only:
            some &= sight.fresh
        self.series = numpy.flatnonzero(some)
        self.first, self.stop = first[some], stop[some]
        self.samples = samples
        self.group = sight.group[some]
        self.counts = self.stop - self.first

    def only(self, count):
        """Those series that have so many samples at least."""
        kept = self.counts >= count
        chosen = object.__new__(Period)
        chosen.__dict__.update(self.__dict__)
        for name in ('series', 'first', 'stop', 'group', 'counts'):
            setattr(chosen, name, getattr(self, name)[kept])
        return chosen

    def reduce(self, ufunc, values=None):
        """Of each series."""
        values = self.samples.values if values is None else values
        return vectors.reduce(ufunc, values, self.first, self.stop)

    def total(self, each):
        """The sum of each group, NaN of nothing."""
        total = numpy.bincount(self.group, each, self.groups).astype(float)
        total[self.empty] = numpy.nan
        return total

    @property
    def empty(self):
        return numpy.bincount(self.group, minlength=self.groups) == 0

    def extreme(self, each, highest):
        """The highest or the lowest of each group, NaN of nothing."""
        found = numpy.full(self.groups, -numpy.inf if highest else numpy.inf)
        ufunc = numpy.maximum if highest else numpy.minimum
        ufunc.at(found, self.group, each)
        found[self.empty] = numpy.nan
        return found

    @property
    def covered(self):
        """The part that samples stand for, on the mean of a group's series.

        A sample stands for the time since the one before, unless that is a
        gap; the first one and the time after the last one for an interval at
        most. A series whose newest sample is too old stands for nothing.
        """
        times, sight = self.samples.times, self._sight
        interval = self.samples.interval[self.series]
        bridged, last = self.samples.bridged, self.stop - 1
        seconds = bridged[last] - bridged[self.first]
        seconds += numpy.minimum(times[self.first] - self.start, interval)
        seconds += numpy.minimum(self.end - times[last], interval)
        seconds[~sight.fresh[self.series]] = 0.0
        total = numpy.bincount(self.group, seconds, self.groups)
        whole = sight.members * (self.end - self.start)
        return total / numpy.maximum(whole, 1e-9)


def measure(call, kind, sight, start, end, upward):
    """
    :param call: tree.Call; :param kind: ThresholdType of its samples
    :param sight: Sight of its series
    :param upward: whether of several numbers the highest counts
    """
    one_is_enough = call.function == 'last' or kind is BINARY
    period = Period(sight, start, end, one_is_enough)
    with numpy.errstate(all='ignore'):
        value, low, high = _FUNCTIONS[call.function](
            period, call, kind, upward
        )
        covered = numpy.full(len(value), numpy.nan)
        if not one_is_enough:
            covered = period.covered
        if not one_is_enough and not call.deterministic:
            low, high = _uncertain(call, kind, value, low, high, covered)
    return Measured(value, low, high, covered).known()


def _uncertain(call, kind, value, low, high, covered):
    """What further samples in the same period could make of it."""
    short = ~(covered >= ENOUGH)
    rises = call.function in ('max', 'count') or (
        call.function in ('sum', 'rate') and kind is TAILABLE
    )
    low = numpy.where(short & (not rises), -numpy.inf, low)
    falls = call.function == 'min'
    high = numpy.where(short & (not falls), numpy.inf, high)
    return low, high


def _exact(value):
    return value, value, value


def _max(period, call, kind, upward):
    return _exact(period.extreme(period.reduce(numpy.maximum), True))


def _min(period, call, kind, upward):
    return _exact(period.extreme(period.reduce(numpy.minimum), False))


def _last(period, call, kind, upward):
    newest = period.samples.values[period.stop - 1]
    return _exact(period.extreme(newest, upward))


def _count(period, call, kind, upward):
    return _exact(period.total(period.counts))


def _sum(period, call, kind, upward):
    return _exact(period.total(period.reduce(numpy.add)))


def _avg(period, call, kind, upward):
    total = period.total(period.reduce(numpy.add))
    return _exact(total / period.total(period.counts))


def _rate(period, call, kind, upward):
    if kind is TAILABLE:
        total = period.total(period.reduce(numpy.add))
        return _exact(total / (period.end - period.start))
    period = period.only(2)
    more = vectors.reduce(
        numpy.add, period.samples.increases, period.first + 1, period.stop
    )
    times = period.samples.times
    return _exact(
        period.total(more / (times[period.stop - 1] - times[period.first]))
    )


def _delta(period, call, kind, upward):
    period = period.only(2)
    values = period.samples.values
    return _exact(period.total(values[period.stop - 1] - values[period.first]))


def _stddev(period, call, kind, upward):
    """Of all samples of a group, as of a whole population."""
    counts = period.total(period.counts)
    mean = period.total(period.reduce(numpy.add)) / counts
    index = vectors.ranges(period.first, period.stop)
    group = numpy.repeat(period.group, period.counts)
    off = period.samples.values[index] - mean[group]
    # the mean of large numbers is a little off itself
    rest = numpy.bincount(group, off, period.groups) / counts
    total = numpy.bincount(group, off * off, period.groups)
    value = numpy.sqrt(numpy.maximum(total / counts - rest * rest, 0.0))
    return _exact(numpy.where(counts >= 2, value, numpy.nan))


def _forecast(period, call, kind, upward):
    """The line of least squares through each series, and the interval that
    a single value then lies in with a probability of 95 percent.

    See NIST/SEMATECH e-Handbook of Statistical Methods, 4.5.1.2; Draper and
    Smith, Applied Regression Analysis, 1.4.
    """
    several = period.only(ENOUGH_TO_FIT)
    number, low, high = _fit(several, several.end + call.horizon)
    value = several.extreme(number, upward)
    low = several.extreme(low, upward)
    high = several.extreme(high, upward)
    # one that can't be told of might be the worst
    all_told = numpy.bincount(several.group, minlength=period.groups) == (
        numpy.bincount(period.group, minlength=period.groups)
    )
    return (
        value,
        numpy.where(all_told | upward, low, -numpy.inf),
        numpy.where(all_told | (not upward), high, numpy.inf),
    )


def _fit(period, at):
    """
    :returns: the value of each series at a time, and its bounds
    """
    count = period.counts
    index = vectors.ranges(period.first, period.stop)
    bounds = numpy.cumsum(count)
    each = numpy.arange(len(count)).repeat(count)

    def total(values):
        return vectors.reduce(numpy.add, values, bounds - count, bounds)

    # from the period's end: times are large, and near to each other
    x = period.samples.times[index] - period.end
    y = period.samples.values[index]
    mean_x, mean_y = total(x) / count, total(y) / count
    x, y = x - mean_x[each], y - mean_y[each]
    squares = total(x * x)
    slope = total(x * y) / squares
    ahead = at - period.end - mean_x
    number = mean_y + slope * ahead
    spread = total((y - slope[each] * x) ** 2) / (count - 2)
    reach = _student(count - 2) * numpy.sqrt(
        spread * (1 + 1 / count + ahead**2 / squares)
    )
    return number, number - reach, number + reach


#: The normal distribution's 97.5th percentile.
_Z = 1.959963984540054


def _student(freedom):
    """Student's 97.5th percentile, to a thousandth from 8 degrees of freedom
    on: Abramowitz and Stegun, 26.7.5."""
    z, n = _Z, numpy.asarray(freedom, dtype=float)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


_FUNCTIONS = {
    'max': _max,
    'min': _min,
    'last': _last,
    'count': _count,
    'sum': _sum,
    'avg': _avg,
    'rate': _rate,
    'delta': _delta,
    'stddev': _stddev,
    'forecast': _forecast,
}


def combine(operator, left, right):
    """Arithmetic with numbers that are only known between bounds.

    :returns: Measured
    """
    with numpy.errstate(all='ignore'):
        value = _OPERATE[operator](left.value, right.value)
        corners = _corners(operator, left, right)
    low, high = numpy.min(corners, 0), numpy.max(corners, 0)
    if operator == '/':
        value = numpy.where(right.value == 0, numpy.nan, value)
        across = (right.low <= 0) & (right.high >= 0)
        low = numpy.where(across, -numpy.inf, low)
        high = numpy.where(across, numpy.inf, high)
    covered = numpy.fmin(left.covered, right.covered)
    return Measured(value, low, high, covered).known()


def _corners(operator, left, right):
    if operator == '+':
        return [left.low + right.low, left.high + right.high]
    if operator == '-':
        return [left.low - right.high, left.high - right.low]
    operate = _OPERATE[operator]
    found = [
        operate(one, other)
        for one in (left.low, left.high)
        for other in (right.low, right.high)
    ]
    # nothing times what may be endless is nothing
    return [numpy.where(numpy.isnan(one), 0.0, one) for one in found]


_OPERATE = {
    '+': numpy.add,
    '-': numpy.subtract,
    '*': numpy.multiply,
    '/': numpy.divide,
}
