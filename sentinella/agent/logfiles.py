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

"""Finds the log files of a service: where oslo.log was told to write.

First what its processes hold open, which is the truth but not for an
unprivileged agent to see; then what they were told on their command line, in
their environment and in their configuration; then where packages and Kolla
put logs; last a file of its name beside the logs of the other services.
"""

import glob
import os
import re

from sentinella.agent import identify
from sentinella.agent import proc

#: Where packages and Kolla log to.
PLACES = ('/var/log', '/var/log/kolla')

#: Of a WSGI server rather than of the service inside.
_ACCESS = re.compile(r'access|gunicorn|uwsgi|apache|httpd', re.IGNORECASE)
_OPTION = re.compile(r'--(log[-_]?file|log[-_]?dir|config-file)$')
_SETTING = re.compile(r'\s*(log_?file|log_?dir)\s*[=:]\s*(\S+)\s*$')
_CONFIGURATION = 1 << 20


def locate(kind, processes, beside=()):
    """
    :param processes: the service's, its masters first
    :param beside: directories that hold other services' logs
    :returns: tuple of paths, empty where nothing is known; they may not be
        there, or not be readable
    """
    if kind.log_files is not None:
        found = [p for spec in kind.log_files for p in _expand(spec)]
        return tuple(dict.fromkeys(found))
    held = [p for q in processes for p in proc.appended_files(q.pid)]
    held = [path for path in held if is_service_log(path)]
    told = [p for q in processes[:1] for p in _told(kind, q)]
    found = held or told or _usual(kind, beside)
    return tuple(dict.fromkeys(found))


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


def _told(kind, process):
    """As oslo.log itself puts log_file and log_dir together."""
    environ = proc.environ(process.pid)
    words = identify.read_title(process.title).command
    options = list(_options(words))
    settings = {}
    for path in [v for k, v in options if k == 'configfile']:
        settings.update(_configured(path))
    if not settings:
        for path in _environment_files(kind, environ):
            settings.update(_configured(path))
    settings.update(dict(options))
    return _put_together(kind, settings, proc.cwd(process.pid))


def _options(words):
    for i, word in enumerate(words):
        option, equals, value = word.partition('=')
        found = _OPTION.match(option)
        if found:
            value = value if equals else ' '.join(words[i + 1 : i + 2])
            yield re.sub('[-_]', '', found[1]), value


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
    try:
        with open(path, errors='replace') as file:
            lines = file.read(_CONFIGURATION).splitlines()
    except OSError:
        return {}
    found, section = {}, 'DEFAULT'
    for line in lines:
        if line.startswith('['):
            section = line.strip().strip('[]')
        setting = section == 'DEFAULT' and _SETTING.match(line)
        if setting:
            found[setting[1].replace('_', '')] = setting[2]
    return found


def _usual(kind, beside):
    """The first file that is there, of those that it would usually be."""
    short = kind.name.removeprefix(f'{kind.project}-')
    names = dict.fromkeys((f'{kind.name}.log', f'{short}.log'))
    paths = [
        os.path.join(place, kind.project, name)
        for place in PLACES
        for name in names
    ]
    paths += [os.path.join(place, f'{kind.name}.log') for place in beside]
    return [path for path in paths if os.path.exists(path)][:1]
