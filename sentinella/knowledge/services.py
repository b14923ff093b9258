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

import yaml

from sentinella import exceptions

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

_NAME = re.compile(r'[a-z0-9][a-z0-9._-]*')


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A service that may run on a node, and what gives it away.

    :ivar needs: text that its command line must contain
    :ivar workers: whether its children are a pool that it keeps up
    :ivar log_files: patterns of its logs; None: to be found by themselves
    :ivar log_format: what its logs look like, one of `LOG_FORMATS`
    """

    name: str
    project: str
    binaries: tuple[str, ...]
    wsgi: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    needs: str = ''
    workers: bool = True
    log_files: tuple[str, ...] | None = None
    log_format: str = 'oslo'


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
        for name in (kind.name, *kind.binaries):
            self._binaries.setdefault(name, kind)
        for module in kind.wsgi:
            self._modules[module] = kind
        for port in kind.ports:
            self._ports[port] = kind
        if kind.wsgi:
            self._projects.setdefault(kind.project, kind)

    def by_binary(self, name):
        """The kind with a script, or itself, of this name; or None."""
        return self._binaries.get(name)

    def by_wsgi(self, text):
        """The kind whose WSGI module a text names; or None."""
        found = self._modules and self._wsgi.search(text)
        return self._modules[found[1]] if found else None

    def by_port(self, port):
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
    try:
        # the C loader, where there is one, is ten times as fast
        loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
        data = yaml.load(text, loader)  # noqa: S506
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise exceptions.InvalidConfiguration(f'{path}: {reason}')
    kinds, majors = {}, {}
    for project, body in _mapping(data, path, 'projects').items():
        where = f'{path}: {project}'
        body = _mapping(body, where, 'services')
        _known(body, ('major', 'services'), where)
        if 'major' in body:
            majors[project] = _typed(body['major'], int, where, 'major')
        services = _mapping(body.get('services'), where, 'services')
        for name, entry in services.items():
            kinds[name] = _kind(project, name, entry, f'{where}: {name}')
    return kinds, majors


def _kind(project, name, entry, where):
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise exceptions.InvalidConfiguration(
            f'{where}: a name is of lower case letters, digits, ., _ and -'
        )
    entry = {} if entry is None else _mapping(entry, where, 'keys')
    fields = [field.name for field in dataclasses.fields(Kind)][2:]
    _known(entry, fields, where)
    return Kind(
        name=name,
        project=str(project),
        binaries=_list(entry, 'binaries', str, where, (name,)),
        wsgi=_list(entry, 'wsgi', str, where),
        ports=_list(entry, 'ports', int, where),
        needs=_typed(entry.get('needs', ''), str, where, 'needs'),
        workers=_typed(entry.get('workers', True), bool, where, 'workers'),
        log_files=_list(entry, 'log_files', str, where, None),
        log_format=_log_format(entry, where),
    )


def _log_format(entry, where):
    name = _typed(entry.get('log_format', 'oslo'), str, where, 'log_format')
    if name not in LOG_FORMATS:
        raise exceptions.InvalidConfiguration(
            f'{where}: log_format: expected one of '
            f'{", ".join(LOG_FORMATS)}, got {name!r:.60}'
        )
    return name


def _mapping(value, where, of):
    if not isinstance(value, dict):
        raise exceptions.InvalidConfiguration(
            f'{where}: expected a mapping of {of}, got {type(value).__name__}'
        )
    return value


def _known(entry, expected, where):
    for key in entry:
        if key not in expected:
            raise exceptions.InvalidConfiguration(
                f'{where}: unknown key {key!r}, expected one of: '
                f'{", ".join(expected)}'
            )


def _list(entry, key, kind, where, default=()):
    if key not in entry:
        return default
    value = _typed(entry[key], list, where, key)
    return tuple(_typed(item, kind, where, key) for item in value)


def _typed(value, kind, where, key):
    if type(value) is not kind:
        raise exceptions.InvalidConfiguration(
            f'{where}: {key}: expected {kind.__name__}, got {value!r:.60}'
        )
    return value
