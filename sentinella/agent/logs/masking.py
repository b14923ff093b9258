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

"""Takes secrets out of what leaves this node.

Rather too much than too little: where a value begins that is called a
password, all goes to where it certainly ends.
"""

import re
import string

from oslo_utils import strutils

MASK = '***'

#: Where none of these is, there is nothing to mask, and most have none.
_HINT = re.compile(
    r'pass|pwd|secret|token|key|credential|cookie|authoriz|bearer|basic'
    r'|://|gAAAA|eyJ|-----',
    re.IGNORECASE,
)

_NAME = (
    r'(?:passw|passphrase|passcode|(?<![a-z])pass(?![a-z])|adminpass|pwd'
    r'|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key'
    r'|encryption[_-]?key|auth[_-]?key|ssh[_-]?key|fernet[_-]?key'
    r'|cookie|authorization)'
)
#: What stands between a name and its value: `=`, `: `, `': '`, `', '`, in
#: text that was itself quoted with backslashes before the quotes.
_SEPARATOR = (
    r"""[\w.-]{0,40}(?:[\\"'\])]{0,8}[ \t]{0,8}(?:=>|:=|[:=])[ \t]{0,8}"""
    r"""|[\\"']{1,8},[ \t]{0,8}(?=[bur]?[\\"']))"""
)
_QUOTED = (
    r"""[bur]{0,2}(?P<quote>\\{0,7}["'])"""
    r"""(?:(?!(?P=quote))(?:\\.|.)){0,8192}+(?P=quote)?"""
)
_LIST = r'[\[({][^\])}]{0,4096}+'
_SCHEMES = r'(?:Bearer|Basic|Digest|Token|Negotiate)\s{1,4}'

_PATTERNS = (
    # private keys, of which either end may have been cut off
    (
        re.compile(
            r'-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY.{0,20000}?'
            r'(?:-----END [A-Z0-9 ]{0,40}-----|\Z)',
            re.DOTALL,
        ),
        MASK,
    ),
    # all that a header of these says
    (
        re.compile(
            r"""(?P<name>(?:set-)?cookie|(?:proxy-)?authorization)"""
            r"""(?P<between>[ \t]{0,4}[:=][ \t]{0,4})(?=[^\s\\"'])[^\n\\"']+""",
            re.IGNORECASE,
        ),
        rf'\g<name>\g<between>{MASK}',
    ),
    (
        re.compile(
            rf'(?P<name>{_NAME}{_SEPARATOR})'
            rf'(?:{_QUOTED}|{_LIST}|(?:{_SCHEMES})?\S+)',
            re.IGNORECASE | re.DOTALL,
        ),
        rf'\g<name>{MASK}',
    ),
    # --os-password this
    (
        re.compile(
            rf'(?P<name>--[\w-]{{0,40}}?(?:{_NAME}|key)[\w-]{{0,20}}'
            r"""[\\"',]{0,4}[ \t]{1,4})(?!-)\S+""",
            re.IGNORECASE,
        ),
        rf'\g<name>{MASK}',
    ),
    (
        re.compile(
            rf'(?P<name><[\w:-]{{0,40}}{_NAME}[\w:-]{{0,40}}'
            r'(?:\s[^<>]{0,200})?>)[^<]{0,8192}',
            re.IGNORECASE,
        ),
        rf'\g<name>{MASK}',
    ),
    # rabbit://user:password@host, and not http://host:8774/a:b@c
    (
        re.compile(
            r"""(?P<name>://[^\s:/@"']{0,256}:)(?!\d{1,5}[/?#])"""
            r"""[^\s"']{1,4096}@"""
        ),
        rf'\g<name>{MASK}@',
    ),
    (
        re.compile(rf'\b({_SCHEMES})[\w.~+/=-]{{8,}}', re.IGNORECASE),
        rf'\1{MASK}',
    ),
    # Fernet and JWS tokens, wherever they stand
    (re.compile(r'gAAAA[\w=%-]{16,}'), MASK),
    (re.compile(r'eyJ[\w=-]{5,}(?:\.[\w=-]*){1,4}'), MASK),
)


_KEY_END = re.compile(r'-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----')
_KEY = string.ascii_letters + string.digits + '+/=\\\r\n'


def mask(text):
    """Take passwords, tokens and keys out."""
    if _HINT.search(text) is None:
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return strutils.mask_password(_mask_rests(text))


def _mask_rests(text):
    """Mask what is left of private keys whose start was cut off."""
    *before, last = _KEY_END.split(text)
    return ''.join(part.rstrip(_KEY) + MASK for part in before) + last
