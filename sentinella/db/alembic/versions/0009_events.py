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

"""Events: what was done about alarms, in the order of their commits"""

from alembic import op
import sqlalchemy as sa

revision = '0009'
down_revision = '0008'

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
TABLE = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}


def upgrade():
    op.create_table(
        'counters',
        sa.Column('name', sa.String(64), primary_key=True),
        sa.Column('value', sa.BigInteger(), nullable=False),
        **TABLE,
    )
    op.create_table(
        'events',
        sa.Column('id', BIG_ID, primary_key=True),
        _of('alarm_id', 'alarms', False),
        _of('transition_id', 'transitions', True),
        sa.Column('at', sa.Double(), nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('severity', sa.String(16), nullable=False),
        sa.Column('lifecycle', sa.String(16), nullable=False),
        sa.Column('user', sa.String(255), nullable=False),
        sa.Column('number', sa.BigInteger()),
        **TABLE,
    )
    for name in ('alarm_id', 'transition_id', 'at', 'number'):
        op.create_index(f'ix_events_{name}', 'events', [name])


def _of(name, table, nullable):
    key = sa.ForeignKey(
        f'{table}.id', ondelete='CASCADE', name=f'fk_events_{name}_{table}'
    )
    kind = sa.Integer() if table == 'alarms' else BIG_ID
    return sa.Column(name, kind, key, nullable=nullable)
