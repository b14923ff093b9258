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

"""Column types that read the same from all three databases."""

import json
import math

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from sentinella import model

#: MariaDB's TEXT ends at 64 KiB.
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')

#: What SQLite counts by itself is only ever an INTEGER.
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')

#: Unix seconds. sa.Float would be 4 bytes on MariaDB, minutes apart.
Time = sa.Double


def _storable(text):
    """What no database refuses: no NUL, no half of a surrogate pair."""
    return text.replace('\x00', '\ufffd').encode(errors='replace').decode()


class String(sa.types.TypeDecorator):
    """Text of at most `length` characters; what is longer is cut.

    An agent's words are bounded here; a user's have been by the API before.
    """

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        return _storable(value)[: self.impl.length]


class Text(sa.types.TypeDecorator):
    """Text of any length."""

    impl = LONG_TEXT
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else _storable(value)


class Choice(sa.types.TypeDecorator):
    """A member of a StrEnum, kept as its text."""

    impl = sa.String(16)
    cache_ok = True

    def __init__(self, choices):
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value, dialect):
        return None if value is None else str(self.choices(value))

    def process_result_value(self, value, dialect):
        return None if value is None else self.choices(value)


class Json(sa.types.TypeDecorator):
    """A mapping, or a tuple, as JSON in a text column.

    :param read: makes what is read of what JSON gives
    """

    impl = LONG_TEXT
    cache_ok = True

    def __init__(self, read=dict):
        super().__init__()
        self.read = read

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        # ASCII only: nothing in it can be refused
        return json.dumps(value, separators=(',', ':'))

    def process_result_value(self, value, dialect):
        return None if value is None else self.read(json.loads(value))


class Settings(sa.types.TypeDecorator):
    """Sealed, or a mapping as JSON."""

    impl = LONG_TEXT
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if isinstance(value, model.Sealed):
            return value.token
        return json.dumps(value, separators=(',', ':'))

    def process_result_value(self, value, dialect):
        if value.startswith('{'):
            return json.loads(value)
        return model.Sealed(value)


class Number(sa.types.TypeDecorator):
    """A double; NULL for NaN and infinities, which MariaDB can't keep."""

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is None or not math.isfinite(value):
            return None
        return float(value)


class Project(sa.types.TypeDecorator):
    """A project's ID, or None, kept as '': NULLs are never equal, so that a
    unique key would not see two of them."""

    impl = sa.String(255)
    cache_ok = True
    coerce_to_is_types = ()

    def process_bind_param(self, value, dialect):
        return '' if value is None else _storable(value)

    def process_result_value(self, value, dialect):
        return value or None
