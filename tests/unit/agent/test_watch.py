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

import os
import subprocess
import sys

import fixtures
from oslotest import base

from sentinella.agent.node import proc
from sentinella.agent.node import watch


class TestWatcher(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.watcher = watch.Watcher()
        self.addCleanup(self.watcher.close)

    def child(self):
        process = subprocess.Popen(
            [sys.executable, '-c', 'input()'], stdin=subprocess.PIPE
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.kill)
        return process, (process.pid, proc.stat(process.pid).start)

    def ended(self):
        found = {}
        while not found:
            found = self.watcher.wait(20.0)
        return found

    def test_an_end_is_seen_once(self):
        process, key = self.child()
        self.assertTrue(self.watcher.add(key))
        self.assertTrue(self.watcher.add(key))
        self.assertEqual({}, self.watcher.wait(0.0))
        before = proc.ticks_now()
        process.kill()
        found = self.ended()
        self.assertEqual({key}, set(found))
        self.assertGreaterEqual(found[key], before)
        self.assertEqual({}, self.watcher.wait(0.0))
        self.assertFalse(self.watcher.add(key))

    def test_another_process_with_the_pid_is_not_taken_for_it(self):
        _, (pid, start) = self.child()
        self.assertFalse(self.watcher.add((pid, start - 1)))
        self.assertFalse(self.watcher.add((1 << 23, 1)))

    def test_woken_by_another_thread(self):
        self.watcher.wake()
        self.assertEqual({}, self.watcher.wait(20.0))

    def test_without_pidfds(self):
        def refuse(pid):
            raise PermissionError(1, 'Operation not permitted')

        logger = self.useFixture(fixtures.FakeLogger())
        self.useFixture(fixtures.MonkeyPatch('os.pidfd_open', refuse))
        (one, key), (_, other) = self.child(), self.child()
        self.assertTrue(self.watcher.add(key))
        self.assertTrue(self.watcher.add(other))
        self.assertEqual(1, logger.output.count('pidfds'))
        self.assertEqual({}, self.watcher.wait(0.0))
        one.kill()
        # a zombie has ended, though its parent has not asked yet
        os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
        self.assertEqual({key}, set(self.watcher.wait(0.0)))
