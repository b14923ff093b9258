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

import math
import os
import subprocess
import urllib.parse

import amqp
import fixtures
from oslotest import base
import urllib3

from sentinella import exceptions
from sentinella.agent.collectors import rabbitmq
from tests import collectors
from tests import processes
from tests import servers

CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
loopback_users.guest = true
vm_memory_high_watermark.relative = 0.6
disk_free_limit.absolute = 50MB
collect_statistics_interval = 1000
management.sample_retention_policies.global.minute = 1
management.sample_retention_policies.basic.minute = 1
management.sample_retention_policies.detailed.minute = 1
"""
LIMITS = (
    'vm_memory_monitor:set_vm_memory_high_watermark(%s), '
    'rabbit_disk_monitor:set_disk_free_limit(%s).'
)
SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'
CONTROL = '/usr/lib/rabbitmq/bin/rabbitmqctl'


class BrokerFixture(servers.FolderFixture):
    """A RabbitMQ of its own, with the management API.

    :ivar url: of that API
    :ivar port: for AMQP
    """

    def _setUp(self):
        super()._setUp()
        self.port = servers.free_port()
        management = servers.free_port()
        mapper = servers.free_port()
        self.node = f'sentinella{self.port}@localhost'
        self.url = f'http://127.0.0.1:{management}'
        self._write('enabled_plugins', '[rabbitmq_management].\n')
        self._write(
            'rabbitmq.conf',
            CONFIGURATION.format(port=self.port, management=management),
        )
        self._env = self._environment(mapper)
        self.useFixture(
            servers.ServerFixture(
                ['epmd', '-port', mapper, '-address', '127.0.0.1'],
                lambda: servers.listens(('127.0.0.1', mapper)),
            )
        )
        self.server = self.useFixture(
            servers.ServerFixture([SERVER], self._is_up, env=self._env)
        )

    def _write(self, name, text):
        (self.path / name).write_text(text)

    def _environment(self, mapper):
        return {
            'HOME': str(self.path),
            'ERL_EPMD_PORT': str(mapper),
            'ERL_EPMD_ADDRESS': '127.0.0.1',
            'RABBITMQ_NODENAME': self.node,
            'RABBITMQ_CONF_ENV_FILE': '/dev/null',
            'RABBITMQ_CONFIG_FILE': f'{self.path}/rabbitmq.conf',
            'RABBITMQ_ENABLED_PLUGINS_FILE': f'{self.path}/enabled_plugins',
            'RABBITMQ_MNESIA_BASE': f'{self.path}/mnesia',
            'RABBITMQ_LOG_BASE': f'{self.path}/log',
            'RABBITMQ_DIST_PORT': str(servers.free_port()),
            'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '-kernel '
            'inet_dist_use_interface {127,0,0,1}',
        }

    def _is_up(self):
        return all(
            servers.listens(('127.0.0.1', port))
            for port in (self.port, urllib.parse.urlsplit(self.url).port)
        )

    def control(self, *arguments):
        """Call rabbitmqctl."""
        subprocess.run(
            [CONTROL, '-n', self.node, *arguments],
            env={**os.environ, **self._env},
            check=True,
            capture_output=True,
            timeout=60,
        )

    def connect(self):
        return amqp.Connection(f'127.0.0.1:{self.port}')


class TestRabbitmq(base.BaseTestCase):
    """The tests of this class share a broker, for it takes long to start."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = BrokerFixture()
        cls.broker.setUp()
        cls.addClassCleanup(cls.broker.cleanUp)

    def collector(self, url=None, **options):
        node = servers.Node(
            'rabbitmq',
            listening={'rabbitmq': [('127.0.0.1', self.broker.port)]},
        )
        return collectors.make(
            rabbitmq.RabbitmqCollector,
            node,
            url=url or self.broker.url,
            **options,
        )

    def publish(self, *queues, consume=()):
        """Make some queues with 3 messages each, and read some.

        :returns: the channel that reads
        """
        self.addCleanup(self.delete, *queues)
        connection = self.broker.connect()
        connection.connect()
        self.addCleanup(connection.close)
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        for queue in queues:
            channel.queue_declare(queue, auto_delete=False)
            for _ in range(3):
                channel.basic_publish(amqp.Message('it'), routing_key=queue)
        for queue in consume:
            channel.basic_consume(queue, callback=id)
        return channel

    def delete(self, *queues):
        with self.broker.connect() as connection:
            for queue in queues:
                connection.channel().queue_delete(queue)

    def put(self, path, **body):
        """Change something over the management API."""
        response = urllib3.request(
            'PUT',
            f'{self.broker.url}/api/{path}',
            headers=urllib3.make_headers(basic_auth='guest:guest'),
            json=body,
        )
        self.assertIn(response.status, (201, 204), response.data)

    def test_a_broker_that_is_well(self):
        collector = self.collector()
        found = processes.wait_for(
            lambda: self.measured(collector), 'its statistics'
        )
        for name, expected in (
            ('up', 1),
            ('partitions', 0),
            ('memory_alarm', 0),
            ('disk_alarm', 0),
            ('queues_unconsumed', 0),
        ):
            self.assertEqual(expected, found[f'rabbitmq.{name}',], name)
        (cluster,) = {k[1] for k in found if k[0] == 'rabbitmq.nodes'}
        self.assertIn('@', cluster)
        self.assertEqual(1, found['rabbitmq.nodes', cluster])
        self.assertEqual(1, found['rabbitmq.nodes_running', cluster])
        self.assertGreater(found['rabbitmq.memory_percent',], 0)
        self.assertGreater(found['rabbitmq.disk_free_ratio',], 1)
        self.assertGreater(found['rabbitmq.fd_percent',], 0)

    def measured(self, collector):
        """Samples, once the broker has measured itself."""
        found = servers.ask(collector)
        known = not math.isnan(found['rabbitmq.memory_percent',])
        return found if known else None

    def test_queues_that_nobody_reads(self):
        channel = self.publish(
            'lost', 'read', 'reply_1234', 'scheduler_fanout_1234', 'a/b c',
            consume=['read'],
        )  # fmt: skip
        collector = self.collector()
        found = processes.wait_for(
            lambda: self.unconsumed(collector, 2), 'the queues'
        )
        self.assertEqual(
            {'lost': 3, 'a/b c': 3},
            {
                key[1]: value
                for key, value in found.items()
                if key[0] == 'rabbitmq.unconsumed_messages'
            },
        )
        self.assertEqual(1, found['rabbitmq.consumers',])
        self.assertGreaterEqual(found['rabbitmq.messages_ready',], 14)
        channel.basic_consume('lost', callback=id)
        found = processes.wait_for(
            lambda: self.unconsumed(collector, 1), 'its consumer'
        )
        self.assertEqual(0, found['rabbitmq.unconsumed_messages', 'lost'])

    def unconsumed(self, collector, count):
        found = servers.ask(collector)
        known = found['rabbitmq.queues_unconsumed',] == count
        return found if known and found['rabbitmq.consumers',] else None

    def test_messages_that_no_queue_takes(self):
        collector = self.collector()
        servers.ask(collector)
        channel = self.publish()
        channel.basic_publish(amqp.Message('it'), routing_key='nobody')
        processes.wait_for(
            lambda: servers.ask(collector)['rabbitmq.unroutable',] == 1,
            'what was not routed',
        )

    def test_alarms(self):
        collector = self.collector()
        self.addCleanup(
            self.broker.control, 'eval', LIMITS % ('0.6', 50_000_000)
        )
        self.broker.control('eval', LIMITS % ('0.0001', 10**14))
        found = processes.wait_for(
            lambda: self.alarmed(collector), 'the alarms'
        )
        self.assertEqual(1, found['rabbitmq.up',])
        self.assertGreater(found['rabbitmq.memory_percent',], 100)
        self.assertLess(found['rabbitmq.disk_free_ratio',], 1)

    def alarmed(self, collector):
        found = servers.ask(collector)
        both = (
            found['rabbitmq.memory_alarm',] == 1
            and found['rabbitmq.disk_alarm',] == 1
        )
        return found if both else None

    def test_a_user_who_may_not_look(self):
        error = self.assertRaises(
            exceptions.Lacking,
            servers.ask,
            self.collector(password='no such'),
        )
        self.assertIn('set_user_tags sentinella monitoring', str(error))
        self.assertNotIn('no such', str(error))

    def test_the_user_that_the_remedy_makes(self):
        # as rabbitmqctl does it, but that takes seconds
        self.put('users/sentinella', password='secret', tags='monitoring')
        logger = self.useFixture(fixtures.FakeLogger())
        collector = self.collector(user='sentinella', password='secret')
        self.publish('lost')
        processes.wait_for(
            lambda: servers.ask(collector)['rabbitmq.messages_ready',] >= 3,
            'the messages',
        )
        # who sees no queues does not say that there are none
        found = servers.ask(collector)
        self.assertTrue(math.isnan(found['rabbitmq.queues_unconsumed',]))
        self.assertEqual(1, logger.output.count('sees no queues'))
        self.put(
            'permissions/%2F/sentinella', configure='^$', write='^$', read='^$'
        )
        processes.wait_for(
            lambda: (
                ('rabbitmq.unconsumed_messages', 'lost')
                in servers.ask(collector)
            ),
            'the queue',
        )

    def test_a_broker_without_the_plugin(self):
        url = f'http://127.0.0.1:{servers.free_port()}'
        error = self.assertRaises(
            exceptions.Lacking, servers.ask, self.collector(url)
        )
        self.assertIn('rabbitmq-plugins enable', str(error))

    def test_a_broker_whose_application_has_stopped(self):
        self.broker.control('stop_app')
        self.addCleanup(self.broker.control, 'start_app')
        found = servers.ask(self.collector())
        self.assertEqual({('rabbitmq.up',): 0.0}, found)
