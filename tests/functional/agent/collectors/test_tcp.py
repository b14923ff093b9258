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
import time

from oslotest import base

from sentinella.agent.collectors import tcp
from tests import collectors
from tests import network


class TestTcp(base.BaseTestCase):
    def listen(self, family=socket.AF_INET, host='127.0.0.1', backlog=5):
        server = socket.socket(family)
        self.addCleanup(server.close)
        server.bind((host, 0))
        server.listen(backlog)
        return server, server.getsockname()[1]

    def probe(self, *targets):
        collector = collectors.make(
            tcp.TcpCollector, targets=list(targets), timeout=0.3
        )
        return collectors.values(collector.collect(0.0))

    def test_up_in_both_families(self):
        _, port4 = self.listen()
        _, port6 = self.listen(socket.AF_INET6, '::1')
        four, six = f'127.0.0.1:{port4}', f'[::1]:{port6}'
        found = self.probe(four, six)
        for target in (four, six):
            self.assertEqual(1, found['tcp.up', target])
            self.assertGreater(found['tcp.connect_seconds', target], 0)
            self.assertLess(found['tcp.connect_seconds', target], 0.3)

    def test_refused_is_down_and_took_no_time(self):
        server, port = self.listen()
        server.close()
        target = f'127.0.0.1:{port}'
        found = self.probe(target)
        self.assertEqual(0, found['tcp.up', target])
        self.assertTrue(math.isnan(found['tcp.connect_seconds', target]))

    def test_silence_is_down_in_time(self):
        # once its queue is full the kernel drops what else would connect
        server, port = self.listen(backlog=0)
        for _ in range(4):
            conn = socket.socket()
            self.addCleanup(conn.close)
            conn.setblocking(False)
            conn.connect_ex(('127.0.0.1', port))
        started = time.monotonic()
        target = f'127.0.0.1:{port}'
        self.assertEqual(0, self.probe(target)['tcp.up', target])
        self.assertLess(time.monotonic() - started, 5)

    def test_a_name_without_address_tells_nothing_of_its_port(self):
        found = self.probe('nobody.invalid:80')
        self.assertTrue(math.isnan(found['tcp.up', 'nobody.invalid:80']))

    def test_a_port_where_nobody_listens_is_never_its_own_other_end(self):
        # with one port to choose from, the kernel connects it to itself
        found = network.run(
            """
set_kernel('ipv4/ip_local_port_range', '40001 40001')
with socket.create_connection(('127.0.0.1', 40001)) as conn:
    itself = conn.getsockname() == conn.getpeername()
# that one lingers
set_kernel('ipv4/ip_local_port_range', '40003 40003')
from sentinella.agent.collectors import tcp
from tests import collectors
collector = collectors.make(tcp.TcpCollector, targets=['127.0.0.1:40003'])
result = [itself, [s.value for s in collector.collect(0.0)][0]]
"""
        )
        self.assertEqual([True, 0.0], found)
