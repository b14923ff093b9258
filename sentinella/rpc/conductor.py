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

"""How to call a conductor.

Versions: 1.0 register, report
"""

import amqp
from kombu import exceptions as kombu_exceptions
import oslo_messaging as messaging

from sentinella import exceptions
from sentinella import model
from sentinella import wire
from sentinella.rpc import transport as bus

VERSION = '1.0'

#: What a call may raise: a wrong password or virtual host comes through
#: oslo.messaging as its driver's own error.
_FAILURES = (
    messaging.MessagingException,
    amqp.AMQPError,
    kombu_exceptions.KombuError,
    OSError,
)


class ConductorClient:
    """
    :param timeout: seconds after which nobody will answer any more
    """

    def __init__(self, transport, timeout):
        self._client = bus.get_client(
            transport, bus.CONDUCTOR_TOPIC, '1.0', timeout=timeout, retry=1
        )

    def register(self, registration):
        """Make the server known, or its new epoch.

        :returns: Receipt
        :raises BusUnavailable: nobody answered in time
        """
        return self._call('register', wire.to_wire(registration))

    def report(self, report):
        """Hand over a report; it is stored once ACCEPTED comes back.

        :param report: a Report, or what :func:`wire.to_wire` made of it
        :returns: Receipt
        :raises BusUnavailable: nobody answered in time; send it again
        """
        if isinstance(report, model.Report):
            report = wire.to_wire(report)
        return self._call('report', report)

    def _call(self, method, payload):
        try:
            answer = self._client.call({}, method, payload=payload)
        except _FAILURES as error:
            raise exceptions.BusUnavailable(
                f'conductor.{method}: {type(error).__name__}: {error}'
            )
        return wire.from_wire(model.Receipt, answer)
