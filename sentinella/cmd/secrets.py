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

"""sentinella-manage secrets: the keys that channels' settings are sealed with."""

import dataclasses
import functools

from sentinella import exceptions
from sentinella import vault as vaults
from sentinella.db import channels
from sentinella.db import database as db

#: Channels that are named where they are told of.
NAMED = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Survey:
    """How the settings of all channels are stored, by lists of Channels.

    :ivar plain: as they are; :ivar old: sealed with a key that is not the
        first; :ivar lost: with one that is not in the configuration
    """

    current: list
    plain: list
    old: list
    lost: list


def survey(database, vault):
    """
    :returns: Survey
    """
    with database.reader() as session:
        found = channels.all_(session)
    kinds = Survey([], [], [], [])
    for channel in found:
        getattr(kinds, _kind(vault, channel.settings)).append(channel)
    return kinds


def _kind(vault, settings):
    if vault.is_current(settings):
        return 'current'
    if isinstance(settings, dict):
        return 'plain'
    try:
        vault.open(settings)
    except exceptions.SecretsUnavailable:
        return 'lost'
    return 'old'


def names(found):
    """Some of the names of channels, and how many more there are."""
    more = f' and {len(found) - NAMED} more' if len(found) > NAMED else ''
    return ', '.join(channel.name for channel in found[:NAMED]) + more


def key(conf):
    """Print a new key, for [notifier] secret_keys."""
    print(vaults.make_key())


def rotate(conf):
    """Seal all settings with the first key of [notifier] secret_keys."""
    vault = vaults.Vault(conf)
    if not vault.has_key:
        raise exceptions.InvalidConfiguration(
            '[notifier] secret_keys: expected a key, make one with: '
            'sentinella-manage secrets key'
        )
    database = db.Database(conf)
    found = survey(database, vault)
    for channel in found.plain + found.old:
        database.write(functools.partial(_reseal, vault, channel.id))
    print(
        f'settings of channels: {len(found.plain)} sealed that were plain, '
        f'{len(found.old)} sealed anew, {len(found.current)} as they were'
    )
    if found.lost:
        raise exceptions.SecretsUnavailable(
            f'settings of {len(found.lost)} channels can not be read, none '
            f'of the keys is theirs: {names(found.lost)}'
        )


def _reseal(vault, id_, session):
    channels.reseal(
        session, id_, lambda settings: vault.seal(vault.open(settings))
    )
