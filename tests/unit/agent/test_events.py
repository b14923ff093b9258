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

from oslotest import base

from sentinella.agent import events
from sentinella.agent import records


def record(message='broken', **fields):
    fields = {'traceback': None, 'level': 'ERROR', **fields}
    return records.Record(
        '2026-11-22 07:00:00.500', 1, logger='a.b', message=message, **fields
    )


class TestEvents(base.BaseTestCase):
    def test_identical_repeats_are_one_event(self):
        waiting = events.Events(50)
        for _ in range(1000):
            waiting.add('nova-api', record(), 100.0)
        waiting.add('nova-api', record(level='WARNING'), 100.0)
        waiting.add('nova-compute', record(), 100.0)
        self.assertEqual([1000, 1, 1], [e.count for e in waiting.take()])
        self.assertEqual([], waiting.take())
        self.assertEqual({}, waiting.take_suppressed())

    def test_more_than_may_be_sent_are_counted(self):
        waiting = events.Events(10)
        for i in range(25):
            waiting.add('nova-api', record(f'number {i}'), 100.0)
        waiting.add('nova-compute', record(), 100.0)
        self.assertEqual(11, len(waiting.take()))
        self.assertEqual({'nova-api': 15}, waiting.take_suppressed())
        # half a second later, half as many may go
        for i in range(25):
            waiting.add('nova-api', record(f'number {i}'), 100.5)
        self.assertEqual(5, len(waiting.take()))

    def test_secrets_stay_here(self):
        for text, secret in (
            ('url rabbit://guest:gu:es$t@host:5672/', 'gu:es'),
            ("{'password': 'hidden-thing'}", 'hidden-thing'),
            ('X-Auth-Token: gAAAAABpIVVhdkjashdkjahsdkjahsdkjh_-', 'IVVhdk'),
            ('token gAAAAABpIVVhdkjashdkjahsdkjahsdkjh_-== bad', 'IVVhdk'),
            ('eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl', 'c2lnbm'),
        ):
            found = events.to_event('a', record(text), 100.0)
            self.assertNotIn(secret, found.message)
            found = events.to_event('a', record(traceback=text), 100.0)
            self.assertNotIn(secret, found.traceback)

    def test_what_is_no_secret_is_left_alone(self):
        text = 'GET http://127.0.0.1:8774/v2.1/a:b@c failed'
        self.assertEqual(text, events.mask(text))

    def test_sizes_are_bounded(self):
        found = events.to_event(
            'a', record('m' * 10**6, traceback='x' * 10**6 + 'the end'), 1.0
        )
        self.assertEqual(events.MAX_MESSAGE, len(found.message))
        self.assertEqual(events.MAX_TRACEBACK, len(found.traceback))
        self.assertTrue(found.traceback.endswith('the end'))

    def test_nothing_is_later_than_now(self):
        self.assertEqual(5.0, events.to_event('a', record(), 5.0).at)
        self.assertEqual(7.0, events.parse_time('no time', 7.0))
        early = events.parse_time('2026-11-22 07:00:00.500', 0.0)
        self.assertEqual(0.5, early % 1)
