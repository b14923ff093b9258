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

import os
import socket
import subprocess

import fixtures
from hypothesis import given
from hypothesis import strategies
from oslotest import base

from sentinella.agent.node import proc
from sentinella.agent.node import sockets
from tests import processes

#: As Linux 6.1 on a little-endian machine writes it.
TCP = b"""\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
1000        0 4584 1 0000000000000000 100 0 0 10 0
   1: 0100007F:D431 0100007F:1628 01 00000000:00000000 02:000AF5A4 00000000  \
 107        0 76812 2 0000000000000000 20 4 30 10 -1
   2: 0100007F:D432 0100007F:1628 06 00000000:00000000 03:00001721 00000000  \
   0        0 0 3 0000000000000000
"""


class TestSockets(base.BaseTestCase):
    def listener(self, family, address):
        found = socket.socket(family)
        self.addCleanup(found.close)
        found.bind((address, 0))
        found.listen()
        return found

    def expect(self, found, several, remote_port=0):
        (seen,) = [
            s for s in several if s.inode == os.fstat(found.fileno()).st_ino
        ]
        address, port = found.getsockname()[:2]
        self.assertEqual(
            (os.getuid(), address, port, remote_port),
            (seen.uid, seen.address, seen.port, seen.remote_port),
        )

    def test_what_listens_and_what_is_connected(self):
        for family, address in (
            (socket.AF_INET, '127.0.0.1'),
            (socket.AF_INET6, '::1'),
        ):
            server = self.listener(family, address)
            client = socket.create_connection(server.getsockname()[:2])
            self.addCleanup(client.close)
            port = server.getsockname()[1]
            self.expect(server, sockets.listening())
            self.expect(server, sockets.listening(os.getpid()))
            self.expect(client, sockets.established({port}), port)
            self.assertEqual([], sockets.established({port - 1}))

    def test_where_netlink_is_refused(self):
        def refused(*args):
            raise PermissionError(1, 'Operation not permitted')

        server = self.listener(socket.AF_INET, '127.0.0.1')
        self.useFixture(fixtures.MonkeyPatch(
            'sentinella.agent.node.sockets._asked', refused
        ))  # fmt: skip
        self.expect(server, sockets.listening())

    def test_in_a_network_of_its_own(self):
        option = '-rn' if os.getuid() else '-n'
        alone = subprocess.Popen(['unshare', option, 'sleep', '60'])
        self.addCleanup(alone.wait)
        self.addCleanup(alone.kill)
        server = self.listener(socket.AF_INET, '127.0.0.1')
        own = sockets.network('self')
        processes.wait_for(
            lambda: sockets.network(alone.pid) not in (None, own),
            'a network of its own',
        )
        self.assertEqual([], sockets.listening(alone.pid))
        self.expect(server, sockets.listening(os.getpid()))

    def test_lines(self):
        (found,) = sockets.parse(TCP, sockets.LISTEN)
        self.assertEqual(
            (4584, 1000, '127.0.0.1', 8080, 0),
            (found.inode, found.uid, found.address, found.port,
             found.remote_port),
        )  # fmt: skip
        (found,) = sockets.parse(TCP, sockets.ESTABLISHED)
        self.assertEqual(
            (76812, 107, 5672), (found.inode, found.uid, found.remote_port)
        )

    @given(strategies.binary() | strategies.sampled_from([TCP[:300], TCP * 2]))
    def test_any_text_is_read(self, text):
        for found in sockets.parse(text, sockets.LISTEN):
            self.assertIn('.', found.address + '.')

    @given(strategies.binary(max_size=200))
    def test_any_answer_is_read_or_refused(self, data):
        try:
            found, _ = sockets._answered(data, {b'\0\0'})
            self.assertLessEqual(len(found), len(data) / sockets._LEAST)
        except OSError:
            self.assertTrue(data)

    def test_nobody_is_in_no_network(self):
        self.assertIsNone(sockets.network(1 << 23))
        self.assertIsNone(proc.uid(1 << 23))
