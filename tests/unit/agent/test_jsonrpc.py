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
import threading
import time

from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella.agent.asking import jsonrpc
from tests import servers


class TestClient(base.BaseTestCase):
    def call(self, says, seconds=2.0):
        stranger = self.useFixture(servers.StrangerFixture(says))
        with jsonrpc.Client(stranger.address, seconds) as client:
            return client.call('version')

    def test_an_answer(self):
        self.assertEqual('1', self.call(b'{"id":0,"result":"1","error":null}'))

    def test_after_what_was_not_asked_for(self):
        self.assertEqual(
            ['}{'],
            self.call(
                b' {"method":"update","params":[{}],"id":null}\n'
                b'{"method":"echo","params":["x"],"id":"e"}'
                b'{"id":0,"result":["}{"],"error":null}{"method":'
            ),
        )

    def test_an_echo_is_answered(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        with servers.socket.create_server(('127.0.0.1', 0)) as server:
            thread = threading.Thread(target=self.echo, args=(server,))
            thread.start()
            self.addCleanup(thread.join)
            self.addCleanup(ours.close)
            with jsonrpc.Client(server.getsockname()) as client:
                self.assertEqual('done', client.call('a'))
        self.assertIn(b'"result": ["x"]', self.heard)

    def echo(self, server):
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b'{"method":"echo","params":["x"],"id":"e"}')
            self.heard = connection.recv(4096)
            connection.sendall(b'{"id":0,"result":"done"}')

    def test_it_refuses(self):
        error = self.assertRaises(
            jsonrpc.RemoteError,
            self.call,
            b'{"id":0,"error":"not a valid command\\n"}',
        )
        self.assertEqual('not a valid command', str(error))

    def test_what_is_no_json_rpc(self):
        for says in (
            b'HTTP/1.1 400\r\n\r\n',
            b'{"id":7,"result":1}',
            b'{}',
            b'{"a": "\xff"}',
            b'{"a":' * 100_000 + b'}',
        ):
            self.assertRaises((ValueError, ConnectionError), self.call, says)

    def test_who_does_not_go_on(self):
        self.assertRaises(ConnectionError, self.call, b'{"id":0,"res')
        self.assertRaises(TimeoutError, self.call, None, 0.05)

    @given(st.lists(st.binary(max_size=20) | st.sampled_from([b'{', b'}'])))
    def test_anything(self, parts):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(b''.join(parts))
            theirs.shutdown(socket.SHUT_WR)
            client = jsonrpc.Client.__new__(jsonrpc.Client)
            client._text, client._buffer, client._received = b'', b'', 0
            client._until, client._socket = time.monotonic() + 5, ours
            try:
                while True:
                    self.assertIsInstance(client._hear(), dict)
            except (ValueError, ConnectionError):
                pass


class TestControlSocket(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.useFixture(servers.FolderFixture()).path

    def touch(self, name, at):
        file = self.path / name
        file.touch()
        os.utime(file, (at, at))

    def test_the_newest(self):
        self.touch('ovn-northd.1.ctl', 3)
        self.touch('ovn-northd.20.ctl', 4)
        self.touch('ovn-northd-nb.30.ctl', 5)
        self.touch('ovnnb_db.ctl', 6)
        for name, expected in (
            ('ovn-northd', 'ovn-northd.20.ctl'),
            ('ovnnb_db', 'ovnnb_db.ctl'),
        ):
            found = jsonrpc.control_socket(str(self.path), name)
            self.assertEqual(str(self.path / expected), found)

    def test_none(self):
        for path in (str(self.path), '/no/such'):
            self.assertRaises(
                FileNotFoundError, jsonrpc.control_socket, path, 'a'
            )


class TestUp(base.BaseTestCase):
    def test_values(self):
        for error, down, expected in (
            (ConnectionRefusedError(), False, '0.0'),
            (TimeoutError(), False, '0.0'),
            (PermissionError(), False, 'nan'),
            (FileNotFoundError(), False, 'nan'),
            (FileNotFoundError(), True, '0.0'),
            (PermissionError(), True, '0.0'),
            (ValueError(), False, 'nan'),
            (jsonrpc.RemoteError(), False, 'nan'),
        ):
            self.assertEqual(expected, str(jsonrpc.up(error, down)), error)
