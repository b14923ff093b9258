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

"""What is told of a host, by its own agent and by others."""

from sentinella.evaluator import service
from sentinella.notifier import message
from tests import databases
from tests.functional.evaluator import scene

TEXT = 'last(process.up) >= 1 and last(nova.service.up) < 1'
NOVA = {'service': 'nova-compute', 'zone': 'nova'}


class HostTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.add_definition(
            TEXT,
            match_by=('service', 'host'),
            description='{service} runs on {host}, and Nova does not see it',
        )
        self.cloud = self.add_server('cloud')
        self.write(self.cloud, 0, 'nova.service.up', host='cmp-1', **NOVA)
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )

    def run_on(self, hostname, project_id=scene.PROJECT):
        server = self.add_server(hostname, project_id)
        self.write(server, 1, service='nova-compute')
        return server

    def evaluate(self):
        self.evaluator.work()
        return self.alarms()

    def test_the_alarm_is_the_server_s(self):
        server = self.run_on('cmp-1')
        (alarm,) = self.evaluate()
        self.assertEqual(
            {'host': 'cmp-1', 'service': 'nova-compute'}, alarm.group
        )
        self.assertEqual(server.uuid, alarm.server.uuid)
        self.assertEqual(
            'nova-compute runs on cmp-1, and Nova does not see it',
            message.subject(alarm),
        )

    def test_its_mode_is_the_server_s(self):
        self.add_channel()
        self.set_mode(self.run_on('cmp-1'), 'maintenance')
        self.assertEqual('ALARM', self.evaluate()[0].state)
        self.assertEqual([], self.outbox())

    def test_a_tenant_s_server_is_no_host_of_the_cloud(self):
        self.run_on('cmp-1', 'tenant')
        self.assertEqual([], self.evaluate())

    def test_nor_does_it_take_the_alarm_away(self):
        server = self.run_on('cmp-1')
        self.run_on('cmp-1', 'tenant')
        (alarm,) = self.evaluate()
        self.assertEqual(
            (server.uuid, scene.PROJECT), (alarm.server.uuid, alarm.project_id)
        )

    def test_of_two_servers_of_one_name_it_is_neither_s(self):
        self.run_on('cmp-1')
        self.run_on('cmp-1')
        (alarm,) = self.evaluate()
        self.assertIsNone(alarm.server)

    def test_a_tenant_s_own_servers_go_by_their_names(self):
        self.run_on('cmp-1', 'tenant')
        self.add_definition(
            'last(process.up) >= 1', match_by=('host',), project_id='tenant'
        )
        (alarm,) = self.evaluate()
        self.assertEqual({'host': 'cmp-1'}, alarm.group)
        self.assertEqual('tenant', alarm.project_id)


class TestHostsOnSqlite(HostTests, databases.SqliteTestCase):
    pass


class TestHostsOnMysql(HostTests, databases.MysqlTestCase):
    pass


class TestHostsOnPostgresql(HostTests, databases.PostgresqlTestCase):
    pass
