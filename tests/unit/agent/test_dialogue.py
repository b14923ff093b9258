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

import threading

from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella.agent.asking import dialogue
from tests import servers


class TestAddress(base.BaseTestCase):
    def test_values(self):
        address = dialogue.Address(11211)
        for value, expected in (
            ('/run/a.sock', '/run/a.sock'),
            ('cache', ('cache', 11211)),
            ('cache:80', ('cache', 80)),
            ('10.0.0.1:80', ('10.0.0.1', 80)),
            ('[::1]', ('::1', 11211)),
            ('[::1]:80', ('::1', 80)),
            (('a', 1), ('a', 1)),
        ):
            self.assertEqual(expected, address(value), value)

    def test_what_is_none(self):
        for value in ('', ':80', 'a:', 'a:b', 'a:0', 'a:65536', 'a:-1'):
            self.assertRaises(ValueError, dialogue.Address(1), value)
        self.assertRaises(ValueError, dialogue.Address(), 'a')

    def test_texts(self):
        for text in ('/run/a.sock', 'a:1', '[::1]:1'):
            self.assertEqual(text, dialogue.text(dialogue.Address()(text)))

    @given(st.text(max_size=20))
    def test_anything(self, value):
        try:
            found = dialogue.Address(1)(value)
        except ValueError:
            return
        self.assertIsInstance(dialogue.text(found), str)


class TestLocate(base.BaseTestCase):
    def locate(self, *places, **known):
        node = servers.Node(listening={'a': list(places)})
        return dialogue.locate(node, 'a', **known)

    def test_a_socket_before_all(self):
        path = str(self.useFixture(servers.FolderFixture()).path)
        self.assertEqual(
            path,
            self.locate(('::1', 1), sockets=('/no/such', path), port=1),
        )

    def test_where_it_listens(self):
        for places, expected in (
            ([('10.0.0.1', 2), ('10.0.0.1', 1)], ('10.0.0.1', 1)),
            ([('10.0.0.1', 2)], ('10.0.0.1', 2)),
            ([('0.0.0.0', 1)], ('127.0.0.1', 1)),
            ([('::', 1)], ('::1', 1)),
            ([], ('127.0.0.1', 1)),
        ):
            self.assertEqual(expected, self.locate(*places, port=1), places)

    def test_nowhere(self):
        self.assertIsNone(self.locate(sockets=('/no/such',)))


class TestIsDown(base.BaseTestCase):
    def test_states(self):
        for states, expected in (
            ({'a': 'UP'}, False),
            ({'a': 'DOWN'}, True),
            ({'a': 'DOWN', 'b': 'UP'}, False),
            ({'a': 'UNDETERMINED'}, False),
            ({'c': 'DOWN'}, False),
        ):
            node = servers.Node(**states)
            self.assertEqual(expected, dialogue.is_down(node, 'a', 'b'))


class TestDialogue(base.BaseTestCase):
    def stranger(self, says, path=None):
        fixture = servers.StrangerFixture(says, path)
        return self.useFixture(fixture).address

    def test_parts_of_an_answer(self):
        with dialogue.Dialogue(self.stranger(b'a\nbc\nd')) as server:
            self.assertEqual(b'a\n', server.read_until(b'\n'))
            self.assertEqual(b'bc', server.read_until(b'x', b'c'))
            self.assertEqual(b'\nd', server.read_until(b'd', b'x'))
            server.send(b'bye')
            self.assertEqual(b'', server.read_all())

    def test_who_hangs_up(self):
        with dialogue.Dialogue(self.stranger(b'a')) as server:
            server.send(b'bye')
            self.assertRaises(ConnectionError, server.read_until, b'b')

    def test_who_does_not_answer(self):
        with dialogue.Dialogue(self.stranger(None), 0.05) as server:
            self.assertRaises(TimeoutError, server.read)
            self.assertRaises(TimeoutError, server.send, b'x')

    def test_who_takes_nobody(self):
        path = str(self.useFixture(servers.FolderFixture()).path / 'socket')
        with servers.socket.socket(servers.socket.AF_UNIX) as server:
            server.bind(path)
            server.listen(0)
            with dialogue.Dialogue(path):
                self.assertRaises(
                    TimeoutError, dialogue.Dialogue, path, seconds=0.05
                )

    def test_who_never_ends(self):
        with servers.socket.create_server(('127.0.0.1', 0)) as server:
            thread = threading.Thread(target=self.flood, args=(server,))
            thread.start()
            self.addCleanup(thread.join)
            with dialogue.Dialogue(server.getsockname()) as client:
                self.assertRaises(ValueError, client.read_all)

    def flood(self, server):
        connection, _ = server.accept()
        with connection:
            try:
                while True:
                    connection.sendall(b'x' * 65536)
            except OSError:
                return
