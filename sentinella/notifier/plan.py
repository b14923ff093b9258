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
"""What goes to a channel now, and what waits: pure, `now` is an argument.

- Of one alarm, what came later waits until what came before is settled.
- What is not severe enough waits for the end of quiet hours, then goes
  together; unless something of the same alarm that is severe enough follows,
  which must not wait for it.
- A recovery goes only where its alarm was sent.
- A channel takes so many messages a minute, and no more. Where there would
  be more than it wants to have one by one, what waits becomes one message,
  and the next one collects for a while.
- What was one message before is that one message again.
- Where the other end has a state of its own for each alarm, nothing goes
  together: it would not hear of what a digest tells.
"""

import collections
import dataclasses

from sentinella import model
from sentinella.notifier import quiet

#: Seconds in which messages to a channel are counted.
MINUTE = 60.0

#: Messages of which it is remembered when they were begun. Of a channel that
#: takes more in a minute, as many are counted in a part of it.
REMEMBERED = 240

#: Seconds for which what waits is collected after the last message.
COLLECT = 15.0

#: Notifications in one digest.
MOST_IN_DIGEST = 500

#: Seconds between two looks at what waits, for each one before it: it is
#: looked at when that is settled, but that may have been in this very moment.
LOOK_AGAIN = 1.0
LOOK_AGAIN_AT_MOST = 30.0

#: Why something is never sent.
DISABLED = 'the channel was disabled'
NOT_TOLD = 'the alarm that it ends was not sent there'

ORDER, RATE, DIGEST, QUIET, RETRY, RECEIVER = model.WaitsFor


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """Notifications that go as one message.

    :ivar digest_id: UUID that it had before, or None
    """

    ids: tuple[int, ...]
    digest_id: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """
    :ivar ids: of notifications; :ivar until: when they are looked at again
    """

    ids: tuple[int, ...]
    until: float
    why: model.WaitsFor


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """
    :ivar send: Messages to send now; :ivar waits: Waits
    :ivar skips: ids of what is never sent, by the reason
    :ivar release: ids of alarms of which nothing is to be quiet any more
    :ivar begun: when the channel's last messages were begun, by now
    """

    send: tuple[Message, ...] = ()
    waits: tuple[Wait, ...] = ()
    skips: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    release: frozenset[int] = frozenset()
    begun: tuple[float, ...] = ()


def plan(rows, channel, turn, now, free, digests=True):
    """
    :param rows: those of a channel that are due, the oldest first; where
        they are many, `MOST_IN_DIGEST` are enough
    :param turn: has `not_before` and `begun`
    :param free: messages that may be begun, at least 1
    :param digests: whether many may become one
    :returns: Plan
    """
    ids = tuple(row.id for row in rows)
    if not channel.enabled:
        return Plan(skips={DISABLED: ids}, begun=turn.begun)
    if turn.not_before > now:
        wait = Wait(ids, turn.not_before, RECEIVER)
        return Plan(waits=(wait,), begun=turn.begun)
    making = _Making(channel, turn, now, free)
    known = [row for row in rows if row.digest_id]
    for digest_id in dict.fromkeys(row.digest_id for row in known):
        making.send([r for r in known if r.digest_id == digest_id], digest_id)
    fresh = [row for row in rows if not row.digest_id]
    ready = making.ordered(making.loud(fresh))
    if digests:
        making.choose(ready)
    else:
        making.send_each(ready)
    return making.made()


def is_many(channel, turn, now, count):
    """Whether so many messages more would be more than a channel wants to
    have one by one."""
    _, window = _bound(channel.digest_over)
    a_minute = len(_within(turn.begun, now, window)) * MINUTE / window
    return count + a_minute > channel.digest_over


def next_send(channel, turn, now):
    """When a channel takes its next message: `now`, or later."""
    if channel.rate is None:
        return now
    most, window = _bound(channel.rate)
    begun = _within(turn.begun, now, window)
    return now if len(begun) < most else begun[-most] + window


class _Making:
    """A Plan that is being made."""

    def __init__(self, channel, turn, now, free):
        self._channel = channel
        self._turn = turn
        self._now = now
        self._free = free
        self._send = []
        self._waits = collections.defaultdict(list)
        self._skips = collections.defaultdict(list)
        self._release = frozenset()

    def loud(self, rows):
        """Those that do not wait for the end of quiet hours."""
        end = quiet.until(self._channel.quiet, self._now)
        if end is None:
            return rows
        severe = [row for row in rows if self._is_severe(row)]
        alarms = {row.alarm_id for row in severe}
        self._release = frozenset(r.alarm_id for r in severe if r.earlier)
        still = [row for row in rows if row.alarm_id not in alarms]
        self._wait(still, end, QUIET)
        return [row for row in rows if row.alarm_id in alarms]

    def _is_severe(self, row):
        if row.resent or row.attempts:
            return True
        return not quiet.covers(self._channel.quiet, row.severity)

    def ordered(self, rows):
        """Those before which nothing of the same alarm is, but for others
        of them."""
        ahead, spoken = collections.Counter(), set()
        ready = []
        for row in rows:
            if row.earlier > ahead[row.alarm_id]:
                self._wait_for_earlier(row)
                continue
            ahead[row.alarm_id] += 1
            if _is_pointless(row, row.alarm_id in spoken):
                self._skips[NOT_TOLD].append(row.id)
                continue
            spoken.add(row.alarm_id)
            ready.append(row)
        return ready

    def choose(self, rows):
        """What goes one by one, and what together."""
        asked = [row for row in rows if row.resent and not row.earlier]
        alarms = {row.alarm_id for row in asked}
        rest = []
        for row in rows:
            if row in asked:
                self._send_alone(row)
            elif row.alarm_id in alarms:
                self._wait_for_earlier(row)
            else:
                rest.append(row)
        woken = sum(row.waits_for == QUIET for row in rest)
        many = is_many(self._channel, self._turn, self._now, len(rest))
        if len(rest) > 1 and woken > 1:
            self.send(rest[:MOST_IN_DIGEST])
        elif many:
            self._collect(rest)
        else:
            self.send_each(rest)

    def send_each(self, rows):
        for row in rows:
            self._send_alone(row)

    def _collect(self, rows):
        due = max(self._turn.begun, default=0.0) + COLLECT
        if due > self._now and len(rows) < MOST_IN_DIGEST:
            self._wait(rows, due, DIGEST)
        elif len(rows) == 1:
            self._send_alone(*rows)
        else:
            self.send(rows[:MOST_IN_DIGEST])

    def _send_alone(self, row):
        if row.earlier:
            self._wait_for_earlier(row)
        else:
            self.send([row])

    def send(self, rows, digest_id=None):
        """As one message, if there is room for it."""
        due = next_send(self._channel, self._turn, self._now)
        if due > self._now:
            self._wait(rows, due, RATE)
        elif len(self._send) < self._free:
            ids = tuple(row.id for row in rows)
            self._send.append(Message(ids, digest_id))
            begun = (*self._turn.begun, self._now)
            self._turn = dataclasses.replace(self._turn, begun=begun)

    def _wait_for_earlier(self, row):
        if row.alarm_id not in self._release:
            wait = max(row.wait or 0.0, LOOK_AGAIN * row.earlier)
            wait = min(wait, LOOK_AGAIN_AT_MOST)
            self._wait([row], self._now + wait, ORDER)

    def _wait(self, rows, until, why):
        self._waits[until, why] += [row.id for row in rows]

    def made(self):
        return Plan(
            send=tuple(self._send),
            waits=tuple(
                Wait(tuple(ids), until, why)
                for (until, why), ids in self._waits.items()
                if ids
            ),
            skips={why: tuple(ids) for why, ids in self._skips.items()},
            release=self._release,
            begun=_remembered(self._channel, self._turn.begun, self._now),
        )


def _is_pointless(row, spoken):
    """Whether it is the recovery of what was not told.

    :param spoken: whether something about its alarm goes ahead of it
    """
    if row.kind != model.NotificationKind.RECOVERY or row.resent:
        return False
    return not (row.told or spoken)


def _bound(a_minute):
    """
    :returns: so many, in so many seconds
    """
    most = min(a_minute, REMEMBERED)
    return most, MINUTE * most / a_minute if a_minute else MINUTE


def _within(begun, now, window):
    return [at for at in begun if at > now - window]


def _remembered(channel, begun, now):
    """As many as are needed, and always the last one."""
    most, window = _bound(channel.digest_over)
    if channel.rate is not None:
        rate, rate_window = _bound(channel.rate)
        most, window = max(most, rate), max(window, rate_window)
    kept = _within(begun, now, window)[-most:] if most else []
    return tuple(kept or begun[-1:])
