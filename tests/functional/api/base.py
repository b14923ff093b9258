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

"""A test that asks the API where everybody is the admin."""

from sentinella import plugins
from tests import databases
from tests.functional.api import client
from tests.functional.api import seed


class ApiTestCase(databases.SqliteTestCase):
    """
    :ivar api: a Client of the API, on what `seed` made
    """

    def setUp(self):
        super().setUp()
        self.storage = plugins.load(
            'sentinella.storage',
            self.conf.storage.driver,
            self.conf,
            self.database,
        )
        self.seen_at = seed.fill(self.database, self.storage)
        ingest = client.make_ingest(self.conf, self.database, self.storage)
        self.addCleanup(ingest.stop)
        self.application = client.make_app(
            self.conf, self.database, self.storage, ingest
        )
        self.api = client.Client(self.application)
