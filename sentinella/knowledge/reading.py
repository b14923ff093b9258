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

"""Reading the YAML that knowledge is kept in, with errors that say where."""

import yaml

from sentinella import exceptions


def parsed(text, source):
    """
    :param source: what to call it in an error
    :returns: what the YAML holds
    :raises InvalidConfiguration: it is none
    """
    try:
        # the C loader, where there is one, is ten times as fast
        loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
        return yaml.load(text, loader)  # noqa: S506
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise exceptions.InvalidConfiguration(f'{source}: {reason}')


def mapping(value, where, of):
    """
    :param of: what it is a mapping of, in words
    :raises InvalidConfiguration: it is none
    """
    if not isinstance(value, dict):
        raise exceptions.InvalidConfiguration(
            f'{where}: expected a mapping of {of}, got {type(value).__name__}'
        )
    return value


def known(entry, expected, where):
    """
    :raises InvalidConfiguration: the entry has another key
    """
    for key in entry:
        if key not in expected:
            raise exceptions.InvalidConfiguration(
                f'{where}: unknown key {key!r}, expected one of: '
                f'{", ".join(expected)}'
            )


def complete(entry, required, where):
    """
    :raises InvalidConfiguration: the entry lacks one of these keys
    """
    for key in required:
        if key not in entry:
            raise exceptions.InvalidConfiguration(f'{where}: {key} is missing')


def listed(entry, key, kind, where, default=()):
    """
    :param kind: type of each item
    :returns: tuple
    :raises InvalidConfiguration: it is no list, or not of these
    """
    if key not in entry:
        return default
    value = typed(entry[key], list, where, key)
    return tuple(typed(item, kind, where, key) for item in value)


def typed(value, kind, where, key):
    """
    :raises InvalidConfiguration: the value is of another type
    """
    if type(value) is not kind:
        raise exceptions.InvalidConfiguration(
            f'{where}: {key}: expected {kind.__name__}, got {value!r:.60}'
        )
    return value
