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

"""Which of a channel's settings are shown, and how: its secrets never are.

What people read of a channel, and what others answered to its messages, comes
through here. A driver names the settings that are secret as a whole; an
address may hold secrets whoever named it: a password before its host, a key
in its query.
"""

import json
import re
import traceback
import urllib.parse

#: Shown for a secret; where it comes back, the secret stays what it was.
HIDDEN = '***'

#: Settings that change what is said, never to whom.
HARMLESS = ('templates',)

#: Characters of the shortest part of a secret that is looked for in what
#: others say; shorter ones would be found in any words.
SHORTEST = 4

_URL = re.compile(r'[a-z][a-z0-9+.-]*://\S+', re.I)


def shown(secrets, settings):
    """
    :param secrets: names of those that are secret as a whole
    :param settings: mapping
    :returns: mapping without secrets
    """
    return {
        name: _short(value) if name in secrets else _masked(value)
        for name, value in settings.items()
    }


def kept(secrets, new, old):
    """Put secrets that came back as they are shown in place of what they
    were.

    To another address they would be sent for whoever wants to know them: so
    only where all settings are the same, but those that lead nowhere.

    :param new: mapping of settings; :param old: what they were
    :returns: mapping
    """
    view = shown(secrets, old)
    same = {
        name
        for name, value in new.items()
        if name in old and value in (view[name], old[name])
    }
    if {*new, *old} - same - {*HARMLESS}:
        return new
    return {
        name: old[name] if name in same else value
        for name, value in new.items()
    }


def hidden(settings):
    """Names of settings in which there is something hidden: what was shown
    in place of secrets, not they themselves."""
    return [
        name
        for name, value in settings.items()
        if any(map(_is_hidden, _texts(value)))
    ]


def scrub(secrets, settings, text):
    """
    :param text: what somebody else says, or an error
    :returns: it without the secrets that are in it
    """
    parts = set()
    for name, value in settings.items():
        for word in _texts(value):
            parts |= _secret_parts(word, name in secrets)
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return text


def described(error):
    """What went wrong, and where, of an exception that nobody expected: its
    own text may quote a secret."""
    name = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return name
    last = frames[-1]
    return f'{name} in {last.name}, {last.filename}:{last.lineno}'


def _short(value):
    """Of an address, whose it is; nothing of all else."""
    url = _split(value)
    return f'{url.scheme}://{_host(url)}/{HIDDEN}' if url else HIDDEN


def _masked(value):
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    url = _split(value)
    if url is None or not (_userinfo(url) or url.query or url.fragment):
        return value
    userinfo = f'{HIDDEN}@' if _userinfo(url) else ''
    rest = f'?{HIDDEN}' if url.query or url.fragment else ''
    return f'{url.scheme}://{userinfo}{_host(url)}{url.path}{rest}'


def _is_hidden(text):
    """Whether a text is what :func:`_masked` makes of an address, or
    :func:`_short` of anything."""
    url = _split(text)
    if url is None:
        return text == HIDDEN
    return HIDDEN in (_userinfo(url), url.path.lstrip('/'), url.query)


def _split(value):
    """
    :returns: SplitResult of an address, None for all else
    """
    if not isinstance(value, str) or not _URL.fullmatch(value):
        return None
    try:
        return urllib.parse.urlsplit(value)
    except ValueError:
        return None


def _userinfo(url):
    return url.netloc.rpartition('@')[0]


def _host(url):
    return url.netloc.rpartition('@')[2]


def _texts(value):
    """All texts in it; nobody has checked yet how deep it is."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str):
            yield value


def _secret_parts(text, whole):
    """What is looked for of one text: all of it, where it is secret, and the
    parts of an address, as others quote them."""
    url = _split(text)
    parts = {text} if whole else set()
    if url is not None:
        parts |= {_userinfo(url), url.password or '', url.query, url.fragment}
        parts |= {value for _, value in urllib.parse.parse_qsl(url.query)}
        if whole:
            parts |= {url.path, *_long(url.path.split('/'))}
    elif whole and ' ' in text:
        # such as Bearer and a token
        parts |= set(_long(text.split()))
    parts |= {urllib.parse.unquote(part) for part in parts}
    parts |= {json.dumps(part)[1:-1] for part in parts}
    return {part for part in parts if len(part) >= SHORTEST}


def _long(words):
    """Those that are no words of a language, most likely."""
    return [word for word in words if len(word) >= 2 * SHORTEST]
