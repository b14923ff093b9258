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

"""How rows become dataclasses, and the other way round."""

import dataclasses

from oslo_db import exception as db_exception

from sentinella import exceptions


class Shape:
    """The fields of a dataclass that a table has columns for.

    :param without: names of fields that are not read
    :ivar columns: those columns, to select
    """

    def __init__(self, cls, table, without=()):
        self._cls = cls
        self._names = [
            field.name
            for field in dataclasses.fields(cls)
            if field.name in table.c and field.name not in without
        ]
        self.columns = [table.c[name] for name in self._names]

    def read(self, row, start=0, **others):
        """Make the dataclass of a row.

        :param start: where in the row its columns begin
        :param others: the fields that have no column
        """
        values = row[start : start + len(self._names)]
        return self._cls(
            **dict(zip(self._names, values, strict=True)), **others
        )

    def values(self, thing):
        """A mapping of what to insert or update; the database numbers."""
        return {
            name: getattr(thing, name) for name in self._names if name != 'id'
        }


def insert(session, table, values, name):
    """Insert one row.

    :param name: what a person calls the thing
    :returns: its id
    :raises Conflict: a unique key has it already
    """
    try:
        result = session.execute(table.insert().values(values))
    except db_exception.DBDuplicateEntry:
        raise exceptions.Conflict(f'{name} exists already')
    return result.inserted_primary_key[0]


def update(session, table, id_, values, name):
    """Update one row by its id.

    :raises Conflict: a unique key has it already
    """
    try:
        session.execute(table.update().where(table.c.id == id_).values(values))
    except db_exception.DBDuplicateEntry:
        raise exceptions.Conflict(f'{name} exists already')
