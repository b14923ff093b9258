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

"""For how long something was up: pure functions.

Every moment of a range is one of these, the first that is so:

- unwatched: nothing was known of it yet, or any more;
- excluded: it was in maintenance;
- undetermined: its agent was silent, or could not tell;
- up or down.
"""

import bisect
import dataclasses
import itertools

from sentinella import model

UP, DOWN = model.ServiceState.UP, model.ServiceState.DOWN
UNDETERMINED = model.ServiceState.UNDETERMINED


@dataclasses.dataclass(frozen=True, slots=True)
class Uptime:
    """Seconds of each kind; together they are the range.

    :ivar failures: how many times it was down after it had been up
    """

    up: float = 0.0
    down: float = 0.0
    undetermined: float = 0.0
    excluded: float = 0.0
    unwatched: float = 0.0
    failures: int = 0

    @property
    def percent(self):
        """Of the time of which it is known; None where there is none."""
        return _percent(self.up, self.up + self.down)

    @property
    def percent_at_least(self):
        """As if it had been down wherever that is not known."""
        return _percent(self.up, self.up + self.down + self.undetermined)


def _percent(part, whole):
    return 100.0 * part / whole if whole > 0 else None


class _Steps:
    """What something is at any time.

    :param changes: list of (time, what it is from then on), in order
    """

    def __init__(self, changes):
        self.times = [at for at, _ in changes]
        self._values = [value for _, value in changes]

    def at(self, time):
        """None before the first change."""
        position = bisect.bisect_right(self.times, time)
        return self._values[position - 1] if position else None


def measure(changes, of_server, silent_from, excluded, since, until):
    """
    :param changes: list of (time, ServiceState) in order; None instead of a
        state where it is not watched any more
    :param of_server: the same of its server
    :param silent_from: since when the server's agent is silent
    :param excluded: list of (begin, end)
    :returns: Uptime
    """
    states, server = _Steps(changes), _Steps(of_server)
    excluded = _Steps(merge(excluded))
    cuts = {
        time
        for time in (
            *states.times,
            *server.times,
            *excluded.times,
            silent_from,
        )
        if since < time < until
    }
    seconds = dict.fromkeys(_KINDS, 0.0)
    failures, before = 0, None
    for begin, end in itertools.pairwise(sorted({since, until, *cuts})):
        state = states.at(begin)
        if begin >= silent_from or server.at(begin) == UNDETERMINED:
            state = state and UNDETERMINED
        kind = _kind(state, excluded.at(begin))
        seconds[kind] += end - begin
        failures += (before, kind) == ('up', 'down')
        before = kind if kind in ('up', 'down') else before
    return Uptime(**seconds, failures=failures)


_KINDS = ('up', 'down', 'undetermined', 'excluded', 'unwatched')


def _kind(state, excluded):
    if state is None:
        return 'unwatched'
    return 'excluded' if excluded else str(state).lower()


def merge(spans):
    """
    :param spans: list of (begin, end), in no order, perhaps one over another
    :returns: list of (time, whether it is in one of them from then on)
    """
    changes, last = [], None
    for begin, end in sorted(spans):
        if last is not None and begin <= last:
            last = max(last, end)
            continue
        if last is not None:
            changes.append((last, False))
        changes.append((begin, True))
        last = end
    return changes if last is None else [*changes, (last, False)]
