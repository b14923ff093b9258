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

"""The dataclasses of the model as plain JSON types, and back.

Add-only: an unknown key is ignored, a missing one takes its default, so that
a newer agent and an older conductor understand each other.
"""

import base64
import binascii
import dataclasses
import enum
import functools
import types
import typing

from sentinella import exceptions
from sentinella import model

#: Beyond it doubles skip whole numbers. No time, count or sequence of ours
#: comes near.
MAX_NUMBER = 2**53


def to_wire(thing):
    """Make plain JSON types of a dataclass of :mod:`sentinella.model`."""
    if isinstance(thing, model.Metric):
        return [thing.name, dict(thing.dimensions)]
    if dataclasses.is_dataclass(thing):
        return {
            field.name: to_wire(getattr(thing, field.name))
            for field in dataclasses.fields(thing)
        }
    if isinstance(thing, bytes):
        return base64.b64encode(thing).decode()
    if isinstance(thing, tuple | list):
        return [to_wire(item) for item in thing]
    return thing


def from_wire(cls, data):
    """Make a dataclass of :mod:`sentinella.model` from plain JSON types.

    :raises InvalidReport: a field is missing or of another type than
        expected; the message names it
    """
    if not isinstance(data, dict):
        raise exceptions.InvalidReport(
            f'{cls.__name__}: expected an object, got {type(data).__name__}'
        )
    values = {}
    for name, hint, required in _fields(cls):
        if name in data:
            values[name] = _read(hint, data[name], f'{cls.__name__}.{name}')
        elif required:
            raise exceptions.InvalidReport(f'{cls.__name__}.{name} is missing')
    return cls(**values)


@functools.cache
def _fields(cls):
    hints = typing.get_type_hints(cls)
    return [
        (
            field.name,
            hints[field.name],
            field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    ]


def _read(hint, value, where):
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(a for a in hint.__args__ if a is not types.NoneType)
    if hint is model.Metric:
        return _read_metric(value, where)
    if dataclasses.is_dataclass(hint):
        return from_wire(hint, value)
    origin = typing.get_origin(hint)
    if origin is tuple:
        _expect(list, value, where)
        return tuple(_read(hint.__args__[0], item, where) for item in value)
    if origin is dict:
        _expect(dict, value, where)
        return value
    if issubclass(hint, enum.Enum):
        return _read_enum(hint, value, where)
    if hint is bytes:
        return _read_bytes(value, where)
    if hint is float:
        _expect((int, float), value, where)
        _expect_sane(value, where)
        return float(value)
    if hint is int:
        _expect(int, value, where)
        _expect_sane(value, where)
        return value
    _expect(hint, value, where)
    return value


def _read_metric(value, where):
    try:
        name, dimensions = value
        _expect(str, name, where)
        for item in dimensions.items():
            _expect(str, item[0], where)
            _expect(str, item[1], where)
    except (TypeError, ValueError, AttributeError):
        raise exceptions.InvalidReport(
            f'{where}: expected [name, {{dimension: value}}]'
        )
    return model.Metric(name, tuple(sorted(dimensions.items())))


def _read_enum(hint, value, where):
    try:
        return hint(value)
    except ValueError:
        raise exceptions.InvalidReport(
            f'{where}: expected one of {", ".join(hint)}, got {value!r:.40}'
        )


def _read_bytes(value, where):
    _expect(str, value, where)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise exceptions.InvalidReport(f'{where}: expected base64')


def _expect_sane(value, where):
    # neither NaN, nor infinite, nor more than every database can keep
    if not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise exceptions.InvalidReport(
            f'{where}: expected a number up to {MAX_NUMBER}, got {value!r:.40}'
        )


def _expect(kind, value, where):
    # bool is an int to Python, never to us
    if not isinstance(value, kind) or (
        isinstance(value, bool) and kind is not bool
    ):
        names = kind if isinstance(kind, tuple) else (kind,)
        raise exceptions.InvalidReport(
            f'{where}: expected {" or ".join(k.__name__ for k in names)}, '
            f'got {type(value).__name__}'
        )
