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
"""Who may send now: room for messages that are under way.

A slow channel must not keep the others waiting: it sends one message at a
time, and all slow ones together have half of the room.
"""

import collections

#: Messages under way at once, in all and to one channel. Those that arrived
#: and are not noted as sent yet go again when their evaluator is killed, so
#: one channel has few.
MOST = 64
PER_CHANNEL = 2

#: Seconds after which a message makes its channel a slow one.
SLOW = 1.0


class Room:
    """For one thread; times are seconds that never go back.

    A channel is slow while its last message was, or while one is.
    """

    def __init__(self):
        self._since = collections.defaultdict(list)
        self._slow = set()

    def __len__(self):
        """Messages that are under way."""
        return sum(map(len, self._since.values()))

    def begin(self, channel_id, now):
        self._since[channel_id].append(now)

    def end(self, channel_id, since, now):
        """
        :param since: the `now` that it was begun at
        """
        times = self._since[channel_id]
        times.remove(since)
        if not times:
            del self._since[channel_id]
        if now - since > SLOW:
            self._slow.add(channel_id)
        else:
            self._slow.discard(channel_id)

    def free(self, channel_id, now):
        """
        :returns: how many messages to a channel may be begun
        """
        under_way = len(self._since.get(channel_id, ()))
        free = min(MOST - len(self), PER_CHANNEL - under_way)
        if not self._is_slow(channel_id, now):
            return max(0, free)
        taken = sum(
            len(times)
            for other, times in self._since.items()
            if self._is_slow(other, now)
        )
        return max(0, min(free, 1 - under_way, MOST // 2 - taken))

    def full(self, now):
        """
        :returns: ids of the channels that may begin no more
        """
        known = self._since.keys() | self._slow
        return {id_ for id_ in known if self.free(id_, now) < 1}

    def _is_slow(self, channel_id, now):
        if channel_id in self._slow:
            return True
        since = self._since.get(channel_id)
        return bool(since) and now - since[0] > SLOW
