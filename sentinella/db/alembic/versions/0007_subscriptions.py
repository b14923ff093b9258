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

"""What a channel subscribes to, how often it repeats, and when it is quiet"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '0007'
down_revision = '0006'

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')

OPTIONAL = (
    ('repeat_interval', sa.Double()),
    ('escalate_after', sa.Double()),
    ('escalate_to', sa.String(36)),
    ('rate', sa.Integer()),
)

#: With what the channels of before have in them.
REQUIRED = (
    ('services', TEXT, '[]'),
    ('cloud_groups', TEXT, '[]'),
    ('definitions', TEXT, '[]'),
    ('quiet', TEXT, '{}'),
    ('digest_over', sa.Integer(), 10),
    ('escalations_only', sa.Boolean(), False),
)


def upgrade():
    for name, kind in OPTIONAL:
        op.add_column('channels', sa.Column(name, kind))
    for name, kind, _ in REQUIRED:
        # MySQL has no default of a TEXT column
        op.add_column('channels', sa.Column(name, kind))
    table = sa.table(
        'channels', *(sa.column(name, kind) for name, kind, _ in REQUIRED)
    )
    values = {name: value for name, _, value in REQUIRED}
    op.execute(table.update().values(values))
    with op.batch_alter_table('channels') as batch:
        for name, kind, _ in REQUIRED:
            batch.alter_column(name, existing_type=kind, nullable=False)
