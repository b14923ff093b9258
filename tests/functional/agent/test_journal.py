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

"""Units of a real journal, read by the real journalctl."""

import os
import struct
import subprocess
import time
import uuid

import fixtures
from oslotest import base

from sentinella.agent.logs import follower
from sentinella.agent.logs import journal
from sentinella.agent.logs import recognise
from tests import processes

REMOTE = '/lib/systemd/systemd-journal-remote'
UNIT = 'devstack@n-cpu.service'
REQUEST = 'req-6f9eea36-aef6-4a8c-8ce4-e2e4e1b2a9ba'
BOOT = uuid.uuid4().hex


class Writer:
    """Writes entries into a journal, as systemd-journald would."""

    def __init__(self, directory):
        self._path = os.path.join(directory, 'test.journal')
        self._written = 0

    def write(self, *messages, unit=UNIT, pid=7, **fields):
        data = b''
        for message in messages:
            self._written += 1
            now = time.time_ns() // 1000
            fields = {
                '__REALTIME_TIMESTAMP': now,
                '__MONOTONIC_TIMESTAMP': now - 1_700_000_000_000_000,
                '_BOOT_ID': BOOT,
                '_SYSTEMD_UNIT': unit,
                '_PID': pid,
                'PRIORITY': 6,
                'N': self._written,
                **fields,
                'MESSAGE': message,
            }
            for name, value in fields.items():
                data += _field(name, str(value).encode())
            data += b'\n'
        subprocess.run(  # noqa: S603
            [REMOTE, f'--output={self._path}', '-'],
            input=data,
            check=True,
            capture_output=True,
        )


def _field(name, value):
    if b'\n' not in value:
        return b'%b=%b\n' % (name.encode(), value)
    size = struct.pack('<Q', len(value))
    return b'%b\n%b%b\n' % (name.encode(), size, value)


class TestJournal(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.writer = Writer(self.directory)
        self.writer.write('before anybody looked')
        self.forms = {UNIT: recognise.Form()}
        self.now = 0.0

    def journal(self, cursor=None, command=None):
        command = command or ('journalctl', f'--directory={self.directory}')
        found = journal.Journal(cursor, command)
        self.addCleanup(found.close)
        found.follow(self.forms)
        found.read(self.now)
        # until it has looked where the journal ends
        time.sleep(0.5)
        return found

    def read(self, reader, count):
        """Until so many records are there, and no more."""
        found = []

        def enough():
            self.now += 1
            found.extend(reader.read(self.now))
            return len(found) >= count and not reader.pending

        processes.wait_for(enough, 'the records are there')
        return [record for _, record in found]

    def test_what_is_written_is_read_and_kept_together(self):
        reader = self.journal()
        self.assertEqual('', reader.problem)
        self.writer.write(
            f'\x1b[01;33mWARNING nova.compute [\x1b[01;36mNone {REQUEST} '
            '\x1b[00;36madmin admin\x1b[01;33m] \x1b[01;35m\x1b[01;33mhm'
            '\x1b[00m',
            f'DEBUG nova.compute [None {REQUEST} admin admin] an ERROR',
            f'ERROR nova.compute [None {REQUEST} admin admin] broken',
            'ERROR nova.compute Traceback (most recent call last):',
            'ERROR nova.compute   File "a.py", line 1',
            'ERROR nova.compute KeyError',
        )
        warning, error = self.read(reader, 2)
        self.assertEqual(
            ('WARNING', 'nova.compute', 'hm', REQUEST, 7),
            (
                warning.level,
                warning.logger,
                warning.message,
                warning.request_id,
                warning.pid,
            ),
        )
        self.assertEqual(('ERROR', 'broken'), (error.level, error.message))
        self.assertEqual(3, len(error.traceback.splitlines()))

    def test_as_oslo_log_itself_writes_there(self):
        reader = self.journal()
        prefix = '2026-11-22 07:00:00.000 7 ERROR nova.compute'
        self.writer.write(
            f'{prefix} [{REQUEST} u p] broken\n'
            f'{prefix} Traceback (most recent call last):\n'
            f'{prefix} KeyError',
            LOGGER_NAME='nova.compute',
            LOGGER_LEVEL='ERROR',
            REQUEST_ID=REQUEST,
            PRIORITY=3,
        )
        (record,) = self.read(reader, 1)
        self.assertEqual('broken', record.message)
        self.assertEqual(REQUEST, record.request_id)
        self.assertEqual(2, len(record.traceback.splitlines()))

    def test_by_priority_where_nothing_else_tells(self):
        reader = self.journal()
        self.writer.write('too bad', PRIORITY=2, SYSLOG_IDENTIFIER='libvirtd')
        self.writer.write('of another unit', unit='a.service', PRIORITY=2)
        (record,) = self.read(reader, 1)
        self.assertEqual(
            ('CRITICAL', 'libvirtd', 'too bad'),
            (record.level, record.logger, record.message),
        )

    def test_goes_on_where_an_earlier_agent_had_got_to(self):
        reader = self.journal()
        self.writer.write('ERROR a [-] one')
        self.assertEqual(['one'], [r.message for r in self.read(reader, 1)])
        cursor = reader.position()
        reader.close()
        words = 'two three four five six seven eight nine ten more'.split()
        lines = [f'ERROR a [-] {a} {b}' for a in words for b in words[:3]]
        self.writer.write(*lines, 'INFO a [-] fine')
        reader = self.journal(cursor)
        found = self.read(reader, len(lines))
        self.assertEqual(
            [line[12:] for line in lines], [r.message for r in found]
        )

    def test_what_was_written_before_it_could_be_read(self):
        """From when it was first to be followed, whenever that works."""
        reader = self.journal(command=('no-such-journalctl',))
        self.writer.write('ERROR a [-] one')
        reader._command = ('journalctl', f'--directory={self.directory}')
        self.now = journal.AGAIN
        self.assertEqual(['one'], [r.message for r in self.read(reader, 1)])

    def test_what_was_not_given_is_read_anew(self):
        reader = self.journal()
        before = reader.position()
        self.writer.write('ERROR a [-] one')
        processes.wait_for(
            lambda: reader.read(1.0) or reader.pending, 'it was read'
        )
        if reader.pending:
            self.assertEqual(before, reader.position())

    def test_without_journalctl(self):
        reader = self.journal(command=('no-such-journalctl',))
        self.assertEqual('no-such-journalctl is not installed', reader.problem)

    def test_one_that_fails_is_started_again_in_a_while(self):
        reader = self.journal(
            command=('journalctl', '--directory=/no/such/place')
        )
        processes.wait_for(
            lambda: reader.read(1.0) or reader.problem, 'it says so'
        )
        self.assertIn('/no/such/place', reader.problem)
        self.assertEqual([], reader.read(2.0))
        reader._command = ('journalctl', f'--directory={self.directory}')
        reader.read(1.0 + journal.AGAIN)
        time.sleep(0.5)
        self.writer.write('ERROR a [-] one')
        self.now = 100.0
        self.assertEqual(1, len(self.read(reader, 1)))
        self.assertEqual('', reader.problem)

    def test_beside_files(self):
        """Positions, counts and services are as those of files."""
        logs = follower.Logs(50)
        logs._journal._command = (
            'journalctl',
            f'--directory={self.directory}',
        )
        files = {'nova-compute': (f'journal:{UNIT}',)}
        logs.follow(files)
        logs.read(100.0, 1.0)
        time.sleep(0.5)
        self.assertEqual({'nova-compute'}, logs.followed())
        self.assertEqual(0, logs.take('nova-compute').errors)
        self.writer.write('ERROR a [-] one')

        def told():
            logs.read(101.0, 2.0)
            return logs.counted()

        processes.wait_for(told, 'it was read')
        self.assertEqual(1, logs.take('nova-compute').errors)
        logs.flush(102.0)
        self.assertIn('journal', logs.positions())
