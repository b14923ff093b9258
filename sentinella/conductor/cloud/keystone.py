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

"""What Keystone has in its catalog."""

import collections

from sentinella.conductor.cloud import view


def ask_endpoints(clients):
    """
    :returns: the endpoints, each with what is told of its service
    """
    services = {one.id: one for one in clients.keystone.services.list()}
    return [
        {
            'service': services[endpoint.service_id].to_dict(),
            **endpoint.to_dict(),
        }
        for endpoint in clients.keystone.endpoints.list()
        # it may have been made or removed between the two answers
        if endpoint.service_id in services
    ]


def read_endpoints(rows, server):
    enabled = collections.Counter()
    for row in rows:
        service = row['service']
        key = (
            service.get('name') or service['type'],
            row['interface'],
            row.get('region') or '',
        )
        enabled[key] += bool(row['enabled'] and service.get('enabled', True))
    return view.View(
        tuple(
            view.sample(
                'cloud.endpoints',
                count,
                service=service,
                interface=interface,
                region=region,
            )
            for (service, interface, region), count in sorted(enabled.items())
        )
    )


# without a look into the catalog: what is not even there is a wrong region or
# interface
QUESTIONS = (
    view.Question(
        'keystone', 'endpoints', None, ask_endpoints, read_endpoints
    ),
)
