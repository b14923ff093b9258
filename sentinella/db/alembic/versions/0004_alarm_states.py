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
"""Severities, acknowledgements, flapping and inhibition of alarms; instances"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '0004'
down_revision = '0003'

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
SEVERITY = sa.String(16)

#: Columns that are None where there is nothing to say.
OPTIONAL = (
    ('alarms', 'acknowledged_until', sa.Double()),
    ('alarms', 'acknowledged_severity', SEVERITY),
    ('alarms', 'notified_severity', SEVERITY),
    ('alarms', 'notified_worst', SEVERITY),
    ('alarms', 'flapping_since', sa.Double()),
    ('transitions', 'from_severity', SEVERITY),
    ('transitions', 'severity', SEVERITY),
)

#: What the alarms and transitions of before have in them.
FILL = (
    'UPDATE alarms SET acknowledged_severity = severity '
    "WHERE lifecycle <> 'OPEN'",
    'UPDATE alarms SET notified_severity = severity, '
    "notified_worst = severity WHERE notified_state = 'ALARM'",
    'UPDATE transitions SET severity = (SELECT alarms.severity FROM alarms '
    'WHERE alarms.id = transitions.alarm_id)',
    "UPDATE transitions SET from_severity = severity WHERE from_state <> 'OK'",
    "UPDATE notifications SET kind = 'recovery' WHERE transition_id IN "
    "(SELECT transitions.id FROM transitions WHERE to_state = 'OK')",
)


def upgrade():
    for table, name, kind in OPTIONAL:
        op.add_column(table, sa.Column(name, kind))
    _add('alarms', 'notified_flapping', sa.Boolean(), sa.false())
    _add('notifications', 'kind', sa.String(16), sa.text("'alarm'"))
    _add_json('alarm_definitions', 'tiers', '{}')
    _add_json('alarm_definitions', 'inhibited_by', '[]')
    _add_json('transitions', 'values', '{}')
    for statement in FILL:
        op.execute(statement)
    _instances()


def _add(table, name, kind, default):
    """A column that rows which are there have a value in; no default is left
    behind on it, so that the tables are the models'."""
    with op.batch_alter_table(table) as batch:
        batch.add_column(
            sa.Column(name, kind, nullable=False, server_default=default)
        )
    with op.batch_alter_table(table) as batch:
        batch.alter_column(name, existing_type=kind, server_default=None)


def _add_json(table, name, value):
    # MySQL has no default of a TEXT column
    op.add_column(table, sa.Column(name, TEXT))
    column = sa.column(name)
    op.execute(sa.table(table, column).update().values({name: value}))
    with op.batch_alter_table(table) as batch:
        batch.alter_column(name, existing_type=TEXT, nullable=False)


def _instances():
    op.create_table(
        'instances',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('host', sa.String(255), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('pid', sa.BigInteger(), nullable=False),
        sa.Column('started_at', sa.Double(), nullable=False),
        sa.Column('beat_at', sa.Double(), nullable=False),
        sa.Column('unbroken_since', sa.Double(), nullable=False),
        sa.Column('facts', TEXT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_instances'),
        sa.UniqueConstraint('uuid', name='uq_instances_uuid'),
        sa.UniqueConstraint(
            'kind', 'host', 'number', name='uq_instances_kind_host_number'
        ),
        mysql_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
    )
