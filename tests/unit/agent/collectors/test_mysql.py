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
from sentinella.agent.collectors import mysql
from tests import collectors
from tests import servers


class TestMysql(base.BaseTestCase):
    def collector(self, address, **states):
        return collectors.make(
            mysql.MysqlCollector,
            servers.Node(**states or {'mariadb': 'UP'}),
            address=address,
        )

    def test_one_that_is_down(self):
        nobody = ('127.0.0.1', servers.free_port())
        found = servers.ask(self.collector(nobody))
        self.assertEqual({('mysql.up',): 0.0}, found)

    def test_one_that_never_answers_is_given_up(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.mysql.PATIENCE', 0.3
            )
        )
        path = str(self.useFixture(servers.FolderFixture()).path / 'socket')
        stranger = servers.StrangerFixture(path=path)
        began = time.monotonic()
        found = servers.ask(self.collector(self.useFixture(stranger).address))
        self.assertEqual({('mysql.up',): 0.0}, found)
        self.assertTrue(0.3 <= time.monotonic() - began < 3)

    def test_one_that_hangs_up(self):
        stranger = self.useFixture(servers.StrangerFixture(b''))
        found = servers.ask(self.collector(stranger.address))
        self.assertEqual({('mysql.up',): 0.0}, found)

    def test_something_else(self):
        for says in (
            b'HTTP/1.1 400 Bad Request\r\n\r\n',
            b'\x05\x00\x00\x00\x0ahello',
            b'\x00\x00\x00\x00',
            b'220 mail.example.com\r\n' * 20,
        ):
            stranger = self.useFixture(servers.StrangerFixture(says))
            collector = self.collector(stranger.address)
            try:
                found = servers.ask(collector)
            except exceptions.Lacking as error:
                self.assertIn('does not answer as MySQL does', str(error))
            else:
                # it waits for what is announced to come
                self.assertEqual({('mysql.up',): 0.0}, found)

    def test_a_server_that_is_full_already_says_so_at_once(self):
        text = b'\xff\x10\x04Too many connections'
        stranger = servers.StrangerFixture(
            len(text).to_bytes(3, 'little') + b'\x00' + text
        )
        found = servers.ask(self.collector(self.useFixture(stranger).address))
        self.assertEqual(100, found['mysql.connections_percent',])

    def test_members_missing(self):
        for address, size, expected in (
            ('gcomm://', 1, None),
            (None, 1, None),
            ('gcomm://a,b,c', 3, 0),
            ('gcomm://a,b,c', 1, 2),
            ('gcomm://a:4567, b?pc.wait_prim=no', 1, 1),
            ('gcomm://a', 3, 0),
            ('gcomm://a', None, None),
        ):
            self.assertEqual(expected, mysql.missing(address, size), address)

    @given(
        st.dictionaries(
            st.sampled_from(
                ['wsrep_on', 'wsrep_ready', 'wsrep_cluster_size', 'uptime',
                 'max_connections', 'threads_connected',
                 'wsrep_cluster_address']
            ),
            st.text(max_size=8) | st.just('ON') | st.integers().map(str),
        )
    )  # fmt: skip
    def test_values_of_any_form(self, status):
        collector = self.collector(('127.0.0.1', 1))
        found = list(collector.read(status, 1000.0))
        names = {sample.metric.name for sample in found}
        self.assertLessEqual(names, set(collector.METRICS))
        self.assertEqual('galera.up' in names, status.get('wsrep_on') == 'ON')
