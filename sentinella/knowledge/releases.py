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

"""OpenStack's releases, and which of them something holds for."""

import functools
import operator
import re

from sentinella import exceptions

_BOUND = re.compile(r'(>=|<=|<|>)\s*(\d{4})\.([12])')
_RELEASE = re.compile(r'(\d{4})\.([12])')
_COMPARE = {
    '>=': operator.ge,
    '>': operator.gt,
    '<=': operator.le,
    '<': operator.lt,
}


def bounds(text):
    """
    :param text: such as ``>=2024.1, <2026.1``; '' for whatever release
    :returns: tuple of pairs of an operator and a release
    :raises InvalidInput: it is none such
    """
    found = []
    for part in text.split(',') if text.strip() else ():
        match = _BOUND.fullmatch(part.strip())
        if match is None:
            raise exceptions.InvalidInput(
                'releases: expected bounds such as >=2024.1, or several '
                f'with commas between, got {part.strip()!r:.40}'
            )
        found.append((match[1], (int(match[2]), int(match[3]))))
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def holds(text, release):
    """
    :param text: see :func:`bounds`
    :param release: that a node runs, as its agent has found it; None, or a
        word that is no release, where that is not known
    :returns: whether what is bounded so holds there; where the release is
        not known it is taken to
    """
    found = _RELEASE.fullmatch(str(release))
    if found is None:
        return True
    runs = int(found[1]), int(found[2])
    return all(_COMPARE[name](runs, bound) for name, bound in bounds(text))
