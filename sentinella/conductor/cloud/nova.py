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

"""What Nova says of its services, hypervisors and zones."""

from sentinella.conductor.cloud import view
from sentinella.knowledge import cloud

#: Since Stein: services of a cell that can't be reached have the status
#: UNKNOWN; with an older one they would be missing.
SERVICES = '2.69'
#: The last one that gives all at once rather than in pages, and that still
#: tells what is used of each.
HYPERVISORS = '2.32'

UP = {'up': True, 'down': False}
ENABLED = {'enabled': True, 'disabled': False}
MIB = 2**20


def ask_services(clients):
    return [s.to_dict() for s in clients.nova(SERVICES).services.list()]


def ask_hypervisors(clients):
    found = clients.nova(HYPERVISORS).hypervisors.list(detailed=True)
    return [hypervisor.to_dict() for hypervisor in found]


def ask_zones(clients):
    # with details it would name each host, which takes an admin
    found = clients.nova(SERVICES).availability_zones.list(detailed=False)
    return [zone.to_dict() for zone in found]


def read_services(rows, server):
    up, enabled, automatic, services = [], [], [], []
    for row in rows:
        is_up = view.among(row.get('state'), UP)
        takes_work = view.among(row.get('status'), ENABLED)
        disabled_itself = cloud.is_automatic(row.get('disabled_reason'))
        dimensions = {
            'service': row['binary'],
            'host': server(row['host']),
            'zone': row.get('zone') or '',
        }
        up.append(view.sample('nova.service.up', is_up, **dimensions))
        enabled.append(
            view.sample('nova.service.enabled', takes_work, **dimensions)
        )
        # one that is not known at all did not say so
        automatic.append(
            view.sample(
                'nova.service.auto_disabled',
                None if takes_work is None else disabled_itself,
                **dimensions,
            )
        )
        services.append(
            view.status(
                'nova',
                row['binary'],
                row['host'],
                is_up,
                _reason(row, takes_work),
            )
        )
    counts = view.counts('nova.service.count', up)
    return view.View((*counts, *up, *enabled, *automatic), tuple(services))


def _reason(row, takes_work):
    if takes_work is False:
        return cloud.disabled(row.get('disabled_reason'))
    return 'forced down' if row.get('forced_down') else ''


def read_hypervisors(rows, server):
    by_metric = {}
    for row in rows:
        host = server((row.get('service') or {}).get('host') or '')
        dimensions = {'host': host, 'hypervisor': row['hypervisor_hostname']}
        for name, value in _of_hypervisor(row).items():
            by_metric.setdefault(name, []).append(
                view.sample(f'nova.hypervisor.{name}', value, **dimensions)
            )
    return view.View(
        tuple(s for several in by_metric.values() for s in several)
    )


def _of_hypervisor(row):
    return {
        'up': view.among(row.get('state'), UP),
        'running_vms': row.get('running_vms'),
        'vcpus': row.get('vcpus'),
        'vcpus_used': row.get('vcpus_used'),
        'memory_bytes': _bytes(row.get('memory_mb')),
        'memory_used_bytes': _bytes(row.get('memory_mb_used')),
    }


def _bytes(mebibytes):
    return None if mebibytes is None else mebibytes * MIB


def read_zones(rows, server):
    return view.View(
        tuple(
            view.sample(
                'nova.zone.available',
                row['zoneState'].get('available'),
                zone=row['zoneName'],
            )
            for row in rows
        )
    )


QUESTIONS = (
    view.Question(
        'nova', 'services', 'compute', ask_services, read_services, tells=True
    ),
    view.Question(
        'nova', 'hypervisors', 'compute', ask_hypervisors, read_hypervisors
    ),
    view.Question('nova', 'zones', 'compute', ask_zones, read_zones),
)
