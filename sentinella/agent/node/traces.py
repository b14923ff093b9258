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

"""What on disk would start a service again.

A service that is DOWN is news; one that was taken off this node is not. Only
the disk tells them apart: the program is gone, or its systemd unit is gone,
masked, or no longer to be started as it was while the service ran.
"""

import dataclasses
import glob
import os

from sentinella.agent.node import identify

#: Where systemd looks for units.
UNITS = (
    '/etc/systemd/system',
    '/run/systemd/system',
    '/usr/local/lib/systemd/system',
    '/usr/lib/systemd/system',
    '/lib/systemd/system',
)


@dataclasses.dataclass(frozen=True, slots=True)
class Traces:
    """
    :ivar program: path of what its master runs; '' where it is not seen
    :ivar unit: the systemd unit, where it has a file
    :ivar enabled: whether the unit was one that is started by itself
    """

    program: str = ''
    unit: str = ''
    enabled: bool = False

    def to_state(self):
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_state(cls, data):
        return cls(
            str(data.get('program', '')),
            str(data.get('unit', '')),
            bool(data.get('enabled')),
        )

    def lost(self):
        """
        :returns: why the service can't be meant to run here any longer; ''
            where it may well be
        """
        if self.program and not os.path.lexists(self.program):
            return f'{self.program} is gone'
        if not self.unit:
            return ''
        path = _unit_file(self.unit)
        if path is None:
            return f'its unit {self.unit}.service is gone'
        if os.path.realpath(path) == '/dev/null':
            return f'its unit {self.unit}.service is masked'
        if self.enabled and not _is_enabled(self.unit):
            return f'its unit {self.unit}.service is disabled'
        return ''


def of(found):
    """
    :param found: a :class:`sentinella.agent.node.scan.Found`
    :returns: Traces
    """
    # what is inside of a container says nothing to those outside
    if found.place.container:
        return Traces()
    unit = found.place.unit
    unit = unit if unit and _unit_file(unit) else ''
    return Traces(
        program=_program(found.master),
        unit=unit,
        enabled=bool(unit) and _is_enabled(unit),
    )


def _program(process):
    words = identify.read_title(process.title).command
    program = identify.read_title(' '.join(words)).program
    for word in words:
        if word[:1] == '/' and os.path.basename(word) == program:
            return word if os.path.exists(word) else ''
    return ''


def _unit_file(unit):
    names = (f'{unit}.service', f'{unit.partition("@")[0]}@.service')
    names = names if '@' in unit else names[:1]
    for directory in UNITS:
        for name in names:
            path = os.path.join(directory, name)
            if os.path.lexists(path):
                return path
    return None


def _is_enabled(unit):
    name = glob.escape(f'{unit}.service')
    return any(
        glob.glob(os.path.join(directory, f'*.{kind}', name))
        for directory in UNITS
        for kind in ('wants', 'requires', 'upholds')
    )
