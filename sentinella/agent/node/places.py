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
"""Where a process runs: in which unit of systemd, in which container.

The control groups of a process tell, which anybody may read. What is inside
of a container is reached through the root of a process in it, which only the
same user and root may do.
"""

import dataclasses
import re

from sentinella.agent.node import proc

#: Docker, Podman, containerd and CRI-O, each under cgroups v1 and v2.
_CONTAINER = re.compile(r'(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f])')
_LXC = re.compile(r'/lxc(?:\.payload\.|/)([\w.-]+)')
_UNIT = re.compile(r'/([^/\n]+)\.service(?=[/\n]|$)')
#: Units that other things than their own run in.
_HOSTS = re.compile(
    r'(user@\d*|sshd?(@.*)?|crond?|atd|docker|containerd|podman|crio|snapd|'
    r'screen|tmux|init|getty@.*|kubelet|kolla-.*-container)$'
)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """
    :ivar unit: systemd unit, without `.service`; '' where there is none
    :ivar container: short id, or name, of the container; '' outside of one
    """

    unit: str = ''
    container: str = ''


NOWHERE = Place()


def of(pid):
    """
    :returns: Place
    """
    return read_cgroups(proc.cgroups(pid))


def read_cgroups(text):
    """
    :param text: of /proc/PID/cgroup
    """
    found = _CONTAINER.findall(text)
    if found:
        return Place(container=found[-1][:12])
    found = _LXC.search(text)
    if found:
        return Place(container=found[1])
    found = [u for u in _UNIT.findall(text) if not _HOSTS.match(u)]
    return Place(unit=_unescaped(found[-1])) if found else NOWHERE


def _unescaped(unit):
    """Names in /sys/fs/cgroup are escaped where they would be ambiguous."""
    return unit[1:] if unit[:1] == '_' else unit


def inside(pid, place, path):
    """How a path that a process speaks of is reached from here."""
    if not place.container or not path.startswith('/'):
        return path
    return f'{proc.ROOT}/{pid}/root{path}'
