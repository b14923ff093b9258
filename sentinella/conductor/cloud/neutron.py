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

"""What Neutron says of its agents."""

from sentinella.conductor.cloud import view
from sentinella.knowledge import cloud

#: All that is needed; their configuration would be most of the answer.
FIELDS = ['id', 'binary', 'host', 'alive', 'admin_state_up']


def ask_agents(clients):
    return [
        {
            'binary': agent.binary,
            'host': agent.host,
            'alive': agent.is_alive,
            'admin_state_up': agent.is_admin_state_up,
        }
        for agent in clients.sdk.network.agents(fields=FIELDS)
    ]


def read_agents(rows, server):
    up, enabled, services = [], [], []
    for row in rows:
        takes_work = row['admin_state_up']
        dimensions = {'service': row['binary'], 'host': server(row['host'])}
        up.append(view.sample('neutron.agent.up', row['alive'], **dimensions))
        enabled.append(
            view.sample('neutron.agent.enabled', takes_work, **dimensions)
        )
        services.append(
            view.status(
                'neutron',
                row['binary'],
                row['host'],
                row['alive'],
                cloud.disabled(None) if takes_work is False else '',
            )
        )
    counts = view.counts('neutron.agent.count', up)
    return view.View((*counts, *up, *enabled), tuple(services))


QUESTIONS = (
    view.Question(
        'neutron', 'agents', 'network', ask_agents, read_agents, tells=True
    ),
)
