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

import fixtures
import hypothesis
from hypothesis import strategies

from sentinella import model
from sentinella.db import models
from sentinella.storage import recent
from sentinella.storage import sql
from tests import databases
from tests import storages

T = 1767225600

#: Of schemas that share some metrics.
METRICS = [
    [model.Metric.of('a'), model.Metric.of('b', x='1')],
    [model.Metric.of('a')],
    [model.Metric.of('b', x='1'), model.Metric.of('b', x='2')],
    [model.Metric.of('c')],
]
WANTED = [
    {('a', ()): 20.0},
    {('a', ()): 20.0, ('b', ()): 60.0},
    {('b', (('x', '1'),)): 30.0},
    {('a', ()): 5.0, ('b', (('x', '2'),)): 5.0},
    {('c', ()): 40.0, ('d', ()): 10.0},
]

#: A frame that came: whose, what, and how many seconds ago it was made.
FRAME = strategies.tuples(
    strategies.integers(1, 3),
    strategies.sampled_from(METRICS),
    strategies.sampled_from([0, 0, 0, 1, 5, 15, 45, 100, -3, -20, -90]),
    strategies.floats(0, 9) | strategies.just(float('nan')),
)
#: Seconds that went by, frames that came, and what is then asked for.
STEP = strategies.tuples(
    strategies.sampled_from([0, 1, 7, 15, 30, 30, 3600, -1, -3600]),
    strategies.lists(FRAME, max_size=3),
    strategies.sampled_from([*WANTED[:1] * 4, *WANTED, None]),
)


class Watched(sql.SqlStorage):
    """Counts the frames that are read."""

    read = 0

    def rows(self, *args):
        for rows in super().rows(*args):
            self.read += len(rows)
            yield rows


class RecentTestCase(databases.SqliteTestCase):
    def begin(self):
        with self.database.writer() as session:
            session.execute(models.frames.delete())
        self.storage = Watched(self.conf, self.database)
        self.recent = self.storage.recent()
        self.now = T
        self.sequences = collections.Counter()

    def come(self, server, metrics, ago, value):
        at = round(self.now - ago + self.sequences.total() / 1000, 3)
        storages.put(
            self.storage, (server, at, {metric: value for metric in metrics})
        )
        self.sequences[server] += 1

    def ask(self, wanted):
        """
        :returns: what is found, and what is there
        """
        marks = {server: ('e', n) for server, n in self.sequences.items()}
        end = self.now + 5.0
        found = self.recent.windows(wanted, self.now, end, marks)
        return [
            {
                one: self.since(self.now - seconds, windows[one])
                for one, seconds in wanted.items()
            }
            for windows in (
                found,
                self.storage.windows(
                    {one: self.now - s for one, s in wanted.items()}, end
                ),
            )
        ]

    def since(self, start, window):
        plain = {
            series: [(at, value) for at, value in points if at > start]
            for series, points in storages.plain(window).items()
        }
        return {series: points for series, points in plain.items() if points}


class TestRecent(RecentTestCase):
    @hypothesis.settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategies.lists(STEP, max_size=8))
    def test_finds_what_is_there(self, steps):
        self.finds_what_is_there(steps)

    @hypothesis.settings(
        max_examples=100,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        strategies.lists(STEP, max_size=8), strategies.sampled_from([0, 1, 4])
    )
    def test_few_or_many_at_a_time(self, steps, few):
        with fixtures.MonkeyPatch(
            'sentinella.storage.recent.A_FEW', float(few)
        ):
            self.finds_what_is_there(steps)

    def finds_what_is_there(self, steps):
        self.begin()
        for seconds, frames, wanted in steps:
            self.now += seconds
            for frame in frames:
                self.come(*frame)
            if wanted is not None:
                found, there = self.ask(wanted)
                self.assertEqual(there, found)

    def test_reads_only_what_is_new(self):
        self.begin()
        for ago in range(60, -1, -10):
            for server in (1, 2, 3):
                self.come(server, METRICS[0], ago, 1.0)
        wanted = {('a', ()): 100.0}
        self.ask(wanted)
        self.assertEqual(21, self.storage.read)
        self.now += 30
        for server in (1, 2, 3):
            self.come(server, METRICS[0], 0, 1.0)
        self.ask(wanted)
        # with those once more that are just before
        self.assertEqual(21 + 6, self.storage.read)
        self.ask(wanted)
        self.assertEqual(27, self.storage.read)
        self.now += 30
        self.come(2, METRICS[0], 0, 1.0)
        found, there = self.ask(wanted)
        self.assertEqual(there, found)
        self.assertEqual(27 + 2, self.storage.read)

    def test_a_server_that_sends_late_is_read_anew(self):
        self.begin()
        for server in (1, 2):
            for ago in (60, 50, 0):
                self.come(server, METRICS[0], ago, 1.0)
        wanted = {('a', ()): 100.0}
        self.ask(wanted)
        self.come(1, METRICS[0], 40, 2.0)
        self.come(1, METRICS[0], 0, 3.0)
        before = self.storage.read
        found, there = self.ask(wanted)
        self.assertEqual(there, found)
        self.assertLessEqual(self.storage.read - before, 8)

    def test_a_clock_that_is_ahead(self):
        self.begin()
        wanted = {('a', ()): 60.0}
        self.come(1, METRICS[0], 0, 1.0)
        for server in (2, 1):
            self.come(server, METRICS[0], -40, 2.0)
            self.assertEqual(*self.ask(wanted))
        self.now += 30
        self.assertEqual(*self.ask(wanted))
        self.now += 10
        found, there = self.ask(wanted)
        self.assertEqual(there, found)
        self.assertEqual(2, len(found['a', ()]))

    def test_what_is_expected_is_read_at_once(self):
        self.begin()
        for ago in (50, 40, 30):
            self.come(1, METRICS[0], ago, 1.0)
        self.recent.expect({('a', ()): 60.0, ('b', ()): 60.0})
        self.ask({('a', ()): 60.0})
        self.ask({('b', ()): 60.0})
        self.assertEqual(3, self.storage.read)

    def test_what_nobody_asks_for_is_forgotten(self):
        self.begin()
        self.come(1, METRICS[0], 0, 1.0)
        self.ask({('a', ()): 10.0, ('b', ()): 86400.0})
        for _ in range(20):
            self.now += recent.UNUSED / 10
            self.come(1, METRICS[0], 0, 1.0)
            self.ask({('a', ()): 10.0})
        self.assertEqual([('a', ())], list(self.recent._wanted))

    def test_many_servers_are_not_named(self):
        self.begin()
        self.patch(recent, 'NAMED', 2)
        for _ in range(3):
            for server in range(1, 6):
                self.come(server, METRICS[0], 0, 1.0)
            found, there = self.ask({('a', ()): 60.0})
            self.assertEqual(there, found)
            self.now += 10
