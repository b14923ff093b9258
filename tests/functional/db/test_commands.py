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

"""sentinella-manage and sentinella-status as operators call them."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import fixtures
from oslotest import base

from sentinella import model
from sentinella.cmd import manage
from sentinella.cmd import status
from sentinella.db import builtin as db_builtin
from sentinella.db import definitions
from sentinella.db import deliveries
from sentinella.db import migration
from sentinella.db import notifications
from sentinella.db import servers
from sentinella.evaluator import builtin
from sentinella.knowledge import definitions as knowledge
from tests import databases
from tests.functional.db import things

TOP = pathlib.Path(__file__).parents[3]


def run(command, connection, *args, keys=''):
    """
    :param keys: for channels' settings, with commas between them
    :returns: exit code, stdout, stderr
    """
    code = f'import sys; from sentinella.cmd import {command}; '
    done = subprocess.run(
        [
            sys.executable,
            '-W',
            'ignore',
            '-c',
            code + f'sys.exit({command}.main())',
            '--config-file',
            '/dev/stdin',
            *args,
        ],
        input=f'[database]\nconnection = {connection}\n'
        f'[notifier]\nsecret_keys = {keys}\n',
        capture_output=True,
        text=True,
        cwd=TOP,
        env={**os.environ, 'PYTHONPATH': str(TOP)},
    )
    return done.returncode, done.stdout, done.stderr


class TestCommands(base.BaseTestCase):
    def test_a_new_database(self):
        folder = self.useFixture(fixtures.TempDir()).path
        connection = f'sqlite:///{folder}/x.db'
        code, out, err = run('manage', connection, 'db', 'sync')
        self.assertEqual((0, ''), (code, err))
        self.assertIn(f'schema: {migration.head()}\n', out)
        self.assertRegex(out, 'definitions: [1-9][0-9]* added, 0 updated, 0 r')
        code, key, err = run('manage', connection, 'secrets', 'key')
        self.assertEqual((0, ''), (code, err))
        check = ('status', connection, 'upgrade', 'check', '--json')
        code, out, err = run(*check, keys=key.strip())
        self.assertEqual(
            (
                0,
                [
                    'Schema',
                    'Notifications',
                    'Keys of agents',
                    'Secrets of channels',
                ],
            ),
            (code, [check['check'] for check in json.loads(out)['checks']]),
        )
        code, out, _ = run(*check)
        self.assertEqual(1, code)
        self.assertIn('There is no key', out)

    def test_keys_that_are_none(self):
        folder = self.useFixture(fixtures.TempDir()).path
        connection = f'sqlite:///{folder}/x.db'
        for keys, expected in (
            ('', 'expected a key, make one with'),
            ('my-secret', 'number 1 is no key'),
        ):
            code, out, err = run(
                'manage', connection, 'secrets', 'rotate', keys=keys
            )
            self.assertEqual((1, ''), (code, out))
            self.assertEqual(1, err.count('\n'), err)
            self.assertIn(expected, err)
            self.assertNotIn('my-secret', err)

    def test_no_command(self):
        code, _, err = run('manage', 'sqlite://', 'db')
        self.assertEqual(2, code)
        self.assertIn('arguments are required', err)

    def test_an_unreachable_server_is_one_line_without_the_password(self):
        connection = 'mysql+pymysql://me:secret@127.0.0.1:1/x'
        code, out, err = run('manage', connection, 'db', 'sync')
        self.assertEqual((1, ''), (code, out))
        self.assertEqual(1, err.count('\n'), err)
        self.assertIn('mysql+pymysql://me:***@127.0.0.1:1/x', err)
        self.assertNotIn('secret', err)


class TestManage(databases.SqliteTestCase):
    def test_version_and_purge(self):
        printed = self.useFixture(fixtures.StringStream('stdout')).stream
        self.useFixture(fixtures.MonkeyPatch('sys.stdout', printed))
        manage.version(self.conf)
        manage.purge(self.conf)
        printed.seek(0)
        self.assertEqual(f'{migration.head()}\n', printed.read())

    def test_definitions_are_synchronized_once(self):
        synced = builtin.install(self.database)
        self.assertLess(40, len(synced.added))
        self.assertEqual(db_builtin.Synced(added=synced.added), synced)
        self.assertEqual(db_builtin.Synced(), builtin.install(self.database))

    def test_what_people_changed_is_told_when_it_is_shipped_otherwise(self):
        (was,) = [
            entry.definition.expression
            for entry in knowledge.entries()
            if entry.definition.name == 'cpu-busy'
        ]
        builtin.install(self.database)
        with self.database.writer() as session:
            for name, fields in (
                ('cpu-busy', {'expression': 'avg(cpu.percent, 60) > 99'}),
                ('load-high', {'enabled': False}),
            ):
                (found,) = definitions.list_(session, limit=2, name=name)
                definitions.update(
                    session,
                    dataclasses.replace(found, **fields),
                    {'cpu.percent'},
                    1.0,
                )
        entries = [
            dataclasses.replace(
                entry,
                definition=dataclasses.replace(
                    entry.definition,
                    expression='avg(cpu.percent, 900) > 80',
                    severity=model.Severity.MAJOR,
                ),
            )
            if entry.definition.name in ('cpu-busy', 'load-high')
            else entry
            for entry in knowledge.entries()
        ]
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.knowledge.definitions.entries', lambda: entries
            )
        )
        printed = self.useFixture(fixtures.StringStream('stdout')).stream
        self.useFixture(fixtures.MonkeyPatch('sys.stdout', printed))
        manage.report(builtin.install(self.database))
        printed.seek(0)
        self.assertEqual(
            [
                'built-in alarm definitions: 0 added, 2 updated, 0 removed',
                '  cpu-busy: expression stays avg(cpu.percent, 60) > 99; '
                f'shipped is avg(cpu.percent, 900) > 80, where {was} was',
                '  cpu-busy: severity stays warning; shipped is major, where '
                'warning was',
            ],
            printed.read().splitlines(),
        )
        with self.database.reader() as session:
            (found,) = definitions.list_(session, limit=2, name='load-high')
        self.assertEqual(
            ('major', False, {'enabled': {'was': True, 'is': True}}),
            (found.severity, found.enabled, found.customizations),
        )


class TestStatus(databases.SqliteTestCase):
    def check(self, name, conf=None):
        checks = status.Checks()
        checks.conf = conf or self.conf
        result = getattr(checks, name)()
        return result.code.name, result.details or ''

    def test_all_is_well(self):
        self.assertEqual(('SUCCESS', ''), self.check('check_schema'))
        self.assertEqual(('SUCCESS', ''), self.check('check_notifications'))
        self.assertEqual(('SUCCESS', ''), self.check('check_keys'))
        self.assertEqual(('SUCCESS', ''), self.check('check_secrets'))

    def test_no_schema(self):
        folder = self.useFixture(fixtures.TempDir()).path
        conf = databases.make_conf(f'sqlite:///{folder}/x.db')
        code, details = self.check('check_schema', conf)
        self.assertEqual('FAILURE', code)
        self.assertIn(f'at none, not {migration.head()}', details)
        self.assertIn('sentinella-manage db sync', details)

    def test_no_server(self):
        conf = databases.make_conf('mysql+pymysql://me:secret@127.0.0.1:1/x')
        for name in (
            'check_schema',
            'check_notifications',
            'check_keys',
            'check_secrets',
        ):
            code, details = self.check(name, conf)
            self.assertEqual('FAILURE', code)
            self.assertIn('refused', details)
            self.assertNotIn('secret', details)

    def test_servers_of_before_there_were_keys(self):
        with self.database.writer() as session:
            for number in range(7):
                old = things.server(session, f'old-{number}')
                servers.accept(session, {old.id: 1}, things.NOW)
            things.server(session, 'waits')
            new = things.registration('new')
            new = things.register(session, new, public_key='k')
            servers.accept(session, {new.id: 1}, things.NOW)
        code, details = self.check('check_keys')
        self.assertEqual('WARNING', code)
        self.assertIn('7 servers', details)
        self.assertIn('old-0, old-1, old-2, old-3, old-4 and 2 more', details)

    def test_notifications_that_were_given_up(self):
        with self.database.writer() as session:
            alarm = things.alarm(session, things.definition(session), None)
            (given,) = notifications.add(
                session,
                alarm,
                things.transition(session, alarm),
                [things.channel(session)],
                things.NOW,
            )
            token = deliveries.claim(session, 'me', 9, [given.id])
            claim = deliveries.Claim(
                token, given.channel.id, frozenset({given.id}), frozenset()
            )
            deliveries.finish(
                session, [claim], state=model.NotificationState.DEAD
            )
        code, details = self.check('check_notifications')
        self.assertEqual('WARNING', code)
        self.assertIn('1 notifications were given up', details)
