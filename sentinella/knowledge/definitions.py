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

"""The alarm definitions that Sentinella comes with, as `alarms/*.yaml`.

In `description`, `cause` and `remedy`, ``{service}`` stands for the value of
that dimension in the alarm's group, ``{server}`` for the server's name.
"""

import importlib.resources
import uuid

import yaml

from sentinella import exceptions
from sentinella import model

#: Builtin definitions have the same UUID in every cloud.
NAMESPACE = uuid.UUID('5a0f6f0e-6d3c-5b53-9b0a-2b6f4c1f7a11')

REQUIRED = frozenset(
    [
        'name',
        'expression',
        'type',
        'severity',
        'match_by',
        'description',
        'cause',
        'remedy',
    ]
)


def load():
    """
    :returns: list of AlarmDefinitions, sorted by name
    :raises InvalidConfiguration: a file can't be used; names it
    """
    folder = importlib.resources.files('sentinella.knowledge') / 'alarms'
    found = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith('.yaml'):
            continue
        for definition in read(file.read_text(encoding='utf-8'), file.name):
            if definition.name in found:
                raise exceptions.InvalidConfiguration(
                    f'{file.name}: {definition.name} is there twice'
                )
            found[definition.name] = definition
    return [found[name] for name in sorted(found)]


def read(text, source):
    """
    :param text: YAML, a list of mappings
    :param source: what to call it in an error
    :returns: list of AlarmDefinitions
    :raises InvalidConfiguration: says where, and what was expected
    """
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise exceptions.InvalidConfiguration(f'{source}: {reason}')
    if not isinstance(entries, list):
        raise exceptions.InvalidConfiguration(f'{source}: expected a list')
    return [
        _definition(entry, f'{source}, entry {number}')
        for number, entry in enumerate(entries, 1)
    ]


def _definition(entry, where):
    if not isinstance(entry, dict) or set(entry) != REQUIRED:
        raise exceptions.InvalidConfiguration(
            f'{where}: expected a mapping of {", ".join(sorted(REQUIRED))}'
        )
    match_by = entry.pop('match_by')
    if not isinstance(match_by, list):
        raise exceptions.InvalidConfiguration(
            f'{where}: expected match_by to be a list'
        )
    texts = {key: ' '.join(str(entry[key]).split()) for key in entry}
    try:
        texts['type'] = model.ThresholdType(texts['type'])
        texts['severity'] = model.Severity(texts['severity'])
    except ValueError as error:
        raise exceptions.InvalidConfiguration(f'{where}: {error}')
    return model.AlarmDefinition(
        uuid=str(uuid.uuid5(NAMESPACE, texts['name'])),
        match_by=tuple(map(str, match_by)),
        builtin=True,
        **texts,
    )
