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

"""Channels' settings as the database has them: sealed, for they hold secrets.

They are opened where they are used, and nowhere else: what only passes them on
can't tell them to a log.
"""

import json
import os

from cryptography import fernet

from sentinella import exceptions
from sentinella import model

_OPTION = '[notifier] secret_keys'


def make_key():
    """A new key, as the configuration has them: text."""
    return fernet.Fernet.generate_key().decode()


def key_in(path):
    """The key in a file, a new one where there is no such file."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        with open(path, encoding='ascii') as file:
            return file.read().strip()
    key = make_key()
    with open(handle, 'w', encoding='ascii') as file:
        file.write(f'{key}\n')
    return key


class Vault:
    """Seals with the first key of the configuration, opens with any.

    :ivar has_key: whether there is one
    :raises InvalidConfiguration: one of them is none
    """

    def __init__(self, conf):
        options = conf.notifier
        self._keys = [
            _key(text, position)
            for position, text in enumerate(options.secret_keys, 1)
        ]
        self._plain = options.store_plain_secrets
        self.has_key = bool(self._keys)

    def seal(self, settings):
        """
        :param settings: mapping
        :returns: what a Channel that is stored has as its settings
        :raises SecretsUnavailable: there is no key
        """
        if not settings:
            # nothing to hide, and whoever has no key can log at least
            return settings
        if self._keys:
            return _seal(self._keys[0], settings)
        if self._plain:
            return settings
        raise exceptions.SecretsUnavailable(
            'settings can not be kept: there is no key in '
            f'{_OPTION}, make one with: sentinella-manage secrets key'
        )

    def open(self, settings):
        """
        :param settings: a Channel's that was stored
        :returns: mapping, of plain text
        :raises SecretsUnavailable: none of the keys is theirs
        """
        if not isinstance(settings, model.Sealed):
            return settings
        for key in self._keys:
            found = _open(key, settings)
            if found is not None:
                return found
        raise exceptions.SecretsUnavailable(
            f'settings can not be read: none of the {len(self._keys)} keys '
            f'in {_OPTION} is theirs'
        )

    def is_current(self, settings):
        """Whether they are sealed with the first key, or there is nothing to
        seal."""
        if not isinstance(settings, model.Sealed):
            return not settings
        return bool(self._keys) and _open(self._keys[0], settings) is not None


def _key(text, position):
    try:
        return fernet.Fernet(text)
    except ValueError:
        raise exceptions.InvalidConfiguration(
            f'{_OPTION}: number {position} is no key, expected what '
            'sentinella-manage secrets key prints'
        )


def _seal(key, settings):
    text = json.dumps(settings, separators=(',', ':'))
    return model.Sealed(key.encrypt(text.encode()).decode())


def _open(key, sealed):
    try:
        return json.loads(key.decrypt(sealed.token))
    except (fernet.InvalidToken, ValueError):
        return None
