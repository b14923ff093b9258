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

"""Finds the log files of a service: where it was told to write.

First what its processes hold open, which is the truth but not for an
unprivileged agent to see; then what they were told on their command line, in
their environment and in their configuration; then where packages and Kolla
put logs; then a file of its name beside the logs of the other services; last
the journal of its systemd unit.
"""

import glob
import os
import re

from sentinella.agent.node import identify
from sentinella.agent.node import places
from sentinella.agent.node import proc

#: Where packages log to.
LOGS = '/var/log'
#: Where Kolla's containers log to, as they see it, and the volume that it is,
#: of Docker and of Podman.
KOLLA = '/var/log/kolla'
VOLUMES = (
    KOLLA,
    '/var/lib/docker/volumes/kolla_logs/_data',
    '/var/lib/containers/storage/volumes/kolla_logs/_data',
)
#: What stands before the name of a unit whose log is in the journal.
JOURNAL = 'journal:'

#: Of a WSGI server rather than of the service inside.
_ACCESS = re.compile(r'access|gunicorn|uwsgi|apache|httpd|slow', re.IGNORECASE)
_WEB_SERVERS = re.compile(r'/(apache2|httpd|nginx)/')
_OPTION = re.compile(r'--(log[-_]?file|log[-_]?dir|log-error|config-file)$')
_SETTING = re.compile(r'\s*(log_?file|log_?dir)\s*[=:]\s*(\S+)\s*$')
_CONFIGURATION = 1 << 20
#: Paths that one service may have.
_MANY = 32


def locate(kind, processes, beside=(), place=places.NOWHERE, instance=''):
    """
    :param processes: the service's, its masters first
    :param beside: directories that hold other services' logs
    :param place: where it runs
    :param instance: which of several instances it is
    :returns: tuple of paths, empty where nothing is known; they may not be
        there, or not be readable. One that begins with `JOURNAL` is a unit
        instead, as journalctl takes it.
    """
    if kind.log_files is not None:
        found = [p for spec in kind.log_files for p in _expand(spec)]
        return tuple(dict.fromkeys(found))
    found = (
        _held(processes, place)
        or _told(kind, processes, place)
        or _usual(kind, beside, instance)
        or _journal(place)
    )
    return tuple(dict.fromkeys(found))[:_MANY]


def _held(processes, place):
    found = {}
    for process in processes:
        for path in proc.appended_files(process.pid, is_service_log):
            found[_outside(path, process.pid, place)] = True
    # what a web server serves holds the server's logs open as well
    own = [path for path in found if not _WEB_SERVERS.search(path)]
    return own or list(found)


def _outside(path, pid, place):
    """Where a path that is inside of a container is to be found from here;
    the volume rather than the container, which is another one tomorrow."""
    if not place.container:
        return path
    if path.startswith(f'{KOLLA}/'):
        for volume in VOLUMES:
            there = volume + path.removeprefix(KOLLA)
            if os.path.exists(there):
                return there
    return places.inside(pid, place, path)


def _journal(place):
    return [f'{JOURNAL}{place.unit}.service'] if place.unit else []


def is_service_log(path):
    """Whether a name is that of a log, and not of an access log."""
    directory, name = os.path.split(path)
    return (
        re.search(r'\.log(\.json)?$', name) is not None
        and not _ACCESS.search(name)
        and not path.endswith(' (deleted)')
    )


def _expand(spec):
    return sorted(glob.glob(spec)) if glob.has_magic(spec) else [spec]


def _told(kind, processes, place):
    """As oslo.log itself puts log_file and log_dir together."""
    for process in processes[:1]:
        return [
            _outside(path, process.pid, place)
            for path in _settings(kind, process, place)
        ]
    return []


def _settings(kind, process, place):
    environ = proc.environ(process.pid)
    words = identify.read_title(process.title).command
    options = list(_options(words))
    settings = {}
    for path in [v for k, v in options if k == 'configfile']:
        settings.update(_configured(places.inside(process.pid, place, path)))
    if not settings:
        for path in _environment_files(kind, environ):
            path = places.inside(process.pid, place, path)
            settings.update(_configured(path))
    settings.update(dict(options))
    return _put_together(kind, settings, proc.cwd(process.pid))


def configuration_files(kind, process, place=places.NOWHERE):
    """Those that a process was told of, else those that it would read."""
    words = identify.read_title(process.title).command
    told = [v for k, v in _options(words) if k == 'configfile']
    paths = told or _environment_files(kind, proc.environ(process.pid))
    return [places.inside(process.pid, place, path) for path in paths]


def _options(words):
    for i, word in enumerate(words):
        option, equals, value = word.partition('=')
        found = _OPTION.match(option)
        if found:
            value = value if equals else ' '.join(words[i + 1 : i + 2])
            name = re.sub('[-_]', '', found[1])
            yield name.replace('logerror', 'logfile'), value


def _put_together(kind, settings, directory):
    file, place = settings.get('logfile'), settings.get('logdir')
    if not file and not place:
        return []
    file = file or f'{kind.name}.log'
    path = os.path.join(place or '', file)
    if not os.path.isabs(path):
        path = os.path.join(directory or '/', path)
    return [os.path.normpath(path)]


def _environment_files(kind, environ):
    """Configuration files that a WSGI module reads."""
    prefix = f'OS_{kind.project.upper()}_CONFIG_'
    place = environ.get(f'{prefix}DIR', f'/etc/{kind.project}').strip()
    names = environ.get(f'{prefix}FILES')
    if names is None:
        names = f'{kind.project}.conf;{kind.name}.conf'
    return [os.path.join(place, n.strip()) for n in names.split(';') if n]


def _configured(path):
    """The log settings in [DEFAULT] of a file, as far as it is readable."""
    text = proc.read(path, _CONFIGURATION).decode('utf-8', 'replace')
    lines = text.splitlines()
    found, section = {}, 'DEFAULT'
    for line in lines:
        if line.startswith('['):
            section = line.strip().strip('[]')
        setting = section == 'DEFAULT' and _SETTING.match(line)
        if setting:
            found[setting[1].replace('_', '')] = setting[2]
    return found


def _usual(kind, beside, instance):
    """Those that are there, of where packagers put the logs of this one; or
    the first one that it would usually be."""
    name = glob.escape(instance)
    specs = [_volume(s.replace('{instance}', name)) for s in kind.usual_logs]
    found = [p for s in specs for p in _expand(s) if os.path.exists(p)]
    if found:
        return found
    short = kind.name.removeprefix(f'{kind.project}-')
    names = dict.fromkeys((f'{kind.name}.log', f'{short}.log'))
    paths = [
        os.path.join(place, kind.project, name)
        for place in (LOGS, *VOLUMES)
        for name in names
    ]
    paths += [os.path.join(place, f'{kind.name}.log') for place in beside]
    return [path for path in paths if os.path.exists(path)][:1]


def _volume(spec):
    """A pattern of logs of Kolla's, as it is on this node."""
    if not spec.startswith(f'{KOLLA}/'):
        return spec
    there = next(filter(os.path.isdir, VOLUMES), KOLLA)
    return there + spec.removeprefix(KOLLA)
