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
    r'pass|pwd|pswd|secret|token|key|fsid|credential|cookie|authoriz'
    r'|bearer|basic|://|gAAAA|eyJ|-----',
    re.IGNORECASE,
)

#: Each begins with a letter as it is, so that the search is a fast one.
_NAME = (
    r'(?:passw|passphrase|passcode|pass(?<![a-z]pass)(?![a-z])|adminpass|pwd'
    r'|pswd|secret|token(?<!/token)|credential|api[_-]?key|access[_-]?key'
    r'|private[_-]?key|encryption[_-]?key|auth[_-]?key|ssh[_-]?key'
    r'|fernet[_-]?key|cookie|authorization)'
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
_SCHEMES = r'(?:bearer|basic|digest|token|negotiate)\s{1,4}'

#: Found in lower case, for to ignore the case takes ten times as long; and
#: only where one of the words is. What follows `name` is masked.
_NAMED = tuple(
    (words, re.compile(pattern, re.DOTALL))
    for words, pattern in (
        # all that a header of these says
        (
            ('cookie', 'authorization'),
            r"""(?P<name>(?:cookie|authorization)[ \t]{0,4}[:=][ \t]{0,4})"""
            r"""(?=[^\s\\"'])[^\n\\"']+""",
        ),
        (
            (),
            rf'(?P<name>{_NAME}{_SEPARATOR})'
            rf'(?:{_QUOTED}|{_LIST}|(?:{_SCHEMES})?\S+)',
        ),
        # --os-password this
        (
            ('--',),
            rf'(?P<name>--[\w-]{{0,40}}?(?:{_NAME}|key)[\w-]{{0,20}}'
            r"""[\\"',]{0,4}[ \t]{1,4})(?!-)\S+""",
        ),
        (
            ('<',),
            rf'(?P<name><[\w:-]{{0,40}}{_NAME}[\w:-]{{0,40}}'
            r'(?:\s[^<>]{0,200})?>)[^<]{0,8192}',
        ),
        (
            ('bearer', 'basic'),
            r'(?P<name>\b(?:bearer|basic)\s{1,4})'
            r'(?:(?=[a-z]{0,40}[\d._+/=~-])[\w.~+/=-]{8,}|\w{25,})',
        ),
    )
)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
#: keystonemiddleware says what went wrong in the place of a token. Nothing
#: else is let through because it looks like words: passwords do.
_SENTENCE = re.compile(
    r'(?:(?<=Unable to validate token: )|(?<=failed for token: ))'
    r'(?:[A-Z][a-z]{1,14}:?|[a-z_]{2,40}(?:\.[A-Za-z_]{1,40}){1,8}:) '
)

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
    # rabbit://user:password@host, and not http://host:8774/a:b@c
    (
        re.compile(
            r"""(?P<name>://[^\s:/@"']{0,256}:)(?!\d{1,5}[/?#])"""
            r"""[^\s"']{1,4096}@"""
        ),
        rf'\g<name>{MASK}@',
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
    for words, pattern in _NAMED:
        text = _mask_named(words, pattern, text)
    return strutils.mask_password(_mask_rests(text))


def _mask_named(words, pattern, text):
    folded = text.translate(_LOWER)
    if words and not any(word in folded for word in words):
        return text
    parts, at = [], 0
    for found in pattern.finditer(folded):
        start = found.end('name')
        if _SENTENCE.match(text, start) is None:
            parts += [text[at:start], MASK]
            at = found.end()
    return ''.join(parts) + text[at:]


def _mask_rests(text):
    """Mask what is left of private keys whose start was cut off."""
    *before, last = _KEY_END.split(text)
    return ''.join(part.rstrip(_KEY) + MASK for part in before) + last
