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
import socket

from oslotest import base

from sentinella.agent.collectors import memcached
from tests import collectors
from tests import servers


class MemcachedFixture(servers.FolderFixture):
    """A memcached that keeps 8 MiB and takes 20 clients."""

    def _setUp(self):
        super()._setUp()
        self.address = '127.0.0.1', servers.free_port()
        command = [
            'memcached', '-l', self.address[0], '-p', self.address[1],
            '-m', '8', '-c', '20', '-u', 'nobody', '-t', '1',
        ]  # fmt: skip
        self.server = self.useFixture(
            servers.ServerFixture(
                command, lambda: servers.listens(self.address)
            )
        )

    def say(self, line):
        with socket.create_connection(self.address) as client:
            client.sendall(line + b'\r\n')
            return client.recv(65536)


class TestMemcached(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.cache = self.useFixture(MemcachedFixture())
        node = servers.Node(
            'memcached', listening={'memcached': [self.cache.address]}
        )
        self.collector = collectors.make(memcached.MemcachedCollector, node)

    def test_it_answers(self):
        found = servers.ask(self.collector)
        self.assertEqual(1, found['memcached.up',])
        self.assertTrue(math.isnan(found['memcached.hit_percent',]))
        self.cache.say(b'set a 0 0 1\r\nb')
        for name in (b'a', b'a', b'a', b'b'):
            self.cache.say(b'get ' + name)
        found = servers.ask(self.collector)
        self.assertEqual(75, found['memcached.hit_percent',])
        self.assertEqual(0, found['memcached.evictions',])
        self.assertEqual(0, found['memcached.refusals',])
        self.assertLess(found['memcached.memory_percent',], 1)
        self.assertGreaterEqual(found['memcached.connections_percent',], 5)

    def test_it_is_full(self):
        servers.ask(self.collector)
        value = b'x' * 100_000
        for number in range(200):
            self.cache.say(
                b'set %d 0 0 %d\r\n%s' % (number, len(value), value)
            )
        found = servers.ask(self.collector)
        self.assertGreater(found['memcached.evictions',], 0)
        self.assertGreater(found['memcached.memory_percent',], 50)

    def test_it_ends(self):
        self.assertEqual(1, servers.ask(self.collector)['memcached.up',])
        self.cache.server.stop()
        self.assertEqual({('memcached.up',): 0.0}, servers.ask(self.collector))
