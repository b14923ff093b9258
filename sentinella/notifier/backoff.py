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
"""How long to wait before another attempt, and when there is none: pure."""

#: Seconds that the longest wait between two attempts takes.
LONGEST = 600.0

#: Seconds that another end is left alone for at most, whatever it asks for.
LONGEST_ASKED = 3600.0


def wait_before(attempt, first):
    """Seconds before an attempt: twice as long each time, within limits.

    :param attempt: 2 for the second one
    :param first: seconds before the second one
    """
    # past 2 ** 30 it is the longest wait anyhow
    return min(first * 2.0 ** min(attempt - 2, 30), LONGEST)


def is_too_late(attempts, first, give_up_after):
    """Whether that was the last attempt.

    :param attempts: how many there were; they count, rather than the clock,
        so that what is asked for once more is given as many
    :param give_up_after: seconds
    """
    waited = 0.0
    for attempt in range(2, attempts + 2):
        waited += wait_before(attempt, first)
        if waited > give_up_after:
            return True
    return False
