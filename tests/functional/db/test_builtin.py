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

"""What becomes of built-in definitions over upgrades."""

import dataclasses

from sentinella import model
from sentinella.db import builtin
from sentinella.db import definitions
from tests import databases
from tests.functional.db import things

NOW = things.NOW


def shipped(name, **fields):
    definition = model.AlarmDefinition(
        **{
            'uuid': things.uuid(),
            'name': name,
            'expression': 'last(a) > 1',
            'type': model.ThresholdType.GAUGE,
            'severity': model.Severity.MAJOR,
            **fields,
        }
    )
    return definition, {'a'}


class BuiltinTests:
    def sync(self, *several):
        with self.database.writer() as session:
            return builtin.sync(session, several, NOW + 1)

    def known(self):
        with self.database.reader() as session:
            found = definitions.list_(session, limit=100)
        return {one.name: one for one in found}

    def change(self, known_as, **fields):
        with self.database.writer() as session:
            known = definitions.list_(session, limit=1, name=known_as)[0]
            return definitions.update(
                session, dataclasses.replace(known, **fields), {'a'}, NOW
            )

    def test_they_follow_the_release(self):
        first = [shipped(name) for name in 'abc']
        self.assertEqual(
            builtin.Synced(added=('a', 'b', 'c')), self.sync(*first)
        )
        self.assertEqual(builtin.Synced(), self.sync(*first))
        uuid = self.known()['a'].uuid
        second = [
            shipped(
                'a',
                expression='last(b) > 2',
                tiers={'critical': 'last(a) > 9'},
                inhibited_by=('b',),
                releases='>=2024.1',
                remedy='r',
            ),
            first[1],
            shipped('d'),
        ]
        self.assertEqual(
            builtin.Synced(('d',), ('a',), ('c',)), self.sync(*second)
        )
        self.assertEqual({'a', 'b', 'd'}, set(self.known()))
        after = self.known()['a']
        self.assertEqual(
            (uuid, True, False, {}),
            (after.uuid, after.builtin, after.customized,
             after.customizations),
        )  # fmt: skip
        self.assertEqual(
            ('last(b) > 2', {'critical': 'last(a) > 9'}, ('b',), '>=2024.1'),
            (after.expression, after.tiers, after.inhibited_by,
             after.releases),
        )  # fmt: skip
        self.assertEqual(builtin.Synced(), self.sync(*second))

    def test_one_that_is_updated_is_woken_by_what_it_reads_now(self):
        definition, _ = shipped('a')
        self.sync((definition, {'a'}))
        other = dataclasses.replace(definition, expression='last(b) > 1')
        self.sync((other, {'b'}))
        with self.database.writer() as session:
            session.execute(
                definitions.TABLE.update().values(next_evaluation=NOW * 2)
            )
            self.assertEqual(0, definitions.poke(session, {'a'}))
            self.assertEqual(1, definitions.poke(session, {'b'}))

    def test_what_was_changed_stays_and_what_lies_beneath_is_noted(self):
        self.sync(shipped('a', remedy='r'))
        changed = self.change('a', expression='last(a) > 5', enabled=False)
        self.assertTrue(changed.customized)
        synced = self.sync(shipped('a', remedy='s'))
        self.assertEqual(
            builtin.Synced(updated=('a',)), synced, 'it is not about those'
        )
        synced = self.sync(shipped('a', remedy='s', expression='last(a) > 2'))
        self.assertEqual(
            (
                'a: expression stays last(a) > 5; shipped is last(a) > 2, '
                'where last(a) > 1 was',
            ),
            synced.notes,
        )
        after = self.known()['a']
        self.assertEqual(
            ('last(a) > 5', False, 's'),
            (after.expression, after.enabled, after.remedy),
        )
        self.assertEqual(
            {
                'expression': {'was': 'last(a) > 1', 'is': 'last(a) > 2'},
                'enabled': {'was': True, 'is': True},
            },
            after.customizations,
        )
        again = self.sync(shipped('a', remedy='s', expression='last(a) > 2'))
        self.assertEqual(builtin.Synced(), again)
        back = self.change('a', expression='last(a) > 2', enabled=True)
        self.assertEqual((False, {}), (back.customized, back.customizations))

    def test_one_of_a_release_that_noted_nothing(self):
        self.sync(shipped('a', remedy='r'))
        with self.database.writer() as session:
            session.execute(
                definitions.TABLE.update().values(
                    customized=True, severity=model.Severity.INFO
                )
            )
        synced = self.sync(shipped('a', remedy='r'))
        self.assertEqual(
            ('a: severity stays info; shipped is major',), synced.notes
        )
        self.assertEqual(
            {'severity': {'was': None, 'is': 'major'}},
            self.known()['a'].customizations,
        )

    def test_what_is_not_shipped_any_more(self):
        self.sync(shipped('a'), shipped('b'), shipped('c'))
        self.change('b', enabled=False)
        self.change('c', severity=model.Severity.INFO)
        synced = self.sync()
        self.assertEqual(('a', 'b'), synced.removed)
        (note,) = synced.notes
        self.assertIn('c: is not shipped any more', note)
        own = self.known()['c']
        self.assertEqual(
            (False, False, {}), (own.builtin, own.customized,
                                 own.customizations),
        )  # fmt: skip
        with self.database.writer() as session:
            definitions.delete(session, own.uuid)

    def test_one_that_was_given_another_name_is_not_added_again(self):
        first, metrics = shipped('a')
        self.sync((first, metrics))
        self.change('a', name='z')
        self.assertEqual(builtin.Synced(), self.sync((first, metrics)))
        self.assertEqual({'z'}, set(self.known()))

    def test_a_name_that_is_taken(self):
        with self.database.writer() as session:
            things.definition(session, 'a')
            things.definition(session, 'b', project_id='p1')
        synced = self.sync(shipped('a'), shipped('b'))
        self.assertEqual(('b',), synced.added)
        (note,) = synced.notes
        self.assertIn('a: is not added, for there is one of that', note)


class TestOnSqlite(BuiltinTests, databases.SqliteTestCase):
    pass


class TestOnMysql(BuiltinTests, databases.MysqlTestCase):
    pass


class TestOnPostgresql(BuiltinTests, databases.PostgresqlTestCase):
    pass
