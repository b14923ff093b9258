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

"""A marker stands for a place in any order."""

import itertools

from oslotest import base
import sqlalchemy as sa

from sentinella.db import paging


class TestAfter(base.BaseTestCase):
    def test_it_is_as_tuples_compare(self):
        table = sa.Table(
            'things',
            sa.MetaData(),
            *(sa.Column(name, sa.Integer) for name in 'abc'),
        )
        rows = list(itertools.product(range(3), repeat=3))
        engine = sa.create_engine('sqlite://')
        table.metadata.create_all(engine)
        self.addCleanup(engine.dispose)
        with engine.begin() as connection:
            connection.execute(
                table.insert(),
                [dict(zip('abc', row, strict=True)) for row in rows],
            )
            for last in rows:
                for descending in (False, True):
                    condition = paging.after(list(table.c), last, descending)
                    query = table.select().where(condition)
                    expected = {
                        row
                        for row in rows
                        if (row < last if descending else row > last)
                    }
                    found = {tuple(r) for r in connection.execute(query)}
                    self.assertEqual(expected, found)
