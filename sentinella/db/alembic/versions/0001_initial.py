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

"""The first schema"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '0001'
down_revision = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
BLOB = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), 'mysql', 'mariadb')
TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')


def upgrade():
    _servers()
    _services()
    _log_events()
    _alarm_definitions()
    _alarms()
    _channels()
    _notifications()
    _samples()


def _servers():
    _create(
        'servers',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('hostname', sa.String(255), nullable=False),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('cloud_group', sa.String(255), nullable=False),
        sa.Column('location', sa.String(255), nullable=False),
        sa.Column('mode', sa.String(16), nullable=False),
        sa.Column('facts', TEXT, nullable=False),
        sa.Column('agent_version', sa.String(64), nullable=False),
        sa.Column('interval', sa.Double(), nullable=False),
        sa.Column('epoch', sa.String(64), nullable=False),
        sa.Column('sequence', sa.BigInteger(), nullable=False),
        sa.Column('clock_offset', sa.Double(), nullable=False),
        sa.Column('dropped', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('last_report_at', sa.Double()),
        sa.Column('services_digest', sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_servers'),
        sa.UniqueConstraint('uuid', name='uq_servers_uuid'),
    )
    _index('servers', 'hostname')
    _index('servers', 'project_id')


def _services():
    _create(
        'services',
        sa.Column('server_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(255), nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('since', sa.Double(), nullable=False),
        sa.Column('project', sa.String(64), nullable=False),
        sa.Column('pids', TEXT, nullable=False),
        sa.Column('log_files', TEXT, nullable=False),
        sa.Column('evidence', TEXT, nullable=False),
        sa.Column('reason', TEXT, nullable=False),
        sa.Column('restarts', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('server_id', 'name', name='pk_services'),
        _foreign_key('services', 'server_id', 'servers'),
    )
    _index('services', 'name')


def _log_events():
    _create(
        'log_events',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('server_id', sa.Integer(), nullable=False),
        sa.Column('at', sa.Double(), nullable=False),
        sa.Column('service', sa.String(255), nullable=False),
        sa.Column('level', sa.String(16), nullable=False),
        sa.Column('message', TEXT, nullable=False),
        sa.Column('module', sa.String(255), nullable=False),
        sa.Column('request_id', sa.String(64)),
        sa.Column('traceback', TEXT),
        sa.Column('signature', sa.String(64)),
        sa.Column('count', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_log_events'),
        _foreign_key('log_events', 'server_id', 'servers'),
    )
    _index('log_events', 'at')
    _index('log_events', 'server_id', 'at')


def _alarm_definitions():
    _create(
        'alarm_definitions',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('name', sa.String(255), nullable=False),
        # '' for all projects
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('expression', TEXT, nullable=False),
        sa.Column('type', sa.String(16), nullable=False),
        sa.Column('severity', sa.String(16), nullable=False),
        sa.Column('match_by', TEXT, nullable=False),
        sa.Column('description', TEXT, nullable=False),
        sa.Column('cause', TEXT, nullable=False),
        sa.Column('remedy', TEXT, nullable=False),
        sa.Column('channels', TEXT, nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('builtin', sa.Boolean(), nullable=False),
        sa.Column('customized', sa.Boolean(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('updated_at', sa.Double(), nullable=False),
        sa.Column('next_evaluation', sa.Double(), nullable=False),
        *_claim(),
        sa.PrimaryKeyConstraint('id', name='pk_alarm_definitions'),
        sa.UniqueConstraint('uuid', name='uq_alarm_definitions_uuid'),
        sa.UniqueConstraint(
            'project_id', 'name', name='uq_alarm_definitions_project_id_name'
        ),
    )
    _index('alarm_definitions', 'next_evaluation')
    _create(
        'alarm_definition_metrics',
        sa.Column('definition_id', sa.Integer(), nullable=False),
        sa.Column('metric', sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint(
            'definition_id', 'metric', name='pk_alarm_definition_metrics'
        ),
        _foreign_key(
            'alarm_definition_metrics', 'definition_id', 'alarm_definitions'
        ),
    )
    _index('alarm_definition_metrics', 'metric')


def _alarms():
    _create(
        'alarms',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('definition_id', sa.Integer(), nullable=False),
        sa.Column('server_id', sa.Integer()),
        sa.Column('group_digest', sa.String(32), nullable=False),
        sa.Column('group', TEXT, nullable=False),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('lifecycle', sa.String(16), nullable=False),
        sa.Column('severity', sa.String(16), nullable=False),
        sa.Column('reason', TEXT, nullable=False),
        sa.Column('first_at', sa.Double(), nullable=False),
        sa.Column('changed_at', sa.Double(), nullable=False),
        sa.Column('last_at', sa.Double(), nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.Column('value', sa.Double()),
        sa.Column('notified_state', sa.String(16)),
        sa.Column('acknowledged_by', sa.String(255)),
        sa.Column('acknowledged_at', sa.Double()),
        sa.Column('note', TEXT),
        sa.PrimaryKeyConstraint('id', name='pk_alarms'),
        sa.UniqueConstraint('uuid', name='uq_alarms_uuid'),
        sa.UniqueConstraint(
            'definition_id',
            'group_digest',
            name='uq_alarms_definition_id_group_digest',
        ),
        _foreign_key('alarms', 'definition_id', 'alarm_definitions'),
        _foreign_key('alarms', 'server_id', 'servers'),
    )
    _index('alarms', 'server_id')
    _index('alarms', 'project_id')
    _index('alarms', 'changed_at')
    _create(
        'transitions',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('alarm_id', sa.Integer(), nullable=False),
        sa.Column('at', sa.Double(), nullable=False),
        sa.Column('from_state', sa.String(16), nullable=False),
        sa.Column('to_state', sa.String(16), nullable=False),
        sa.Column('reason', TEXT, nullable=False),
        sa.Column('value', sa.Double()),
        sa.PrimaryKeyConstraint('id', name='pk_transitions'),
        sa.UniqueConstraint('uuid', name='uq_transitions_uuid'),
        _foreign_key('transitions', 'alarm_id', 'alarms'),
    )
    _index('transitions', 'alarm_id', 'at')


def _channels():
    _create(
        'channels',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('name', sa.String(255), nullable=False),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('driver', sa.String(64), nullable=False),
        sa.Column('settings', TEXT, nullable=False),
        sa.Column('min_severity', sa.String(16), nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('updated_at', sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_channels'),
        sa.UniqueConstraint('uuid', name='uq_channels_uuid'),
        sa.UniqueConstraint(
            'project_id', 'name', name='uq_channels_project_id_name'
        ),
    )


def _notifications():
    _create(
        'notifications',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('uuid', sa.String(36), nullable=False),
        sa.Column('alarm_id', sa.Integer(), nullable=False),
        sa.Column('transition_id', BIG_ID, nullable=False),
        sa.Column('channel_id', sa.Integer(), nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('next_attempt_at', sa.Double(), nullable=False),
        sa.Column('delivered_at', sa.Double()),
        sa.Column('last_error', TEXT),
        *_claim(),
        sa.PrimaryKeyConstraint('id', name='pk_notifications'),
        sa.UniqueConstraint('uuid', name='uq_notifications_uuid'),
        sa.UniqueConstraint(
            'transition_id',
            'channel_id',
            name='uq_notifications_transition_id_channel_id',
        ),
        _foreign_key('notifications', 'alarm_id', 'alarms'),
        _foreign_key('notifications', 'transition_id', 'transitions'),
        _foreign_key('notifications', 'channel_id', 'channels'),
    )
    _index('notifications', 'state', 'next_attempt_at')
    _index('notifications', 'alarm_id')
    _index('notifications', 'channel_id')


def _samples():
    _create(
        'metric_schemas',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('digest', sa.String(32), nullable=False),
        sa.Column('metrics', TEXT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_metric_schemas'),
        sa.UniqueConstraint('digest', name='uq_metric_schemas_digest'),
    )
    _create(
        'metric_names',
        sa.Column('name', sa.String(255), nullable=False),
        sa.Column('schema_id', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('name', 'schema_id', name='pk_metric_names'),
        _foreign_key('metric_names', 'schema_id', 'metric_schemas'),
    )
    _index('metric_names', 'schema_id')
    _create(
        'frames',
        sa.Column('at', sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column(
            'server_id', sa.Integer(), nullable=False, autoincrement=False
        ),
        sa.Column('schema_id', sa.Integer(), nullable=False),
        sa.Column('packed', BLOB, nullable=False),
        sa.PrimaryKeyConstraint('at', 'server_id', name='pk_frames'),
    )
    _index('frames', 'server_id', 'at')


def _create(name, *items):
    op.create_table(
        name,
        *items,
        mysql_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
    )


def _index(table, *columns):
    op.create_index(f'ix_{table}_{"_".join(columns)}', table, list(columns))


def _foreign_key(table, column, target):
    return sa.ForeignKeyConstraint(
        [column],
        [f'{target}.id'],
        name=f'fk_{table}_{column}_{target}',
        ondelete='CASCADE',
    )


def _claim():
    return (
        sa.Column('claimed_by', sa.String(255)),
        sa.Column('claim_token', sa.String(36)),
        sa.Column('claimed_until', sa.Double()),
    )
