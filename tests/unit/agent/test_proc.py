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

"""Whatever /proc holds: that it is read, or passed over."""

import os
import subprocess
import sys

import fixtures
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies
from oslotest import base

from sentinella.agent.node import identify
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.knowledge import services

CATALOG = services.load()
#: As the kernel writes it.
STAT = (
    b'%d (%s) S %d 1 1 0 -1 0 1 0 0 0 3 4 0 0 20 0 5 0 600 1 7 '
    b'18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0'
)

files = strategies.fixed_dictionaries(
    {},
    optional={
        name: strategies.binary(max_size=300)
        | strategies.sampled_from(
            [
                STAT % (7, b'a) S (', 1),
                b'(',
                b'gunicorn: master [nova-api]\0\0\0',
                b'python3\0-c\0',
                b'uwsgi\0--ini\0',
                b'x' * 200000,
                b'0::/system.slice/\xff.service',
                b'Uid:\tx',
            ]
        )
        for name in ('stat', 'cmdline', 'cgroup', 'environ', 'status')
    },
)


class ProcFixture(fixtures.TempDir):
    """A /proc of our own."""

    def _setUp(self):
        super()._setUp()
        self.addCleanup(setattr, proc, 'ROOT', proc.ROOT)
        proc.ROOT = self.path

    def add(self, pid, **contents):
        directory = os.path.join(self.path, str(pid))
        os.makedirs(directory)
        for name, content in contents.items():
            with open(os.path.join(directory, name), 'wb') as file:
                file.write(content)


class TestGarbage(base.BaseTestCase):
    @settings(max_examples=200, deadline=None)
    @given(
        strategies.dictionaries(
            strategies.sampled_from(['1', '7', '8', 'self', '\u0663', 'net']),
            files,
        )
    )
    def test_stops_nothing(self, processes):
        with ProcFixture() as root:
            for name, contents in processes.items():
                root.add(name, **contents)
            scanner = scan.Scanner(identify.Identifier(CATALOG))
            for now in (0.0, 1.0, 100.0):
                table = scanner.scan(now)
                scan.assemble(table, dict, CATALOG)
            for pid in (1, 7, 8):
                proc.uid(pid)
                proc.environ(pid)
                proc.sockets(pid)
                proc.appended_files(pid, bool)

    @given(strategies.lists(strategies.tuples(
        strategies.integers(1, 5),
        strategies.integers(0, 5),
        strategies.sampled_from(
            [
                'nova-api',
                '(wsgi:keystone-pu',
                'apache2 -k start',
                'nova-conductor: ServiceWrapper worker(0)',
                'gunicorn: worker [nova-api]',
                'python3 /v/bin/gunicorn',
                'ovsdb-server: monitoring pid 3 (healthy)',
                'ls',
            ]
        ),
    )))  # fmt: skip
    def test_nor_do_circles(self, rows):
        identifier = identify.Identifier(CATALOG)
        table = {}
        for pid, ppid, title in rows:
            process = proc.Process(pid + (1 << 23), 1, ppid + (1 << 23), title)
            table[process.pid] = process, identifier.identify(process)
        for found in scan.assemble(table, dict, CATALOG):
            self.assertNotIn(found.master, found.workers)

    @given(strategies.text())
    def test_any_title_is_read(self, text):
        title = identify.read_title(text)
        self.assertIn(title.rewritten, (True, False))
        # what passes the slow test passes the fast one
        self.assertEqual(identify.is_server(title), identify.serves(text))


class TestProcesses(base.BaseTestCase):
    def test_a_name_of_parentheses(self):
        with ProcFixture() as root:
            root.add(7, stat=STAT % (7, b'a) S 9 (b', 1), cmdline=b'a\0b\0\0')
            self.assertEqual(
                proc.Stat(7, 'S', 1, 7, 5, 600, 7 * proc.PAGE), proc.stat(7)
            )
            self.assertEqual(proc.Process(7, 600, 1, 'a b'), proc.process(7))

    def test_a_huge_command_line_is_cut(self):
        with ProcFixture() as root:
            root.add(7, stat=STAT % (7, b'a', 1), cmdline=b'x' * (1 << 20))
            self.assertEqual(1 << 16, len(proc.process(7).title))

    def test_a_process_that_gave_up_its_rights(self):
        # root may become anybody, anybody else only what it is
        uid = os.getuid() or 65534
        sleeper = subprocess.Popen(
            [
                sys.executable,
                '-c',
                f'import os, time; os.setuid({uid});'
                'print("now", flush=True); time.sleep(60)',
            ],
            stdout=subprocess.PIPE,
        )
        self.addCleanup(sleeper.wait)
        self.addCleanup(sleeper.kill)
        self.addCleanup(sleeper.stdout.close)
        sleeper.stdout.readline()
        self.assertEqual(uid, proc.uid(sleeper.pid))

    def test_a_pulse(self):
        before = proc.pulse()
        subprocess.run(['true'])
        self.assertNotEqual(before, proc.pulse())
        with ProcFixture():
            self.assertIsNone(proc.pulse())
