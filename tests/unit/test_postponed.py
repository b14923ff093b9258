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

import subprocess
import sys

from oslotest import base

#: In a process of its own: here they may have been imported long ago.
CHECK = """
import sys
from sentinella import postponed

postponed.postpone('asyncio', 'xmlrpc.client', 'sys', 'no_such_module')
assert sys.modules['sys'] is sys

import asyncio
import xmlrpc.client
held = asyncio
assert 'asyncio.events' not in sys.modules
assert 'http.client' not in sys.modules

import asyncio.events
from xmlrpc.client import DateTime
assert held.Lock is sys.modules['asyncio'].Lock is asyncio.events.asyncio.Lock \
    if hasattr(asyncio.events, 'asyncio') else True
assert DateTime is sys.modules['xmlrpc.client'].DateTime
assert asyncio.run(asyncio.sleep(0, 'done')) == 'done'

import no_such_module
try:
    no_such_module.something
except ModuleNotFoundError as error:
    print(error)
"""


class TestPostponed(base.BaseTestCase):
    def test_it_is_imported_by_who_looks_into_it(self):
        done = subprocess.run(
            [sys.executable, '-c', CHECK], capture_output=True, text=True
        )
        self.assertEqual(
            "No module named 'no_such_module'\n", done.stdout, done.stderr
        )

    def test_a_process_of_ours_does_without(self):
        done = subprocess.run(
            [
                sys.executable,
                '-W',
                'ignore',
                '-c',
                'import sys, sentinella.cmd.agent.run;'
                'print("asyncio.events" in sys.modules)',
            ],
            capture_output=True,
            text=True,
        )
        self.assertEqual('False\n', done.stdout, done.stderr)
