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

"""The conductor: an RPC server, the intake behind it, and housekeeping."""

from sentinella import service
from sentinella.conductor import endpoint
from sentinella.conductor import housekeeping
from sentinella.ingest import intake
from sentinella.rpc import evaluator
from sentinella.rpc import transport as bus


class Conductor:
    """
    :param transport: open; :param database: open; :param storage: open
    """

    def __init__(self, conf, transport, database, storage):
        self._ingest = intake.Ingest(
            conf, database, storage, evaluator.EvaluatorClient(transport).wake
        )
        self._server = bus.get_server(
            transport,
            bus.CONDUCTOR_TOPIC,
            conf.host,
            endpoint.ConductorEndpoint(self._ingest),
        )
        self._housekeeping = service.Loop(
            'housekeeping',
            housekeeping.Housekeeping(conf, database, storage).work,
            conf.conductor.housekeeping_interval,
            jitter=0.2,
        )

    def start(self):
        self._housekeeping.start()
        # last: where the bus is away this waits until it is back
        self._server.start()

    def stop(self):
        """Answer those who wait, take no more."""
        self._housekeeping.stop()
        self._server.stop()
        self._server.wait()
        self._ingest.stop()
