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

"""Windows, as the database keeps them."""

import dataclasses

from sentinella import exceptions
from sentinella import model
from sentinella.db import windows
from sentinella.evaluator import recurrence
from tests import databases
from tests.functional.db import things

NOW = things.NOW


class WindowsTests:
    def setUp(self):
        super().setUp()
        context = self.database.writer()
        self.session = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def create(self, name='patch day', now=NOW, **fields):
        window = model.Window(
            **{
                'uuid': things.uuid(),
                'name': name,
                'project_id': 'p1',
                'mode': model.Mode.MAINTENANCE,
                'starts_at': NOW + 100,
                'ends_at': NOW + 200,
                'servers': ('s1', 's2'),
                **fields,
            }
        )
        window = dataclasses.replace(
            window, over_at=recurrence.over_at(window)
        )
        return windows.create(self.session, window, now)

    def names(self, now=NOW, **filters):
        found = windows.list_(self.session, now, limit=100, **filters)
        return [one.name for one in found]

    def test_what_is_kept_is_what_was_made(self):
        window = self.create(
            rrule='FREQ=DAILY',
            timezone='Europe/Rome',
            until=NOW + 10**6,
            services=('nova-api',),
            cloud_groups=('one',),
            definitions=('d',),
            owner='me',
            reason='because',
        )
        self.assertEqual(window, windows.get(self.session, window.uuid))
        self.assertEqual((NOW, None), (window.valid_from, window.valid_until))

    def test_who_may_see_it(self):
        mine = self.create('mine')
        self.create('all', project_id=None)
        self.create('theirs', project_id='p2')
        self.assertEqual(['mine', 'all'], self.names(project_id='p1'))
        self.assertEqual(3, len(self.names()))
        windows.get(self.session, mine.uuid, 'p1')
        self.assertRaises(
            exceptions.NotFound, windows.get, self.session, mine.uuid, 'p2'
        )
        self.assertRaises(
            exceptions.NotFound,
            windows.delete,
            self.session,
            mine.uuid,
            NOW,
            'p2',
        )

    def test_pages_and_filters(self):
        for name, start in (('b', 3), ('a', 1), ('c', 2)):
            self.create(name, starts_at=NOW + start)
        self.create('quiet', mode=model.Mode.BLACKOUT, starts_at=NOW + 9)
        first = windows.list_(self.session, NOW, limit=2)
        self.assertEqual(['a', 'c'], [one.name for one in first])
        self.assertEqual(['b', 'quiet'], self.names(marker=first[1].uuid))
        self.assertEqual(['quiet'], self.names(mode=model.Mode.BLACKOUT))
        self.assertEqual(['c'], self.names(name='c'))

    def test_they_are_over_by_themselves(self):
        self.create('once')
        self.create('for ever', rrule='FREQ=DAILY')
        self.assertEqual(2, len(self.names(over=False)))
        later = NOW + 200
        self.assertEqual(['for ever'], self.names(later, over=False))
        self.assertEqual(['once'], self.names(later, over=True))
        self.assertEqual(2, len(windows.begun(self.session, NOW + 150)))
        self.assertEqual(1, len(windows.begun(self.session, later)))
        self.assertEqual([], windows.begun(self.session, NOW + 99))

    def test_names_are_free_again_once_a_window_is_over(self):
        self.create()
        self.create(project_id='p2')
        self.create(project_id=None)
        self.assertRaises(exceptions.Conflict, self.create)
        self.create(now=NOW + 200, starts_at=NOW + 300, ends_at=NOW + 400)

    def test_how_many_there_may_be(self):
        self.addCleanup(setattr, windows, 'MAX_WINDOWS', windows.MAX_WINDOWS)
        windows.MAX_WINDOWS = 2
        self.create('a')
        one = self.create('b')
        error = self.assertRaises(exceptions.Conflict, self.create, 'c')
        self.assertIn('has 2 already that are not over', str(error))
        # to change one of them is no new one
        windows.update(self.session, one, NOW + 1)

    def test_what_a_window_was_stays_known(self):
        window = self.create(rrule='FREQ=DAILY')
        changed = dataclasses.replace(window, servers=())
        changed = windows.update(self.session, changed, NOW + 150)
        self.assertEqual(
            (NOW, NOW + 150), (changed.created_at, changed.valid_from)
        )
        self.assertEqual([changed], windows.list_(self.session, 0, limit=9))
        windows.delete(self.session, window.uuid, NOW + 160)
        self.assertEqual([], self.names())
        self.assertRaises(
            exceptions.NotFound, windows.get, self.session, window.uuid
        )
        self.assertEqual([], windows.begun(self.session, NOW + 161))
        known = windows.between(self.session, NOW, NOW + 1000)
        self.assertEqual(
            [
                (('s1', 's2'), NOW, NOW + 150),
                ((), NOW + 150, NOW + 160),
            ],
            sorted(
                (
                    (one.servers, one.valid_from, one.valid_until)
                    for one in known
                ),
                key=lambda one: one[1],
            ),
        )
        between = windows.between(self.session, NOW + 155, NOW + 1000)
        self.assertEqual(1, len(between))
        self.assertEqual([], windows.between(self.session, NOW, NOW + 100))
        self.assertEqual(1, windows.expire(self.session, NOW + 155))
        self.assertEqual(1, windows.expire(self.session, NOW + 10**6))


class TestWindowsOnSqlite(WindowsTests, databases.SqliteTestCase):
    pass


class TestWindowsOnMysql(WindowsTests, databases.MysqlTestCase):
    pass


class TestWindowsOnPostgresql(WindowsTests, databases.PostgresqlTestCase):
    pass
