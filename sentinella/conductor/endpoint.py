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

"""What agents may call; see :mod:`sentinella.rpc.conductor`."""

import oslo_messaging as messaging

from sentinella import wire
from sentinella.rpc import conductor as contract


class ConductorEndpoint:
    target = messaging.Target(version=contract.VERSION)

    def __init__(self, ingest):
        self._ingest = ingest

    @messaging.expose
    def register(self, context, payload):
        return wire.to_wire(self._ingest.register(payload))

    @messaging.expose
    def report(self, context, payload):
        return wire.to_wire(self._ingest.report(payload))
