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

"""What the ledger keeps of reports that come late, early, or not at all."""

from sentinella import model
from sentinella.db import clock
from sentinella.db import ledger
from tests import databases
from tests.functional.ingest import base

UP, DOWN, UNDETERMINED = model.ServiceState


class HistoryTests(base.IngestTests):
    def setUp(self):
        super().setUp()
        self.register()
        with self.database.reader() as session:
            self.now = clock.read(session)
        self.sequence = 0

    def tick(self, ago, *statuses, **fields):
        self.sequence += 1
        fields.setdefault('frame', base.frame(self.now - ago))
        # how long all of them take here must not look like another clock
        fields.setdefault('sent_at', 0.0)
        receipt = self.send(self.sequence, services=statuses, **fields)
        self.assertStatus('ACCEPTED', receipt)

    def api(self, state, ago):
        return model.ServiceStatus('nova-api', state, self.now - ago)

    def states(self, name):
        server = self.server()
        with self.database.reader() as session:
            found = ledger.of_server(
                session, ledger.STATES, server.id, 0.0, self.now + 60
            )
        return [
            (round(at - self.now), state) for at, state in found.get(name, [])
        ]

    def test_a_spool_that_comes_late_leaves_no_gap(self):
        for ago in range(3600, 0, -30):
            self.tick(ago)
        self.assertEqual([(-3600, UP)], self.states(ledger.SERVER))
        self.assertAlmostEqual(self.now - 30, self.server().observed_at, 2)

    def test_what_no_report_tells_of_is_a_gap(self):
        self.tick(3600)
        self.tick(3590)
        # registered again after a restart: that tells nothing of between
        self.register(counter=2)
        self.tick(60)
        self.tick(0)
        self.assertEqual(
            [
                (-3600, UP),
                (-3555, UNDETERMINED),
                (-60, UP),
                (-25, UNDETERMINED),
                (0, UP),
            ],
            self.states(ledger.SERVER),
        )

    def test_what_overtakes_says_nothing_of_those_that_wait(self):
        self.tick(3600, self.api(UP, 3600))
        self.sequence += 1000
        self.tick(1, self.api(DOWN, 1), overtakes=True, urgent=True)
        self.sequence = 1
        told = {1800: [self.api(DOWN, 1800)], 1770: [self.api(UP, 1770)]}
        for ago in range(3570, 0, -30):
            self.tick(ago, *told.get(ago, ()))
        self.assertEqual([(-3600, UP)], self.states(ledger.SERVER))
        self.assertEqual(
            [(-3600, UP), (-1800, DOWN), (-1770, UP), (-1, DOWN)],
            self.states('nova-api'),
        )

    def test_an_urgent_report_is_not_one_of_those_that_are_awaited(self):
        self.tick(0)
        before = self.server().observed_at
        self.tick(0, self.api(DOWN, 0), overtakes=True, frame=None)
        self.assertEqual(before, self.server().observed_at)


class TestHistoryOnSqlite(HistoryTests, databases.SqliteTestCase):
    pass


class TestHistoryOnMysql(HistoryTests, databases.MysqlTestCase):
    pass


class TestHistoryOnPostgresql(HistoryTests, databases.PostgresqlTestCase):
    pass
