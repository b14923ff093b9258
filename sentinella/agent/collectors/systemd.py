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

"""Whether the units of systemd run."""

import os
import subprocess

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.node import places

#: There where systemd is what started the machine.
BOOTED = '/run/systemd/system'
#: Seconds that systemctl may take.
_PATIENCE = 5
#: Units that are told of, and failed ones among them that nobody asked for.
UNITS = 200
FAILED = 50
_PROPERTIES = (
    'Id,LoadState,ActiveState,SubState,UnitFileState,Type,ConditionResult,'
    'TriggeredBy,NRestarts'
)


class SystemdCollector(base.Collector):
    """Whether the units of systemd run.

    It tells of the units that the watched services run in, of those that
    `units` names, and of each that has failed since
    the agent started. It asks `systemctl`, which
    needs no rights; a machine that was not started by systemd, such as a
    container, has nothing for it to do.

    A unit is up while it is active, and down when it has failed, when it
    waits to be restarted, and when it is inactive though it is enabled, no
    oneshot, and neither a condition nor a timer or socket that starts it
    keeps it waiting. Of any other nothing can be said.
    """

    PROBES = True
    OPTIONS = (
        cfg.ListOpt(
            'units',
            default=[],
            help='Further units to tell of; patterns (glob) match those that '
            'are loaded.',
        ),
    )
    METRICS = {
        'systemd.up': 'Whether the unit is up: 1 or 0; by unit, and by the '
        'watched service that runs in it, which is empty for others',
        'systemd.restarts': 'Restarts by systemd since the last time; by unit '
        'and service',
        'systemd.failed_units': 'Number of units that have failed',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        for unit in self.options.units:
            if unit.startswith('-') or not unit.isprintable() or ' ' in unit:
                raise exceptions.InvalidConfiguration(
                    f'[{self.group()}] units: expected the name of a unit, '
                    f'got {unit!r:.80}'
                )
        self._of_services = {}
        self._failed = []
        self._restarts = {}

    def wanted(self):
        return os.path.isdir(BOOTED)

    def collect(self, now):
        failed = read_failed(
            _ask(
                'list-units',
                '--state=failed',
                '--all',
                '--plain',
                '--no-legend',
            )
        )
        self._remember(failed)
        yield base.sample('systemd.failed_units', len(failed))
        named = {*self._own(), *self._failed, *self.options.units}
        if not named:
            return
        found = read_units(
            _ask('show', f'--property={_PROPERTIES}', '--', *sorted(named))
        )
        restarts, self._restarts = self._restarts, {}
        for unit in sorted(found)[:UNITS]:
            yield from self._samples(unit, found[unit], restarts)

    def _remember(self, failed):
        """One that works again is told of as long as there is room."""
        known = set(self._failed)
        self._failed += [unit for unit in failed if unit not in known]
        self._failed.sort(key=lambda unit: unit not in failed)
        del self._failed[FAILED:]

    def _own(self):
        """Units of the watched services, those included that are down, and
        which service each one is of, or the first of them."""
        for name, service in sorted(self.node.services.items()):
            for found in list(service.masters.values()):
                unit = places.of(found.master.pid).unit
                if unit and len(self._of_services) < UNITS:
                    self._of_services.setdefault(f'{unit}.service', name)
        return self._of_services

    def _samples(self, unit, properties, restarts):
        up = is_up(properties)
        which = {'unit': unit, 'service': self._of_services.get(unit, '')}
        yield base.sample('systemd.up', up, **which)
        count = properties.get('NRestarts', '')
        if count.isdigit():
            count, before = int(count), restarts.get(unit, base.NAN)
            self._restarts[unit] = count
            # starting it by hand makes it begin at 0 again
            grown = count - before if not count < before else count
            yield base.sample('systemd.restarts', grown, **which)


def _ask(*words):
    """
    :returns: what systemctl prints
    :raises Lacking: it can't be asked
    """
    try:
        ended = subprocess.run(  # noqa: S603
            ['systemctl', '--no-pager', *words],  # noqa: S607
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
            timeout=_PATIENCE,
            env={**os.environ, 'LC_ALL': 'C', 'SYSTEMD_COLORS': '0'},
        )
    except OSError as error:
        raise exceptions.Lacking(
            f'systemctl can not be run: {error.strerror}',
            'see to the PATH of the agent',
        )
    except subprocess.TimeoutExpired:
        raise exceptions.Lacking(
            f'systemctl gave no answer in {_PATIENCE} s',
            'see whether systemd and dbus work',
        )
    if ended.returncode and not ended.stdout:
        said = ' '.join(ended.stderr.split())[:200]
        raise exceptions.Lacking(
            f'systemctl failed ({said})', 'see whether systemd and dbus work'
        )
    return ended.stdout


def read_failed(text):
    """
    :param text: a line for each unit, its name first
    :returns: list of names
    """
    words = (line.lstrip('●* ').split() for line in text.splitlines())
    return [found[0] for found in words if found]


def read_units(text):
    """
    :param text: a block of `name=value` for each unit, blank lines between
    :returns: {unit: {name: value}}
    """
    found = {}
    for block in text.split('\n\n'):
        pairs = (line.partition('=') for line in block.splitlines())
        properties = {name: value for name, _, value in pairs}
        if properties.get('Id'):
            found[properties['Id']] = properties
    return found


def is_up(properties):
    """
    :returns: 1.0, 0.0, or NaN where neither can be said
    """
    state, sub = properties.get('ActiveState'), properties.get('SubState')
    if state in ('active', 'reloading', 'refreshing'):
        return 1.0
    if state == 'failed' or sub == 'auto-restart':
        return 0.0
    stopped = (
        state == 'inactive'
        and properties.get('LoadState') == 'loaded'
        and properties.get('UnitFileState') in ('enabled', 'enabled-runtime')
        and properties.get('Type') != 'oneshot'
        and properties.get('ConditionResult') == 'yes'
        # a socket or a timer starts it when there is need
        and not properties.get('TriggeredBy')
    )
    return 0.0 if stopped else base.NAN
