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

"""sentinella-conductor"""

from sentinella import plugins
from sentinella import service
from sentinella.conductor import service as conductor
from sentinella.db import database
from sentinella.rpc import presence
from sentinella.rpc import transport


class Process:
    """A conductor, with all that it needs open."""

    def __init__(self, conf):
        self._database = database.Database(conf)
        storage = plugins.load(
            'sentinella.storage', conf.storage.driver, conf, self._database
        )
        self._conductor = conductor.Conductor(
            conf,
            transport.get_transport(conf),
            self._database,
            storage,
            presence.of(conf, transport.CONDUCTOR_TOPIC),
        )

    def start(self):
        self._conductor.start()

    def stop(self):
        self._conductor.stop()
        self._database.dispose()


def main():
    service.serve('sentinella-conductor', 'conductor', Process)
