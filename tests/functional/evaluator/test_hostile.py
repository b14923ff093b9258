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

"""What no node measures, in frames of a real storage: the evaluator gives an
answer that can be kept, read, and sent, and goes on."""

import json
import math

import hypothesis
from hypothesis import strategies as st

from sentinella import model
from sentinella.db import alarms
from sentinella.evaluator import service
from sentinella.notifier import message
from sentinella.storage import base as storage
from tests import databases
from tests.functional.evaluator import scene

VALUES = st.sampled_from(
    [0.0, 1.0, -1.0, 5e-324, 1e308, -1e308] + [math.inf, -math.inf, math.nan]
)
NAMES = st.sampled_from(
    ['a', '', '\0', '\ud800', 'x' * 4096, 'Ŋ', 'a\r\nBcc: b', '{server}']
)
#: Each function, each kind of term, each way to write what is to be cleared.
EXPRESSIONS = [
    'last(m) > 5',
    'last(m) < 5',
    'avg(m, 600) > 5',
    'sum(m, 600) > 5',
    'max(m, 600) > 5 and min(m, 600) < 5',
    'count(m, 600) > 1',
    'stddev(m, 600) > 0',
    'rate(m, 600) > 0 or delta(m, 600) < 0',
    'forecast(m, 3600, 600) > 5',
    'absent(m, 60)',
    'share(last(m) > 5 by server) > 30 %',
    'last(m) / last(n) > 5',
    'last(m) - last(n) * 2 >= 0',
    'last(m) > 5 clear last(m) < 1 keep 60',
]
SECONDS = st.sampled_from([-3600.0, -600.0, -20.0, -10.0, 0.0, 4.0, 3600.0])


class HostileTests(scene.Scene):
    examples = 6

    def setUp(self):
        super().setUp()
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )
        self.add_channel('log', {})
        for kind in ('gauge', 'tailable'):
            for text in EXPRESSIONS:
                self.add_definition(
                    text, kind, ('server', 'd'), name=f'{kind} {text}'
                )

    def write_frame(self, server, at, samples):
        frame = model.Frame.of(
            at,
            [
                model.Sample(model.Metric.of(name, d=dimension), value)
                for (name, dimension), value in samples.items()
            ],
        )
        self.storage.learn(frame.metrics)
        self.storage.write(
            [
                storage.StoredFrame(
                    server.id, frame.at, frame.schema, frame.values
                )
            ]
        )
        self.seen(server)

    def evaluate(self):
        for name in 'mn':
            self.poke(name)
        while self.evaluator.work():
            pass
        self.assertEqual(0, self.evaluator.failures)

    def is_fit_to_be_told(self):
        """In JSON, which has neither NaN nor infinities."""
        for one in self.outbox():
            json.dumps(message.build(one), allow_nan=False)
        for alarm in self.alarms():
            self.assertTrue(math.isfinite(alarm.value or 0.0))
            self.assertLess(len(alarm.reason), 8192)
            with self.database.reader() as session:
                found = alarms.transitions(session, alarm.uuid, limit=100)
            for one in found:
                json.dumps(one.values, allow_nan=False)

    def test_whatever_is_measured(self):
        @hypothesis.settings(max_examples=self.examples, deadline=None)
        @hypothesis.given(
            st.lists(
                st.tuples(
                    SECONDS,
                    st.dictionaries(
                        st.tuples(st.sampled_from('mn'), NAMES),
                        VALUES,
                        min_size=1,
                        max_size=4,
                    ),
                ),
                max_size=4,
            )
        )
        def run(frames):
            server = self.add_server('node')
            now = self.now()
            for ago, samples in frames:
                self.write_frame(server, now + ago, samples)
            self.evaluate()
            self.is_fit_to_be_told()

        run()

    def test_the_answer_is_right(self):
        """Infinite is more than five; what is no number is nothing."""
        server = self.add_server('node')
        now = self.now()
        last = {'high': math.inf, 'low': -math.inf, 'none': math.nan}
        self.write_frame(
            server, now, {('m', name): v for name, v in last.items()}
        )
        # what a clock that was set tells of is neither now nor wrong later
        self.write_frame(server, now + 3600, {('m', 'none'): 9.0})
        self.evaluate()
        found = {
            one.definition.name: one.group['d']
            for one in self.alarms()
            if one.definition.name.startswith('gauge last(m)')
            and one.definition.expression in EXPRESSIONS[:2]
        }
        self.assertEqual(
            {'gauge last(m) > 5': 'high', 'gauge last(m) < 5': 'low'}, found
        )


class TestOnSqlite(HostileTests, databases.SqliteTestCase):
    pass


class TestOnMysql(HostileTests, databases.MysqlTestCase):
    examples = 2


class TestOnPostgresql(HostileTests, databases.PostgresqlTestCase):
    examples = 2
