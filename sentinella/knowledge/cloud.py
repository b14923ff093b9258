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

"""How the cloud's own view is kept: what its APIs say, as of one more server.

It has the samples and services of a server that does not exist, `cloud`. The
name of a service there is that of its binary, an at sign, and the host as the
API has it: `nova-compute@cmp-01`, `cinder-volume@ctl-01@lvm`. The APIs
themselves are services too, by the names of their projects.
"""

import re

#: The UUID of that server: the same for each conductor of each cloud.
SERVER = 'fa880605-31ee-50ab-bbee-5009cf18a9b7'
HOSTNAME = 'cloud'

#: What a service's reason begins with that takes no work, in a ServiceStatus.
DISABLED = 'disabled'

#: What nova-compute's own reason begins with when it disables itself since it
#: lost its hypervisor: nova/virt/libvirt/driver.py, DISABLE_PREFIX.
AUTO = 'AUTO:'

#: As collectors have theirs.
METRICS = {
    'cloud.api.up': 'Whether the API of a project, `service`, answered all '
    'that it was asked: 1 or 0; it is not known without a token to ask with',
    'cloud.api.seconds': 'How long the slowest answer took, seconds',
    'cloud.endpoints': 'Enabled endpoints of a `service`, by `interface` and '
    '`region`',
    'cloud.left_out': 'Samples and services that there was no room for',
    'nova.service.count': 'Hosts that have a `service` of that name',
    'nova.service.up': 'Whether Nova takes a `service` on a `host`, in a '
    '`zone`, for alive: 1 or 0',
    'nova.service.enabled': 'Whether it is to take work: 1 or 0',
    'nova.service.auto_disabled': 'Whether it disabled itself, as '
    'nova-compute does when it loses its hypervisor: 1 or 0',
    'nova.hypervisor.up': 'Whether Nova takes a `hypervisor`, of the '
    'nova-compute on a `host`, for alive: 1 or 0',
    'nova.hypervisor.running_vms': 'Instances that it runs',
    'nova.hypervisor.vcpus': 'Processors that it has',
    'nova.hypervisor.vcpus_used': 'Processors that its instances were given',
    'nova.hypervisor.memory_bytes': 'Memory that it has, bytes',
    'nova.hypervisor.memory_used_bytes': 'Memory that its instances were '
    'given, and what is kept for the host, bytes',
    'nova.zone.available': 'Whether a host of a `zone` takes instances: 1 or '
    '0',
    'neutron.agent.count': 'Hosts that have such an agent, `service`',
    'neutron.agent.up': 'Whether Neutron takes an agent, `service`, on a '
    '`host` for alive: 1 or 0',
    'neutron.agent.enabled': 'Whether its admin state is up: 1 or 0',
    'cinder.service.count': 'Hosts that have a `service` of that name',
    'cinder.service.up': 'Whether Cinder takes a `service` on a `host`, in a '
    '`zone`, for alive, and the `backend` of a cinder-volume for working: 1 '
    'or 0',
    'cinder.service.enabled': 'Whether it is to take work: 1 or 0',
}

_REASON = re.compile(f'{DISABLED}(?:: (.*))?', re.DOTALL)


def service_name(binary, host):
    """How a service is called among those of the server `cloud`."""
    return f'{binary}@{host}'


def disabled(reason):
    """What the reason of a service is that takes no work.

    :param reason: in the words of whoever disabled it, or None
    """
    return f'{DISABLED}: {reason}' if reason else DISABLED


def disabled_by_operator(status):
    """
    :param status: a ServiceStatus of the server `cloud`
    :returns: whether somebody disabled it on purpose; False where it
        disabled itself, which is a fault
    """
    found = _REASON.fullmatch(status.reason)
    return found is not None and not is_automatic(found.group(1))


def is_automatic(reason):
    """
    :param reason: as the API has it, or None
    :returns: whether the service gave it itself
    """
    return bool(reason) and reason.startswith(AUTO)
