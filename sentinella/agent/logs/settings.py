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

"""Reads from a service's configuration what its log looks like."""

import re

from sentinella.agent.node import logfiles
from sentinella.agent.node import proc
from sentinella.agent.logs import layout
from sentinella.agent.logs import recognise

OPTIONS = {
    'logging_context_format_string': 'context',
    'logging_default_format_string': 'default',
    'logging_exception_prefix': 'exception',
    'log_date_format': 'date',
}
_SETTING = re.compile(r'\s*([a-z_]+)\s*[=:]\s*(.*?)\s*$')
#: Bytes of a configuration file that are read.
_MOST = 1 << 20


def form_of(service):
    """
    :param service: a :class:`sentinella.agent.node.watched.Service`
    :returns: :class:`recognise.Form` of its logs
    """
    paths = [
        path
        for process in service.processes[:1]
        for path in logfiles.configuration_files(
            service.kind, process, service.place
        )
    ]
    return recognise.Form(service.kind.log_format, of_files(paths))


def of_files(paths):
    """
    :param paths: configuration files, the last one counting most; those that
        can't be read are left out
    :returns: :class:`layout.Settings`, or None where they tell nothing that
        is not the default
    """
    found = {}
    for path in paths:
        found.update(_read(path))
    settings = layout.Settings(**found)
    return None if settings == layout.Settings() else settings


def _read(path):
    lines = proc.read(path, _MOST).decode('utf-8', 'replace').splitlines()
    found, section = {}, 'DEFAULT'
    for line in lines:
        if line.startswith('['):
            section = line.strip().strip('[]')
        setting = section == 'DEFAULT' and _SETTING.match(line)
        if setting and setting[1] in OPTIONS:
            found[OPTIONS[setting[1]]] = _value(setting[2])
    return found


def _value(text):
    """As oslo.config takes it: quotes around it, and `$$` for `$`."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in '"\'':
        text = text[1:-1]
    return text.replace('$$', '$')
