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

import json
import os
import tempfile

import fixtures
import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import wire
from sentinella.agent.logs import follower
from sentinella.agent.logs import layout
from sentinella.agent.logs import recognise
from sentinella.agent.logs import tail


WRITTEN = b'2026-11-22 07:00:00.816 11 CRITICAL a.b [-] the last one'
#: Lines that are nearly such as some format has.
LINE = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda start, rest: start + rest,
        st.sampled_from(
            [
                b'2026-11-22 07:00:00.816 11 ERROR a.b [-] ',
                b'2026-11-22 07:00:00.816 11 ERROR a.b ',
                b'2026-99-99 07:00:00.816 99999999999 WARNING a.b [req-',
                b'{"message": "\\ud800", "created": 1.0, "process": 5, '
                b'"name": "\\ud800", "levelname": "ERROR"}',
                b'{"message": ["levelname": "ERROR"',
                b'{"level":"warn","msg":"\\ud800"}',
                b'Traceback (most recent call last):',
                b'[Sun Nov 99 07:00:00 2026] [wsgi:error] [pid 1] ',
            ]
        ),
        st.binary(max_size=60),
    ),
)


class Writer:
    """Writes numbered records to a log, and rotates it as told."""

    def __init__(self, path):
        self.path = path
        self.number = 0
        self.rotated = 0
        self.file = open(path, 'a')

    def line(self):
        self.number += 1
        return (
            f'2026-11-22 07:00:{self.number % 60:02}.{self.number % 1000:03} '
            f'7 ERROR a [-] number {self.number}\n'
        )

    def write(self, count):
        for _ in range(count):
            self.file.write(self.line())
        self.file.flush()

    def rename(self):
        self.rotated += 1
        os.rename(self.path, f'{self.path}.{self.rotated}')
        # the writer goes on in the old file until it notices
        self.write(1)
        self.reopen()

    def reopen(self):
        self.file.close()
        self.file = open(self.path, 'a')

    def copytruncate(self):
        self.file.truncate(0)


def numbers(found):
    return [int(r.message.rpartition(' ')[2]) for r in found]


class TestTail(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(self.directory, 'a.log')

    def writer(self):
        writer = Writer(self.path)
        self.addCleanup(lambda: writer.file.close())
        return writer

    def read(self, follower):
        """Twice: what is at the end waits for what may follow."""
        return numbers(follower.read(1.0) + follower.read(2.0))

    def test_what_was_there_before_is_not_read(self):
        writer = self.writer()
        writer.write(3)
        follower = tail.Tail(self.path)
        self.assertEqual([], self.read(follower))
        writer.write(1)
        self.assertEqual([4], self.read(follower))

    def test_what_appears_later_is_read_from_its_start(self):
        follower = tail.Tail(self.path)
        self.assertEqual([], self.read(follower))
        self.assertEqual('No such file or directory', follower.problem)
        self.writer().write(2)
        self.assertEqual([1, 2], self.read(follower))
        self.assertEqual('', follower.problem)

    def test_what_is_newer_than_the_agent_is_read_from_its_start(self):
        self.writer().write(2)
        follower = tail.Tail(self.path, newer_than=0.0)
        self.assertEqual([1, 2], self.read(follower))

    def test_a_vanished_log_is_said_once(self):
        logger = self.useFixture(fixtures.FakeLogger())
        writer = self.writer()
        follower = tail.Tail(self.path)
        self.read(follower)
        os.unlink(self.path)
        self.read(follower)
        self.read(follower)
        self.assertEqual(1, logger.output.count('can not be read'))
        writer.reopen()
        writer.write(1)
        self.assertEqual([1], self.read(follower))
        self.assertEqual(1, logger.output.count('can be read again'))

    def test_a_directory_is_no_log(self):
        follower = tail.Tail(self.directory)
        self.assertEqual([], follower.read(1.0))
        self.assertEqual('Is a directory', follower.problem)

    def test_truncated_and_grown_beyond_where_it_was(self):
        writer = self.writer()
        follower = tail.Tail(self.path)
        self.read(follower)
        writer.write(1)
        self.read(follower)
        writer.copytruncate()
        writer.write(3)
        self.assertEqual([2, 3, 4], self.read(follower))

    def test_rotated_while_no_agent_ran(self):
        writer = self.writer()
        follower = tail.Tail(self.path)
        self.read(follower)
        writer.write(1)
        self.assertEqual([1], self.read(follower))
        position = follower.position()
        writer.write(1)
        writer.rename()
        writer.write(1)
        follower = tail.Tail(self.path, position)
        self.assertEqual([2, 3, 4], sorted(self.read(follower)))

    def test_the_last_record_waits_for_its_traceback(self):
        writer = self.writer()
        follower = tail.Tail(self.path)
        follower.read(1.0)
        writer.write(1)
        self.assertEqual([], follower.read(2.0))
        self.assertTrue(follower.pending)
        self.assertEqual([1], numbers(follower.read(3.0)))
        self.assertFalse(follower.pending)


class TestLogs(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(self.directory, 'a.log')
        self.logs = follower.Logs(50)

    def test_counts_are_taken_once(self):
        self.logs.follow({'nova-api': (self.path,)})
        self.logs.read(100.0, 1.0)
        writer = Writer(self.path)
        writer.write(3)
        self.logs.read(101.0, 2.0)
        self.logs.read(102.0, 3.0)
        self.assertEqual({'nova-api'}, self.logs.counted())
        self.assertEqual(3, self.logs.take('nova-api').errors)
        self.assertEqual(0, self.logs.take('nova-api').errors)
        (event,) = self.logs.events.take()
        self.assertEqual(3, event.count)
        self.assertEqual([], self.logs.events.take())

    def test_what_can_not_be_read_is_not_zero(self):
        self.logs.follow({'nova-api': (self.path,)})
        self.logs.read(100.0, 1.0)
        self.assertIsNone(self.logs.take('nova-api'))

    def test_a_log_of_two_services_counts_once(self):
        self.logs.follow({'a': (self.path,), 'b': (self.path,)})
        self.assertEqual({'a'}, self.logs.followed())

    def test_a_log_that_is_not_followed_any_longer(self):
        self.logs.follow({'a': (self.path,)})
        self.logs.read(100.0, 1.0)
        Writer(self.path).write(1)
        self.logs.read(101.0, 2.0)
        self.logs.follow({})
        self.assertEqual({'a'}, self.logs.counted())

    def test_a_service_that_is_told_to_log_in_another_way(self):
        self.logs.follow({'a': (self.path,)})
        self.logs.read(100.0, 1.0)
        writer = Writer(self.path)
        writer.write(1)
        self.logs.read(101.0, 2.0)
        told = layout.Settings(date='%H:%M:%S')
        forms = {'a': recognise.Form('oslo', told)}
        self.logs.follow({'a': (self.path,)}, forms)
        writer.file.write('07:00:00.000 7 ERROR a [-] two\n')
        writer.file.flush()
        self.logs.read(102.0, 3.0)
        self.logs.read(103.0, 4.0)
        self.assertEqual(2, self.logs.take('a').errors)

    def test_positions_that_are_none(self):
        for position in ('x', [1], [{}], {'inode': 1}, [{'inode': 5}]):
            follower = tail.Tail(self.path, position)
            self.assertEqual([], follower.read(1.0))
            self.assertIsNone(follower.position())

    def test_a_pipe_is_no_log(self):
        os.mkfifo(self.path)
        follower = tail.Tail(self.path)
        self.assertEqual([], follower.read(1.0))
        self.assertEqual('Not a regular file', follower.problem)

    @hypothesis.settings(deadline=None, max_examples=150)
    @hypothesis.given(st.lists(LINE, max_size=20), st.binary(max_size=80))
    def test_whatever_is_written_is_read_and_can_be_sent(self, lines, junk):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'a.log')
            logs = follower.Logs(10**6)
            logs.follow({'a': (path,)})
            logs.read(100.0, 1.0)
            with open(path, 'wb') as file:
                file.write(b'\n'.join([*lines, junk, b'']))
            logs.read(101.0, 2.0)
            with open(path, 'ab') as file:
                file.write(b'\n' + WRITTEN + b'\n')
            for now in (3.0, 4.0):
                logs.read(100.0 + now, now)
            found = logs.events.take(200.0)
            logs.follow({})
            counts = logs.take('a')
            self.assertGreaterEqual(counts.criticals, 1)
            told = sum(event.count for event in found)
            self.assertEqual(
                counts.warnings + counts.errors + counts.criticals, told
            )
            for event in found:
                json.dumps(wire.to_wire(event)).encode()
                f'{event.message}{event.traceback}{event.module}'.encode()
