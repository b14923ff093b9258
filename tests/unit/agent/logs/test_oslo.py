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

import collections
import os
import random
import re

import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella.agent.logs import oslo
from sentinella.agent.logs import pieces
from sentinella.agent.logs import record as records

DATA = os.path.join(os.path.dirname(__file__), 'data')
PREFIX = re.compile(
    r'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (\d+) ([A-Z]+) (\S+) ?(.*)'
)
CONTEXT = re.compile(r'\[(-|[^\]]*req-[^\]]*)\]')


def read(name):
    with open(os.path.join(DATA, name), 'rb') as file:
        return file.read()


def parse(data, levels=records.WORTHY, cuts=()):
    parser = oslo.Parser(levels)
    found, at = [], 0
    for cut in [*sorted(cuts), len(data)]:
        found += parser.feed(data[at:cut])
        at = cut
    return found + parser.finish(), parser


def by_hand(text):
    """Counts as a person would: lines with a prefix and a context."""
    counts = collections.Counter()
    for line in text.splitlines():
        found = PREFIX.match(line)
        if found and CONTEXT.match(found[5]):
            counts[found[3]] += 1
    return counts


LINES = st.sampled_from(
    [
        '2026-11-22 07:03:30.816 11 ERROR a.b [-] broken',
        '2026-11-22 07:03:30.816 11 ERROR a.b Traceback (most recent call'
        ' last):',
        '2026-11-22 07:03:30.816 11 ERROR a.b   File "x.py", line 1',
        '2026-11-22 07:03:30.816 11 ERROR a.b ',
        '2026-11-22 07:03:30.816 12 ERROR a.b ValueError: [1, 2]',
        '2026-11-22 07:03:30.816 11 DEBUG a.b [-] ERROR is not my level',
        '2026-11-22 07:03:30.816 12 INFO a.b no context',
        '2026-11-22 07:03:31.000 12 WARNING c [None req-01234567 u p] hm',
        '2026-11-22 07:03:31.000 12 CRITICAL c [req-01234567 u p] no',
        '    continued, without a prefix',
        'Traceback (most recent call last):',
        '',
        '{"message": "m", "created": 1795332013.8, "process": 5, "name": "n",'
        ' "levelname": "ERROR", "traceback": null}',
        '{"message": "not one of oslo.log"}',
        '127.0.0.1 - - [22/Nov/2026] "GET / HTTP/1.1" 200',
    ]
)
LOG = st.lists(LINES, max_size=30).map(
    lambda lines: ''.join(f'{line}\n' for line in lines).encode()
)


class TestRealLines(base.BaseTestCase):
    def test_counts_equal_those_by_hand(self):
        data = read('mixed.log')
        found, parser = parse(data, levels=None)
        counts = collections.Counter(record.level for record in found)
        self.assertEqual(by_hand(data.decode()), counts)
        self.assertGreater(counts['ERROR'], 2)
        self.assertEqual(1, counts['CRITICAL'])
        self.assertEqual(parser.lines, parser.placed)
        self.assertEqual(parser.lines, sum(r.lines for r in found))

    def test_levels_that_matter_are_the_same_when_others_are_skipped(self):
        data = read('mixed.log')
        worthy, _ = parse(data)
        every, _ = parse(data, levels=None)
        self.assertEqual(
            [r for r in every if r.level in records.WORTHY], worthy
        )

    def test_a_traceback_belongs_to_its_record(self):
        found, _ = parse(read('mixed.log'))
        record = found[0]
        self.assertEqual('stevedore.extension', record.logger)
        self.assertEqual(
            'req-1132deeb-47ad-4765-84e8-b0a536fd19f7', record.request_id
        )
        lines = record.traceback.splitlines()
        self.assertEqual('Traceback (most recent call last):', lines[0])
        self.assertEqual(
            "ModuleNotFoundError: No module named 'memcache'", lines[-1]
        )

    def test_a_message_of_many_lines_is_no_traceback(self):
        found, _ = parse(read('mixed.log'))
        record = next(r for r in found if r.logger == 'nova.db.main.api')
        self.assertIsNone(record.traceback)
        self.assertIn('_bootstrap_inner', record.message)

    def test_json(self):
        found, parser = parse(read('json.log'))
        self.assertEqual(
            {'ERROR': 2, 'CRITICAL': 1},
            dict(collections.Counter(r.level for r in found)),
        )
        self.assertEqual(1, sum(r.traceback is not None for r in found))

    def test_json_of_which_another_level_is_quoted(self):
        line = (
            '{"message": "m", "args": {"levelname": "%s"}, "created": 1.0,'
            ' "process": 5, "name": "n", "levelname": "%s", "traceback": [1],'
            ' "context": {"request_id": 5}}\n'
        )
        found, _ = parse((line % ('ERROR', 'INFO')).encode())
        self.assertEqual([], found)
        (record,), _ = parse((line % ('INFO', 'ERROR')).encode())
        self.assertEqual(('5', '[1]'), (record.request_id, record.traceback))

    def test_pieces_cut_at_random(self):
        data = read('mixed.log') + read('json.log')
        whole, _ = parse(data)
        for seed in range(20):
            places = random.Random(seed).sample(range(len(data)), 50)
            self.assertEqual(whole, parse(data, cuts=places)[0])


class TestAnyLines(base.BaseTestCase):
    @hypothesis.settings(deadline=None, max_examples=300)
    @hypothesis.given(LOG, st.lists(st.integers(0, 2000), max_size=8))
    def test_cuts_make_no_difference(self, data, cuts):
        cuts = [cut for cut in cuts if cut <= len(data)]
        whole, one = parse(data)
        pieces, other = parse(data, cuts=cuts)
        self.assertEqual(whole, pieces)
        self.assertEqual((one.lines, one.placed), (other.lines, other.placed))

    @hypothesis.settings(deadline=None, max_examples=300)
    @hypothesis.given(LOG)
    def test_every_line_is_accounted_for(self, data):
        found, parser = parse(data, levels=None)
        self.assertEqual(data.count(b'\n'), parser.lines)
        self.assertLessEqual(sum(r.lines for r in found), parser.placed)
        self.assertLessEqual(parser.placed, parser.lines)

    @hypothesis.settings(deadline=None, max_examples=300)
    @hypothesis.given(LOG)
    def test_skipping_levels_loses_none_of_the_others(self, data):
        def heads(found):
            return [
                (r.level, r.time, r.pid, r.logger)
                for r in found
                if r.level in records.WORTHY
            ]

        self.assertEqual(
            heads(parse(data, levels=None)[0]), heads(parse(data)[0])
        )

    @hypothesis.given(st.binary(max_size=400))
    def test_no_bytes_break_it_and_each_line_is_counted(self, data):
        for levels in (None, records.WORTHY):
            _, parser = parse(data, levels=levels)
            last = data != b'' and not data.endswith(b'\n')
            if levels is None:
                self.assertEqual(data.count(b'\n') + last, parser.lines)
            self.assertLessEqual(parser.placed, data.count(b'\n') + last)


class TestTracebacks(base.BaseTestCase):
    def test_of_a_debug_record_is_no_error(self):
        data = (
            b'2026-11-22 07:03:30.816 11 DEBUG a.b [-] looked up\n'
            b'2026-11-22 07:03:30.816 11 ERROR a.b Traceback (most recent'
            b' call last):\n'
            b'2026-11-22 07:03:30.816 11 ERROR a.b KeyError\n'
        )
        self.assertEqual([], parse(data)[0])
        (record,), parser = parse(data, levels=None)
        self.assertEqual(('DEBUG', 3), (record.level, record.lines))
        self.assertIsNotNone(record.traceback)

    def test_lines_that_come_late_are_no_record(self):
        parser = oslo.Parser()
        parser.feed(b'2026-11-22 07:03:30.816 11 ERROR a.b [-] broken\n')
        self.assertTrue(parser.pending)
        self.assertEqual(1, len(parser.flush()))
        parser.feed(b'2026-11-22 07:03:30.816 11 ERROR a.b KeyError\n')
        self.assertEqual([], parser.finish())

    def test_an_exception_line_may_start_with_a_bracket(self):
        data = (
            b'2026-11-22 07:03:30.816 11 ERROR a.b [-] broken\n'
            b"2026-11-22 07:03:30.816 11 ERROR a.b ['Traceback (most']\n"
        )
        (record,), _ = parse(data)
        self.assertEqual("['Traceback (most']", record.traceback)

    def test_records_without_contexts_are_not_joined(self):
        # as Django is told to log them
        data = b'2026-11-22 07:03:30.816 11 ERROR a.b one\n' * 2
        self.assertEqual(2, len(parse(data)[0]))

    def test_a_traceback_without_prefixes(self):
        data = (
            b'2026-11-22 07:03:30.816 11 ERROR a.b one\n'
            b'Traceback (most recent call last):\n'
            b'  File "a.py", line 1\n'
            b'KeyError: 1\n'
        )
        (record,), _ = parse(data)
        self.assertEqual('one', record.message)
        self.assertEqual(3, len(record.traceback.splitlines()))

    def test_endless_lines_do_not_fill_the_memory(self):
        parser = oslo.Parser(levels=None)
        parser.feed(b'2026-11-22 07:03:30.816 11 ERROR a.b [-] ')
        for _ in range(5):
            parser.feed(b'x' * (1 << 19))
        self.assertLessEqual(parser.held, pieces.MAX_LINE)
        parser.feed(b'\n2026-11-22 07:03:30.817 11 ERROR a.b [-] two\n')
        found = parser.finish()
        self.assertEqual('two', found[-1].message)
        self.assertEqual(2, parser.lines)
