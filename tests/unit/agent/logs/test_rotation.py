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

"""Whatever happens to a log, no record is lost and none is read twice."""

import gzip
import os
import shutil
import tempfile
from unittest import mock

import hypothesis
from hypothesis import stateful
from hypothesis import strategies as st

from sentinella.agent.logs import rotated
from sentinella.agent.logs import tail

START = 1_790_000_000.0
#: Seconds between two steps, more than a file's time may be off.
STEP = 5.0


class Log:
    """A log that is written and rotated as told, at a time of its own."""

    def __init__(self, path):
        self.path = path
        self.now = START
        self.number = 0
        self.rest = ''
        self.file = open(path, 'a')

    def line(self):
        self.number += 1
        return (
            f'2026-11-22 07:{self.number // 60 % 60:02}:{self.number % 60:02}'
            f'.{self.number % 1000:03} 7 ERROR a [-] number {self.number}\n'
        )

    def write(self, text):
        self.file.write(self.rest + text)
        self.rest = ''
        self.file.flush()
        os.utime(self.file.fileno(), (self.now, self.now))

    def half(self):
        """The first half of a line; the other half comes first next time."""
        line = self.line()
        self.write(line[:40])
        self.rest = line[40:]

    def reopen(self):
        self.file.close()
        self.file = open(self.path, 'a')
        os.utime(self.path, (self.now, self.now))

    def shift(self):
        """Make room for a first rotated file."""
        for number in range(rotated.MOST, 0, -1):
            for end in ('', '.gz'):
                old = f'{self.path}.{number}{end}'
                if os.path.exists(old):
                    os.rename(old, f'{self.path}.{number + 1}{end}')

    def rename(self):
        self.shift()
        os.rename(self.path, f'{self.path}.1')

    def copytruncate(self):
        self.shift()
        shutil.copyfile(self.path, f'{self.path}.1')
        os.utime(f'{self.path}.1', (self.now, self.now))
        self.file.truncate(0)
        os.utime(self.path, (self.now, self.now))

    def compress(self, number):
        path = f'{self.path}.{number}'
        if os.path.exists(path):
            changed = os.stat(path).st_mtime
            with open(path, 'rb') as file, gzip.open(f'{path}.gz', 'wb') as to:
                to.write(file.read())
            os.utime(f'{path}.gz', (changed, changed))
            os.unlink(path)


class Follower(stateful.RuleBasedStateMachine):
    """An agent that is stopped and killed, beside a log that is rotated."""

    def __init__(self):
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.log = Log(os.path.join(self.directory.name, 'a.log'))
        self.patch = mock.patch('time.time', lambda: self.log.now)
        self.patch.start()
        # what was given by the time when the position was saved, and since
        self.kept, self.given = set(), set()
        self.position = None
        self.start()
        self.save()

    def teardown(self):
        self.log.write('')
        if not os.path.exists(self.log.path):
            self.log.reopen()
        for _ in range(4):
            self.log.now += STEP
            self.read()
        self.take(self.tail.close())
        self.patch.stop()
        self.log.file.close()
        self.directory.cleanup()
        found = self.kept | self.given
        assert found == set(range(1, self.log.number + 1)), sorted(found)

    def start(self):
        self.tail = tail.Tail(self.log.path, self.position)
        self.read()

    def take(self, records):
        for record in records:
            number = int(record.message.rpartition(' ')[2])
            assert number not in self.kept | self.given, f'{number} again'
            self.given.add(number)

    @stateful.rule()
    def read(self):
        self.take(self.tail.read(self.log.now))

    @stateful.rule()
    def save(self):
        self.position = self.tail.position()
        self.kept |= self.given
        self.given = set()

    @stateful.rule(seconds=st.sampled_from([STEP, 10 * STEP]))
    def wait(self, seconds):
        self.log.now += seconds

    @stateful.rule(count=st.integers(1, 5))
    def write(self, count):
        self.log.now += STEP
        self.log.write(''.join(self.log.line() for _ in range(count)))

    @stateful.rule()
    def half(self):
        self.log.now += STEP
        self.log.half()

    @stateful.rule(more=st.booleans())
    def rename(self, more):
        self.log.now += STEP
        self.log.rename()
        if more:
            # the writer goes on in the old file until it notices
            self.log.write(self.log.line())
        self.log.write('')
        self.log.reopen()

    @stateful.rule()
    def copytruncate(self):
        self.log.now += STEP
        self.log.write('')
        self.log.copytruncate()

    @stateful.rule(number=st.integers(1, 3))
    def compress(self, number):
        self.log.compress(number)

    @stateful.rule()
    def stop(self):
        """Nothing is repeated after that."""
        self.read()
        self.take(self.tail.flush())
        self.save()
        self.tail.close()
        self.log.now += STEP
        self.start()

    @stateful.rule()
    def kill(self):
        """What was given since the position was saved may be repeated."""
        self.given = set()
        self.tail.close()
        self.log.now += STEP
        self.start()


Follower.TestCase.settings = hypothesis.settings(
    deadline=None, max_examples=200, stateful_step_count=25
)
TestFollower = Follower.TestCase
