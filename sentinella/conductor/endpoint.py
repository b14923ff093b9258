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

import json
import time

import oslo_messaging as messaging

from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.rpc import conductor as contract


class ConductorEndpoint:
    target = messaging.Target(version=contract.VERSION)

    def __init__(self, ingest):
        self._ingest = ingest

    @messaging.expose
    def register(self, context, payload):
        return wire.to_wire(
            self._ingest.register(_sign(payload, signing.REGISTRATION))
        )

    @messaging.expose
    def report(self, context, payload):
        return wire.to_wire(
            self._ingest.report(_sign(payload, signing.REPORT))
        )


_KEY = signing.PrivateKey.from_pem(
    b'-----BEGIN PRIVATE KEY-----\n'
    b'MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n'
    b'-----END PRIVATE KEY-----\n'
)


def _sign(payload, kind):
    """Until agents do so themselves."""
    if 'body' in payload:
        return payload
    if kind is signing.REGISTRATION:
        payload = payload | {
            'public_key': _KEY.public,
            'counter': int(time.time() * 1e6),
        }
    body = json.dumps(payload)
    return wire.to_wire(model.Signed(body, (_KEY.sign(kind, body),)))
