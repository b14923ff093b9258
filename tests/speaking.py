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

"""Servers that report to real conductors what a test has them say."""

import time
import uuid

from sentinella import model
from tests import signers

UP = model.Metric.of('process.up', service='nova-scheduler')


class SpeakingServer:
    """
    :param client: of conductors
    """

    def __init__(self, client, number):
        self.uuid = str(uuid.uuid4())
        self._client = client
        self._signer = signers.Signer()
        self._registration = model.Registration(
            self.uuid, uuid.uuid4().hex, f'node-{number}'
        )
        self._sequence = 0
        self._at = time.time() - 30

    def register(self):
        return self._client.register(
            self._signer.registration(self._registration)
        )

    def next_report(self, up=1.0, events=()):
        self._sequence += 1
        self._at = max(time.time(), self._at + 0.001)
        return self._signer.report(
            model.Report(
                self.uuid,
                self._registration.epoch,
                self._sequence,
                sent_at=time.time(),
                frame=model.Frame.of(self._at, [model.Sample(UP, up)]),
                events=tuple(events),
                urgent=True,
            )
        )

    def say(self, up):
        """
        :returns: Receipt
        """
        return self._client.report(self.next_report(up))
