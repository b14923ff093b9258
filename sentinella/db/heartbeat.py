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
"""Has a process tell the others that it lives."""

import os
import threading

from oslo_utils import uuidutils

from sentinella import exceptions
from sentinella import model
from sentinella import service
from sentinella.db import instances

#: Times to begin where others begin in the same moment.
ATTEMPTS = 5


class Heartbeat:
    """
    :param kind: InstanceKind; :param host: as `[DEFAULT] host` names it
    :param facts: function that returns what the process tells of itself
    """

    def __init__(self, database, kind, host, facts=dict):
        self._database = database
        self._facts = facts
        self._instance = model.Instance(
            uuid=uuidutils.generate_uuid(),
            kind=kind,
            host=host,
            number=0,
            pid=os.getpid(),
            started_at=0.0,
            beat_at=0.0,
            unbroken_since=0.0,
        )
        self._known = False
        self._turn = threading.Lock()
        self._loop = service.Loop('heartbeat', self.beat, instances.INTERVAL)

    def start(self):
        self._loop.start()

    def wake(self):
        """Beat now, for what it tells has changed."""
        self._loop.wake()

    def stop(self):
        """Say that it stops, so that nobody misses it."""
        self._loop.stop()
        with self._turn:
            if self._known:
                service.Guard('heartbeat').run(
                    self._write, lambda s: instances.end(s, self._instance)
                )

    def beat(self):
        with self._turn:
            if not self._beat():
                self._begin()

    def _beat(self):
        """
        :returns: whether it is known
        """
        if self._known:
            beaten = self._write(
                lambda s: instances.beat(s, self._instance, self._facts())
            )
            self._known = beaten is not None
            self._instance = beaten or self._instance
        return self._known

    def _begin(self):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._instance = self._write(
                    lambda s: instances.begin(s, self._instance)
                )
            except exceptions.Conflict:
                if attempt == ATTEMPTS:
                    raise
            else:
                self._known = True
                return

    def _write(self, work):
        return self._database.write(work)
