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

import bz2
import gzip
import lzma
import os
import time

import fixtures
from oslotest import base

from sentinella.agent.logs import rotated
from sentinella.agent.logs import tail

LINE = '2026-11-22 07:00:{:02}.000 7 ERROR a [-] {}\n'
WORDS = 'one two three four five six'.split()


class TestRotated(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.path = self.place('nova-api.log')

    def place(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, words, age=0.0):
        text = ''.join(LINE.format(WORDS.index(w), w) for w in words)
        openers = {'.gz': gzip.open, '.xz': lzma.open, '.bz2': bz2.open}
        opener = openers.get(os.path.splitext(name)[1], open)
        with opener(self.place(name), 'ab') as file:
            file.write(text.encode())
        changed = time.time() - age
        os.utime(self.place(name), (changed, changed))

    def stopped(self, words):
        """
        :returns: the position of an agent that has read these, and ended
        """
        self.write('nova-api.log', [], age=100.0)
        follower = tail.Tail(self.path)
        follower.read(1.0)
        self.write('nova-api.log', words, age=50.0)
        follower.read(2.0)
        follower.flush()
        position = follower.position()
        follower.close()
        return position

    def read(self, position):
        follower = tail.Tail(self.path, position)
        found = [r for now in (1.0, 2.0) for r in follower.read(now)]
        found += follower.close()
        return [record.message for record in found]

    def test_however_it_is_named_and_compressed(self):
        for name in (
            'nova-api.log.1',
            'nova-api.log.2.gz',
            'nova-api.log.1.bz2',
            'nova-api.log.0.xz',
            'nova-api.log-20261122',
            'nova-api.log-20261122.gz',
            'nova-api.log-20261122-1795330800.gz',
            'nova-api.log.2026-11-22',
            'nova-api.log.2026-11-22_07-00-00',
            'nova-api.log.old',
            'nova-api-20261122.log',
            'nova-api-20261122.log.gz',
            'nova-api.1.log',
        ):
            position = self.stopped(['one'])
            os.unlink(self.path)
            self.write(name, ['one', 'two'], age=20.0)
            self.write('nova-api.log', ['three'])
            self.assertEqual(['two', 'three'], self.read(position), name)
            os.unlink(self.place(name))
            os.unlink(self.path)

    def test_those_of_others_are_left_alone(self):
        position = self.stopped(['one'])
        os.unlink(self.path)
        for name in (
            'nova-api.log.lock',
            'nova-api-os-compute.log',
            'nova-api-os-compute.log.1',
            'nova-api.log.1.swp',
            'nova-api.log1',
        ):
            self.write(name, ['one', 'two'])
        self.write('nova-api.log', ['three'])
        self.assertEqual(['three'], self.read(position))

    def test_several_in_order_though_the_first_is_gone(self):
        position = self.stopped(['one'])
        os.unlink(self.path)
        self.write('nova-api.log.5.gz', ['six'], age=1000.0)
        self.write('nova-api.log.2.gz', ['two'], age=-1.0)
        self.write('nova-api.log.1', ['three'], age=-2.0)
        self.write('nova-api.log', ['four'])
        self.assertEqual(['two', 'three', 'four'], self.read(position))

    def test_a_new_file_of_the_same_inode(self):
        position = self.stopped(['one', 'two'])
        with open(self.path, 'r+') as file:
            file.truncate(0)
        self.write('nova-api.log', ['three', 'four', 'five'])
        self.assertEqual(['three', 'four', 'five'], self.read(position))

    def test_the_same_file_of_another_inode(self):
        """A log that was moved to another disk, say."""
        position = self.stopped(['one', 'two'])
        os.rename(self.path, self.place('a'))
        self.write('nova-api.log', ['one', 'two', 'three'])
        self.assertEqual(['three'], self.read(position))

    def test_a_compressed_file_that_is_none_or_not_all_there(self):
        position = self.stopped(['one'])
        os.unlink(self.path)
        with open(self.place('nova-api.log.1.gz'), 'wb') as file:
            file.write(b'no gzip')
        self.write('nova-api.log.2.gz', ['one', 'two'], age=20.0)
        with open(self.place('nova-api.log.2.gz'), 'r+b') as file:
            file.truncate(os.path.getsize(file.name) - 4)
        self.write('nova-api.log', ['three'])
        self.assertEqual(['three'], self.read(position)[-1:])

    def test_marks_survive_as_json(self):
        mark = rotated.Mark((1, 2), 3, (4, 5), (6, 7), 8.5)
        self.assertEqual(mark, rotated.Mark.from_state(mark.to_state()))
