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

import dataclasses
import importlib.resources
import string
import uuid

from sentinella import exceptions
from sentinella import model
from sentinella.knowledge import fixtures
from sentinella.knowledge import reading
from sentinella.knowledge import releases

#: Builtin definitions have the same UUID in every cloud.
NAMESPACE = uuid.UUID('5a0f6f0e-6d3c-5b53-9b0a-2b6f4c1f7a11')

TEXTS = ('description', 'cause', 'remedy')
REQUIRED = (
    'name',
    'expression',
    'type',
    'severity',
    'match_by',
    'releases',
    *TEXTS,
    'fires',
    'quiet',
)
OPTIONAL = ('tiers', 'inhibited_by')
#: What says that a definition holds for whatever release.
ANY_RELEASE = 'any'


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A definition as it stands in a file, with what it is tried on.

    :ivar source: the file's name
    :ivar fires: Cases that raise an alarm each; :ivar quiet: that raise none
    """

    source: str
    definition: model.AlarmDefinition
    fires: tuple[fixtures.Case, ...]
    quiet: tuple[fixtures.Case, ...]


def load():
    """
    :returns: list of AlarmDefinitions, sorted by name
    :raises InvalidConfiguration: a file can't be used; names it
    """
    return [entry.definition for entry in entries()]


def entries():
    """
    :returns: list of Entries, sorted by name
    :raises InvalidConfiguration: a file can't be used; names it
    """
    folder = importlib.resources.files('sentinella.knowledge') / 'alarms'
    found = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith('.yaml'):
            continue
        for entry in read(file.read_text(encoding='utf-8'), file.name):
            name = entry.definition.name
            if name in found:
                raise exceptions.InvalidConfiguration(
                    f'{file.name}, {name}: {found[name].source} has one of '
                    'that name'
                )
            found[name] = entry
    return [found[name] for name in sorted(found)]


def read(text, source):
    """
    :param text: YAML, a list of mappings
    :param source: what to call it in an error
    :returns: list of Entries
    :raises InvalidConfiguration: names the file, the definition and the
        field, and says what was expected
    """
    listed = reading.parsed(text, source)
    if not isinstance(listed, list):
        raise exceptions.InvalidConfiguration(f'{source}: expected a list')
    return [
        _entry(entry, source, number) for number, entry in enumerate(listed, 1)
    ]


def _entry(entry, source, number):
    where = f'{source}, entry {number}'
    reading.mapping(entry, where, ', '.join(REQUIRED))
    if entry.get('name'):
        where = f'{source}, {entry["name"]}'
    reading.complete(entry, REQUIRED, where)
    reading.known(entry, (*REQUIRED, *OPTIONAL), where)
    return Entry(
        source=source,
        definition=_definition(entry, where),
        fires=fixtures.cases(entry['fires'], f'{where}, fires'),
        quiet=fixtures.cases(entry['quiet'], f'{where}, quiet'),
    )


def _definition(entry, where):
    texts = {
        key: ' '.join(reading.typed(entry[key], str, where, key).split())
        for key in ('name', 'expression', *TEXTS)
    }
    match_by = reading.listed(entry, 'match_by', str, where)
    for key in TEXTS:
        _check_names(texts[key], match_by, f'{where}, {key}')
    return model.AlarmDefinition(
        uuid=str(uuid.uuid5(NAMESPACE, texts['name'])),
        type=_one_of(model.ThresholdType, entry['type'], where, 'type'),
        severity=_one_of(model.Severity, entry['severity'], where, 'severity'),
        match_by=match_by,
        tiers=_tiers(entry.get('tiers', {}), where),
        inhibited_by=reading.listed(entry, 'inhibited_by', str, where),
        releases=_releases(entry, where),
        builtin=True,
        **texts,
    )


def _tiers(tiers, where):
    reading.mapping(tiers, f'{where}, tiers', 'severities')
    return {
        str(_one_of(model.Severity, severity, where, 'tiers')): ' '.join(
            reading.typed(text, str, where, f'tiers.{severity}').split()
        )
        for severity, text in tiers.items()
    }


def _releases(entry, where):
    """
    :returns: bounds as text, '' for whatever release
    """
    text = reading.typed(entry['releases'], str, where, 'releases')
    if text == ANY_RELEASE:
        return ''
    try:
        releases.bounds(text)
    except exceptions.InvalidInput as error:
        raise exceptions.InvalidConfiguration(f'{where}, {error}')
    return text


def _one_of(choices, value, where, key):
    try:
        return choices(value)
    except ValueError:
        raise exceptions.InvalidConfiguration(
            f'{where}, {key}: expected one of {", ".join(choices)}, '
            f'got {value!r:.40}'
        )


def _check_names(text, match_by, where):
    """What stands in braces must have a value in each alarm."""
    if not text:
        raise exceptions.InvalidConfiguration(f'{where}: is empty')
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text)}
    except ValueError as error:
        raise exceptions.InvalidConfiguration(f'{where}: {error}')
    for name in sorted(names - {None, *match_by}):
        raise exceptions.InvalidConfiguration(
            f'{where}: expected in braces one of {", ".join(match_by)}, '
            f'got {name!r:.40}'
        )
