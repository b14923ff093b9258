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

"""The conductor: an RPC server, the intake behind it, housekeeping, and the
cloud's own view where it is configured."""

from sentinella import model
from sentinella import service
from sentinella.conductor import endpoint
from sentinella.conductor import housekeeping
from sentinella.conductor.cloud import service as cloud
from sentinella.db import heartbeat
from sentinella.ingest import intake
from sentinella.rpc import evaluator
from sentinella.rpc import transport as bus


class Conductor:
    """
    :param transport: open; :param database: open; :param storage: open
    :param presence: rpc.presence.Presence, where the bus can be lost
    """

    def __init__(self, conf, transport, database, storage, presence=None):
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
        self._cloud = cloud.of(conf, database, self._ingest)

        self._presence = presence
        self._heartbeat = heartbeat.Heartbeat(
            database, model.InstanceKind.CONDUCTOR, conf.host, self._facts
        )

    def start(self):
        self._heartbeat.start()
        if self._presence:
            self._presence.changed = self._heartbeat.wake
            self._presence.start()
        self._housekeeping.start()
        if self._cloud:
            self._cloud.start()
        # last: where the bus is away this waits until it is back
        self._server.start()

    def stop(self):
        """Answer those who wait, take no more."""
        self._housekeeping.stop()
        if self._cloud:
            self._cloud.stop()
        self._server.stop()
        self._server.wait()
        self._ingest.stop()
        if self._presence:
            self._presence.stop()
        # last: it lives until here
        self._heartbeat.stop()

    def _facts(self):
        return {'bus': self._presence.up} if self._presence else {}
