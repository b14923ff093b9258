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

import sys

from sentinella import exceptions
from sentinella import plugins
from sentinella import service
from sentinella.conductor import service as conductor
from sentinella.db import database
from sentinella.rpc import transport


def main():
    conf = service.prepare(sys.argv[1:], prog='sentinella-conductor')

    def build():
        db = database.Database(conf)
        storage = plugins.load(
            'sentinella.storage', conf.storage.driver, conf, db
        )
        return conductor.Conductor(
            conf, transport.get_transport(conf), db, storage
        )

    try:
        plugins.load_class('sentinella.storage', conf.storage.driver)
        service.launch(conf, build, conf.conductor.workers)
    except exceptions.SentinellaError as error:
        service.exit_with(error)
