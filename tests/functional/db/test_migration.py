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

"""The migrations really run, and make what the models say."""

from alembic import autogenerate
from alembic import migration as alembic_migration
import sqlalchemy as sa

from sentinella import model
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import migration
from sentinella.db import models
from sentinella.db import notifications
from sentinella.db import servers
from tests import databases


class MigrationTests:
    def test_models_are_what_the_migrations_make(self):
        with self.database.engine.connect() as connection:
            context = alembic_migration.MigrationContext.configure(
                connection, opts={'compare_type': True}
            )
            differences = autogenerate.compare_metadata(
                context, models.METADATA
            )
        self.assertEqual([], differences)

    def test_a_difference_would_be_seen(self):
        with self.database.engine.connect() as connection:
            context = alembic_migration.MigrationContext.configure(
                connection, opts={'compare_type': True}
            )
            other = sa.MetaData(naming_convention={})
            for table in models.METADATA.sorted_tables:
                table.to_metadata(other)
            other.tables['servers'].c.hostname.type = sa.Integer()
            differences = autogenerate.compare_metadata(context, other)
        self.assertEqual('modify_type', differences[0][0][0])

    def test_version(self):
        self.assertEqual(migration.head(), migration.version(self.conf))

    def test_servers_of_before_there_were_keys(self):
        self.addCleanup(migration.sync, self.conf)
        with self.database.engine.begin() as connection:
            models.METADATA.drop_all(connection)
            connection.execute(sa.text('DROP TABLE alembic_version'))
        migration.sync(self.conf, '0001')
        with self.database.engine.begin() as connection:
            old = sa.Table('servers', sa.MetaData(), autoload_with=connection)
            values = {
                column.name: 'x' if column.type.python_type is str else 1
                for column in old.columns
            }
            values |= {'facts': '{}', 'mode': 'active'}
            connection.execute(old.insert().values(values))
        migration.sync(self.conf)
        with self.database.reader() as session:
            (server,) = servers.all_(session)
        self.assertEqual(
            ('', '', 0, 0, 0, None, {}),
            (
                server.public_key,
                server.candidate_key,
                server.registration_counter,
                server.urgent_sequence,
                server.refused,
                server.refused_at,
                server.former_keys,
            ),
        )

    def test_alarms_of_before_there_were_tiers(self):
        """Nobody is paged once more by the upgrade."""
        self.addCleanup(migration.sync, self.conf)
        with self.database.engine.begin() as connection:
            models.METADATA.drop_all(connection)
            connection.execute(sa.text('DROP TABLE alembic_version'))
        migration.sync(self.conf, '0003')
        self.fill('alarm_definitions', match_by='[]', channels='[]')
        self.fill('channels', settings='{}')
        self.fill('alarms', server_id=None, group='{}')
        self.fill('transitions', from_state='OK', to_state='ALARM')
        self.fill('transitions', id=2, uuid='y', to_state='OK')
        self.fill('notifications', transition_id=2)
        migration.sync(self.conf)
        with self.database.reader() as session:
            (notification,) = notifications.list_(session, limit=9)
            second, first = alarms.transitions(session, 'x', limit=9)
        self.assertEqual('recovery', notification.kind)
        self.assertEqual(
            ('critical', 'critical', 'critical'),
            (
                notification.alarm.notified_severity,
                notification.alarm.notified_worst,
                notification.alarm.acknowledged_severity,
            ),
        )
        self.assertEqual(
            [(None, 'critical'), ('critical', 'critical')],
            [(one.from_severity, one.severity) for one in (first, second)],
        )
        definition = notification.alarm.definition
        self.assertEqual(({}, ()), (definition.tiers, definition.inhibited_by))

    def test_channels_of_before_there_were_subscriptions(self):
        self.addCleanup(migration.sync, self.conf)
        with self.database.engine.begin() as connection:
            models.METADATA.drop_all(connection)
            connection.execute(sa.text('DROP TABLE alembic_version'))
        migration.sync(self.conf, '0006')
        self.fill('channels', settings='{"url":"http://h/"}')
        migration.sync(self.conf)
        with self.database.reader() as session:
            (channel,) = channels.list_(session, limit=9)
        self.assertEqual(
            model.Channel(
                uuid='x',
                name='x',
                project_id='x',
                driver='x',
                settings={'url': 'http://h/'},
                id=1,
                created_at=1.0,
                updated_at=1.0,
            ),
            channel,
        )

    def fill(self, table, **values):
        """Put a row into a table of before."""
        texts = {
            'severity': 'critical',
            'min_severity': 'info',
            'state': 'SENT' if table == 'notifications' else 'ALARM',
            'notified_state': 'ALARM',
            'lifecycle': 'ACKNOWLEDGED',
            'from_state': 'ALARM',
            'type': 'binary',
        }
        with self.database.engine.begin() as connection:
            old = sa.Table(table, sa.MetaData(), autoload_with=connection)
            values = {
                column.name: texts.get(column.name, 'x')
                if column.type.python_type is str
                else 1
                for column in old.columns
            } | values
            connection.execute(old.insert().values(values))

    def test_again_changes_nothing(self):
        migration.sync(self.conf)
        self.assertEqual(migration.head(), migration.version(self.conf))


class TestMigrationOnSqlite(MigrationTests, databases.SqliteTestCase):
    pass


class TestMigrationOnMysql(MigrationTests, databases.MysqlTestCase):
    def test_tables_are_innodb_and_know_all_of_unicode(self):
        with self.database.reader() as session:
            tables = session.execute(
                sa.text(
                    'SELECT DISTINCT engine, table_collation '
                    'FROM information_schema.tables '
                    'WHERE table_schema = DATABASE() AND table_name != '
                    "'alembic_version'"
                )
            ).all()
        self.assertEqual([('InnoDB', 'utf8mb4_bin')], tables)


class TestMigrationOnPostgresql(MigrationTests, databases.PostgresqlTestCase):
    pass
