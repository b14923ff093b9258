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

import json
import os
import pathlib
import subprocess
import sys

import fixtures
from oslotest import base

from sentinella.cmd import manage
from sentinella.cmd import status
from sentinella.db import migration
from sentinella.db import notifications
from sentinella.db import servers
from sentinella.evaluator import builtin
from tests import databases
from tests.functional.db import things

TOP = pathlib.Path(__file__).parents[3]


def run(command, connection, *args):
    """
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
        input=f'[database]\nconnection = {connection}\n',
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
        self.assertRegex(out, 'definitions: [1-9][0-9]* added, 0 updated')
        code, out, err = run(
            'status', connection, 'upgrade', 'check', '--json'
        )
        self.assertEqual(
            (0, ['Schema', 'Notifications', 'Keys of agents']),
            (code, [check['check'] for check in json.loads(out)['checks']]),
        )

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
        added, updated = builtin.install(self.database)
        self.assertLess(0, added)
        self.assertEqual(0, updated)
        self.assertEqual((0, 0), builtin.install(self.database))


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

    def test_no_schema(self):
        folder = self.useFixture(fixtures.TempDir()).path
        conf = databases.make_conf(f'sqlite:///{folder}/x.db')
        code, details = self.check('check_schema', conf)
        self.assertEqual('FAILURE', code)
        self.assertIn('at none, not 0002', details)
        self.assertIn('sentinella-manage db sync', details)

    def test_no_server(self):
        conf = databases.make_conf('mysql+pymysql://me:secret@127.0.0.1:1/x')
        for name in ('check_schema', 'check_notifications', 'check_keys'):
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
            notifications.add(
                session,
                alarm,
                things.transition(session, alarm),
                [things.channel(session)],
                things.NOW,
            )
            (claim,) = notifications.claim_due(session, 'me', 9, 9)
            notifications.dead(session, claim, 'HTTP 404', things.NOW)
        code, details = self.check('check_notifications')
        self.assertEqual('WARNING', code)
        self.assertIn('1 notifications were given up', details)
