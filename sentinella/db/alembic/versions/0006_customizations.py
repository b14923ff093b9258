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

"""Releases that definitions hold for, and what people changed in ours"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '0006'
down_revision = '0005'

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')


def upgrade():
    _add('releases', sa.String(255), '')
    _add('customizations', TEXT, '{}')


def _add(name, kind, value):
    # MySQL has no default of a TEXT column
    op.add_column('alarm_definitions', sa.Column(name, kind))
    column = sa.column(name)
    table = sa.table('alarm_definitions', column)
    op.execute(table.update().values({name: value}))
    with op.batch_alter_table('alarm_definitions') as batch:
        batch.alter_column(name, existing_type=kind, nullable=False)
