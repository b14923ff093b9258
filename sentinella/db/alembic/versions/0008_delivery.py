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

"""Attempts, digests, repeats, and why a notification waits"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '0008'
down_revision = '0007'

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')

OPTIONAL = (
    ('digest_id', sa.String(36)),
    ('waits_for', sa.String(16)),
    ('resent_by', sa.String(255)),
    ('reference', TEXT),
)


def upgrade():
    for name, kind in OPTIONAL:
        op.add_column('notifications', sa.Column(name, kind))
    op.add_column('notifications', sa.Column('ordinal', sa.Integer()))
    op.execute('UPDATE notifications SET ordinal = 0')
    _let_transitions_be_told_again()
    _index('ix_notifications_digest_id', ['digest_id'])
    _index(
        'ix_notifications_channel_id_state_id', ['channel_id', 'state', 'id']
    )
    _index('ix_notifications_order', ['alarm_id', 'channel_id', 'state', 'id'])
    _create_attempts()
    _create_turns()


def _let_transitions_be_told_again():
    new = 'uq_notifications_transition_id_channel_id_ordinal'
    # the new one first: MariaDB needs one for the foreign key
    with op.batch_alter_table('notifications') as batch:
        batch.alter_column(
            'ordinal', existing_type=sa.Integer(), nullable=False
        )
        batch.create_unique_constraint(
            new, ['transition_id', 'channel_id', 'ordinal']
        )
    with op.batch_alter_table('notifications') as batch:
        batch.drop_constraint(
            'uq_notifications_transition_id_channel_id', type_='unique'
        )


def _create_attempts():
    _create(
        'notification_attempts',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('channel_id', sa.Integer(), nullable=False),
        sa.Column('message_id', sa.String(36), nullable=False),
        sa.Column('at', sa.Double(), nullable=False),
        sa.Column('seconds', sa.Double(), nullable=False),
        sa.Column('outcome', sa.String(16), nullable=False),
        sa.Column('answer', TEXT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_notification_attempts'),
        _of_channel('notification_attempts'),
    )
    _index(
        'ix_notification_attempts_message_id',
        ['message_id'],
        'notification_attempts',
    )
    _index(
        'ix_notification_attempts_channel_id_at',
        ['channel_id', 'at'],
        'notification_attempts',
    )
    _index('ix_notification_attempts_at', ['at'], 'notification_attempts')


def _create_turns():
    _create(
        'channel_turns',
        sa.Column('channel_id', sa.Integer(), nullable=False),
        sa.Column('not_before', sa.Double(), nullable=False),
        sa.Column('begun', TEXT, nullable=False),
        sa.PrimaryKeyConstraint('channel_id', name='pk_channel_turns'),
        _of_channel('channel_turns'),
    )


def _of_channel(table):
    return sa.ForeignKeyConstraint(
        ['channel_id'],
        ['channels.id'],
        name=f'fk_{table}_channel_id_channels',
        ondelete='CASCADE',
    )


def _index(name, columns, table='notifications'):
    op.create_index(name, table, columns)


def _create(name, *items):
    op.create_table(
        name,
        *items,
        mysql_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
    )
