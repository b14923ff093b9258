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

"""What the gabbits run on: the API on a real database, in this process."""

import os

from gabbi import fixture

from sentinella import plugins
from tests import databases
from tests.functional.api import client
from tests.functional.api import seed

_running = []


def get_app():
    """An application that is the API of the fixture that runs then."""
    return lambda environ, start: _running[-1](environ, start)


class ApiFixture(fixture.GabbiFixture):
    """A cloud as `seed` makes it; everybody is the admin."""

    def start_fixture(self):
        self._database = databases.DatabaseFixture()
        self._database.setUp()
        conf, database = self._database.conf, self._database.database
        storage = plugins.load(
            'sentinella.storage', conf.storage.driver, conf, database
        )
        seed.fill(database, storage)
        for kind in ('server', 'definition', 'channel', 'alarm', 'absent'):
            os.environ[kind.upper()] = seed.number(kind, 'alpha')
        os.environ['BUILTIN'] = seed.BUILTIN
        _running.append(client.make_app(conf, database, storage))

    def stop_fixture(self):
        _running.pop()
        self._database.cleanUp()
