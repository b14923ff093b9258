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

"""Our real processes, as an operator runs them, for tests."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import fixtures

BIN = pathlib.Path(sys.executable).parent

#: Seconds that a process may take for what it surely does at last.
DEADLINE = 60.0


def wait_for(ask, what, seconds=DEADLINE):
    """
    :param ask: called until it returns something true
    :returns: that
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.005)
    raise AssertionError(f'{what}: not within {seconds:.0f} s')


class ProcessFixture(fixtures.Fixture):
    """One of our console scripts, running.

    :param script: such as `sentinella-conductor`
    :param config_file: its only configuration
    :ivar log: file that holds all that it prints
    """

    def __init__(self, script, config_file, directory):
        self._command = [str(BIN / script), '--config-file', str(config_file)]
        self.log = pathlib.Path(directory) / f'{script}-{id(self)}.log'

    def _setUp(self):
        self.start()
        self.addCleanup(self.kill)

    def start(self):
        with open(self.log, 'ab') as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
            )

    @property
    def pid(self):
        return self._process.pid

    @property
    def returncode(self):
        """None while it runs."""
        return self._process.poll()

    def kill(self):
        """SIGKILL it with its workers, as the kernel does out of memory."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def terminate(self):
        self._process.terminate()
        return self._process.wait(DEADLINE)
