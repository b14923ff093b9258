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

"""The files beside the program that a package installs."""

import json
import os
import pathlib
import re
import subprocess

from oslotest import base

from sentinella.cmd import agent
from tests import processes

PACKAGING = pathlib.Path(__file__).parents[3] / 'packaging'
UNIT = PACKAGING / 'sentinella-agent.service'

#: What `systemd-analyze security` may say at most: 10 is exposed, 0 is safe.
EXPOSURE = 3.0


class TestUnit(base.BaseTestCase):
    def security(self, *words):
        return subprocess.run(
            ['systemd-analyze', 'security', '--offline=true', *words, UNIT],
            capture_output=True,
            text=True,
        )

    def test_it_is_confined(self):
        done = self.security('--json=short', '--threshold=30')
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        shown = self.security('--no-pager').stdout
        found = re.search(r'Overall exposure level .*: ([0-9.]+)', shown)
        self.assertLess(float(found[1]), EXPOSURE)

    def test_what_it_must_be_able_to_do(self):
        done = self.security('--json=short')
        fields = {e['json_field']: e for e in json.loads(done.stdout)}
        # others' processes are what it is about
        self.assertFalse(fields['ProtectProc']['set'])
        self.assertTrue(fields['NoNewPrivileges']['set'])
        self.assertTrue(fields['CapabilityBoundingSet_CAP_SYS_PTRACE']['set'])

    def test_nothing_in_it_is_misspelt(self):
        done = subprocess.run(
            ['systemd-analyze', 'verify', UNIT], capture_output=True, text=True
        )
        # the program is not installed, or it is
        said = [
            line
            for line in done.stderr.splitlines()
            if '/usr/bin/sentinella-agent is not executable' not in line
        ]
        self.assertEqual([], [ln for ln in said if UNIT.name in ln])


class TestCompletion(base.BaseTestCase):
    def complete(self, *words):
        """What bash offers for the last word."""
        script = (
            f'source {PACKAGING}/sentinella-agent.bash-completion\n'
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
            '_sentinella_agent\n'
            'printf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        done = subprocess.run(
            ['bash', '-c', script, 'bash', 'sentinella-agent', *words],
            capture_output=True,
            text=True,
            # it asks the program for the collectors
            env={
                **os.environ,
                'PATH': f'{processes.BIN}:{os.environ["PATH"]}',
                'PYTHONWARNINGS': 'ignore',
            },
        )
        self.assertEqual('', done.stderr)
        return set(done.stdout.split())

    def test_every_command(self):
        found = self.complete('')
        self.assertEqual(set(agent.COMMANDS), found - {
            '--config-file', '--config-dir', '--help', '--version'
        })  # fmt: skip
        self.assertEqual({'discover', 'disable'}, self.complete('dis'))
        self.assertEqual(
            {'check', 'clear'}, self.complete('--config-file', 'x', 'c')
        )

    def test_every_option(self):
        for name in agent.COMMANDS:
            done = subprocess.run(
                [processes.BIN / 'sentinella-agent', name, '--help'],
                capture_output=True,
                text=True,
            )
            offered = self.complete(name, '--')
            known = set(re.findall(r'--[a-z][a-z-]+', done.stdout))
            self.assertTrue(offered, name)
            self.assertEqual(set(), offered - known - {'--help'}, name)
            if name != 'run':
                usage = done.stdout.partition('\n\n')[0]
                listed = set(re.findall(r'--[a-z][a-z-]+', usage))
                self.assertEqual(set(), listed - offered, name)

    def test_values(self):
        self.assertEqual({'json'}, self.complete('list', '--format', 'j'))
        self.assertEqual({'host'}, self.complete('enable', 'hos'))
        self.assertIn('/etc/', {
            f'{p}/' for p in self.complete('check', '--config-dir', '/et')
        })  # fmt: skip
