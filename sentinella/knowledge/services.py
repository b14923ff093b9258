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

"""The services that can be watched, read from services.yaml."""

import dataclasses
import importlib.resources
import re

from sentinella import exceptions
from sentinella.knowledge import reading

#: The formats of logs that are read; a file that is plainly in another one
#: of them is read as that.
LOG_FORMATS = (
    'oslo',
    'apache',
    'ceph',
    'etcd',
    'haproxy',
    'libvirt',
    'mariadb',
    'ovs',
    'postgresql',
    'rabbitmq',
    'syslog',
    'uwsgi',
)

#: What a service may hold connections to.
CONNECTIONS = ('bus', 'database')

_NAME = re.compile(r'[a-z0-9][a-z0-9._-]*')


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A service that may run on a node, and what gives it away.

    :ivar needs: expression that must be found in the command line of one of
        its binaries
    :ivar unless: expression that must not be found in it
    :ivar instance: expression whose group names one of several instances,
        each of which is a service of its own
    :ivar idles: expression in the command line of one that ends by itself
        when nobody asks for it
    :ivar workers: whether its children are a pool that it keeps up
    :ivar uses: which of `CONNECTIONS` it opens
    :ivar keeps: those that it holds open for as long as it works
    :ivar log_files: patterns of its logs; None: to be found by themselves
    :ivar usual_logs: patterns of where packagers have it log to
    :ivar log_format: what its logs look like, one of `LOG_FORMATS`
    """

    name: str
    project: str
    binaries: tuple[str, ...]
    wsgi: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    needs: str = ''
    unless: str = ''
    instance: str = ''
    idles: str = ''
    workers: bool = True
    uses: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    log_files: tuple[str, ...] | None = None
    usual_logs: tuple[str, ...] = ()
    log_format: str = 'oslo'

    def fits(self, program, command_line):
        """Whether a command line that runs one of its binaries is its own."""
        needed = program != self.name and self.needs
        return not (
            (needed and not re.search(needed, command_line))
            or (self.unless and re.search(self.unless, command_line))
        )

    def instance_of(self, command_line):
        """What the instance of a command line is called; or ''."""
        found = self.instance and re.search(self.instance, command_line)
        return found[1] if found else ''


class Catalog:
    """All kinds, found by whatever names them.

    :ivar majors: {project: its major version in release 2023.1}
    """

    def __init__(self, kinds, majors):
        self.kinds = {kind.name: kind for kind in kinds}
        self.majors = dict(majors)
        self._binaries = {}
        self._modules = {}
        self._ports = {}
        self._projects = {}
        for kind in self.kinds.values():
            self._index(kind)
        # the longest first, for placement.wsgi is the start of
        # placement.wsgi.api
        names = sorted(self._modules, key=len, reverse=True)
        self._wsgi = re.compile(
            r'(?<![\w.])(' + '|'.join(map(re.escape, names)) + r')(?![\w-])'
        )

    def _index(self, kind):
        for name in {kind.name, *kind.binaries}:
            several = self._binaries.setdefault(name, [])
            several.append(kind)
            # who asks for more is asked first
            several.sort(key=lambda k: not k.needs)
        for module in kind.wsgi:
            self._modules[module] = kind
        if kind.wsgi:
            self._ports.update(dict.fromkeys(kind.ports, kind))
            self._projects.setdefault(kind.project, kind)

    def by_binary(self, name, command_line=''):
        """The kind with a script, or itself, of this name, that a command
        line fits; or None."""
        for kind in self._binaries.get(name, ()):
            if kind.fits(name, command_line):
                return kind
        return None

    def by_wsgi(self, text):
        """The kind whose WSGI module a text names; or None."""
        found = self._modules and self._wsgi.search(text)
        return self._modules[found[1]] if found else None

    def by_port(self, port):
        """The kind that a WSGI server on this port usually serves; or
        None."""
        return self._ports.get(port)

    def api_of(self, project):
        """The first of a project's kinds that a WSGI server runs; or
        None."""
        return self._projects.get(project)


def load(paths=()):
    """Read the built-in kinds, then an operator's.

    A kind in a later file replaces one of the same name.

    :raises InvalidConfiguration: says which file and entry, and why
    """
    built_in = importlib.resources.files(__package__) / 'services.yaml'
    kinds, majors = _read(built_in.read_text(), 'knowledge/services.yaml')
    for path in paths:
        try:
            with open(path) as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, 'strerror', None) or error
            raise exceptions.InvalidConfiguration(
                f'services_file {path}: {reason}'
            )
        more, more_majors = _read(text, path)
        kinds.update(more)
        majors.update(more_majors)
    return Catalog(kinds.values(), majors)


def _read(text, path):
    data = reading.parsed(text, path)
    kinds, majors = {}, {}
    for project, body in reading.mapping(data, path, 'projects').items():
        where = f'{path}: {project}'
        body = reading.mapping(body, where, 'services')
        reading.known(body, ('major', 'defaults', 'services'), where)
        if 'major' in body:
            majors[project] = reading.typed(body['major'], int, where, 'major')
        defaults = reading.mapping(body.get('defaults', {}), where, 'defaults')
        services = reading.mapping(body.get('services'), where, 'services')
        for name, entry in services.items():
            there = f'{where}: {name}'
            entry = (
                {} if entry is None else reading.mapping(entry, there, 'keys')
            )
            kinds[name] = _kind(project, name, {**defaults, **entry}, there)
    return kinds, majors


def _kind(project, name, entry, where):
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise exceptions.InvalidConfiguration(
            f'{where}: a name is of lower case letters, digits, ., _ and -'
        )
    fields = [field.name for field in dataclasses.fields(Kind)][2:]
    reading.known(entry, fields, where)
    return Kind(
        name=name,
        project=str(project),
        binaries=reading.listed(entry, 'binaries', str, where, (name,)),
        wsgi=reading.listed(entry, 'wsgi', str, where),
        ports=reading.listed(entry, 'ports', int, where),
        needs=_expression(entry, 'needs', where),
        unless=_expression(entry, 'unless', where),
        instance=_expression(entry, 'instance', where, groups=1),
        idles=_expression(entry, 'idles', where),
        workers=reading.typed(
            entry.get('workers', True), bool, where, 'workers'
        ),
        uses=_connections(entry, where, 'uses', 'keeps'),
        keeps=_connections(entry, where, 'keeps'),
        log_files=reading.listed(entry, 'log_files', str, where, None),
        usual_logs=reading.listed(entry, 'usual_logs', str, where),
        log_format=_log_format(entry, where),
    )


def _connections(entry, where, *keys):
    found = [c for key in keys for c in reading.listed(entry, key, str, where)]
    for connection in found:
        if connection not in CONNECTIONS:
            raise exceptions.InvalidConfiguration(
                f'{where}: {keys[0]}: expected some of '
                f'{", ".join(CONNECTIONS)}, got {connection!r:.60}'
            )
    return tuple(c for c in CONNECTIONS if c in found)


def _expression(entry, key, where, groups=None):
    text = reading.typed(entry.get(key, ''), str, where, key)
    try:
        found = re.compile(text).groups
    except re.error as error:
        raise exceptions.InvalidConfiguration(f'{where}: {key}: {error}')
    if text and groups is not None and found != groups:
        raise exceptions.InvalidConfiguration(
            f'{where}: {key}: expected {groups} group, got {found}'
        )
    return text


def _log_format(entry, where):
    name = reading.typed(
        entry.get('log_format', 'oslo'), str, where, 'log_format'
    )
    if name not in LOG_FORMATS:
        raise exceptions.InvalidConfiguration(
            f'{where}: log_format: expected one of '
            f'{", ".join(LOG_FORMATS)}, got {name!r:.60}'
        )
    return name
