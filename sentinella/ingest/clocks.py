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

"""Agents' clocks, and ours."""

import dataclasses

#: Seconds that an agent's clock may differ before its times are shifted:
#: less than this is no worse than the way to us, and shifting would only
#: make neighbours' samples look disordered.
TOLERANCE = 2.0

#: Seconds that a measured offset must change by to be kept. Keeping it still
#: makes a re-sent frame land on the time that it had before.
STEP = 1.0

#: Seconds that a frame may be ahead of our clock: more is no error of
#: measurement. Evaluators count what is ahead by as much as of now.
AHEAD = 5.0

#: Seconds that a report may take to us: what differs by more has been set.
LONGEST_WAY = 60.0


def offset(server, sent_at, now):
    """The agent's clock less ours; the one kept before while it still does.

    :param sent_at: the agent's clock when it sent; 0 where it did not say
    """
    measured = sent_at - now if sent_at else 0.0
    if abs(measured - server.clock_offset) < STEP:
        return server.clock_offset
    return measured


def settle(server, report, now):
    """Whose times a report tells, where its agent's clock was set since the
    one before: what it saw before that has the offset that is kept, what it
    saw after it the other. Nothing was seen in the future.

    :param report: which was accepted
    :returns: the Server with the offset that this report's times have, and
        the report; without its frame, where neither can be true
    """
    if report.frame is None:
        return server, report
    measured = offset(server, report.sent_at, now)
    several = [
        dataclasses.replace(server, clock_offset=one)
        for one in (server.clock_offset, measured)
    ]
    at = report.frame.at
    true = [one for one in several if shift(one, at) <= now + AHEAD]
    if not true:
        return server, dataclasses.replace(
            report, frame=None, dropped=report.dropped + 1
        )
    if abs(measured - server.clock_offset) <= LONGEST_WAY:
        return true[0], report
    return max(true, key=lambda one: shift(one, at)), report


def shift(server, at):
    """Our time for an agent's."""
    if abs(server.clock_offset) < TOLERANCE:
        return at
    return round(at - server.clock_offset, 3)


def shift_all(server, things, *attributes):
    """The same things with their times shifted; mostly the very same. One
    that is 0 is none."""
    if abs(server.clock_offset) < TOLERANCE:
        return things
    return [
        dataclasses.replace(
            thing,
            **{
                name: shift(server, value)
                for name in attributes
                if (value := getattr(thing, name))
            },
        )
        for thing in things
    ]
