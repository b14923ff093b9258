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
    versions = {}
    for service in services:
        project = service.kind.project
        if project not in versions and project in majors:
            version = next(map(str, _versions(service)), None)
            if version:
                versions[project] = version
    found = {'services': sorted(service.name for service in services)}
    if versions:
        found['versions'] = versions
        found['openstack_release'] = max(
            release(int(version.partition('.')[0]), majors[project])
            for project, version in versions.items()
        )
    return found


def release(major, first):
    """The OpenStack release of a project's major version, such as 2026.1."""
    year, half = divmod(max(0, major - first), 2)
    return f'{_FIRST_YEAR + year}.{half + 1}'


def _versions(service):
    for process in service.processes[:1]:
        found = re.search(r'(/[^ ]*)/bin/[^/ ]+', process.title)
        prefix = found[1] if found else '/usr'
        project = service.kind.project
        for pattern in (
            f'{prefix}/lib/python3*/site-packages/{project}-*-info',
            f'{prefix}/lib/python3*/dist-packages/{project}-*-info',
        ):
            for path in glob.glob(pattern):
                version = _VERSION.search(os.path.basename(path))
                if version:
                    yield f'{version[1]}.{version[2]}'
