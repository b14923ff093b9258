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

"""Signatures of agents: Ed25519 (RFC 8032), over exactly the bytes sent.

A public key is written as unpadded URL-safe base64 of its 32 bytes, 43
characters. What kind of thing is signed is signed along with it, so that a
report's signature is never one of a registration.
"""

import base64
import binascii
import hashlib

from cryptography import exceptions as crypto
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from sentinella import exceptions
from sentinella import model

REGISTRATION = b'sentinella registration 1\n'
REPORT = b'sentinella report 1\n'


class PrivateKey:
    """
    :ivar public: the public key that goes with it, as text
    """

    def __init__(self, key):
        self._key = key
        raw = key.public_key().public_bytes_raw()
        self.public = base64.urlsafe_b64encode(raw).rstrip(b'=').decode()

    @classmethod
    def generate(cls):
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem):
        """
        :param pem: bytes, PKCS #8
        :raises InvalidConfiguration: it is no Ed25519 private key
        """
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, crypto.UnsupportedAlgorithm):
            key = None
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise exceptions.InvalidConfiguration(
                'expected an Ed25519 private key in PKCS #8, PEM'
            )
        return cls(key)

    def to_pem(self):
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(self, kind, body):
        """
        :param kind: `REGISTRATION` or `REPORT`
        :param body: text
        :returns: Signature
        """
        value = self._key.sign(kind + body.encode())
        return model.Signature(self.public, value)


def verify(signature, kind, body):
    """
    :returns: whether the signature's own key made it over this body
    """
    try:
        raw = base64.urlsafe_b64decode(signature.key + '=')
        key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
        key.verify(signature.value, kind + body.encode())
    except (ValueError, binascii.Error, crypto.InvalidSignature):
        return False
    return True


def fingerprint(public):
    """What people compare: SHA-256 of a public key, as ssh shows it; '' for
    no key."""
    if not public:
        return ''
    digest = hashlib.sha256(public.encode()).digest()
    return 'SHA256:' + base64.b64encode(digest).rstrip(b'=').decode()
