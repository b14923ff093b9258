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

import os

import fixtures
from oslotest import base

from sentinella import exceptions
from sentinella.agent import state


class TestState(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.useFixture(fixtures.TempDir()).path

    def test_what_can_not_be_read_is_not_used(self):
        logger = self.useFixture(fixtures.FakeLogger())
        with open(os.path.join(self.path, 'a.json'), 'w') as file:
            file.write('{')
        self.assertEqual({}, state.State(self.path).load('a.json'))
        self.assertIn('a.json is not used', logger.output)
        self.assertEqual({}, state.State(self.path).load('b.json'))

    def test_a_place_that_can_not_be(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration, state.State, '/dev/null/x'
        )
        self.assertEqual('state_path /dev/null/x: Not a directory', str(error))

    def test_durably(self):
        synced = []
        self.useFixture(
            fixtures.MonkeyPatch('os.fsync', lambda fd: synced.append(fd))
        )
        kept = state.State(self.path)
        kept.save('a.json', {'number': 1})
        self.assertEqual(0, len(synced))
        kept.save('a.json', {'number': 2}, durably=True)
        # the file, then that it has this name
        self.assertEqual(2, len(synced))
        self.assertEqual({'number': 2}, state.State(self.path).load('a.json'))


class TestSaver(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.path = self.useFixture(fixtures.TempDir()).path
        self.saver = state.Saver(state.State(self.path))

    def test_the_last_of_several_is_kept(self):
        for number in range(3):
            self.saver.save('a.json', {'number': number})
        self.saver.save('b.json', {})
        self.saver.start()
        self.saver.stop()
        again = state.State(self.path)
        self.assertEqual({'number': 2}, again.load('a.json'))

    def test_what_can_not_be_saved_is_one_line_and_stops_nothing(self):
        blocked = os.path.join(self.path, 'a.json')
        os.mkdir(blocked)
        self.saver.start()
        self.saver.save('a.json', {'number': 1})
        self.saver.stop()
        self.assertEqual(1, self.logger.output.count('was not saved'))
        self.assertNotIn('Traceback', self.logger.output)
        os.rmdir(blocked)
        self.saver.save('a.json', {'number': 2})
        self.saver.stop()
        again = state.State(self.path)
        self.assertEqual({'number': 2}, again.load('a.json'))
