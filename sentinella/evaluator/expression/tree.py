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

"""What an expression is made of. :func:`str` writes what reads equal."""

import collections
import dataclasses
import re

from sentinella import model
from sentinella.knowledge import metrics

#: Functions over the samples of a period.
FUNCTIONS = (
    'avg',
    'min',
    'max',
    'sum',
    'count',
    'last',
    'rate',
    'delta',
    'stddev',
    'forecast',
)
OPERATORS = ('>', '>=', '<', '<=')

DEFAULT_PERIOD = 60.0

#: A forecast from a minute's samples would be a guess.
DEFAULT_FIT = 3600.0

#: Seconds before its period in which `absent` looks for who is missing.
SEEN_BEFORE = 600.0

#: What may stand as it is; all else goes into quotes.
PLAIN = re.compile(r'[^\s(){}<>=,"\x00-\x1f\x7f]+')


@dataclasses.dataclass(frozen=True, slots=True)
class Selector:
    """Some series of all servers.

    :ivar dimensions: (name, value) pairs that a metric must hold, sorted
    """

    metric: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def __str__(self):
        pairs = ', '.join(
            f'{name}={_value_text(value)}' for name, value in self.dimensions
        )
        return self.metric + (f'{{{pairs}}}' if pairs else '')


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A number of each period.

    :ivar deterministic: samples come only when there is something to tell
    :ivar period: seconds
    :ivar horizon: seconds from now, of a forecast
    """

    function: str
    selector: Selector
    period: float = DEFAULT_PERIOD
    deterministic: bool = False
    horizon: float = 0.0

    def __str__(self):
        parts = [str(self.selector)]
        usual = DEFAULT_PERIOD
        if self.deterministic:
            parts.append('deterministic')
        if self.function == 'forecast':
            parts.append(number_text(self.horizon))
            usual = DEFAULT_FIT
        if self.period != usual:
            parts.append(number_text(self.period))
        return f'{self.function}({", ".join(parts)})'


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    number: float

    def __str__(self):
        return number_text(self.number)


@dataclasses.dataclass(frozen=True, slots=True)
class Arithmetic:
    """
    :ivar operator: +, -, * or /
    """

    operator: str
    left: 'Call | Number | Arithmetic'
    right: 'Call | Number | Arithmetic'

    @property
    def binds(self):
        return 1 if self.operator in '+-' else 2

    def __str__(self):
        left, right = str(self.left), str(self.right)
        if isinstance(self.left, Arithmetic) and self.left.binds < self.binds:
            left = f'({left})'
        if (
            isinstance(self.right, Arithmetic)
            and self.right.binds <= self.binds
        ):
            right = f'({right})'
        return f'{left} {self.operator} {right}'


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """
    :ivar operator: one of `OPERATORS`
    :ivar times: number of consecutive periods that each must hold
    """

    value: Call | Arithmetic
    operator: str
    threshold: float
    times: int = 1

    def __str__(self):
        text = f'{self.value} {self.operator} {number_text(self.threshold)}'
        return text + (f' times {self.times}' if self.times > 1 else '')

    @property
    def calls(self):
        return list(_calls(self.value))

    @property
    def deterministic(self):
        return all(call.deterministic for call in self.calls)

    @property
    def lookback(self):
        """Seconds before now that it reads."""
        return self.times * max(call.period for call in self.calls)

    def reads(self):
        for call in self.calls:
            yield call.selector, call.period * self.times


@dataclasses.dataclass(frozen=True, slots=True)
class Absent:
    """That there is no sample in a period."""

    selector: Selector
    period: float = DEFAULT_PERIOD

    def __str__(self):
        if self.period == DEFAULT_PERIOD:
            return f'absent({self.selector})'
        return f'absent({self.selector}, {number_text(self.period)})'

    @property
    def lookback(self):
        return self.period + max(self.period, SEEN_BEFORE)

    def reads(self):
        yield self.selector, self.lookback


@dataclasses.dataclass(frozen=True, slots=True)
class Share:
    """In what part of the groups by some dimensions a condition holds.

    :ivar by: names of dimensions, sorted
    :ivar threshold: percent
    """

    condition: 'Condition'
    by: tuple[str, ...]
    operator: str
    threshold: float

    def __str__(self):
        return f'{self.call} {self.operator} {number_text(self.threshold)} %'

    @property
    def call(self):
        return f'share({self.condition} by {", ".join(self.by)})'

    def reads(self):
        yield from self.condition.reads()


@dataclasses.dataclass(frozen=True, slots=True)
class All:
    """
    :ivar conditions: none of them an All
    """

    conditions: tuple['Condition', ...]

    def __str__(self):
        return ' and '.join(
            f'({one})' if isinstance(one, Any | Held) else str(one)
            for one in self.conditions
        )

    def reads(self):
        for one in self.conditions:
            yield from one.reads()


@dataclasses.dataclass(frozen=True, slots=True)
class Any:
    """
    :ivar conditions: none of them an Any
    """

    conditions: tuple['Condition', ...]

    def __str__(self):
        return ' or '.join(
            f'({one})' if isinstance(one, Held) else str(one)
            for one in self.conditions
        )

    def reads(self):
        for one in self.conditions:
            yield from one.reads()


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """A condition that has held for some seconds."""

    condition: 'Condition'
    seconds: float

    def __str__(self):
        return f'{self.condition} for {number_text(self.seconds)}'

    def reads(self):
        for selector, seconds in self.condition.reads():
            yield selector, seconds + self.seconds


Condition = Comparison | Absent | Share | All | Any | Held


@dataclasses.dataclass(frozen=True, slots=True)
class Expression:
    """
    :ivar condition: of an alarm
    :ivar clear: condition of its end, None for: that it does not hold
    :ivar keep: seconds for which that must have been so
    """

    condition: Condition
    clear: Condition | None = None
    keep: float = 0.0

    def __str__(self):
        text = str(self.condition)
        if self.clear is not None:
            text += f' clear {self._clear_text()}'
        if self.keep:
            text += f' keep {number_text(self.keep)}'
        return text

    def _clear_text(self):
        """Of the same number only how it compares."""
        base, clear = self.base, self.clear
        if (
            isinstance(base, Comparison | Share)
            and type(clear) is type(base)
            and clear == shortly(base, clear.operator, clear.threshold)
        ):
            return str(clear).removeprefix(f'{left(clear)} ')
        return f'({clear})' if isinstance(clear, Held) else str(clear)

    @property
    def base(self):
        """What has to hold, no matter for how long."""
        if isinstance(self.condition, Held):
            return self.condition.condition
        return self.condition

    @property
    def simple(self):
        """Whether its state follows from its condition alone."""
        return (
            self.clear is None
            and not self.keep
            and not isinstance(self.condition, Held)
        )

    def lookbacks(self):
        """
        :returns: mapping of all Selectors to seconds before now
        """
        found = collections.defaultdict(float)
        for selector, seconds in self._reads():
            found[selector] = max(found[selector], seconds)
        return dict(found)

    def _reads(self):
        yield from self.condition.reads()
        for condition in (self.base, self.clear):
            if condition is not None:
                for selector, seconds in condition.reads():
                    yield selector, seconds + self.keep

    @property
    def lookback(self):
        """Seconds before now that it reads, at most."""
        return max(self.lookbacks().values())

    @property
    def metrics(self):
        """Names of all metrics that it reads."""
        return frozenset(selector.metric for selector in self.lookbacks())

    @property
    def type(self):
        """What its metrics' names tell: of several kinds, GAUGE."""
        types = {metrics.type_of(name) for name in self.metrics}
        return types.pop() if len(types) == 1 else model.ThresholdType.GAUGE


def shortly(base, operator, threshold):
    """The condition that `clear OPERATOR THRESHOLD` stands for, or None
    where there is no one number that could be compared again."""
    change = {'operator': operator, 'threshold': threshold}
    if isinstance(base, Comparison):
        return dataclasses.replace(base, times=1, **change)
    if isinstance(base, Share):
        return dataclasses.replace(base, **change)
    return None


def left(condition):
    """What a Comparison or a Share compares, as text."""
    if isinstance(condition, Share):
        return condition.call
    return str(condition.value)


def number_text(number):
    """A number as people write it, without losing anything."""
    return repr(number).removesuffix('.0')


def _calls(value):
    if isinstance(value, Call):
        yield value
    elif isinstance(value, Arithmetic):
        yield from _calls(value.left)
        yield from _calls(value.right)


def _value_text(value):
    if PLAIN.fullmatch(value) and value.isprintable():
        return value
    return '"' + re.sub(r'(["\\])', r'\\\1', value) + '"'
