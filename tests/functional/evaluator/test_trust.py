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

"""What follows from whom conductors believe."""

import uuid

from sentinella import model
from sentinella.db import servers
from sentinella.evaluator import service
from tests import databases
from tests.functional.evaluator import scene


class TrustTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        self.server = self.add_server('ctl-01')

    def refuse(self, ago, key=''):
        """Something came in the server's name, so long ago."""
        with self.database.writer() as session:
            servers.refuse(
                session, {self.server.uuid: (1, key)}, self.now() - ago
            )

    def test_what_is_refused_is_told(self):
        self.add_definition(
            'last(agent.refusal_age) < 300', 'gauge', ('server',)
        )
        self.add_server('quiet')
        self.evaluator.work()
        self.assertEqual([], self.alarms())
        self.refuse(ago=290)
        self.poke('agent.refusal_age')
        self.evaluator.work()
        (alarm,) = self.alarms()
        self.assertEqual(
            ('ALARM', self.server.uuid), (alarm.state, alarm.server.uuid)
        )
        self.refuse(ago=310)
        self.poke('agent.refusal_age')
        self.evaluator.work()
        (alarm,) = self.alarms()
        self.assertEqual('OK', alarm.state)

    def test_who_waits_to_be_accepted_is_not_silent(self):
        self.add_definition(
            'last(agent.missed_reports) > -1', 'gauge', ('server',)
        )
        waits = model.Registration(str(uuid.uuid4()), 'e', 'waits')
        with self.database.writer() as session:
            known = servers.hold(session, waits, 'service', self.now() - 900)
            servers.register(
                session, known, waits, 'service', candidate_key='k'
            )
        # one that was listened to before is missed
        self.refuse(ago=0, key='k')
        self.evaluator.work()
        (alarm,) = self.alarms()
        self.assertEqual(self.server.uuid, alarm.server.uuid)


class TestOnSqlite(TrustTests, databases.SqliteTestCase):
    """SQLite."""


class TestOnMysql(TrustTests, databases.MysqlTestCase):
    """MariaDB."""


class TestOnPostgresql(TrustTests, databases.PostgresqlTestCase):
    """PostgreSQL."""
