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

"""Reads the language of alarm definitions; doc/source/user describes it."""

import functools
import math
import re

import lark

from sentinella import exceptions
from sentinella.evaluator.expression import tree

#: Seconds: what one evaluation may read.
MAX_LOOKBACK = 86400.0

#: Characters of an expression, and of a name in it.
MAX_LENGTH = 4096
MAX_NAME = 255

#: Of parentheses within each other; of functions, numbers and comparisons in
#: an expression; of periods in a row.
MAX_DEPTH = 32
MAX_PARTS = 100
MAX_TIMES = 1440

_PARTS = ('OPERATOR', 'FUNCTION', 'FORECAST', '_ABSENT', 'OPERAND', 'LEADING')

GRAMMAR = r"""
start: either [_FOR HOLD] [_CLEAR clear] [_KEEP HOLD]
clear: OPERATOR THRESHOLD [PERCENT] -> clear_number
    | either -> clear_condition

?either: both (_OR both)* -> either
?both: condition (_AND condition)* -> both
?condition: value OPERATOR THRESHOLD [_TIMES TIMES] -> comparison
    | metric OPERATOR THRESHOLD [_TIMES TIMES] -> plain
    | _ABSENT "(" metric ["," PERIOD] ")" -> absent
    | _SHARE "(" held _BY NAME ("," NAME)* ")" _part -> share
    | "(" held ")"
?held: either [_FOR HOLD] -> held

_part: OPERATOR THRESHOLD PERCENT

?value: product
    | value SIGN later_product -> arithmetic
?product: factor
    | product STROKE later_factor -> arithmetic
?later_product: later_factor
    | later_product STROKE later_factor -> arithmetic
?factor: call
    | LEADING -> number
    | "(" value ")"
?later_factor: call
    | OPERAND -> number
    | "(" value ")"

call: FUNCTION "(" metric ["," DETERMINISTIC] ["," PERIOD] ")"
    | FORECAST "(" metric "," HORIZON ["," PERIOD] ")" -> forecast
metric: NAME ["{" [dimension ("," dimension)*] "}"]
dimension: WORDS "=" (WORDS | STRING)

FUNCTION.3: /(avg|min|max|sum|count|last|rate|delta|stddev)(?=\s*\()/i
FORECAST.3: /forecast(?=\s*\()/i
_ABSENT.3: /absent(?=\s*\()/i
_SHARE.3: /share(?=\s*\()/i
DETERMINISTIC: /deterministic\b/i
OPERATOR: />=|<=|>|<|(gte|gt|lte|lt)\b/i
_AND: /and\b|&&/i
_OR: /or\b|\|\|/i
_TIMES: /times\b/i
_FOR: /for\b/i
_CLEAR: /clear\b/i
_KEEP: /keep(_firing_for)?\b/i
_BY: /by\b/i
PERCENT: "%"
SIGN: /[-+]/
STROKE: /[*\/]/
TIMES: /[0-9]+/
PERIOD: /[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?[smhd]?/i
HORIZON: /[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?[smhd]?/i
HOLD: /[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?[smhd]?/i
THRESHOLD: /-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?/i
OPERAND: /-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?/i
LEADING.2: /-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?(?=\s+[-+*\/]|[-+*\/]\s*(avg|min|max|sum|count|last|rate|delta|stddev|forecast)?\s*\()/i
NAME: /[^\s(){}<>=,"\x00-\x1f\x7f]+/
WORDS: /[^\s(){}<>=,"\x00-\x1f\x7f]+( +[^\s(){}<>=,"\x00-\x1f\x7f]+)*/
STRING: /"([^"\\\x00-\x1f]|\\[^\x00-\x1f])*"/

%ignore /\s+/
"""

#: What the parser calls what it expects, in people's words.
WORDS = {
    'FUNCTION': f'a function ({", ".join(tree.FUNCTIONS)})',
    '_ABSENT': 'absent(...)',
    '_SHARE': 'share(...)',
    'NAME': 'a name',
    'WORDS': 'a name',
    'STRING': 'a "quoted" value',
    'OPERATOR': 'an operator (>, >=, <, <=, gt, gte, lt, lte)',
    'THRESHOLD': 'a number to compare with',
    'OPERAND': 'a number',
    'DETERMINISTIC': '"deterministic"',
    'HORIZON': 'a time ahead in seconds',
    'PERIOD': 'a period in seconds',
    'HOLD': 'a time in seconds',
    'PERCENT': '"%"',
    'SIGN': '"+", "-"',
    'STROKE': '"*", "/"',
    '_BY': '"by"',
    '_TIMES': '"times"',
    'TIMES': 'a number of periods',
    '_AND': '"and"',
    '_OR': '"or"',
    '_FOR': '"for"',
    '_CLEAR': '"clear"',
    '_KEEP': '"keep"',
    'LPAR': '"("',
    'RPAR': '")"',
    'LBRACE': '"{"',
    'RBRACE': '"}"',
    'COMMA': '","',
    'EQUAL': '"="',
    '$END': 'the end',
}

SPELLED = {'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='}
UNITS = {'s': 1.0, 'm': 60.0, 'h': 3600.0, 'd': 86400.0}


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
    parser = _parser()
    try:
        return parser.parse(text)
    except lark.UnexpectedInput as error:
        raise _explain(text, error)


@functools.cache
def _parser():
    return lark.Lark(
        GRAMMAR, parser='lalr', transformer=_Builder(), postlex=_Bounds()
    )


class _Bounds:
    """Looks at what is read before anything is made of it."""

    always_accept = ()

    def process(self, tokens):
        depth = parts = 0
        for token in tokens:
            depth += {'LPAR': 1, 'RPAR': -1}.get(token.type, 0)
            parts += token.type in _PARTS
            if depth > MAX_DEPTH:
                raise _error(token, f'{MAX_DEPTH} nested "(" at most')
            if parts > MAX_PARTS:
                raise _error(
                    token, f'{MAX_PARTS} functions, numbers and operators'
                )
            yield token


@lark.v_args(inline=True)
class _Builder(lark.Transformer):
    """Makes the tree while the text is read."""

    def start(self, condition, hold, clear, keep):
        condition = self.held(condition, hold)
        expression = tree.Expression(condition)
        if clear is not None:
            base = expression.base
            clear = clear(base) if callable(clear) else clear
        expression = tree.Expression(
            condition, clear, _seconds(keep, 'HOLD', 0.0)
        )
        _expect_bounded(expression.lookback, keep or hold)
        return expression

    def clear_number(self, operator, threshold, percent):
        number = _number(threshold, 'THRESHOLD', None)

        def of(base):
            short = tree.shortly(base, _operator(operator), number)
            if short is None:
                raise _error(
                    operator,
                    'a whole condition, for there are several before "clear"',
                )
            if isinstance(base, tree.Share) != (percent is not None):
                expected = 'no "%"' if percent else '"%" after the number'
                raise _error(percent or threshold, expected)
            return short

        return of

    def clear_condition(self, condition):
        return condition

    def either(self, *conditions):
        return _flat(tree.Any, conditions)

    def both(self, *conditions):
        return _flat(tree.All, conditions)

    def held(self, condition, hold):
        if hold is None:
            return condition
        if _holds(condition):
            raise _error(hold, 'no "for" inside of another')
        made = tree.Held(condition, _seconds(hold, 'HOLD', None))
        _expect_bounded(max(s for _, s in made.reads()), hold)
        return made

    def comparison(self, value, operator, threshold, times):
        calls = tree.Comparison(value, '>', 0.0).calls
        if not calls:
            raise _error(operator, 'a metric in what is compared')
        periods = {call.period for call in calls}
        if times is not None and len(periods) > 1:
            raise _error(times, 'the same period for all that is compared')
        made = tree.Comparison(
            value,
            _operator(operator),
            _number(threshold, 'THRESHOLD', None),
            int(_number(times, 'TIMES', 1)),
        )
        _expect_bounded(made.lookback, times)
        if made.times > MAX_TIMES:
            raise _error(times, f'{MAX_TIMES} periods at most')
        return made

    def plain(self, selector, operator, threshold, times):
        upward = _operator(operator) in ('>', '>=')
        call = tree.Call('max' if upward else 'min', selector)
        return self.comparison(call, operator, threshold, times)

    def absent(self, selector, period):
        made = tree.Absent(
            selector, _seconds(period, 'PERIOD', tree.DEFAULT_PERIOD)
        )
        _expect_bounded(made.lookback, period)
        return made

    def share(self, condition, *rest):
        *by, operator, threshold, _ = rest
        names = [_name(name) for name in by]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise _error(by[position], 'each dimension once')
        return tree.Share(
            condition,
            tuple(sorted(names)),
            _operator(operator),
            _number(threshold, 'THRESHOLD', None),
        )

    def arithmetic(self, left, operator, right):
        return tree.Arithmetic(str(operator), left, right)

    def number(self, token):
        return tree.Number(_number(token, 'OPERAND', None))

    def call(self, function, selector, deterministic, period):
        seconds = _seconds(period, 'PERIOD', tree.DEFAULT_PERIOD)
        _expect_bounded(seconds, period)
        return tree.Call(
            function.lower(), selector, seconds, deterministic is not None
        )

    def forecast(self, function, selector, horizon, period):
        seconds = _seconds(period, 'PERIOD', tree.DEFAULT_FIT)
        _expect_bounded(seconds, period)
        return tree.Call(
            'forecast',
            selector,
            seconds,
            horizon=_seconds(horizon, 'HORIZON', None),
        )

    def metric(self, name, *dimensions):
        pairs = {}
        for place, key, value in filter(None, dimensions):
            if key in pairs:
                raise _error(place, 'each dimension once')
            pairs[key] = value
        return tree.Selector(_name(name), tuple(sorted(pairs.items())))

    def dimension(self, name, value):
        return name, _name(name), _value(value)


def _flat(kind, conditions):
    """One of a kind, no matter how it was put into parentheses."""
    if len(conditions) == 1:
        return conditions[0]
    flat = []
    for one in conditions:
        flat += one.conditions if isinstance(one, kind) else [one]
    return kind(tuple(flat))


def _holds(condition):
    """Whether there is a `for` in it."""
    if isinstance(condition, tree.All | tree.Any):
        return any(_holds(one) for one in condition.conditions)
    if isinstance(condition, tree.Share):
        return _holds(condition.condition)
    return isinstance(condition, tree.Held)


def _operator(token):
    return SPELLED.get(token.lower(), str(token))


def _name(token):
    if not token.isprintable():
        raise _error(token, 'a name of printable characters')
    if len(token) > MAX_NAME:
        raise _error(token, f'a name of {MAX_NAME} characters at most')
    return str(token)


def _value(token):
    if token.type == 'STRING':
        return re.sub(r'\\(.)', r'\1', token[1:-1])
    return _name(token)


def _seconds(token, terminal, default):
    if token is None:
        return default
    unit = UNITS.get(token[-1].lower())
    digits = token if unit is None else token.update(value=token[:-1])
    seconds = _number(digits, terminal, None) * (unit or 1.0)
    _expect_bounded(seconds, token)
    return seconds


def _number(token, terminal, default):
    if token is None:
        return default
    # a long row of digits is 'inf' to float(), as 1e999 is
    number = float(token)
    if not math.isfinite(number):
        raise _error(token, f'{WORDS[terminal]}, not an endless one')
    if terminal not in ('THRESHOLD', 'OPERAND') and number <= 0:
        raise _error(token, f'{WORDS[terminal]} above 0')
    return number


def _expect_bounded(seconds, token):
    if seconds > MAX_LOOKBACK:
        expected = (
            f'{tree.number_text(MAX_LOOKBACK)} seconds at most over all '
            'periods'
        )
        if token is None:
            raise exceptions.InvalidExpression(
                f'expression: expected {expected}, '
                f'got {tree.number_text(seconds)}'
            )
        raise _error(token, expected)


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
    words = [word for name, word in WORDS.items() if name in allowed]
    expected = ' or '.join(dict.fromkeys(words))
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
