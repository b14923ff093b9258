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

"""What Cinder says of its services."""

from sentinella.conductor.cloud import nova
from sentinella.conductor.cloud import view
from sentinella.knowledge import cloud


def ask_services(clients):
    return [
        {
            'binary': service.binary,
            'host': service.host,
            'zone': service.availability_zone,
            'state': service.state,
            'status': service.status,
            'disabled_reason': service.disabled_reason,
        }
        for service in clients.sdk.block_storage.services()
    ]


def read_services(rows, server):
    up, enabled, services = [], [], []
    for row in rows:
        is_up = view.among(row['state'], nova.UP)
        takes_work = view.among(row['status'], nova.ENABLED)
        # cinder-volume has one service for each backend: ctl-01@lvm
        host, _, backend = row['host'].partition('@')
        dimensions = {
            'service': row['binary'],
            'host': server(host),
            'backend': backend,
            'zone': row['zone'] or '',
        }
        up.append(view.sample('cinder.service.up', is_up, **dimensions))
        enabled.append(
            view.sample('cinder.service.enabled', takes_work, **dimensions)
        )
        reason = ''
        if takes_work is False:
            reason = cloud.disabled(row['disabled_reason'])
        services.append(
            view.status('cinder', row['binary'], row['host'], is_up, reason)
        )
    counts = view.counts('cinder.service.count', up)
    return view.View((*counts, *up, *enabled), tuple(services))


QUESTIONS = (
    view.Question(
        'cinder',
        'services',
        'block-storage',
        ask_services,
        read_services,
        tells=True,
    ),
)
