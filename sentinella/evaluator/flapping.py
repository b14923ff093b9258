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
"""When an alarm changes too often to be told of: pure."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Flapping:
    """
    :ivar changes: that many within `window` seconds are too many
    :ivar settle: seconds without a change after which it has settled
    """

    # SAP's rule for its own cloud: 8 changes of state within 30 minutes
    changes: int = 8
    window: float = 1800.0
    settle: float = 600.0

    @classmethod
    def of(cls, conf):
        """As `[evaluator]` has it."""
        options = conf.evaluator
        return cls(
            options.flap_changes, options.flap_window, options.flap_settle
        )

    def count(self, recent, now):
        """
        :param recent: times of changes, any order
        :returns: how many there are, the one of now with them: those before
            a time without any, in which it had settled, are past
        """
        count, last = 1, now
        for at in sorted(recent, reverse=True):
            if at > now:
                # the clock was set back since
                continue
            if at <= now - self.window or last - at >= self.settle:
                break
            count, last = count + 1, at
        return count
