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

"""What a benchmark measured, as a row that can be compared."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    """
    :ivar peer: who was measured beside us, in the same run, or ''
    :ivar peer_value: in the same unit
    """

    name: str
    value: float
    unit: str
    peer: str = ''
    peer_value: float | None = None

    @property
    def ratio(self):
        """Ours over the peer's; None without a peer."""
        if not self.peer_value:
            return None
        return self.value / self.peer_value


def spread(values):
    """
    :returns: minimum, median, 99th percentile (the maximum, of few)
    """
    ordered = sorted(values)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return ordered[0], statistics.median(ordered), last
