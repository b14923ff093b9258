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

"""The language of alarm definitions.

::

    function(metric{dimension=value, ...}, period) operator threshold times n

The function, the dimensions, the period (60 seconds) and `times` may be left
out. Keywords may be in any case. Without a function it is `max` for > and >=,
`min` for < and <=. A name holds no space and none of ``(){}<>=,"``; a value
that needs one stands in double quotes.
"""

import dataclasses
import functools
import math
import re

import lark

from sentinella import exceptions

FUNCTIONS = ('avg', 'min', 'max', 'sum', 'count', 'last')
OPERATORS = ('>', '>=', '<', '<=')
DEFAULT_PERIOD = 60.0

#: Seconds, over all periods: what one evaluation may read.
MAX_LOOKBACK = 86400.0

#: Characters of an expression, and of a name in it.
MAX_LENGTH = 2000
MAX_NAME = 255

GRAMMAR = r"""
start: (call | metric) OPERATOR THRESHOLD [_TIMES TIMES]
call: FUNCTION "(" metric ["," PERIOD] ")"
metric: NAME ["{" [dimension ("," dimension)*] "}"]
dimension: NAME "=" (NAME | STRING)

FUNCTION.2: /(avg|min|max|sum|count|last)(?=\s*\()/i
OPERATOR: />=|<=|>|<|(gte|gt|lte|lt)\b/i
_TIMES: /times\b/i
TIMES: /[0-9]+/
PERIOD: /[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?/i
THRESHOLD: /-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?/i
NAME: /[^\s(){}<>=,"\x00-\x1f\x7f]+/
STRING: /"([^"\\\x00-\x1f]|\\[^\x00-\x1f])*"/

%ignore /\s+/
"""

#: What the parser calls what it expects, in people's words.
WORDS = {
    'FUNCTION': f'a function ({", ".join(FUNCTIONS)})',
    'NAME': 'a name',
    'STRING': 'a "quoted" value',
    'OPERATOR': 'an operator (>, >=, <, <=, gt, gte, lt, lte)',
    'THRESHOLD': 'a number to compare with',
    'PERIOD': 'a period in seconds',
    '_TIMES': '"times"',
    'TIMES': 'a number of periods',
    'LPAR': '"("',
    'RPAR': '")"',
    'LBRACE': '"{"',
    'RBRACE': '"}"',
    'COMMA': '","',
    'EQUAL': '"="',
    '$END': 'the end',
}

SPELLED = {'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='}


@dataclasses.dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read; :func:`str` writes one that reads equal.

    :ivar metric: the metric's name
    :ivar dimensions: (name, value) pairs that the metric must hold, sorted
    :ivar period: seconds
    :ivar operator: one of `OPERATORS`
    :ivar times: number of consecutive periods that each must hold
    """

    function: str
    metric: str
    operator: str
    threshold: float
    dimensions: tuple[tuple[str, str], ...] = ()
    period: float = DEFAULT_PERIOD
    times: int = 1

    @property
    def metrics(self):
        """Names of all metrics that it reads."""
        return frozenset([self.metric])

    @property
    def lookback(self):
        """Seconds before now that it reads."""
        return self.period * self.times

    @property
    def upward(self):
        """Whether it holds above its threshold, not below."""
        return self.operator in ('>', '>=')

    @property
    def call(self):
        """What is compared, as text."""
        dimensions = ', '.join(
            f'{name}={_value_text(value)}' for name, value in self.dimensions
        )
        metric = self.metric + (f'{{{dimensions}}}' if dimensions else '')
        if self.period != DEFAULT_PERIOD:
            metric += f', {number_text(self.period)}'
        return f'{self.function}({metric})'

    def __str__(self):
        text = f'{self.call} {self.operator} {number_text(self.threshold)}'
        return text + (f' times {self.times}' if self.times > 1 else '')


def number_text(number):
    """A number as people write it, without losing anything."""
    return repr(number).removesuffix('.0')


@functools.lru_cache(maxsize=1024)
def parse(text):
    """
    :returns: Expression
    :raises InvalidExpression: says the column, and what was expected there
    """
    if len(text) > MAX_LENGTH:
        raise exceptions.InvalidExpression(
            f'expression: expected {MAX_LENGTH} characters at most, '
            f'got {len(text)}'
        )
    try:
        tree = _parser().parse(text)
    except lark.UnexpectedInput as error:
        raise _explain(text, error)
    return _comparison(*tree.children)


@functools.cache
def _parser():
    return lark.Lark(GRAMMAR, parser='lalr')


def _comparison(left, operator, threshold, times):
    operator = SPELLED.get(operator.lower(), str(operator))
    function, period = None, None
    if left.data == 'call':
        function, left, period = left.children
    name, *pairs = left.children
    expression = Expression(
        function=_function(function, operator),
        metric=_name(name),
        dimensions=_dimensions(pairs),
        period=_number(period, 'PERIOD', DEFAULT_PERIOD),
        operator=operator,
        threshold=_number(threshold, 'THRESHOLD', None),
        times=int(_number(times, 'TIMES', 1)),
    )
    if expression.lookback > MAX_LOOKBACK:
        raise _error(
            period or times,
            f'{number_text(MAX_LOOKBACK)} seconds at most over all periods',
        )
    return expression


def _function(token, operator):
    if token is not None:
        return token.lower()
    return 'max' if operator in ('>', '>=') else 'min'


def _name(token):
    if not token.isprintable():
        raise _error(token, 'a name of printable characters')
    if len(token) > MAX_NAME:
        raise _error(token, f'a name of {MAX_NAME} characters at most')
    return str(token)


def _dimensions(trees):
    pairs = {}
    for tree in trees:
        if tree is None:
            continue
        name, value = tree.children
        if name in pairs:
            raise _error(name, 'each dimension once')
        pairs[_name(name)] = _value(value)
    return tuple(sorted(pairs.items()))


def _value(token):
    if token.type == 'STRING':
        return re.sub(r'\\(.)', r'\1', token[1:-1])
    return _name(token)


def _value_text(value):
    if re.fullmatch(r'[^\s(){}<>=,"\x00-\x1f\x7f]+', value) and (
        value.isprintable()
    ):
        return value
    return '"' + re.sub(r'(["\\])', r'\\\1', value) + '"'


def _number(token, terminal, default):
    if token is None:
        return default
    # a long row of digits is 'inf' to float(), as 1e999 is
    number = float(token)
    if not math.isfinite(number):
        raise _error(token, f'{WORDS[terminal]}, not an endless one')
    if terminal != 'THRESHOLD' and number <= 0:
        raise _error(token, f'{WORDS[terminal]} above 0')
    return number


def _error(token, expected):
    return exceptions.InvalidExpression(
        f'expression, column {token.column}: expected {expected}, '
        f'found {str(token)!r:.40}'
    )


def _explain(text, error):
    position = _position(text, error)
    called = re.search(r'([^\s(){}<>=,"]+)\s*$', text[:position])
    if text[position : position + 1] == '(' and called:
        # it was read as a metric, so the parser complains of what follows
        position, allowed = called.start(), ['FUNCTION']
    else:
        allowed = getattr(error, 'accepts', None) or error.allowed
    expected = ' or '.join(w for name, w in WORDS.items() if name in allowed)
    found = re.match(r'[^\s(){}<>=,]+|\S|', text[position:])[0]
    return exceptions.InvalidExpression(
        f'expression, column {position + 1}: expected {expected}, found '
        + (f'{found!r:.40}' if found else 'the end')
    )


def _position(text, error):
    token = getattr(error, 'token', None)
    if token is not None and token.type == '$END':
        return len(text.rstrip())
    return error.pos_in_stream
