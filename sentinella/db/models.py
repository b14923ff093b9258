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

"""The tables.

A column is named as the field of the dataclass in `sentinella.model` that it
keeps, so that rows become dataclasses without a second list of names.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from sentinella import model
from sentinella.db import types

METADATA = sa.MetaData(
    naming_convention={
        'pk': 'pk_%(table_name)s',
        'uq': 'uq_%(table_name)s_%(column_0_N_name)s',
        'ix': 'ix_%(table_name)s_%(column_0_N_name)s',
        'fk': 'fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s',
    }
)

# A binary collation: names that differ in case are two on every database.
_MYSQL = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}


def _table(name, *items):
    return sa.Table(name, METADATA, *items, **_MYSQL)


def _id():
    return sa.Column('id', sa.Integer, primary_key=True)


def _big_id():
    return sa.Column('id', types.BIG_ID, primary_key=True)


def _uuid():
    return sa.Column('uuid', sa.String(36), nullable=False, unique=True)


def _column(name, kind, **kwargs):
    return sa.Column(name, kind, **{'nullable': False, **kwargs})


def _of(name, table, **kwargs):
    """A foreign key; what belongs to something goes when that goes."""
    return sa.Column(
        name,
        sa.ForeignKey(f'{table}.id', ondelete='CASCADE'),
        **{'nullable': False, **kwargs},
    )


def _claim():
    """Who works on a row, until when, and the proof of it."""
    return (
        sa.Column('claimed_by', types.String(255)),
        sa.Column('claim_token', sa.String(36)),
        sa.Column('claimed_until', types.Time),
    )


servers = _table(
    'servers',
    _id(),
    _uuid(),
    _column('hostname', types.String(255)),
    _column('project_id', types.String(255)),
    _column('cloud_group', types.String(255)),
    _column('location', types.String(255)),
    _column('mode', types.Choice(model.Mode)),
    _column('facts', types.Json()),
    _column('agent_version', types.String(64)),
    _column('interval', types.Time),
    _column('epoch', types.String(64)),
    _column('sequence', sa.BigInteger),
    _column('clock_offset', types.Time),
    _column('dropped', sa.BigInteger),
    _column('created_at', types.Time),
    sa.Column('last_report_at', types.Time),
    sa.Column('observed_at', types.Time),
    _column('urgent_sequence', sa.BigInteger),
    _column('public_key', sa.String(64)),
    _column('candidate_key', sa.String(64)),
    _column('registration_counter', sa.BigInteger),
    _column('refused', sa.BigInteger),
    sa.Column('refused_at', types.Time),
    _column('former_keys', types.Json()),
    # of all services that the agent named last; '' where there is more to
    # it, so that the same said again is not compared row by row
    _column('services_digest', sa.String(32)),
    sa.Index(None, 'hostname'),
    sa.Index(None, 'project_id'),
)

services = _table(
    'services',
    _of('server_id', 'servers', primary_key=True),
    _column('name', types.String(255), primary_key=True),
    _column('state', types.Choice(model.ServiceState)),
    _column('since', types.Time),
    _column('project', types.String(64)),
    _column('pids', types.Json(tuple)),
    _column('log_files', types.Json(tuple)),
    _column('evidence', types.Text),
    _column('reason', types.Text),
    _column('restarts', sa.BigInteger),
    sa.Index(None, 'name'),
)

windows = _table(
    'windows',
    _id(),
    _uuid(),
    _column('name', types.String(255)),
    _column('project_id', types.Project),
    _column('mode', types.Choice(model.Mode)),
    _column('starts_at', types.Time),
    _column('ends_at', types.Time),
    _column('rrule', types.String(255)),
    _column('timezone', types.String(64)),
    sa.Column('until', types.Time),
    _column('servers', types.Json(tuple)),
    _column('cloud_groups', types.Json(tuple)),
    _column('services', types.Json(tuple)),
    _column('definitions', types.Json(tuple)),
    _column('owner', types.String(255)),
    _column('reason', types.Text),
    _column('created_at', types.Time),
    _column('updated_at', types.Time),
    _column('valid_from', types.Time),
    sa.Column('valid_until', types.Time),
    # when its last occurrence ends, NULL for never
    sa.Column('over_at', types.Time),
    sa.Index(None, 'project_id'),
    sa.Index(None, 'over_at'),
)


def _ledger(name, what):
    """One row for each change of what servers, named '', and their services
    are; in milliseconds, for a double is no good key."""
    return _table(
        name,
        _of('server_id', 'servers', primary_key=True),
        _column('name', types.String(255), primary_key=True),
        sa.Column('at', sa.BigInteger, primary_key=True, autoincrement=False),
        what,
        sa.Index(None, 'at'),
    )


# without a state: not watched any more
state_changes = _ledger(
    'state_changes', sa.Column('state', types.Choice(model.ServiceState))
)
mode_changes = _ledger(
    'mode_changes', _column('mode', types.Choice(model.Mode))
)

log_events = _table(
    'log_events',
    _big_id(),
    _of('server_id', 'servers'),
    _column('at', types.Time),
    _column('service', types.String(255)),
    _column('level', types.String(16)),
    _column('message', types.Text),
    _column('module', types.String(255)),
    sa.Column('request_id', types.String(64)),
    sa.Column('traceback', types.Text),
    sa.Column('signature', types.String(64)),
    _column('count', sa.BigInteger),
    _column('last_at', types.Time),
    sa.Index(None, 'at'),
    sa.Index(None, 'server_id', 'at'),
)

definitions = _table(
    'alarm_definitions',
    _id(),
    _uuid(),
    _column('name', types.String(255)),
    _column('project_id', types.Project),
    _column('expression', types.Text),
    _column('type', types.Choice(model.ThresholdType)),
    _column('severity', types.Choice(model.Severity)),
    _column('match_by', types.Json(tuple)),
    _column('description', types.Text),
    _column('cause', types.Text),
    _column('remedy', types.Text),
    _column('channels', types.Json(tuple)),
    _column('enabled', sa.Boolean),
    _column('builtin', sa.Boolean),
    _column('customized', sa.Boolean),
    _column('created_at', types.Time),
    _column('updated_at', types.Time),
    _column('tiers', types.Json()),
    _column('inhibited_by', types.Json(tuple)),
    _column('releases', types.String(255)),
    _column('customizations', types.Json()),
    _column('next_evaluation', types.Time),
    *_claim(),
    sa.UniqueConstraint('project_id', 'name'),
    sa.Index(None, 'next_evaluation'),
)

definition_metrics = _table(
    'alarm_definition_metrics',
    _of('definition_id', 'alarm_definitions', primary_key=True),
    _column('metric', types.String(255), primary_key=True),
    sa.Index(None, 'metric'),
)

alarms = _table(
    'alarms',
    _id(),
    _uuid(),
    _of('definition_id', 'alarm_definitions'),
    _of('server_id', 'servers', nullable=True),
    # of the group: JSON itself is too long for a key
    _column('group_digest', sa.String(32)),
    _column('group', types.Json()),
    _column('project_id', types.String(255)),
    _column('state', types.Choice(model.AlarmState)),
    _column('lifecycle', types.Choice(model.Lifecycle)),
    _column('severity', types.Choice(model.Severity)),
    _column('reason', types.Text),
    _column('first_at', types.Time),
    _column('changed_at', types.Time),
    _column('last_at', types.Time),
    _column('count', sa.Integer),
    sa.Column('value', types.Number),
    sa.Column('notified_state', types.Choice(model.AlarmState)),
    sa.Column('acknowledged_by', types.String(255)),
    sa.Column('acknowledged_at', types.Time),
    sa.Column('note', types.Text),
    sa.Column('notified_severity', types.Choice(model.Severity)),
    sa.Column('notified_worst', types.Choice(model.Severity)),
    sa.Column('acknowledged_severity', types.Choice(model.Severity)),
    sa.Column('acknowledged_until', types.Time),
    sa.Column('flapping_since', types.Time),
    _column('notified_flapping', sa.Boolean),
    sa.UniqueConstraint('definition_id', 'group_digest'),
    sa.Index(None, 'server_id'),
    sa.Index(None, 'project_id'),
    sa.Index(None, 'changed_at'),
)

transitions = _table(
    'transitions',
    _big_id(),
    _uuid(),
    _of('alarm_id', 'alarms'),
    _column('at', types.Time),
    _column('from_state', types.Choice(model.AlarmState)),
    _column('to_state', types.Choice(model.AlarmState)),
    _column('reason', types.Text),
    sa.Column('value', types.Number),
    sa.Column('from_severity', types.Choice(model.Severity)),
    sa.Column('severity', types.Choice(model.Severity)),
    _column('values', types.Json()),
    sa.Index(None, 'alarm_id', 'at'),
)

# what becomes of alarms, for those who watch; see sentinella/db/events.py
events = _table(
    'events',
    _big_id(),
    _of('alarm_id', 'alarms', index=True),
    _of('transition_id', 'transitions', nullable=True, index=True),
    _column('at', types.Time, index=True),
    _column('state', types.Choice(model.AlarmState)),
    _column('severity', types.Choice(model.Severity)),
    _column('lifecycle', types.Choice(model.Lifecycle)),
    _column('user', types.String(255)),
    sa.Column('number', sa.BigInteger, index=True),
)

counters = _table(
    'counters',
    _column('name', types.String(64), primary_key=True),
    _column('value', sa.BigInteger),
)

instances = _table(
    'instances',
    _id(),
    _uuid(),
    _column('kind', types.Choice(model.InstanceKind)),
    _column('host', types.String(255)),
    _column('number', sa.Integer),
    _column('pid', sa.BigInteger),
    _column('started_at', types.Time),
    _column('beat_at', types.Time),
    _column('unbroken_since', types.Time),
    _column('facts', types.Json()),
    sa.UniqueConstraint('kind', 'host', 'number'),
)

channels = _table(
    'channels',
    _id(),
    _uuid(),
    _column('name', types.String(255)),
    _column('project_id', types.String(255)),
    _column('driver', types.String(64)),
    _column('settings', types.Settings),
    _column('min_severity', types.Choice(model.Severity)),
    _column('enabled', sa.Boolean),
    _column('created_at', types.Time),
    _column('updated_at', types.Time),
    _column('services', types.Json(tuple)),
    _column('cloud_groups', types.Json(tuple)),
    _column('definitions', types.Json(tuple)),
    sa.Column('repeat_interval', types.Time),
    sa.Column('escalate_after', types.Time),
    sa.Column('escalate_to', sa.String(36)),
    _column('escalations_only', sa.Boolean),
    _column('quiet', types.Json()),
    sa.Column('rate', sa.Integer),
    _column('digest_over', sa.Integer),
    sa.UniqueConstraint('project_id', 'name'),
)

#: By which what is before one of the same alarm is found, however long the
#: history is.
ORDER_INDEX = 'ix_notifications_order'

notifications = _table(
    'notifications',
    _big_id(),
    _uuid(),
    _of('alarm_id', 'alarms'),
    _of('transition_id', 'transitions'),
    _of('channel_id', 'channels'),
    _column('state', types.Choice(model.NotificationState)),
    _column('attempts', sa.Integer),
    _column('created_at', types.Time),
    _column('next_attempt_at', types.Time),
    sa.Column('delivered_at', types.Time),
    sa.Column('last_error', types.Text),
    _column('kind', types.Choice(model.NotificationKind)),
    _column('ordinal', sa.Integer),
    sa.Column('digest_id', sa.String(36)),
    sa.Column('waits_for', types.Choice(model.WaitsFor)),
    sa.Column('resent_by', types.String(255)),
    # what its driver wants back with the alarm's next message
    sa.Column('reference', types.Json()),
    *_claim(),
    sa.UniqueConstraint('transition_id', 'channel_id', 'ordinal'),
    sa.Index(None, 'state', 'next_attempt_at'),
    sa.Index(None, 'alarm_id'),
    sa.Index(None, 'channel_id'),
    sa.Index(None, 'channel_id', 'state', 'id'),
    sa.Index(ORDER_INDEX, 'alarm_id', 'channel_id', 'state', 'id'),
    sa.Index(None, 'digest_id'),
)

# a message is a notification, or a digest of several: its id is theirs
notification_attempts = _table(
    'notification_attempts',
    _big_id(),
    _of('channel_id', 'channels'),
    _column('message_id', sa.String(36)),
    _column('at', types.Time),
    _column('seconds', types.Time),
    _column('outcome', types.Choice(model.NotificationState)),
    _column('answer', types.Text),
    sa.Index(None, 'message_id'),
    sa.Index(None, 'channel_id', 'at'),
    sa.Index(None, 'at'),
)

# whoever decides what goes to a channel locks its row: not the channel's own,
# which all that is put into the outbox refers to
channel_turns = _table(
    'channel_turns',
    _of('channel_id', 'channels', primary_key=True),
    _column('not_before', types.Time),
    _column('begun', types.Json(tuple)),
)

# The samples of the SQL storage. Frames have no foreign keys: a check of each
# on the way in would lock the very rows that reports take turns for.

metric_schemas = _table(
    'metric_schemas',
    _id(),
    _column('digest', sa.String(32), unique=True),
    _column('metrics', types.Json(tuple)),
)

metric_names = _table(
    'metric_names',
    _column('name', types.String(255), primary_key=True),
    _of('schema_id', 'metric_schemas', primary_key=True),
    sa.Index(None, 'schema_id'),
)

frames = _table(
    'frames',
    # in milliseconds; first in the key, so that rows are appended in order
    sa.Column('at', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('server_id', sa.Integer, primary_key=True, autoincrement=False),
    _column('schema_id', sa.Integer),
    _column(
        'packed',
        sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), 'mysql', 'mariadb'),
    ),
    sa.Index(None, 'server_id', 'at'),
)

leases = _table(
    'leases',
    _column('name', types.String(64), primary_key=True),
    _column('owner', types.String(255)),
    _column('until', types.Time),
)
