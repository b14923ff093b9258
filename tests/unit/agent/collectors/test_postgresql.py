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
from sentinella.agent.collectors import postgresql
from tests import collectors
from tests import servers


def make(address, **states):
    return collectors.make(
        postgresql.PostgresqlCollector,
        servers.Node(**states or {'postgresql': 'UP'}),
        address=address,
    )


def fatal(text):
    """How a server refuses a client."""
    fields = b'SFATAL\0C53300\0M' + text + b'\0\0'
    return b'E' + (len(fields) + 4).to_bytes(4, 'big') + fields


class TestPostgresql(base.BaseTestCase):
    def folder(self):
        return self.useFixture(servers.FolderFixture()).path

    def ask(self, says):
        path = str(self.folder() / '.s.PGSQL.5432')
        self.useFixture(servers.StrangerFixture(says, path))
        return servers.ask(make(path))

    def test_one_that_is_down(self):
        nobody = ('127.0.0.1', servers.free_port())
        self.assertEqual({('postgresql.up',): 0.0}, servers.ask(make(nobody)))

    def test_a_socket_that_is_not_there(self):
        path = f'{self.folder()}/.s.PGSQL.5432'
        found = servers.ask(make(path, postgresql='DOWN'))
        self.assertEqual({('postgresql.up',): 0.0}, found)
        error = self.assertRaises(exceptions.Lacking, servers.ask, make(path))
        self.assertIn('does not exist', str(error))

    def test_one_that_never_answers_is_given_up(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.postgresql.DEADLINE', 0.3
            )
        )
        began = time.monotonic()
        self.assertEqual({('postgresql.up',): 0.0}, self.ask(None))
        self.assertTrue(0.3 <= time.monotonic() - began < 3)

    def test_one_that_hangs_up(self):
        self.assertEqual({('postgresql.up',): 0.0}, self.ask(b''))

    def test_one_that_is_not_ready(self):
        for text in (
            b'the database system is starting up',
            b'the database system is shutting down',
            b'the database system is not accepting connections',
        ):
            self.assertEqual({('postgresql.up',): 0.0}, self.ask(fatal(text)))

    def test_one_that_is_full(self):
        for text in (
            b'sorry, too many clients already',
            b'remaining connection slots are reserved for roles with ...',
        ):
            found = self.ask(fatal(text))
            self.assertEqual(100, found['postgresql.connections_percent',])

    def test_one_that_refuses_us(self):
        error = self.assertRaises(
            exceptions.Lacking, self.ask, fatal(b'role "recovery" is not')
        )
        self.assertIn('(role "recovery" is not)', str(error))

    def test_something_else(self):
        for says in (b'HTTP/1.1 400 Bad Request\r\n\r\n', b'220 mail\r\n'):
            error = self.assertRaises(exceptions.Lacking, self.ask, says)
            self.assertIn('does not answer as PostgreSQL does', str(error))

    def test_addresses(self):
        for address, expected in (
            ('/run/a/.s.PGSQL.5433', {'host': '/run/a', 'port': '5433'}),
            (('::1', 5432), {'host': '::1', 'port': 5432}),
        ):
            self.assertEqual(expected, postgresql.parameters(address))


class TestExplain(base.BaseTestCase):
    @given(st.text())
    def test_errors_of_any_form(self, text):
        """Each is one of few things, for where nobody listens."""
        nobody = make(('127.0.0.1', 1))
        self.assertRaises(
            (OSError, postgresql.Full, exceptions.Lacking),
            nobody.explain,
            text,
            ('127.0.0.1', 1),
        )
