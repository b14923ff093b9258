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

"""Small files that the agent keeps in its state_path."""

import json
import os
import threading

from oslo_log import log

from sentinella import exceptions
from sentinella import service

LOG = log.getLogger(__name__)


class State:
    """
    :param path: directory; made if need be
    :raises InvalidConfiguration: it can't be written to
    """

    def __init__(self, path):
        self.path = path
        self._saved = {}
        try:
            os.makedirs(path, mode=0o750, exist_ok=True)
        except OSError as error:
            raise exceptions.InvalidConfiguration(
                f'state_path {path}: {error.strerror}'
            )
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise exceptions.InvalidConfiguration(
                f'state_path {path}: Permission denied'
            )

    def load(self, name):
        """
        :returns: what :meth:`save` was given; {} where there is nothing that
            can be read
        """
        path = os.path.join(self.path, name)
        try:
            with open(path) as file:
                data = json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            LOG.warning('%s is not used: %s', path, error)
            return {}
        return data if isinstance(data, dict) else {}

    def save(self, name, data, durably=False):
        """Replace a file, whole or not at all, if it is to be another.

        :param durably: have it survive the loss of power from now on
        :raises OSError: the disk is full, say
        """
        self.write(name, json.dumps(data), durably)

    def write(self, name, text, durably=False):
        """As :meth:`save`, of what is JSON already."""
        path = os.path.join(self.path, name)
        if self._saved.get(name) == text:
            return
        with open(f'{path}.new', 'w') as file:
            self.hand_over(file.fileno())
            file.write(text)
            if durably:
                file.flush()
                os.fsync(file.fileno())
        os.replace(f'{path}.new', path)
        if durably:
            self.sync()
        self._saved[name] = text

    def hand_over(self, file):
        """Have what root makes belong to whom the directory belongs to, the
        user that the agent runs as.

        :param file: its number, open
        """
        owner = os.stat(self.path)
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.fchown(file, owner.st_uid, owner.st_gid)

    def sync(self):
        """Have files that were made or replaced survive the loss of power.

        :raises OSError:
        """
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


class Saver:
    """Saves in a thread of its own.

    To replace a file waits for the disk: 90 ms where ext4 was idle, and as
    long as it likes where the disk is in trouble, which is when nobody who
    watches may wait.

    :param state: a :class:`State`
    """

    #: Seconds after which it looks though nobody woke it.
    IDLE = 60.0

    def __init__(self, state):
        self._state = state
        self._lock = threading.Lock()
        self._waiting = {}
        self._loop = service.Loop('agent-state', self._save, self.IDLE)

    def start(self):
        self._loop.start()

    def stop(self):
        """End, once all is saved that can be."""
        self._loop.stop()
        try:
            self._save()
        except exceptions.SentinellaError as error:
            LOG.error('%s', error)

    def save(self, name, data):
        """Have a file replaced soon; of several under way, by the last."""
        text = json.dumps(data)
        with self._lock:
            self._waiting[name] = text
        self._loop.wake()

    def _save(self):
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for name, text in waiting.items():
            try:
                self._state.write(name, text)
            except OSError as error:
                raise exceptions.SentinellaError(
                    f'{name} was not saved: {error.strerror}'
                )
