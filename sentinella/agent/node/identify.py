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

"""Tells which OpenStack service a process is, from all that it shows.

Process titles lie: services rewrite theirs, and one WSGI server looks like
the other. What is sure comes first; :class:`Identity` says what it was.
"""

import dataclasses
import os
import pwd
import re
import shlex

from sentinella.agent.node import places
from sentinella.agent.node import proc
from sentinella.knowledge import services

#: Programs that serve a WSGI application, none of them its name.
SERVERS = re.compile(
    r'(gunicorn|uwsgi|uwsgi-core|uwsgi_python\d*|waitress-serve|uvicorn|'
    r'hypercorn|granian|mod_wsgi-express)(-?[\d.]+)?'
)
#: Every command line that :func:`is_server` accepts has one of these.
_HINT = re.compile(
    r'gunicorn|uwsgi|uWSGI|waitress|uvicorn|hypercorn|granian|wsgi| -c '
)
_INTERPRETER = re.compile(r'python[\d.]*|pypy[\d.]*')
#: `nova-conductor: master process [command]`, `gunicorn: worker [name]`
_ROLE = re.compile(
    r'(?P<name>[\w.-]+): (?P<role>[^\[(]*?)\s*(?:[\[(](?P<rest>.*?)[\])]*)?'
)
#: `neutron-dhcp-agent (command)`
_NAMED = re.compile(r'(?P<name>[\w.-]+) \((?P<rest>.*?)\)?')
#: uWSGI with --procname-prefix: `nova-apiuWSGI worker 1`
_UWSGI = re.compile(r'(?P<name>.*?)\s*uWSGI (?P<role>\w+).*')
#: mod_wsgi with display-name: `(wsgi:keystone-public -DFOREGROUND`
_MOD_WSGI = re.compile(r'\(wsgi:(?P<name>[\w.-]+)\)?.*')
_SETTING = re.compile(
    r'^\s*(?:wsgi_app|proc_name|module|wsgi-file|mount|procname-prefix|'
    r'procname|name|wsgi)\s*=\s*(.*)$',
    re.MULTILINE,
)
#: What a name is lengthened with in the names of files and titles.
_LENGTHENED = re.compile(r'([-_.](uwsgi|wsgi|gunicorn))?(\.\w+)?$')
#: Letters that a name cut short must have left to stand for it.
_TELLING = 4
#: Bytes that are read of a WSGI server's settings.
_SETTINGS = 1 << 16
_CONFIG_DIR = re.compile(r'OS_([A-Z0-9]+)_CONFIG_(?:DIR|FILES?)')


@dataclasses.dataclass(frozen=True, slots=True)
class Title:
    """A command line, understood.

    :ivar program: what runs, without its directory; '' where nothing does
    :ivar role: what the process says of itself, such as `master process`
    :ivar name: the name that a WSGI server was given
    :ivar command: the words of the command line behind the title
    :ivar rewritten: whether the process set this title by itself
    """

    program: str
    role: str = ''
    name: str = ''
    command: tuple[str, ...] = ()
    rewritten: bool = True

    @property
    def is_worker(self):
        return 'worker' in self.role or self.role in ('http', 'mule')

    @property
    def is_monitor(self):
        """Whether it only starts another one again, as those of Open vSwitch
        do; the other one has the same name."""
        return self.role.startswith('monitoring pid')


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """
    :ivar evidence: what gave it away, in words
    :ivar marked_worker: its title says that it is a worker
    :ivar hosted: it is kept up by a web server that serves others as well
    :ivar instance: which of several services of this kind it is
    """

    kind: services.Kind
    evidence: str
    marked_worker: bool = False
    hosted: bool = False
    instance: str = ''
    place: places.Place = places.NOWHERE


def read_title(text):
    """
    :returns: Title
    """
    found = _MOD_WSGI.fullmatch(text)
    if found:
        return Title('mod_wsgi', name=found['name'])
    found = _ROLE.fullmatch(text)
    if found:
        command = (found['rest'] or '').split()
        name = command[0] if len(command) == 1 else ''
        return Title(found['name'], found['role'] or ' ', name, tuple(command))
    found = _UWSGI.fullmatch(text)
    if found and '/' not in found['name']:
        return Title('uwsgi', found['role'], found['name'])
    found = _NAMED.fullmatch(text)
    if found:
        return Title(found['name'], command=tuple(found['rest'].split()))
    command = tuple(text.split())
    return Title(_program(command), command=command, rewritten=False)


def _program(words):
    """The script that an interpreter runs, or the program itself."""
    if not words:
        return ''
    program = os.path.basename(words[0])
    if not _INTERPRETER.fullmatch(program):
        return program
    rest = iter(words[1:])
    for word in rest:
        if word == '-m':
            return next(rest, '').partition('.')[0]
        if word == '-c':
            return program
        if word in ('-W', '-X'):
            next(rest, '')
        elif not word.startswith('-'):
            return os.path.basename(word)
    return program


class Identifier:
    """
    :param catalog: a :class:`sentinella.knowledge.services.Catalog`
    """

    def __init__(self, catalog):
        self._catalog = catalog

    def identify(self, process):
        """
        :param process: a :class:`sentinella.agent.node.proc.Process`
        :returns: Identity, or None where it is nothing that is known
        """
        title = read_title(process.title)
        if title.is_monitor:
            return None
        kind = self._catalog.by_binary(title.program, process.title)
        if kind:
            said = 'title' if title.rewritten else 'command line'
            evidence = f'{said} {title.program!r}'
        elif is_server(title):
            kind, evidence = self._served(process, title)
        if kind is None:
            return None
        place = places.of(process.pid)
        return Identity(
            kind=kind,
            evidence=evidence + _where(place),
            marked_worker=title.is_worker,
            hosted=title.program == 'mod_wsgi',
            instance=kind.instance_of(process.title),
            place=place,
        )

    def may_be(self, text):
        """Whether a process of this command line may be anything known."""
        title = read_title(text)
        return is_server(title) or (
            self._catalog.by_binary(title.program, text) is not None
        )

    def _served(self, process, title):
        """What a WSGI server serves: the first of its clues that helps."""
        for clue in (
            self._by_name,
            self._by_command,
            self._by_settings,
            self._by_environment,
            self._by_place,
        ):
            kind, evidence = clue(process, title)
            if kind:
                # neutron-server, say, was a program of its own before
                api = None if kind.wsgi else self._catalog.api_of(kind.project)
                return api or kind, evidence
        return None, ''

    def _by_name(self, process, title):
        kind = self._named(title.name)
        if not kind and title.program == 'mod_wsgi':
            kind = self._cut_short(title.name)
        return kind, f'{title.program} named {title.name!r}'

    def _cut_short(self, name):
        """Groups are named as one likes, and cut to the length of the title
        that they replace: keystone-pu."""
        name = name.replace('_', '-')
        like = [
            kind
            for kind in self._catalog.kinds.values()
            if kind.wsgi and kind.name.startswith(name)
        ]
        return (
            self._catalog.by_binary(name)
            or (_only(like) if len(name) >= _TELLING else None)
            or self._catalog.api_of(name.split('-')[0])
        )

    def _by_command(self, process, title):
        found = self._catalog.by_wsgi(process.title)
        if found:
            return found, f'{title.program} serves its WSGI module'
        words = title.command[1:]
        names = [*_values(words, '-n', '--name', '--procname-prefix'), *words]
        for word in names:
            found = self._named(os.path.basename(word))
            if found:
                return found, f'{title.program} argument {word!r}'
        return None, ''

    def _by_settings(self, process, title):
        place = places.of(process.pid)
        for path in _settings_files(process, title):
            there = places.inside(process.pid, place, path)
            text = proc.read(there, _SETTINGS).decode('utf-8', 'replace')
            for value in _SETTING.findall(text):
                kind = self._catalog.by_wsgi(value) or self._named(
                    os.path.basename(value.strip(' \'"'))
                )
                if kind:
                    return kind, f'{title.program} settings in {path}'
        return None, ''

    def _by_environment(self, process, title):
        environ = proc.environ(process.pid)
        for name in ('GUNICORN_CMD_ARGS', 'DJANGO_SETTINGS_MODULE'):
            kind = self._catalog.by_wsgi(environ.get(name, ''))
            if kind:
                return kind, f'{title.program} with {name}'
        kind = self._named(environ.get('KOLLA_SERVICE_NAME', ''))
        if kind:
            return kind, f'{title.program} with KOLLA_SERVICE_NAME'
        for name in environ:
            found = _CONFIG_DIR.fullmatch(name)
            kind = found and self._catalog.api_of(found[1].lower())
            if kind:
                return kind, f'{title.program} with {name}'
        return None, ''

    def _by_place(self, process, title):
        """Whose home it works in, or whose user it is."""
        for word in (proc.cwd(process.pid) or '').split('/'):
            if self._catalog.api_of(word):
                return self._catalog.api_of(word), f'{title.program} in {word}'
        unit = re.split('[@:]', places.of(process.pid).unit)[-1]
        kind = self._named(unit.removeprefix('openstack-'))
        if kind:
            return kind, f'{title.program} in unit {unit!r}'
        user = user_name(proc.uid(process.pid))
        return self._catalog.api_of(user), f'{title.program} of user {user!r}'

    def _named(self, name):
        if not name:
            return None
        return (
            self._catalog.by_binary(name)
            or self._catalog.by_wsgi(name)
            or self._catalog.by_binary(_LENGTHENED.sub('', name))
        )


def _where(place):
    if place.container:
        return f' in container {place.container}'
    return f' in unit {place.unit!r}' if place.unit else ''


def _only(found):
    return found[0] if len(found) == 1 else None


def is_server(title):
    """Whether it may be serving anything over WSGI."""
    return bool(
        title.program == 'mod_wsgi'
        or SERVERS.fullmatch(title.program)
        or (_INTERPRETER.fullmatch(title.program) and '-c' in title.command)
    )


def serves(text):
    """As :func:`is_server`, of a command line, and fast for most."""
    return bool(_HINT.search(text)) and is_server(read_title(text))


def user_name(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, TypeError):
        return ''


def _settings_files(process, title):
    """Where gunicorn or uWSGI would find the rest of its arguments."""
    words = list(title.command[1:])
    arguments = proc.environ(process.pid).get('GUNICORN_CMD_ARGS', '')
    try:
        words += shlex.split(arguments)
    except ValueError:
        words += arguments.split()
    directory = proc.cwd(process.pid) or '/'
    paths = [os.path.join(directory, path) for path in _files(words)]
    if title.program == 'gunicorn':
        paths.append(os.path.join(directory, 'gunicorn.conf.py'))
    return paths


def _files(words):
    yield from (
        path.removeprefix('file:')
        for path in _values(words, '-c', '--config', '--ini', '--yaml')
    )
    yield from (w for w in words if w.endswith('.ini') and w[0] != '-')


def _values(words, *options):
    """What follows any of these options, or stands behind their `=`."""
    for i, word in enumerate(words):
        option, equals, value = word.partition('=')
        if option in options:
            yield value if equals else ' '.join(words[i + 1 : i + 2])
