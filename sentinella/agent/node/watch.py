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

"""Sees processes end, in well under a millisecond and without polling."""

import contextlib
import os
import selectors

from oslo_log import log

from sentinella.agent.node import proc

LOG = log.getLogger(__name__)


class Watcher:
    """Waits for the end of processes, each named by (pid, start).

    A pidfd becomes readable when its process ends, and needs no rights on
    it. Where there are none (an old kernel, a seccomp filter), processes are
    looked at whenever :meth:`wait` is called.
    """

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._pidfds = {}
        self._polled = set()
        self._said = False
        self._alive_at = proc.ticks_now()
        flags = os.O_NONBLOCK | os.O_CLOEXEC
        self._wait_end, self._wake_end = os.pipe2(flags)
        self._selector.register(self._wait_end, selectors.EVENT_READ)

    def add(self, key):
        """Watch a process.

        :returns: False where it ended before that
        """
        pid, start = key
        if key in self._pidfds or key in self._polled:
            return True
        pidfd = self._open(pid)
        # the pid may have gone to another process just before
        found = proc.stat(pid)
        if found is None or found.start != start or found.state in 'ZX':
            if pidfd is not None:
                os.close(pidfd)
            return False
        if pidfd is None:
            self._polled.add(key)
        else:
            self._pidfds[key] = pidfd
            self._selector.register(pidfd, selectors.EVENT_READ, key)
        return True

    def _open(self, pid):
        try:
            return os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        except (OSError, AttributeError) as error:
            if not self._said:
                LOG.warning(
                    'Processes can not be watched through pidfds (%s), so '
                    'their end is seen once in a watch_interval',
                    error,
                )
            self._said = True
            return None

    def remove(self, key):
        self._polled.discard(key)
        pidfd = self._pidfds.pop(key, None)
        if pidfd is not None:
            self._selector.unregister(pidfd)
            os.close(pidfd)

    def wait(self, timeout):
        """Wait for an end, for :meth:`wake`, or for so many seconds.

        :returns: {process that ended: when, in ticks}; they are not watched
            any longer
        """
        before = proc.ticks_now()
        events = self._selector.select(max(0.0, timeout))
        after = proc.ticks_now()
        # what was ready at once may have been so since the last time
        ended_at = after if after > before else self._alive_at
        ended = {}
        for found, _ in events:
            if found.data is None:
                os.read(self._wait_end, 4096)
            else:
                ended[found.data] = ended_at
        for key in self._polled:
            if not _lives(key):
                ended[key] = self._alive_at
        for key in ended:
            self.remove(key)
        self._alive_at = after
        return ended

    def wake(self):
        """Have :meth:`wait` return; from any thread."""
        # a full pipe wakes as well
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_end, b'!')

    def close(self):
        for key in list(self._pidfds):
            self.remove(key)
        self._selector.close()
        os.close(self._wake_end)
        os.close(self._wait_end)


def _lives(key):
    found = proc.stat(key[0])
    return found is not None and found.start == key[1] and found.state != 'Z'
