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

import os

import fixtures
from oslo_config import cfg
from oslotest import base

from sentinella import conf as options
from sentinella import exceptions
from sentinella import model
from sentinella import vault

SETTINGS = {'url': 'http://h/?token=tök', 'headers': {'A': 'b'}, 'n': [1]}


def make(*keys, plain=False):
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], project='sentinella', default_config_files=[])
    conf.set_override('secret_keys', list(keys), 'notifier')
    conf.set_override('store_plain_secrets', plain, 'notifier')
    return vault.Vault(conf)


class TestVault(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.old, self.new = vault.make_key(), vault.make_key()

    def test_what_is_sealed_is_opened(self):
        sealed = make(self.old).seal(SETTINGS)
        self.assertIsInstance(sealed, model.Sealed)
        self.assertNotIn('://', repr(sealed))
        self.assertEqual(SETTINGS, make(self.old).open(sealed))

    def test_the_same_is_never_sealed_alike(self):
        sealing = make(self.old)
        self.assertNotEqual(sealing.seal(SETTINGS), sealing.seal(SETTINGS))

    def test_the_first_key_seals_and_all_open(self):
        sealed = make(self.old).seal(SETTINGS)
        both = make(self.new, self.old)
        self.assertEqual(SETTINGS, both.open(sealed))
        self.assertFalse(both.is_current(sealed))
        anew = both.seal(both.open(sealed))
        self.assertTrue(both.is_current(anew))
        self.assertEqual(SETTINGS, make(self.new).open(anew))

    def test_another_key_opens_nothing(self):
        sealed = make(self.old).seal(SETTINGS)
        for keys in ([self.new], []):
            closed = make(*keys)
            self.assertFalse(closed.is_current(sealed))
            error = self.assertRaises(
                exceptions.SecretsUnavailable, closed.open, sealed
            )
            self.assertEqual(
                f'settings can not be read: none of the {len(keys)} keys in '
                '[notifier] secret_keys is theirs',
                str(error),
            )

    def test_what_was_tampered_with_is_not_opened(self):
        opening = make(self.old)
        token = opening.seal(SETTINGS).token
        for broken in (token[:-8], 'A' + token[1:], 'ünd', ''):
            self.assertRaises(
                exceptions.SecretsUnavailable,
                opening.open,
                model.Sealed(broken),
            )

    def test_without_a_key_nothing_is_sealed(self):
        error = self.assertRaises(
            exceptions.SecretsUnavailable, make().seal, SETTINGS
        )
        self.assertIn('sentinella-manage secrets key', str(error))
        self.assertNotIn('tök', str(error))
        self.assertFalse(make().has_key)

    def test_without_a_key_settings_stay_plain_where_that_is_wanted(self):
        self.assertEqual(SETTINGS, make(plain=True).seal(SETTINGS))
        sealed = make(self.old, plain=True).seal(SETTINGS)
        self.assertIsInstance(sealed, model.Sealed)

    def test_no_settings_need_no_key(self):
        self.assertEqual({}, make().seal({}))
        self.assertTrue(make().is_current({}))

    def test_plain_ones_of_before_are_read(self):
        self.assertEqual(SETTINGS, make(self.old).open(SETTINGS))
        self.assertFalse(make(self.old).is_current(SETTINGS))

    def test_what_is_no_key_is_not_told(self):
        for wrong in ('secret', self.old[:-4], 'ä' * 44, ''):
            error = self.assertRaises(
                exceptions.InvalidConfiguration, make, self.old, wrong
            )
            self.assertEqual(
                '[notifier] secret_keys: number 2 is no key, expected what '
                'sentinella-manage secrets key prints',
                str(error),
            )

    def test_a_key_in_a_file_is_made_once_and_nobody_elses(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, 'key')
        key = vault.key_in(path)
        self.assertEqual(key, vault.key_in(path))
        self.assertEqual(0o600, os.stat(path).st_mode & 0o777)
        sealed = make(key).seal(SETTINGS)
        self.assertEqual(SETTINGS, make(key).open(sealed))
