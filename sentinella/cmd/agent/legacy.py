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

"""Reads the configuration of the agent of 2016, a `sentinella.conf` in JSON.

Nobody has written down what may be in such a file. So names are taken as
broadly as they are clear, and whatever was not understood is listed by name,
never silently left out.
"""

import dataclasses
import json
import re

from sentinella import exceptions

#: A configuration of more bytes is none.
BIGGEST = 1 << 20
#: Levels of sections in sections that are looked into.
DEEPEST = 20

_HOST = {
    'hostname', 'nodename', 'servername', 'agentname', 'agent.name',
    'agent.host', 'node.name', 'host.name', 'server.name',
}  # fmt: skip
_INTERVAL = {
    'interval', 'period', 'frequency', 'pollinterval', 'pollinginterval',
    'reportinterval', 'sendinterval', 'updateinterval', 'collectinterval',
    'intervalseconds', 'periodseconds', 'pollperiod',
}  # fmt: skip
_GROUP = {'cloudgroup', 'cloud', 'cloudname', 'group', 'region', 'regionname'}
_LOCATION = {'location', 'datacenter', 'datacentre', 'site'}
_LOGS = {'logs', 'log', 'logfile', 'logfiles', 'logpath', 'logpaths'}
_PLUGINS = {'plugins', 'plugin', 'collectors', 'checks', 'modules', 'sensors'}
_SERVICES = {'services', 'service', 'processes'}
_URL = {'transporturl', 'amqpurl', 'rabbiturl', 'rabbitmqurl'}
_ON_OFF = {'enabled', 'enable', 'active'}

#: Collectors by what others may have called them.
_COLLECTORS = {
    'host': 'system cpu memory mem disk disks filesystem fs net network load',
    'process': 'processes proc procs ps service services daemons openstack',
    'logs': 'log logfiles logparser logwatch tail',
    'api': 'apis http https endpoint endpoints url',
    'tcp': 'port ports socket',
    'ping': 'icmp',
    'certificates': 'certificate cert certs ssl tls',
    'clock': 'ntp chrony time',
    'rabbitmq': 'rabbit amqp',
    'mysql': 'mariadb galera database db',
    'postgresql': 'postgres pgsql',
    'memcached': 'memcache',
    'haproxy': '',
    'libvirt': 'libvirtd kvm qemu',
    'openvswitch': 'ovs',
    'ovn': '',
    'systemd': 'units',
    'nagios': 'icinga nrpe',
    'prometheus': 'exporter exporters',
}
_BY_NAME = {
    alias: name
    for name, aliases in _COLLECTORS.items()
    for alias in (name, *aliases.split())
}


@dataclasses.dataclass(slots=True)
class Legacy:
    """What an old file says.

    :ivar options: {(section, option): value} of ours
    :ivar used: names of its keys that became options
    :ivar unused: {name of a key: why it did not}
    :ivar enabled: collectors that it names
    :ivar disabled: collectors that it switches off
    :ivar excluded: OpenStack services that it switches off
    """

    options: dict = dataclasses.field(default_factory=dict)
    used: list = dataclasses.field(default_factory=list)
    unused: dict = dataclasses.field(default_factory=dict)
    enabled: list = dataclasses.field(default_factory=list)
    disabled: list = dataclasses.field(default_factory=list)
    excluded: list = dataclasses.field(default_factory=list)


def read(path, catalog):
    """
    :param catalog: a :class:`sentinella.knowledge.services.Catalog`
    :returns: Legacy
    :raises InvalidInput: the file is not a JSON object
    """
    try:
        with open(path, 'rb') as file:
            data = file.read(BIGGEST + 1)
    except OSError as error:
        raise exceptions.InvalidInput(f'{path}: {error.strerror}')
    if len(data) > BIGGEST:
        raise exceptions.InvalidInput(
            f'{path}: expected at most {BIGGEST >> 20} MiB'
        )
    try:
        return translate(json.loads(data), catalog)
    except json.JSONDecodeError as error:
        problem = f'line {error.lineno} column {error.colno}: {error.msg}'
    except UnicodeDecodeError:
        problem = 'not a text'
    except RecursionError:
        problem = 'nested too deeply'
    except exceptions.InvalidInput as error:
        problem = str(error)
    raise exceptions.InvalidInput(f'{path}: {problem}')


def translate(data, catalog):
    """
    :param data: what the JSON says
    :returns: Legacy
    :raises InvalidInput: it is no object
    """
    if not isinstance(data, dict):
        raise exceptions.InvalidInput('expected a JSON object, {"...": ...}')
    found = Legacy()
    _Reader(found, catalog).section(data, ())
    return found


class _Reader:
    def __init__(self, found, catalog):
        self._found = found
        self._catalog = catalog

    def section(self, data, path):
        """Go through an object, and those in it."""
        for key, value in data.items():
            here = (*path, key)
            plain = _plain(key)
            if plain in _PLUGINS and _names(value) is not None:
                self._switches(value, here, self._collector)
            elif plain in _SERVICES and _names(value) is not None:
                self._switches(value, here, self._service)
            elif plain in _LOGS and isinstance(value, str | list | dict):
                self._logs(value, here)
            elif isinstance(value, dict) and len(path) < DEEPEST:
                self.section(value, here)
            else:
                self._leaf(here, plain, value)

    def _leaf(self, path, plain, value):
        """One key with a value."""
        qualified = f'{_plain(path[-2])}.{plain}' if len(path) > 1 else plain
        for names, section, option, convert in (
            (_HOST, 'DEFAULT', 'host', _host),
            (_INTERVAL, 'agent', 'interval', _seconds),
            (_GROUP, 'agent', 'cloud_group', _text),
            (_LOCATION, 'agent', 'location', _text),
            (_URL, 'DEFAULT', 'transport_url', _url),
        ):
            if plain in names or qualified in names:
                self._set(path, section, option, convert(value))
                return
        self._unused(path, 'means nothing to this agent')

    def _set(self, path, section, option, value):
        if value is None:
            expected = {
                'host': 'a host name',
                'interval': 'seconds, from 1 to 3600',
                'transport_url': 'rabbit://user:password@host:5672/',
            }.get(option, 'a line of text')
            self._unused(path, f'expected {expected}')
        elif self._found.options.get((section, option), value) != value:
            self._unused(path, f'another key has said the {option} already')
        else:
            self._found.options[section, option] = value
            self._found.used.append(_dotted(path))

    def _unused(self, path, why):
        self._found.unused[_dotted(path)] = why

    def _switches(self, value, path, take):
        """Names of things that are watched, or are not to be."""
        for name, inner in _names(value):
            here = (*path, name)
            on = inner is not False and inner != 0
            settings = {}
            if isinstance(inner, dict):
                settings = {
                    k: v for k, v in inner.items() if _plain(k) not in _ON_OFF
                }
                on = all(
                    bool(v) for k, v in inner.items() if k not in settings
                )
            take(name, on, here)
            for key in settings:
                self._unused((*here, key), 'set what it needs anew')

    def _collector(self, name, on, path):
        known = _BY_NAME.get(_plain(name))
        if known is None:
            self._service(name, on, path)
            return
        where = self._found.enabled if on else self._found.disabled
        if known not in where:
            where.append(known)
        self._found.used.append(_dotted(path))

    def _service(self, name, on, path):
        """An OpenStack service, or all of a project's."""
        kinds = [
            kind.name
            for kind in self._catalog.kinds.values()
            if name in (kind.name, kind.project)
        ]
        if not kinds:
            self._unused(path, 'is unknown to this agent')
            return
        if not on:
            self._found.excluded += sorted(
                set(kinds) - set(self._found.excluded)
            )
        self._found.used.append(_dotted(path))

    def _logs(self, value, path):
        """This agent finds the logs of the services that it knows."""
        for here, file in _strings(value, path):
            self._unused(
                here,
                'logs of known services are found by themselves ('
                '"sentinella-agent discover" shows them); name others in '
                'a file for [agent] services_file'
                if file.startswith('/')
                else 'means nothing to this agent',
            )


def _plain(key):
    return re.sub(r'[^a-z0-9]', '', str(key).lower())


def _dotted(path):
    """The name of a key, for people, on one line."""
    text = '.'.join(map(str, path))
    return ''.join(c if c.isprintable() else '?' for c in text)[:200]


def _names(value):
    """
    :returns: list of names, each with what is said of it, or None where this
        is no such list
    """
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return [(name, True) for name in value]
    return None


def _strings(value, path):
    """All the values below, with their keys."""
    if isinstance(value, dict | list) and len(path) < DEEPEST:
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in inner:
            yield from _strings(one, (*path, key))
    else:
        yield path, value if isinstance(value, str) else ''


def _host(value):
    good = isinstance(value, str) and re.fullmatch(
        r'[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?', value
    )
    return value if good else None


def _text(value):
    good = isinstance(value, str) and value.isprintable()
    return value.strip() if good and 0 < len(value.strip()) <= 255 else None


def _url(value):
    good = _text(value) and re.match(r'(rabbit|amqp)://', value)
    return value.strip() if good else None


def _seconds(value):
    if isinstance(value, str):
        matched = re.fullmatch(
            r'\s*(\d{1,6}(\.\d{1,6})?)\s*(s|sec)?\s*', value
        )
        value = float(matched[1]) if matched else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 1 <= value <= 3600 else None
