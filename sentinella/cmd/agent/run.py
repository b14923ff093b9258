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

"""Watches this node: what runs for months, so it imports little."""

from sentinella import service
from sentinella.agent import service as agent_service
from sentinella.rpc import conductor
from sentinella.rpc import transport


def run(argv):
    """Watch this node until a signal comes."""
    conf = service.prepare(argv, prog='sentinella-agent')
    client = conductor.ConductorClient(
        transport.get_transport(conf), conf.agent.report_timeout
    )
    service.run(conf, agent_service.Agent(conf, client))
    return 0
