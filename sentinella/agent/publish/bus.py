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

"""The way over the message bus, by RPC."""


class BusRoute:
    """
    :param client: a :class:`sentinella.rpc.conductor.ConductorClient`
    """

    name = 'bus'

    def __init__(self, client):
        self._client = client

    def register(self, signed):
        """
        :param signed: a Signed whose body is a Registration
        :returns: Receipt
        :raises BusUnavailable: nobody answered in time
        """
        return self._client.register(signed)

    def report(self, signed):
        """
        :param signed: a Signed whose body is a Report
        :returns: Receipt
        :raises BusUnavailable: nobody answered in time; send it again
        """
        return self._client.report(signed)
