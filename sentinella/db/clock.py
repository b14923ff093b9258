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

"""The database's clock: the one that all processes of a cloud share."""

import sqlalchemy as sa
from sqlalchemy.ext import compiler
from sqlalchemy.sql import functions


class now(functions.FunctionElement):
    """SQL for Unix seconds, the same throughout one statement; microseconds
    on MariaDB and PostgreSQL, milliseconds on SQLite."""

    type = sa.Double()
    inherit_cache = True


@compiler.compiles(now)
def _default(element, compiler, **kwargs):
    return 'CAST(EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP()) AS FLOAT8)'


@compiler.compiles(now, 'mysql')
@compiler.compiles(now, 'mariadb')
def _mysql(element, compiler, **kwargs):
    # UNIX_TIMESTAMP(NOW(6)) is ambiguous in the hour that summer time ends
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6)"


@compiler.compiles(now, 'sqlite')
def _sqlite(element, compiler, **kwargs):
    return (
        "(strftime('%s', 'now') + strftime('%f', 'now')"
        " - strftime('%S', 'now'))"
    )


def read(session):
    """Unix seconds by the database's clock."""
    return float(session.scalar(sa.select(now())))
