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
        # what finds the broker gone is for the caller to try again, or to send
        # another way; to wait here for its return takes seconds
        self._client = bus.get_client(
            transport, bus.CONDUCTOR_TOPIC, '1.0', timeout=timeout, retry=0
        )

    def register(self, signed):
        """Make the server known, or its new epoch or key.

        :param signed: a Signed whose body is a Registration
        :returns: Receipt
        :raises BusUnavailable: nobody answered in time
        """
        return self._call('register', signed)

    def report(self, signed):
        """Hand over a report; it is stored once ACCEPTED comes back.

        :param signed: a Signed whose body is a Report
        :returns: Receipt
        :raises BusUnavailable: nobody answered in time; send it again
        """
        return self._call('report', signed)

    def _call(self, method, signed):
        payload = wire.to_wire(signed)
        try:
            answer = self._client.call({}, method, payload=payload)
            return wire.from_wire(model.Receipt, answer)
        except (*_FAILURES, exceptions.InvalidReport) as error:
            raise exceptions.BusUnavailable(
                f'conductor.{method}: {type(error).__name__}: {error}'
            )
