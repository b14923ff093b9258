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

"""What collectors count with."""

from sentinella.agent import base


class Growth:
    """Makes differences of counters."""

    def __init__(self):
        self._before = {}

    def of(self, name, value):
        """
        :returns: how much a counter grew since this was last called for it;
            NaN at first, where it is not known, and when it was reset
        """
        value = base.NAN if value is None else float(value)
        grown = value - self._before.get(name, base.NAN)
        self._before[name] = value
        return grown if grown >= 0 else base.NAN


def percent(part, whole):
    """
    :returns: share of the whole; NaN where either is not known, and of
        nothing
    """
    if part is None or not whole:
        return base.NAN
    return round(100 * float(part) / float(whole), 1)


class Speed:
    """Makes rates of counters."""

    def __init__(self):
        self._before = {}

    def of(self, name, value, now):
        """
        :param now: seconds since the epoch
        :returns: by how much a counter grows in a second, since this was
            last called for it; NaN at first, where it is not known, and when
            it, or the clock, was set back
        """
        at, before = self._before.get(name, (now, base.NAN))
        self._before[name] = now, value
        grown = value - before
        if not grown >= 0 or now <= at:
            return base.NAN
        return grown / (now - at)

    def forget(self, since):
        """Drop those that were not asked for since then."""
        self._before = {
            name: (at, value)
            for name, (at, value) in self._before.items()
            if at >= since
        }
