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

"""sentinella-evaluator"""

from sentinella import plugins
from sentinella import service
from sentinella.db import database
from sentinella.evaluator import service as evaluator
from sentinella.notifier import delivery
from sentinella.rpc import transport


class Process:
    """An evaluator, and the delivery of what it puts into the outbox."""

    def __init__(self, conf):
        self._database = database.Database(conf)
        storage = plugins.load(
            'sentinella.storage', conf.storage.driver, conf, self._database
        )
        self._delivery = delivery.Delivery(conf, self._database)
        self._evaluator = evaluator.Evaluator(
            conf,
            self._database,
            storage,
            transport.get_transport(conf),
            self._delivery.wake,
        )

    def start(self):
        self._delivery.start()
        self._evaluator.start()

    def stop(self):
        self._evaluator.stop()
        self._delivery.stop()
        self._database.dispose()


def main():
    service.serve('sentinella-evaluator', 'evaluator', Process)
