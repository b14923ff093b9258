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

"""A test that asks the API behind a real Keystone."""

from sentinella import plugins
from sentinella.api import app
from tests import databases
from tests import keystone
from tests.functional.api import client
from tests.functional.api import seed


class KeystoneTestCase(databases.SqliteTestCase):
    """
    :ivar application: the API, on what `seed` made in the projects alpha
        and beta
    """

    def setUp(self):
        super().setUp()
        self.keystone = self.useFixture(keystone.KeystoneFixture())
        self.keystone.configure(self.conf)
        self.storage = plugins.load(
            'sentinella.storage',
            self.conf.storage.driver,
            self.conf,
            self.database,
        )
        seed.fill(
            self.database,
            self.storage,
            self.keystone.projects['alpha'],
            self.keystone.projects['beta'],
        )
        self.make_application()

    def make_application(self):
        """As it is configured by now."""
        made = self.conf, self.database, self.storage
        ingest = client.make_ingest(*made)
        self.addCleanup(ingest.stop)
        self.application = app.make(*made, ingest)

    def as_(self, persona):
        """
        :returns: a Client with a token of one of `keystone.PERSONAS`
        """
        return client.Client(self.application, self.keystone.token(persona))

    def without_token(self):
        return client.Client(self.application)
