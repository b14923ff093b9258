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

"""Windows, and the ledgers of states and modes"""

import time

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '0005'
down_revision = '0004'

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')


def upgrade():
    _windows()
    _ledger('state_changes', sa.Column('state', sa.String(16)))
    _ledger('mode_changes', sa.Column('mode', sa.String(16), nullable=False))
    op.add_column('servers', sa.Column('observed_at', sa.Double()))
    op.execute('UPDATE servers SET observed_at = last_report_at')
    _begin(round(time.time() * 1000))


def _windows():
    _create(
        'windows',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('name', sa.String(255), nullable=False),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('mode', sa.String(16), nullable=False),
        sa.Column('starts_at', sa.Double(), nullable=False),
        sa.Column('ends_at', sa.Double(), nullable=False),
        sa.Column('rrule', sa.String(255), nullable=False),
        sa.Column('timezone', sa.String(64), nullable=False),
        sa.Column('until', sa.Double()),
        sa.Column('servers', TEXT, nullable=False),
        sa.Column('cloud_groups', TEXT, nullable=False),
        sa.Column('services', TEXT, nullable=False),
        sa.Column('definitions', TEXT, nullable=False),
        sa.Column('owner', sa.String(255), nullable=False),
        sa.Column('reason', TEXT, nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('updated_at', sa.Double(), nullable=False),
        sa.Column('valid_from', sa.Double(), nullable=False),
        sa.Column('valid_until', sa.Double()),
        sa.Column('over_at', sa.Double()),
        sa.PrimaryKeyConstraint('id', name='pk_windows'),
        sa.UniqueConstraint('uuid', name='uq_windows_uuid'),
    )
    op.create_index('ix_windows_project_id', 'windows', ['project_id'])
    op.create_index('ix_windows_over_at', 'windows', ['over_at'])


def _ledger(table, what):
    _create(
        table,
        sa.Column('server_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(255), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        what,
        sa.PrimaryKeyConstraint('server_id', 'name', 'at', name=f'pk_{table}'),
        sa.ForeignKeyConstraint(
            ['server_id'],
            ['servers.id'],
            name=f'fk_{table}_server_id_servers',
            ondelete='CASCADE',
        ),
    )
    op.create_index(f'ix_{table}_at', table, ['at'])


def _begin(now):
    """What is so now: of before, nothing is known."""
    for statement in (
        'INSERT INTO state_changes (server_id, name, at, state) '
        "SELECT id, '', :now, 'UP' FROM servers "
        'WHERE last_report_at IS NOT NULL',
        'INSERT INTO state_changes (server_id, name, at, state) '
        'SELECT server_id, name, :now, state FROM services',
        'INSERT INTO mode_changes (server_id, name, at, mode) '
        "SELECT id, '', :now, mode FROM servers WHERE mode <> 'active'",
    ):
        op.get_bind().execute(sa.text(statement), {'now': now})


def _create(name, *items):
    op.create_table(
        name,
        *items,
        mysql_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
    )
