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

"""The schema's versions, walked with alembic."""

import pathlib

from alembic import command
from alembic import config as alembic_config
from alembic import migration as alembic_migration
from alembic import script

from sentinella.db import database as db


def sync(conf, revision='heads'):
    """Bring the schema to a revision."""
    _with_connection(conf, lambda c: command.upgrade(_config(c), revision))


def version(conf):
    """
    :returns: the schema's revision, or None where there is no schema
    """
    return _with_connection(conf, current)


def current(connection):
    """As :func:`version`, over an open connection."""
    context = alembic_migration.MigrationContext.configure(connection)
    return context.get_current_revision()


def head():
    """
    :returns: the revision that this release expects
    """
    directory = script.ScriptDirectory.from_config(_config(None))
    return directory.get_current_head()


def _config(connection):
    config = alembic_config.Config()
    folder = pathlib.Path(__file__).parent / 'alembic'
    # alembic reads % as the beginning of a placeholder
    location = str(folder).replace('%', '%%')
    config.set_main_option('script_location', location)
    config.attributes['connection'] = connection
    return config


def _with_connection(conf, work):
    database = db.Database(conf)
    try:
        with database.engine.connect() as connection:
            return work(connection)
    finally:
        database.dispose()
