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

from sentinella.agent.logs import events
from sentinella.agent.logs import record as records


TIME = '2026-11-22 07:00:00.500'


def record(message='broken', time=TIME, **fields):
    fields = {'traceback': None, 'level': 'ERROR', **fields}
    return records.Record(time, 1, logger='a.b', message=message, **fields)


class TestEvents(base.BaseTestCase):
    def counts(self, waiting, now):
        return [event.count for event in waiting.take(now)]

    def test_identical_repeats_are_one_event(self):
        waiting = events.Events(50)
        for _ in range(1000):
            waiting.add('nova-api', record(), 100.0)
        waiting.add('nova-api', record(level='WARNING'), 100.0)
        waiting.add('nova-compute', record(), 100.0)
        self.assertEqual([1000, 1, 1], self.counts(waiting, 100.0))
        self.assertEqual([], waiting.take(100.0))
        self.assertEqual({}, waiting.take_suppressed())

    def test_what_goes_on_is_told_once_a_minute(self):
        waiting, told = events.Events(50), []
        start = events.parse_time('2026-11-22 07:00:00', 0.0)
        for second in range(150):
            now = start + second
            time = f'2026-11-22 07:{second // 60:02}:{second % 60:02}'
            waiting.add('nova-api', record(time=time), now)
            told += [(second, event) for event in waiting.take(now)]
        self.assertEqual([0, 60, 120], [second for second, _ in told])
        self.assertEqual([1, 60, 60], [event.count for _, event in told])
        first, second, _ = [event for _, event in told]
        self.assertEqual((start, 0.0), (first.at, first.last_at))
        self.assertEqual((start + 1, start + 60), (second.at, second.last_at))
        # what is held back when the agent ends goes out then
        waiting.release()
        self.assertEqual([29], self.counts(waiting, start + 150))

    def test_the_first_error_of_its_kind_alarms(self):
        waiting = events.Events(50)
        waiting.add('nova-api', record(level='WARNING'), 100.0)
        self.assertFalse(waiting.alarming)
        waiting.add('nova-api', record(), 100.0)
        self.assertTrue(waiting.alarming)
        waiting.take(100.0)
        waiting.add('nova-api', record(), 110.0)
        self.assertFalse(waiting.alarming)
        waiting.add('nova-api', record('another'), 110.0)
        self.assertTrue(waiting.alarming)

    def test_what_ended_is_told_and_then_new_again(self):
        waiting = events.Events(50)
        waiting.add('nova-api', record(), 100.0)
        self.assertEqual([1], self.counts(waiting, 100.0))
        waiting.add('nova-api', record(), 101.0)
        self.assertEqual([], self.counts(waiting, 159.0))
        self.assertEqual([1], self.counts(waiting, 160.0))
        self.assertEqual([], self.counts(waiting, 220.0))
        waiting.add('nova-api', record(), 221.0)
        self.assertEqual([1], self.counts(waiting, 221.0))

    def test_a_clock_that_is_set_back_holds_nothing_for_ever(self):
        waiting = events.Events(50)
        waiting.add('nova-api', record(), 10000.0)
        self.assertEqual([1], self.counts(waiting, 10000.0))
        waiting.add('nova-api', record(), 100.0)
        self.assertEqual([], self.counts(waiting, 100.0))
        self.assertEqual([1], self.counts(waiting, 160.0))

    def test_numbers_and_ids_make_no_difference(self):
        for one, other in (
            ('took 1.5 s', 'took 27.25 s'),
            (f'instance {"0" * 8}-1111-2222-3333-{"a" * 12} gone', None),
            ('at 0x7f12ab', 'at 0x7fffff'),
            ('of req-0a1b2c3d-1111 failed', 'of req-ffff2c3d-2222 failed'),
            ('port 0123456789abcdef is down', 'port fedcba9876543210 is down'),
        ):
            other = other or one.replace('1111', 'abcd')
            waiting = events.Events(50)
            waiting.add('nova-api', record(one), 100.0)
            waiting.add('nova-api', record(other), 100.0)
            (event,) = waiting.take(100.0)
            self.assertEqual((one, 2), (event.message, event.count))

    def test_words_and_the_end_of_a_traceback_make_one(self):
        waiting = events.Events(50)
        waiting.add('nova-api', record('defaced'), 100.0)
        waiting.add('nova-api', record('decade'), 100.0)
        for end in ('KeyError: 1', 'KeyError: 2', 'ValueError: 1'):
            waiting.add('nova-api', record(traceback=f'T\n{end}'), 100.0)
        self.assertEqual([1, 1, 2, 1], self.counts(waiting, 100.0))

    def test_memory_is_bounded_and_nothing_is_lost_by_it(self):
        waiting = events.Events(10**6)
        many = events.MAX_KINDS + 500
        words = [
            ''.join(chr(97 + int(d)) for d in str(i)) for i in range(many)
        ]
        for word in words:
            waiting.add('nova-api', record(f'z{word}'), 100.0)
        self.assertEqual(events.MAX_KINDS, len(waiting._kinds))
        self.assertEqual(many, sum(self.counts(waiting, 100.0)))

    def test_more_than_may_be_sent_are_counted(self):
        waiting = events.Events(10)
        for i in range(25):
            waiting.add('nova-api', record('x' * i), 100.0)
        waiting.add('nova-compute', record(), 100.0)
        self.assertEqual(11, len(waiting.take(100.0)))
        self.assertEqual({'nova-api': 15}, waiting.take_suppressed())
        # half a second later, half as many may go
        for i in range(25):
            waiting.add('nova-api', record('y' * i + '!'), 100.5)
        self.assertEqual(5, len(waiting.take(100.5)))

    def test_secrets_stay_here(self):
        text = 'url rabbit://guest:hidden@host:5672/'
        found = events.to_event('a', record(text), 100.0)
        self.assertEqual('url rabbit://guest:***@host:5672/', found.message)
        found = events.to_event('a', record(traceback=text), 100.0)
        self.assertNotIn('hidden', found.traceback)

    def test_sizes_are_bounded(self):
        found = events.to_event(
            'a', record('m' * 10**6, traceback='x' * 10**6 + 'the end'), 1.0
        )
        self.assertEqual(events.MAX_MESSAGE, len(found.message))
        self.assertEqual(events.MAX_TRACEBACK, len(found.traceback))
        self.assertTrue(found.traceback.endswith('the end'))

    def test_nothing_is_later_than_now(self):
        self.assertEqual(5.0, events.to_event('a', record(), 5.0).at)

    def test_times(self):
        self.assertEqual(7.0, events.parse_time('no time', 7.0))
        early = events.parse_time('2026-11-22 07:00:00.500', 0.0)
        self.assertEqual(0.5, early % 1)
        for text in (
            '2026-11-22 07:00:00.500+00:00',
            '2026-11-22T07:00:00.500Z',
            '2026-11-22 08:00:00,500+0100',
        ):
            self.assertEqual(1795330800.5, events.parse_time(text, 0.0))
