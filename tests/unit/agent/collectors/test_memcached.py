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

import time

import fixtures
from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import memcached
from tests import collectors
from tests import servers


class TestMemcached(base.BaseTestCase):
    def collector(self, address, **states):
        return collectors.make(
            memcached.MemcachedCollector,
            servers.Node(**states or {'memcached': 'UP'}),
            address=address,
        )

    def test_one_that_is_down(self):
        nobody = ('127.0.0.1', servers.free_port())
        found = servers.ask(self.collector(nobody))
        self.assertEqual({('memcached.up',): 0.0}, found)

    def test_one_that_never_answers_is_given_up(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.asking.dialogue.PATIENCE', 0.3
            )
        )
        stranger = self.useFixture(servers.StrangerFixture())
        began = time.monotonic()
        found = servers.ask(self.collector(stranger.address))
        self.assertEqual({('memcached.up',): 0.0}, found)
        self.assertTrue(0.3 <= time.monotonic() - began < 3)

    def test_one_that_hangs_up(self):
        stranger = self.useFixture(servers.StrangerFixture(b''))
        found = servers.ask(self.collector(stranger.address))
        self.assertEqual({('memcached.up',): 0.0}, found)

    def test_something_else(self):
        for says in (
            b'CLIENT_ERROR unauthenticated\r\n',
            b'ERROR\r\n',
            b'220 mail END\r\n',
        ):
            stranger = self.useFixture(servers.StrangerFixture(says))
            error = self.assertRaises(
                exceptions.Lacking,
                servers.ask,
                self.collector(stranger.address),
            )
            self.assertIn('does not answer as memcached does', str(error))

    def test_a_socket_that_is_not_there(self):
        path = str(self.useFixture(servers.FolderFixture()).path / 'socket')
        error = self.assertRaises(
            exceptions.Lacking, servers.ask, self.collector(path)
        )
        self.assertEqual(
            f'{path} does not exist: set [collector_memcached] address to '
            'where it listens',
            str(error),
        )
        found = servers.ask(self.collector(path, memcached='DOWN'))
        self.assertEqual({('memcached.up',): 0.0}, found)

    def test_read(self):
        self.assertEqual(
            {'a': 1, 'c': 20},
            memcached.read(
                b'STAT a 1\r\nSTAT b 1.5\r\nSTAT c 20\r\n'
                b'STAT version 1.6 x\r\nEND\r\n'
            ),
        )

    @given(st.binary(max_size=80))
    def test_answers_of_any_form(self, answer):
        for end in (b'', b'\r\nEND\r\n'):
            try:
                found = memcached.read(b'STAT a 1\r\n' + answer + end)
            except ValueError:
                continue
            self.assertEqual({int}, {type(v) for v in found.values()})
