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

"""The SQL storage keeps the contract on all three databases."""

import threading

from sentinella import model
from sentinella.storage import schemas
from sentinella.storage import sql
from tests import databases
from tests import storages


class SqlStorageTests(storages.StorageContract):
    def setUp(self):
        super().setUp()
        self.storage = sql.SqlStorage(self.conf, self.database)

    def test_what_one_process_learnt_another_knows(self):
        self.put((1, self.T, {storages.CPU: 1.0}))
        other = sql.SqlStorage(self.conf, self.database)
        found = storages.plain(other.window('cpu.percent', {}, 0, self.T))
        self.assertEqual({(1, storages.CPU): [(self.T, 1.0)]}, found)

    def test_more_schemas_than_are_remembered(self):
        self.patch(schemas, 'REMEMBERED', 2)
        metrics = [model.Metric.of('m', n=str(i)) for i in range(5)]
        self.put(*((i, self.T, {metrics[i]: float(i)}) for i in range(5)))
        found = self.window('m', {}, 0, self.T)
        self.assertEqual({(i, metrics[i]) for i in range(5)}, set(found))

    def test_expire_in_small_steps(self):
        self.patch(sql, 'EXPIRED_AT_ONCE', 3)
        for i in range(10):
            self.put((1, self.T + i, {storages.CPU: 1.0}))
        self.assertEqual(8, self.storage.expire(self.T + 8))
        self.assertEqual(
            2,
            len(
                self.storage.window('cpu.percent', {}, 0, self.T + 9)[0].times
            ),
        )

    def test_several_learn_and_write_the_same_at_once(self):
        frames = [
            (server, self.T, {model.Metric.of('m', n=str(server % 3)): 1.0})
            for server in range(30)
        ]
        failures = []

        def work(order):
            storage = sql.SqlStorage(self.conf, self.database)
            try:
                storages.put(storage, *order)
            except Exception as error:
                failures.append(error)

        threads = [
            threading.Thread(target=work, args=(order,))
            for order in (frames, frames[::-1], frames, frames[::-1])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        found = self.window('m', {}, 0, self.T)
        self.assertEqual(30, len(found))
        self.assertEqual({1}, {len(points) for points in found.values()})

    def test_a_write_inside_a_transaction_is_a_part_of_it(self):
        frame, metrics = storages.stored(1, self.T, {storages.CPU: 1.0})
        self.storage.learn(metrics)
        try:
            with self.database.writer():
                self.storage.write([frame])
                raise ZeroDivisionError
        except ZeroDivisionError:
            found = self.window('cpu.percent', {}, 0, self.T)
        self.assertEqual({}, found)


class TestSqlStorageOnSqlite(SqlStorageTests, databases.SqliteTestCase):
    pass


class TestSqlStorageOnMysql(SqlStorageTests, databases.MysqlTestCase):
    pass


class TestSqlStorageOnPostgresql(
    SqlStorageTests, databases.PostgresqlTestCase
):
    pass
