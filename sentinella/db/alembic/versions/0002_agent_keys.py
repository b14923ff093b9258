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

"""Agents' keys, and repeats of log events"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '0002'
down_revision = '0001'


def upgrade():
    # rows that are there take the default; none is left behind on the column,
    # so that the tables are the models'
    for table, column in (
        ('servers', sa.Column('urgent_sequence', sa.BigInteger())),
        ('servers', sa.Column('public_key', sa.String(64))),
        ('servers', sa.Column('candidate_key', sa.String(64))),
        ('servers', sa.Column('registration_counter', sa.BigInteger())),
        ('servers', sa.Column('refused', sa.BigInteger())),
        ('log_events', sa.Column('last_at', sa.Double())),
    ):
        _add(table, column)
    op.add_column('servers', sa.Column('refused_at', sa.Double()))
    _add_former_keys()


def _add_former_keys():
    # MySQL has no default of a TEXT column
    kind = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
    op.add_column('servers', sa.Column('former_keys', kind))
    op.execute("UPDATE servers SET former_keys = '{}'")
    with op.batch_alter_table('servers') as batch:
        batch.alter_column('former_keys', existing_type=kind, nullable=False)


def _add(table, column):
    text = isinstance(column.type, sa.String)
    column.nullable = False
    column.server_default = sa.text("''" if text else '0')
    with op.batch_alter_table(table) as batch:
        batch.add_column(column)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(
            column.name, existing_type=column.type, server_default=None
        )
