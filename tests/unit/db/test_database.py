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

"""What is said of a connection that can't be."""

from oslo_db import exception as db_exception
from oslotest import base

from sentinella import exceptions
from sentinella.db import database
from sentinella.db import migration
from tests import databases


class TestConnection(base.BaseTestCase):
    def refused(self, connection):
        conf = databases.make_conf(connection)
        error = self.assertRaises(
            exceptions.InvalidConfiguration, database.Database, conf
        )
        self.assertNotIn('secret', str(error))
        self.assertIn('[database] connection', str(error))
        return str(error)

    def test_none(self):
        self.assertIn('is not set', self.refused(None))

    def test_no_url(self):
        self.assertIn('mysql+pymysql://', self.refused('root:secret@host'))

    def test_sqlite_in_memory(self):
        for connection in ('sqlite://', 'sqlite:///:memory:'):
            self.assertIn('needs a file', self.refused(connection))

    def failure(self, connection):
        conf = databases.make_conf(connection)
        try:
            migration.version(conf)
        except Exception as error:
            said = database.explain(error, conf)
        self.assertNotIn('secret', said)
        self.assertNotIn('\n', said)
        return said

    def test_no_server(self):
        for driver in ('mysql+pymysql', 'postgresql+psycopg2'):
            said = self.failure(f'{driver}://me:secret@127.0.0.1:1/x')
            self.assertIn(f'{driver}://me:***@127.0.0.1:1/x: ', said)
            self.assertIn('refused', said)

    def test_no_such_directory(self):
        self.assertIn('/no/such/x.db', self.failure('sqlite:////no/such/x.db'))

    def test_no_such_driver(self):
        self.assertIn(
            "Can't load plugin",
            self.failure('mysql+nosuch://me:secret@127.0.0.1/x'),
        )

    def test_our_own_error(self):
        error = exceptions.Conflict('why')
        self.assertEqual('why', database.explain(error, None))

    def test_an_error_of_oslo_db(self):
        conf = databases.make_conf('mysql+pymysql://me:secret@host/x')
        error = db_exception.DBError(ValueError('a\n  b'))
        self.assertEqual(
            'database mysql+pymysql://me:***@host/x: a b',
            database.explain(error, conf),
        )
