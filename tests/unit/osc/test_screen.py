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

import argparse
import io

from cliff.formatters import table
from oslotest import base

from sentinella.osc import columns
from sentinella.osc import screen


class ColumnsTest(base.BaseTestCase):
    def test_ago(self):
        for seconds, expected in (
            (-5, 'just now'),
            (0.9, 'just now'),
            (1, '1 second ago'),
            (59.9, '59 seconds ago'),
            (60, '1 minute ago'),
            (600, '10 minutes ago'),
            (7200, '2 hours ago'),
            (86399, '23 hours ago'),
            (864000, '10 days ago'),
        ):
            self.assertEqual(expected, columns.ago(seconds))

    def test_ago_is_a_time_to_machines(self):
        at, now = '2026-01-31T12:00:00.000000Z', '2026-01-31T12:10:00.000000Z'
        one = columns.Ago((at, now))
        self.assertEqual('10 minutes ago', one.human_readable())
        self.assertEqual(at, one.machine_readable())
        self.assertEqual('never', columns.Ago((None, now)).human_readable())

    def test_sparks(self):
        for counts, expected in (
            ([0, 1, 4, 8], '.▁▄█'),
            ([0, 0], '..'),
            ([], ''),
            ([1, 1000], '▁█'),
        ):
            spark = columns.Spark(counts)
            self.assertEqual(expected, spark.human_readable())
            self.assertEqual(counts, spark.machine_readable())

    def test_bytes(self):
        for size, expected in (
            (None, ''),
            (0.0, '0 B'),
            (1536, '1.5 KiB'),
            (5 * 1024**4, '5 TiB'),
            (2048 * 1024**4, '2048 TiB'),
        ):
            self.assertEqual(expected, columns.Bytes(size).human_readable())


class PaperTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.stream = io.StringIO()
        args = argparse.Namespace(
            print_empty=False, max_width=0, fit_width=False
        )
        self.paper = screen.Paper(self.stream, table.TableFormatter(), args)

    def test_terminals_are_not_told_what_to_do(self):
        self.paper.table('Logs', ('Message',), [('a\x1b[2J\r\nb\x9b c',)])
        printed = self.stream.getvalue()
        self.assertIn('| a [2J b c |', printed)
        self.assertNotIn('\x1b', printed)

    def test_what_is_long_is_folded_on_a_terminal_only(self):
        self.paper.say('word ' * 100, '  ')
        self.assertEqual(1, self.stream.getvalue().count('\n'))

    def test_nothing_to_show(self):
        self.paper.table('Closed', ('Summary',), [])
        self.assertEqual('\nClosed: none\n', self.stream.getvalue())

    def test_lists(self):
        self.assertEqual(
            '2 up, 1 down',
            screen.listed([(2, 'up'), (0, 'x'), (1, 'down')]),
        )
        self.assertEqual('none', screen.listed([(0, 'up')]))
