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

"""Nothing of ours runs on eventlet.

oslo.service still depends on it and futurist looks for it; neither finds it.
"""

import os
import pathlib
import subprocess
import sys

from oslotest import base
from oslotest import createfile

ROOT = pathlib.Path(__file__).parents[2] / 'sentinella'

CHECK = """
import {module}
import sys
from oslo_service import backend

chosen = backend.get_backend_type()
assert chosen is backend.BackendType.THREADING, f'{{chosen}} was selected'
found = [name for name in sys.modules if name.startswith('eventlet.')]
assert not found, f'{{found}} were imported'
assert sys.modules.get('eventlet') is None, 'eventlet was imported'
"""


def entry_modules():
    """All modules that a process of ours begins with."""
    return sorted(
        f'sentinella.{room}.{path.stem}'
        for room in ('cmd', 'wsgi')
        for path in (ROOT / room).glob('[!_]*.py')
    )


#: The API is made when its module is imported.
CONFIG = """
[database]
connection = sqlite:////nowhere/sentinella.db
"""


class NoEventletTest(base.BaseTestCase):
    def test_there_is_something_to_check(self):
        self.assertIn('sentinella.cmd.conductor', entry_modules())

    def test_no_process_imports_it(self):
        config = self.useFixture(
            createfile.CreateFileWithContent('sentinella', CONFIG, '.conf')
        )
        environment = {
            **os.environ,
            'OS_SENTINELLA_CONFIG_FILE': config.path,
        }
        running = {
            module: subprocess.Popen(
                [sys.executable, '-W', 'ignore', '-c',
                 CHECK.format(module=module)],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
            )
            for module in entry_modules()
        }  # fmt: skip
        for module, process in running.items():
            said, _ = process.communicate()
            self.assertEqual(0, process.returncode, f'{module}:\n{said}')
