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

"""Speaks for the server `cloud` as an agent does for its own.

Each conductor that begins to takes a key and an epoch of its own: what one
that lost the lease still sends is not believed any more.
"""

import json

from oslo_log import log
from oslo_utils import uuidutils

from sentinella import exceptions
from sentinella import model
from sentinella import signing
from sentinella import version
from sentinella import wire
from sentinella.knowledge import cloud

LOG = log.getLogger(__name__)

#: What says that the key or the epoch is another one's by now.
_NOT_OURS = (
    model.ReceiptStatus.UNREGISTERED,
    model.ReceiptStatus.UNTRUSTED,
    model.ReceiptStatus.PENDING,
)


class Reporter:
    """
    :param adopt: called with a Registration that is to be believed
    :param ingest: Ingest
    :param interval: seconds between two reports
    """

    def __init__(self, adopt, ingest, interval):
        self._adopt = adopt
        self._ingest = ingest
        self._interval = interval
        self._key = None

    @property
    def begun(self):
        """Whether it speaks for the server already."""
        return self._key is not None

    def begin(self):
        """Take over; whoever spoke for it before does no more."""
        key, epoch = signing.PrivateKey.generate(), uuidutils.generate_uuid()
        self._adopt(
            model.Registration(
                server=cloud.SERVER,
                epoch=epoch,
                hostname=cloud.HOSTNAME,
                agent_version=version.version_string(),
                interval=self._interval,
                facts={'virtual': True},
                public_key=key.public,
            )
        )
        self._key, self._epoch, self._sequence = key, epoch, 0

    def end(self):
        self._key = None

    def send(self, picture, now):
        """
        :param now: by the database's clock
        :raises Conflict: another one speaks for the server by now
        :raises ApiUnavailable: the reports were not stored
        """
        self._report(services=picture.services, complete=True)
        for number, samples in enumerate(picture.frames):
            # frames of one server differ in their milliseconds
            at = now + number / 1000
            self._report(frame=model.Frame.of(at, samples))

    def _report(self, **said):
        self._sequence += 1
        report = model.Report(
            cloud.SERVER, self._epoch, self._sequence, **said
        )
        body = json.dumps(wire.to_wire(report), separators=(',', ':'))
        signed = model.Signed(body, (self._key.sign(signing.REPORT, body),))
        receipt = self._ingest.report(wire.to_wire(signed))
        if receipt.status in _NOT_OURS:
            self.end()
            raise exceptions.Conflict(
                "the cloud's own view is kept by another conductor by now, "
                f'or its server was deleted: {receipt.status}'
            )
        if receipt.status != model.ReceiptStatus.ACCEPTED:
            raise exceptions.ApiUnavailable(
                f'what was asked is lost: {receipt.status} {receipt.reason}'
            )
