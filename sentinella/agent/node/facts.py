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

"""Facts about this node, in short, for its registration."""

import glob
import os
import platform
import re

import psutil

from sentinella.agent.node import proc

#: Where packagers, deployment tools and Kolla install to, when no command
#: line tells.
_PREFIXES = ('/usr', '/usr/local', '/opt/stack/data/venv')
_IN_CONTAINERS = ('/var/lib/kolla/venv', '/var/lib/openstack', *_PREFIXES)
#: What deployment tools and distributions say of themselves.
_RELEASE_FILES = ('/etc/openstack-release', '/etc/openstack_release')
_CODENAME = re.compile(
    r'^(?:OPENSTACK|DISTRIB)_CODENAME=["\']?([A-Za-z]+)', re.MULTILINE
)
_CODENAMES = {
    'antelope': '2023.1',
    'bobcat': '2023.2',
    'caracal': '2024.1',
    'dalmatian': '2024.2',
    'epoxy': '2025.1',
    'flamingo': '2025.2',
    'gazpacho': '2026.1',
}
#: Services and projects that are named in the facts.
_MANY = 200
#: The release in which the majors of services.yaml are counted from.
_FIRST_YEAR = 2023
_VERSION = re.compile(r'-(\d+)\.(\d+)[^-]*?(\.dist-info|\.egg-info|-py.*)$')


def of_host(hostname):
    """
    :returns: dict of plain values
    """
    facts = {
        'hostname': hostname or os.uname().nodename,
        'cpus': psutil.cpu_count() or 0,
        'memory_bytes': psutil.virtual_memory().total,
        'kernel': os.uname().release,
        'python': platform.python_version(),
        'boot_time': int(psutil.boot_time()),
    }
    try:
        release = platform.freedesktop_os_release()
        facts['system'] = release.get('PRETTY_NAME', '')
    except OSError:
        facts['system'] = platform.system()
    return facts


def of_services(services, majors):
    """
    :param services: the node's, as in :class:`discovery.Node`
    :param majors: {project: its major version in release 2023.1}
    :returns: dict with `services` and, as far as their packages can be
        seen, `versions` and `openstack_release`
    """
    services = list(services)
    prefixes = dict.fromkeys(
        found for s in services for found in _prefixes(s) if found
    )
    versions = {}
    for service in services:
        project = service.kind.project
        if project in majors and project not in versions:
            version = _version(project, service, prefixes)
            if version:
                versions[project] = version
    names = sorted(service.name for service in services)
    found = {'services': names[:_MANY]}
    if versions:
        found['versions'] = versions
        found['openstack_release'] = max(
            release(int(version.partition('.')[0]), majors[project])
            for project, version in versions.items()
        )
    elif _codename():
        found['openstack_release'] = _codename()
    return found


def release(major, first):
    """The OpenStack release of a project's major version, such as 2026.1."""
    year, half = divmod(max(0, major - first), 2)
    return f'{_FIRST_YEAR + year}.{half + 1}'


def _prefixes(service):
    """Where the programs of a service are installed, by their command
    lines."""
    if service.place.container:
        return
    for found in service.masters.values():
        prefix = re.search(r'(/[^ ]*)/bin/[^/ ]+', found.master.title)
        yield prefix[1] if prefix else None


def _version(project, service, prefixes):
    """
    :returns: such as 34.0; None where its package is not to be seen
    """
    own = [prefix for prefix in _prefixes(service) if prefix]
    places = [*own, *prefixes, *_PREFIXES]
    if service.place.container:
        root = f'{proc.ROOT}/{service.processes[0].pid}/root'
        places = [root + prefix for prefix in _IN_CONTAINERS]
    for prefix in dict.fromkeys(places):
        for name in (project, f'openstack_{project}'):
            for path in glob.glob(
                f'{glob.escape(prefix)}/lib/python3*/*-packages/{name}-*-info'
            ):
                found = _VERSION.search(os.path.basename(path))
                if found:
                    return f'{found[1]}.{found[2]}'
    return None


def _codename():
    """The release as the node's own files have it; None if they do not."""
    for path in _RELEASE_FILES:
        found = _CODENAME.search(proc.read(path).decode('utf-8', 'replace'))
        if found:
            return _CODENAMES.get(found[1].lower(), found[1].lower())
    return None
