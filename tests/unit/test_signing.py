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

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella import signing

#: RFC 8032, 7.1, test 2: secret, public.
SECRET = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'
PUBLIC = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'

KEY = signing.PrivateKey(
    ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SECRET))
)


def standard_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class TestPem(base.BaseTestCase):
    def test_as_the_library_writes_and_reads_it(self):
        for _ in range(20):
            key = ed25519.Ed25519PrivateKey.generate()
            pem = standard_pem(key)
            mine = signing.PrivateKey.from_pem(pem)
            self.assertEqual(pem, mine.to_pem())
            read = serialization.load_pem_private_key(mine.to_pem(), None)
            self.assertEqual(key.private_bytes_raw(), read.private_bytes_raw())

    def test_of_windows(self):
        pem = KEY.to_pem().replace(b'\n', b'\r\n')
        self.assertEqual(KEY.public, signing.PrivateKey.from_pem(pem).public)

    def test_another_kind_of_key(self):
        for pem in (
            standard_pem(ec.generate_private_key(ec.SECP256R1())),
            KEY.to_pem()[:-40],
            KEY.to_pem() + KEY.to_pem(),
            KEY.to_pem().replace(b'PRIVATE', b'ENCRYPTED'),
            b'',
            b'\n',
            b'\xff\xfe',
        ):
            error = self.assertRaises(
                exceptions.InvalidConfiguration,
                signing.PrivateKey.from_pem,
                pem,
            )
            self.assertEqual(
                'expected an Ed25519 private key in PKCS #8, PEM', str(error)
            )

    @hypothesis.given(st.binary(max_size=200))
    def test_rubbish(self, rubbish):
        self.assertRaises(
            exceptions.InvalidConfiguration,
            signing.PrivateKey.from_pem,
            rubbish,
        )


class TestSignatures(base.BaseTestCase):
    def test_the_public_key_is_that_of_the_standard(self):
        raw = base64.urlsafe_b64decode(KEY.public + '=')
        self.assertEqual((PUBLIC, 43), (raw.hex(), len(KEY.public)))

    @hypothesis.given(st.text(), st.text())
    def test_good_over_these_bytes_only(self, body, other):
        signature = KEY.sign(signing.REPORT, body)
        self.assertTrue(signing.verify(signature, signing.REPORT, body))
        self.assertEqual(
            body == other, signing.verify(signature, signing.REPORT, other)
        )
        self.assertFalse(signing.verify(signature, signing.REGISTRATION, body))

    def test_of_another_key(self):
        signature = KEY.sign(signing.REPORT, 'text')
        other = signing.PrivateKey.generate().public
        forged = model.Signature(other, signature.value)
        self.assertFalse(signing.verify(forged, signing.REPORT, 'text'))

    @hypothesis.given(st.text(max_size=60), st.binary(max_size=80))
    def test_rubbish_is_no_signature(self, key, value):
        self.assertFalse(
            signing.verify(model.Signature(key, value), signing.REPORT, 'text')
        )
        self.assertFalse(
            signing.verify(
                model.Signature(KEY.public, value), signing.REPORT, 'text'
            )
        )

    def test_one_key_is_written_in_one_way(self):
        signature = KEY.sign(signing.REPORT, 'text')
        alphabet = (
            'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
        )
        following = alphabet[alphabet.index(KEY.public[-1]) + 1]
        for key in (
            KEY.public[:-1] + following,
            KEY.public + '=',
            KEY.public + '\n',
            ' ' + KEY.public,
            KEY.public + '=AAAA',
        ):
            forged = model.Signature(key, signature.value)
            self.assertFalse(
                signing.verify(forged, signing.REPORT, 'text'), key
            )

    def test_fingerprints(self):
        self.assertEqual('', signing.fingerprint(''))
        found = signing.fingerprint(KEY.public)
        self.assertRegex(found, r'^SHA256:[A-Za-z0-9+/]{43}$')
        self.assertNotEqual(
            found, signing.fingerprint(signing.PrivateKey.generate().public)
        )
