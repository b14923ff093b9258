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

"""Times as the API speaks of them: ISO 8601, UTC."""

import datetime
import math

from oslo_utils import timeutils

from sentinella import exceptions

#: The end of the year 9999.
_LAST = 253402300799.0


def show(seconds):
    """
    :param seconds: since the epoch, or None; what an agent's broken clock
        says is shown as the nearest that a calendar has
    :returns: such as `2026-01-31T12:00:00.000000Z`, or None
    """
    if seconds is None or math.isnan(seconds):
        return None
    seconds = min(max(seconds, 0.0), _LAST)
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return at.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def read(text, name):
    """
    :param name: of the parameter that it came in
    :returns: seconds since the epoch
    :raises InvalidInput: names the parameter
    """
    try:
        return timeutils.parse_isotime(text).timestamp()
    except (ValueError, OverflowError):
        raise exceptions.InvalidInput(
            f'{name}: expected a time such as 2026-01-31T12:00:00Z, '
            f'got {text[:40]!r}'
        )
