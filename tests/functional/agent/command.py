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

"""Runs sentinella-agent as a person does."""

import os
import subprocess
import sys


def run(*arguments, stdin='', **environment):
    """
    :param stdin: what is typed
    :param environment: variables, added to our own
    :returns: `subprocess.CompletedProcess`, of texts
    """
    return subprocess.run(
        [sys.executable, '-m', 'sentinella.cmd.agent', *map(str, arguments)],
        capture_output=True,
        text=True,
        input=stdin,
        timeout=120,
        env={**os.environ, 'PYTHONWARNINGS': 'ignore', **environment},
    )
