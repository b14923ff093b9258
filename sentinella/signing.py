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
from cryptography.hazmat.primitives.asymmetric import ed25519

from sentinella import exceptions
from sentinella import model

REGISTRATION = b'sentinella registration 1\n'
REPORT = b'sentinella report 1\n'

#: PKCS #8 of an Ed25519 key is always this, then its 32 bytes (RFC 8410).
#: The library's own reader of PEM knows all other keys too, for over a MB of
#: the agent's memory.
_PKCS8 = bytes.fromhex('302e020100300506032b657004220420')
_BEGIN, _END = '-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----'


class PrivateKey:
    """
    :ivar public: the public key that goes with it, as text
    """

    def __init__(self, key):
        self._key = key
        self.public = _text(key.public_key().public_bytes_raw())

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
            return cls(ed25519.Ed25519PrivateKey.from_private_bytes(_raw(pem)))
        except ValueError:
            problem = 'expected an Ed25519 private key in PKCS #8, PEM'
        raise exceptions.InvalidConfiguration(problem)

    def to_pem(self):
        der = _PKCS8 + self._key.private_bytes_raw()
        text = base64.b64encode(der).decode()
        return f'{_BEGIN}\n{text}\n{_END}\n'.encode()

    def sign(self, kind, body):
        """
        :param kind: `REGISTRATION` or `REPORT`
        :param body: text
        :returns: Signature
        """
        value = self._key.sign(kind + body.encode())
        return model.Signature(self.public, value)


def _raw(pem):
    """
    :returns: the 32 bytes of the key
    :raises ValueError: there is something else
    """
    head, *lines, foot = pem.decode('ascii').strip().splitlines() or ['', '']
    der = base64.b64decode(''.join(lines), validate=True)
    raw = der[len(_PKCS8) :]
    if (head, foot) != (_BEGIN, _END) or _PKCS8 + raw != der:
        raise ValueError('not PKCS #8 of an Ed25519 key')
    return raw


def _text(public):
    return base64.urlsafe_b64encode(public).rstrip(b'=').decode()


def verify(signature, kind, body):
    """
    :returns: whether the signature's own key made it over this body
    """
    try:
        raw = base64.urlsafe_b64decode(signature.key + '=')
        # keys are compared as text: each is written in one way only
        if _text(raw) != signature.key:
            return False
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
