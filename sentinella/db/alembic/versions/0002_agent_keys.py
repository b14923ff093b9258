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
    for name, kind in (
        ('urgent_sequence', sa.BigInteger()),
        ('public_key', sa.String(64)),
        ('candidate_key', sa.String(64)),
        ('registration_counter', sa.BigInteger()),
        ('refused', sa.BigInteger()),
    ):
        _add('servers', name, kind)
    _add('log_events', 'last_at', sa.Double())
    op.add_column('servers', sa.Column('refused_at', sa.Double()))
    _add_former_keys()


def _add(table, name, kind):
    """A column that rows which are there have the default of its type in;
    none is left behind on it, so that the tables are the models'."""
    default = sa.text("''" if isinstance(kind, sa.String) else '0')
    with op.batch_alter_table(table) as batch:
        batch.add_column(
            sa.Column(name, kind, nullable=False, server_default=default)
        )
    with op.batch_alter_table(table) as batch:
        batch.alter_column(name, existing_type=kind, server_default=None)


def _add_former_keys():
    # MySQL has no default of a TEXT column
    kind = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
    op.add_column('servers', sa.Column('former_keys', kind))
    op.execute("UPDATE servers SET former_keys = '{}'")
    with op.batch_alter_table('servers') as batch:
        batch.alter_column('former_keys', existing_type=kind, nullable=False)
