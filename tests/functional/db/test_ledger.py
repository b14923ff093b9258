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

"""The ledgers: what was told, in whatever order, is what is read."""

import sqlalchemy as sa

from sentinella import model
from sentinella.db import ledger
from sentinella.db import models
from sentinella.db import servers
from sentinella.db import services
from tests import databases
from tests.functional.db import things

NOW = things.NOW
UP, DOWN, UNDETERMINED = model.ServiceState
LATER = NOW + 10**6


class LedgerTests:
    def setUp(self):
        super().setUp()
        context = self.database.writer()
        self.session = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        self.server = things.server(self.session)

    def said(self, *statuses, now, complete=False):
        services.apply(self.session, self.server.id, statuses, complete, now)

    def states(self, since=0.0, until=LATER, name='nova-api'):
        found = ledger.of_server(
            self.session, ledger.STATES, self.server.id, since, until
        )
        return [(round(at - NOW, 3), s) for at, s in found.get(name, [])]

    def test_changes_are_kept_with_their_times(self):
        self.said(things.status(since=NOW - 60), now=NOW)
        self.said(things.status(since=NOW - 60), now=NOW + 10)
        self.said(things.status(state=DOWN, since=NOW + 11), now=NOW + 12)
        self.said(things.status(since=NOW + 14.5), now=NOW + 15)
        self.assertEqual([(-60, UP), (11, DOWN), (14.5, UP)], self.states())

    def test_two_changes_in_one_batch(self):
        services.apply_many(
            self.session,
            [
                (self.server.id, [things.status(since=NOW)], False),
                (
                    self.server.id,
                    [things.status(state=DOWN, since=NOW + 1)],
                    False,
                ),
            ],
            NOW + 2,
        )
        self.assertEqual([(0, UP), (1, DOWN)], self.states())

    def test_one_that_is_forgotten_and_comes_back(self):
        self.said(things.status(since=NOW - 60), now=NOW, complete=True)
        self.said(now=NOW + 10, complete=True)
        # since long ago, it says: but it was not there
        self.said(things.status(since=NOW - 60), now=NOW + 20)
        self.assertEqual([(-60, UP), (10, None), (10.001, UP)], self.states())

    def test_times_that_no_clock_should_show(self):
        for since in (-1e300, -1.0, NOW + 3600):
            name = f'odd {since}'
            self.said(things.status(name, since=since), now=NOW)
            self.assertEqual([(0, UP)], self.states(name=name), name)

    def test_no_service_passes_for_its_server(self):
        self.said(things.status(''), now=NOW)
        self.assertEqual([], self.states(name=ledger.SERVER))

    def test_a_range_begins_with_what_was(self):
        for second, state in enumerate((UP, DOWN, UP, DOWN)):
            change = self.server.id, 'nova-api', NOW + second, state
            ledger.append(self.session, ledger.STATES, [change])
        self.assertEqual([(1, DOWN), (2, UP)], self.states(NOW + 1.5, NOW + 3))
        self.assertEqual([(1, DOWN)], self.states(NOW + 1, NOW + 2))
        self.assertEqual([], self.states(NOW - 2, NOW - 1))

    def test_what_is_told_late_takes_its_place(self):
        other = things.server(self.session, 'ctl-02')
        for id_ in (self.server.id, other.id):
            ledger.append(
                self.session, ledger.STATES, [(id_, 'nova-api', NOW, UP)]
            )
        late = [
            (self.server.id, 'nova-api', NOW, DOWN),
            (self.server.id, 'nova-api', NOW - 30, DOWN),
            (self.server.id, 'nova-api', NOW - 20, UP),
        ]
        for _ in range(2):
            ledger.fill(self.session, late)
        self.assertEqual([(-30, DOWN), (-20, UP), (0, UP)], self.states())
        ledger.fill(self.session, [])

    def test_modes_set_by_hand(self):
        for mode in ('maintenance', 'maintenance', 'active'):
            servers.set_(self.session, self.server.uuid, mode=model.Mode(mode))
        servers.set_(self.session, self.server.uuid, location='rack 1')
        found = ledger.of_server(
            self.session, ledger.MODES, self.server.id, 0, 2**40
        )
        self.assertEqual(
            ['maintenance', 'active'],
            [mode for _, mode in found[ledger.SERVER]],
        )

    def test_silence_is_noted_when_it_is_over(self):
        for previous, seen in ((None, 0), (0, 34), (34, 69.5)):
            ledger.observe(
                self.session,
                self.server.id,
                previous if previous is None else NOW + previous,
                NOW + seen,
                35.0,
            )
        self.assertEqual(
            [(0, UP), (69, UNDETERMINED), (69.5, UP)],
            self.states(name=ledger.SERVER),
        )

    def test_the_last_of_each_outlives_its_age(self):
        for name in ('nova-api', 'nova-scheduler'):
            for second in range(4):
                change = self.server.id, name, NOW + second, UP
                ledger.append(self.session, ledger.STATES, [change])
        self.assertEqual(
            2, ledger.expire(self.session, ledger.STATES, NOW + 2.5)
        )
        self.assertEqual([(2, UP), (3, UP)], self.states())
        self.assertEqual(
            0, ledger.expire(self.session, ledger.STATES, NOW + 2.5)
        )
        left = sa.select(sa.func.count()).select_from(models.state_changes)
        self.assertEqual(4, self.session.scalar(left))


class TestLedgerOnSqlite(LedgerTests, databases.SqliteTestCase):
    pass


class TestLedgerOnMysql(LedgerTests, databases.MysqlTestCase):
    pass


class TestLedgerOnPostgresql(LedgerTests, databases.PostgresqlTestCase):
    pass
