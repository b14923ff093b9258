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

"""Why an API did not answer, in one line that stays the same."""

import re

#: Characters.
LONGEST = 300

#: What differs each time: whatever is told of it would be told anew.
_NOISE = re.compile(r'\s*\(?Request-ID: [^)\s]*\)?|\s*\(HTTP \d+\)')
_ROOT = re.compile(r'https?://[^/\s]+')

#: What comes of answers that are none of the API's.
_NONSENSE = (AttributeError, LookupError, TypeError, ValueError)


def explain(error):
    """
    :param error: what one of the clients raised
    :returns: one line without credentials, which no client puts there
    """
    said = getattr(error, 'details', None) or str(error)
    said = _NOISE.sub('', ' '.join(str(said).split()))
    status = _status(error)
    if status is not None:
        return f'HTTP {status}: {said}'[:LONGEST]
    kind = type(error).__name__
    if isinstance(error, _NONSENSE):
        return f'what answers is not this API: {kind}: {said}'[:LONGEST]
    root = _ROOT.search(said)
    if root is None:
        return f'{kind}: {said}'[:LONGEST]
    # of what else is said, paths and addresses in memory are noise
    if 'Timeout' in kind:
        kind = 'no answer in time'
    return f'{root.group()}: {_innermost(error) or kind}'[:LONGEST]


def _status(error):
    for name in ('http_status', 'status_code', 'code'):
        status = getattr(error, name, None)
        # of a connection that failed there is none
        if isinstance(status, int) and status:
            return status
    return None


def _innermost(error):
    """
    :returns: what the operating system or TLS said, or ''
    """
    todo, seen = [error], []
    while todo:
        error = todo.pop(0)
        if not isinstance(error, Exception) or error in seen:
            continue
        seen.append(error)
        found = getattr(error, 'verify_message', None)
        found = found or getattr(error, 'strerror', None)
        if found:
            return found
        reason = getattr(error, 'reason', None)
        todo += [reason, *error.args, error.__cause__, error.__context__]
    return ''
