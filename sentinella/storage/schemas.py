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

"""What the values of a frame stand for, as the SQL storage keeps it."""

import collections
import functools
import threading

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite

from sentinella import model
from sentinella import wire
from sentinella.db import models

_SCHEMAS = models.metric_schemas
_NAMES = models.metric_names
_COLUMNS = (_SCHEMAS.c.id, _SCHEMAS.c.digest, _SCHEMAS.c.metrics)
_NAME_LENGTH = _NAMES.c.name.type.length

#: Schemas that a process remembers. Servers alike share one, but no two
#: hypervisors have the same interfaces.
REMEMBERED = 4096


class Schema:
    """
    :ivar metrics: tuple of Metrics, in the order of their values
    """

    def __init__(self, id_, metrics):
        self.id = id_
        self.metrics = metrics
        self._by_name = collections.defaultdict(list)
        for column, metric in enumerate(metrics):
            self._by_name[metric.name].append(column)

    def columns(self, name, dimensions):
        """
        :returns: list of the places of those metrics that match
        """
        return [
            column
            for column in self._by_name.get(name, ())
            if self.metrics[column].has(dimensions)
        ]


class Schemas:
    """All schemas there are, some of them remembered.

    A schema never changes, so what is remembered is true.
    """

    def __init__(self, database):
        self._database = database
        self._remembered = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest):
        """
        :returns: Schema, or None where there is none
        """
        known = self._recall(digest)
        if known is not None:
            return known
        return self._load(_SCHEMAS.c.digest == digest).get(digest)

    def with_metrics(self, names):
        """
        :returns: mapping of ids to Schemas that have a metric of one of
            these names
        """
        short = {name[:_NAME_LENGTH] for name in names}
        with self._database.reader() as session:
            ids = session.scalars(
                sa.select(_NAMES.c.schema_id)
                .distinct()
                .where(_NAMES.c.name.in_(sorted(short)))
            ).all()
        return self.by_id(ids)

    def by_id(self, ids):
        """
        :returns: mapping of ids to Schemas
        """
        found = {id_: self._recall(id_) for id_ in ids}
        missing = [id_ for id_, schema in found.items() if schema is None]
        if missing:
            loaded = self._load(_SCHEMAS.c.id.in_(missing))
            found |= {schema.id: schema for schema in loaded.values()}
        return found

    def learn(self, metrics):
        """Keep a schema, whoever else does so at the same time."""
        digest = model.schema_digest(metrics)
        if self.get(digest) is None:
            self._database.write(lambda s: _insert(s, digest, metrics))

    def _load(self, condition):
        query = sa.select(*_COLUMNS).where(condition)
        with self._database.reader() as session:
            found = session.execute(query).all()
        return {row.digest: self._remember(row) for row in found}

    def _recall(self, key):
        with self._lock:
            schema = self._remembered.get(key)
            if schema is not None:
                self._remembered.move_to_end(key)
            return schema

    def _remember(self, row):
        schema = Schema(row.id, tuple(_read(row.metrics)))
        with self._lock:
            # under both of its names
            self._remembered[row.id] = schema
            self._remembered[row.digest] = schema
            while len(self._remembered) > 2 * REMEMBERED:
                self._remembered.popitem(last=False)
        return schema


def ignoring_duplicates(session, table):
    """An INSERT that leaves out what is there already."""
    dialect = session.get_bind().dialect.name
    if dialect in ('mysql', 'mariadb'):
        # INSERT IGNORE would hide far more than duplicates
        column = next(iter(table.primary_key.columns))
        return mysql.insert(table).on_duplicate_key_update(
            {column.name: column}
        )
    if dialect == 'sqlite':
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def _insert(session, digest, metrics):
    connection = session.connection()
    connection.execute(
        ignoring_duplicates(session, _SCHEMAS),
        [{'digest': digest, 'metrics': wire.to_wire(metrics)}],
    )
    id_ = session.scalar(
        sa.select(_SCHEMAS.c.id).where(_SCHEMAS.c.digest == digest)
    )
    names = {metric.name[:_NAME_LENGTH] for metric in metrics}
    if names:
        connection.execute(
            ignoring_duplicates(session, _NAMES),
            [{'name': name, 'schema_id': id_} for name in sorted(names)],
        )


def _read(wire):
    return (
        _metric(name, tuple(sorted(dimensions.items())))
        for name, dimensions in wire
    )


@functools.lru_cache(maxsize=65536)
def _metric(name, dimensions):
    """One object for the same metric of many schemas."""
    return model.Metric(name, dimensions)
