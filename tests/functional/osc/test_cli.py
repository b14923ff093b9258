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

"""The real client against the real API, both in this process."""

import contextlib
import io
import json
import logging
import re
import threading
import warnings
from wsgiref import simple_server

import fixtures
from keystoneauth1 import session
from keystoneauth1.identity import v3
from keystoneclient.v3 import client as keystone_client
from openstackclient import shell
from osc_lib import clientmanager
from oslotest import base
import requests

from sentinella import plugins
from sentinella import signing
from sentinella.api import app
from sentinella.db import clock
from sentinella.db import servers
from sentinella.osc import plugin
from sentinella.standalone import service
from tests import databases
from tests import keystone
from tests.functional.api import seed

ALARM = seed.number('alarm', 'alpha')
NOTIFICATION = seed.number('notification', 'alpha')
SUMMARY = 'service down on ctl-01 (service=nova-scheduler)'


class Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        """The API itself logs its requests."""


class CliTestCase(base.BaseTestCase):
    """An API on loopback with what `seed` makes, and the client."""

    strategy = 'noauth'
    #: What the client prints to.
    stream = io.StringIO

    def setUp(self):
        super().setUp()
        # the client's first session would be that of the whole process
        cache = vars(clientmanager.ClientManager)[plugin.API_NAME]
        cache._handle = None
        fixture = self.useFixture(databases.DatabaseFixture())
        conf = fixture.conf
        conf.set_override('auth_strategy', self.strategy, 'api')
        storage = plugins.load(
            'sentinella.storage', 'sql', conf, fixture.database
        )
        seed.fill(fixture.database, storage, **self.projects(conf))
        self.database = fixture.database
        self.url = self.start(conf, storage)

    def start(self, conf, storage):
        """
        :returns: the URL that the API is at
        """
        return self.serve(app.make(conf, self.database, storage, None))

    def projects(self, conf):
        """
        :returns: arguments of `seed.fill`
        """
        return {}

    def credentials(self):
        return ['--os-auth-type', 'none', '--os-endpoint', self.url]

    def serve(self, application):
        """
        :returns: the URL that it is at
        """
        server = simple_server.make_server(
            '127.0.0.1', 0, application, handler_class=Quiet
        )
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return f'http://127.0.0.1:{server.server_port}'

    def run_cli(self, *command):
        """
        :returns: exit code, what it printed, its errors
        """
        argv = [*self.credentials(), 'sentinella', *command]
        stdout, stderr = self.stream(), io.StringIO()
        # the client makes the process's logging and warnings its own
        handlers, level = logging.root.handlers[:], logging.root.level
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            try:
                code = shell.OpenStackShell().run(argv)
            finally:
                logging.root.handlers[:] = handlers
                logging.root.setLevel(level)
        return code, stdout.getvalue(), stderr.getvalue()

    def cli(self, *command):
        """What a command printed, that must succeed."""
        code, printed, errors = self.run_cli(*command)
        self.assertEqual(0, code, errors)
        return printed

    def json(self, *command):
        return json.loads(self.cli(*command, '-f', 'json'))

    def refused(self, *command):
        """The errors of a command that must not succeed."""
        code, _, errors = self.run_cli(*command)
        self.assertNotEqual(0, code)
        return errors


class WindowsTest(CliTestCase):
    def create(self, name='patch day', *options):
        return self.json(
            'window', 'create', name, '--mode', 'maintenance',
            '--start', '2030-01-06T02:00', '--duration', '2h', *options,
        )  # fmt: skip

    def test_from_its_plan_to_its_end(self):
        made = self.create(
            'patch day', '--rrule', 'FREQ=WEEKLY;BYDAY=SU',
            '--timezone', 'Europe/Rome', '--service', 'nova-scheduler',
            '--until', '2030-02-01', '--all-projects', '--reason', 'Kernels',
        )  # fmt: skip
        self.assertEqual(
            ['2030-01-06T02:00:00.000000Z', '2030-01-06T04:00:00.000000Z'],
            [made['starts_at'], made['ends_at']],
        )
        self.assertEqual(
            (False, None, ['nova-scheduler'], 'Kernels'),
            (
                made['in_force'],
                made['project_id'],
                made['services'],
                made['reason'],
            ),
        )
        printed = self.cli('window', 'list')
        self.assertIn('| patch day | maintenance | False ', printed)
        self.assertIn(
            '| 2030-01-06T02:00:00Z | 2030-01-06T04:00:00Z |', printed
        )
        self.cli('window', 'set', 'patch day', '--mode', 'blackout',
                 '--rrule', '', '--name', 'quiet')  # fmt: skip
        # with no rule, nothing begins again
        shown = self.json('window', 'show', 'quiet')
        self.assertEqual(
            (made['id'], 'blackout', ''),
            (shown['id'], shown['mode'], shown['rrule']),
        )
        self.cli('window', 'delete', 'quiet')
        self.assertEqual([], self.json('window', 'list', '--all'))

    def test_what_it_covers(self):
        self.create(
            'ctl', '--all-projects', '--server', 'ctl-01',
            '--definition', 'service down',
        )  # fmt: skip
        printed = self.cli('window', 'preview', 'ctl')
        for expected in (
            '2030-01-06T02:00:00Z to 2030-01-06T04:00:00Z',
            '| ctl-01 ',
            '| service down ',
            f'| critical: {SUMMARY}',
        ):
            self.assertIn(expected, printed)
        shown = self.json('window', 'preview', 'ctl')
        self.assertEqual(1, shown['alarms_total'])

    def test_from_now_on(self):
        made = self.json(
            'window', 'create', 'now', '--mode', 'blackout',
            '--start', 'now', '--end', '+90m', '--cloud-group', 'region-one',
        )  # fmt: skip
        self.assertTrue(made['in_force'])
        self.assertEqual(['region-one'], made['cloud_groups'])
        (listed,) = self.json('window', 'list', '--mode', 'blackout', '--long')
        self.assertEqual('standalone', listed['Owner'])

    def test_what_is_wrong_is_told(self):
        start = ('window', 'create', 'x', '--mode', 'blackout', '--start')
        for words, expected in (
            (
                (*start, '2020-01-01', '--duration', '1h'),
                'starts_at: expected',
            ),
            (
                (
                    *start,
                    'now',
                    '--duration',
                    '1h',
                    '--rrule',
                    'FREQ=SECONDLY',
                ),
                'rrule: expected FREQ=HOURLY',
            ),
            (('window', 'set', 'x', '--duration', '1h'), 'give --start as'),
            (('window', 'set', 'x'), 'Nothing to set'),
            (('window', 'show', 'x'), "has the name 'x'"),
        ):
            self.assertIn(expected, ' '.join(self.refused(*words).split()))


class ServersTest(CliTestCase):
    def test_list(self):
        printed = self.cli('server', 'list')
        self.assertIn('| ctl-01   | active | region-one  | ', printed)
        self.assertIn('| ctl-02 ', printed)

    def test_pages(self):
        (first,) = self.json('server', 'list', '--limit', '1')
        (second,) = self.json(
            'server', 'list', '--limit', '1', '--marker', first['ID']
        )
        self.assertEqual(
            ['ctl-01', 'ctl-02'], [first['Hostname'], second['Hostname']]
        )

    def test_filters(self):
        self.assertEqual([], self.json('server', 'list', '--mode', 'blackout'))

    def test_show(self):
        shown = self.json('server', 'show', 'ctl-01')
        self.assertEqual('rack 1', shown['location'])
        self.assertEqual(8, shown['facts']['cpus'])
        self.assertEqual(
            shown, self.json('server', 'show', shown['id'].upper())
        )

    def test_accept(self):
        waiting = signing.fingerprint(seed.CANDIDATE)
        with self.database.writer() as session:
            servers.refuse(
                session,
                {seed.number('server', 'alpha'): (3, seed.CANDIDATE)},
                clock.read(session),
            )
        (server,) = self.json('server', 'list', '--enrolment', 'changed')
        self.assertEqual(
            ('ctl-01', 'changed'), (server['Hostname'], server['Enrolment'])
        )
        (server,) = self.json(
            'server', 'list', '--enrolment', 'changed', '--long'
        )
        self.assertEqual(waiting, server['Candidate Fingerprint'])
        self.assertEqual(3, server['Refused'])
        other = signing.fingerprint(seed.KEY)
        self.assertIn(
            f'has the fingerprint {waiting}, not {other}',
            self.refused('server', 'accept', 'ctl-01', '--fingerprint', other),
        )
        shown = self.json(
            'server', 'accept', 'ctl-01', '--fingerprint', waiting
        )
        self.assertEqual(
            ('accepted', waiting, ''),
            (
                shown['enrolment'],
                shown['fingerprint'],
                shown['candidate_fingerprint'],
            ),
        )
        self.assertIn(
            'no key waits to be accepted',
            self.refused('server', 'accept', 'ctl-01'),
        )

    def test_set(self):
        self.cli(
            'server', 'set', 'ctl-01', '--mode', 'maintenance',
            '--cloud-group', 'region-two',
        )  # fmt: skip
        (server,) = self.json('server', 'list', '--mode', 'maintenance')
        self.assertEqual('region-two', server['Cloud Group'])

    def test_set_nothing(self):
        self.assertIn('Nothing to set', self.refused('server', 'set', 'x'))

    def test_uptime(self):
        with self.database.writer() as session:
            server = servers.get(session, seed.number('server', 'alpha'))
            now = clock.read(session)
            sights = {server.id: now}
            servers.accept(session, {server.id: 1}, now, observed=sights)
        printed = self.cli('server', 'uptime', 'ctl-01')
        self.assertIn('| nova-scheduler | ', printed)
        day, week, month = self.json(
            'server', 'uptime', 'ctl-01', '--service', 'nova-api', '--long'
        )
        for found in (day, week, month):
            self.assertEqual(100.0, found['Uptime'])
            # the seed says that it is up for 50 minutes
            self.assertAlmostEqual(3060, found['Up'], delta=120)
        (found,) = self.json(
            'server', 'uptime', 'ctl-01', '--service', 'nova-scheduler',
            '--since', '10s', '--until', '0s',
        )  # fmt: skip
        self.assertEqual(0.0, found['Uptime'])
        self.assertAlmostEqual(10.0, found['Down'], delta=0.1)

    def test_delete_goes_on_after_one_that_fails(self):
        self.assertIn(
            '2 of 2 not done: web: None of the servers has the hostname '
            "'web'. db: None",
            self.refused('server', 'delete', 'web', 'db'),
        )

    def test_delete(self):
        self.cli('server', 'delete', 'ctl-01')
        (left,) = self.json('server', 'list')
        self.assertEqual('ctl-02', left['Hostname'])

    def test_unknown(self):
        self.assertIn(
            '(HTTP 404)',
            self.refused('server', 'show', seed.number('absent', 'alpha')),
        )

    def test_services(self):
        (service,) = self.json(
            'service', 'list', '--server', 'ctl-01', '--state', 'down'
        )
        self.assertEqual('nova-scheduler', service['Name'])
        self.assertIn('process 200', service['Reason'])
        printed = self.cli('service', 'list', '--long', '--name', 'nova-api')
        self.assertIn('listens on port 8774', printed)


class AlarmsTest(CliTestCase):
    def test_list_shows_what_is_wrong(self):
        alarms = self.json('alarm', 'list', '--server', 'ctl-01')
        self.assertEqual(
            [(ALARM, 'critical', SUMMARY)],
            [(a['ID'], a['Severity'], a['Summary']) for a in alarms],
        )
        self.assertEqual([], self.json('alarm', 'list', '--state', 'ok'))
        self.assertEqual(2, len(self.json('alarm', 'list', '--all')))

    def test_list_of_a_definition(self):
        alarms = self.json('alarm', 'list', '--definition', 'service down')
        self.assertEqual(2, len(alarms))
        self.assertIn(
            'More than one',
            self.refused('alarm', 'list', '--definition', 'cpu busy'),
        )

    def test_show_says_what_to_do(self):
        printed = self.cli('alarm', 'show', ALARM)
        self.assertIn('last(process.up) is 0', printed)
        self.assertIn('It crashed, or somebody stopped it.', printed)
        self.assertIn('See its log; start it again.', printed)

    def test_acknowledge_and_resolve(self):
        self.cli('alarm', 'acknowledge', ALARM, '--note', 'on it')
        shown = self.json('alarm', 'show', ALARM)
        self.assertEqual('ACKNOWLEDGED', shown['lifecycle'])
        self.assertEqual('on it', shown['note'])
        self.cli('alarm', 'resolve', ALARM)
        self.assertIn(
            '(HTTP 409)', self.refused('alarm', 'acknowledge', ALARM)
        )

    def test_transitions(self):
        (transition,) = self.json('alarm', 'transition', 'list', ALARM)
        self.assertEqual('ALARM', transition['To State'])

    def test_notifications(self):
        for notification in self.json('notification', 'list'):
            self.assertEqual('pager', notification['Channel'])
        (one,) = self.json('notification', 'list', '--alarm', ALARM)
        self.assertEqual('PENDING', one['State'])
        self.assertEqual(
            [], self.json('notification', 'list', '--kind', 'repeat')
        )

    def test_a_notification(self):
        shown = self.json('notification', 'show', NOTIFICATION)
        (attempt,) = shown['record']
        self.assertEqual('HTTP 503 Service Unavailable', attempt['answer'])
        self.cli('notification', 'resend', NOTIFICATION)
        shown = self.json('notification', 'show', NOTIFICATION)
        self.assertEqual(('PENDING', 0), (shown['state'], shown['attempts']))
        self.assertTrue(shown['resent_by'])

    def test_definitions(self):
        created = self.json(
            'alarm', 'definition', 'create', 'hot',
            '--expression', 'avg(cpu.percent, 60) > 95 times 2',
            '--severity', 'warning', '--type', 'gauge',
            '--match-by', 'server', '--remedy', 'Cool it.',
        )  # fmt: skip
        self.assertEqual(['server'], created['match_by'])
        self.cli('alarm', 'definition', 'set', 'hot', '--disable')
        shown = self.json('alarm', 'definition', 'show', 'hot')
        self.assertEqual(
            (False, 'Cool it.'), (shown['enabled'], shown['remedy'])
        )
        (disabled,) = self.json(
            'alarm', 'definition', 'list', '--enabled', 'false'
        )
        self.assertEqual('hot', disabled['Name'])
        self.cli('alarm', 'definition', 'delete', 'hot')
        self.assertIn(
            'None of the alarm definitions',
            self.refused('alarm', 'definition', 'show', 'hot'),
        )

    def test_a_built_in_definition_is_changed_and_reset(self):
        name = 'service down'
        command = 'alarm', 'definition'
        before = self.json(*command, 'show', name)
        self.cli(
            *command, 'set', name, '--severity', 'info',
            '--releases', '>=2024.1',
        )  # fmt: skip
        shown = self.cli(*command, 'show', name)
        self.assertIn(f'severity: shipped is {before["severity"]}', shown)
        self.assertNotIn('when this was changed', shown)
        changed = self.json(*command, 'show', name)
        self.assertEqual(
            ['releases', 'severity'], sorted(changed['customizations'])
        )
        self.cli(*command, 'reset', name)
        after = self.json(*command, 'show', name)
        for one in (before, after):
            del one['updated_at']
        self.assertEqual(before, after)

    def test_a_broken_expression(self):
        errors = self.refused(
            'alarm', 'definition', 'create', 'x', '--expression', 'avg(',
            '--severity', 'info',
        )  # fmt: skip
        self.assertIn('(HTTP 400)', errors)
        self.assertIn('column', errors)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ScreensTest(CliTestCase):
    """What people look at first."""

    def setUp(self):
        super().setUp()
        with self.database.writer() as session:
            alpha = servers.get(session, seed.number('server', 'alpha'))
            servers.accept(session, {alpha.id: 1}, clock.read(session))

    def test_status(self):
        printed = self.cli('status')
        first, *others = printed.splitlines()
        self.assertRegex(
            first,
            r'^critical  (1 minute|59 seconds) ago +service down on ctl-0[12] ',
        )
        self.assertIn('          reason: last(process.up) is 0', others)
        self.assertIn(
            '          cause:  It crashed, or somebody stopped it.', others
        )
        self.assertIn('          to do:  See its log; start it again.', others)
        self.assertIn(f'          alarm:  {ALARM}', others)
        self.assertIn(
            '! Of 1 of 2 servers nothing is known now: their agents are '
            'silent.',
            others,
        )
        self.assertIn(
            '! No evaluator is alive: no alarm begins or ends.', others
        )
        self.assertEqual(
            'Servers: 1 alarm, 1 silent. Services: 1 up, 1 down, 2 '
            'undetermined. Alarms: 2 critical. Logs of the last hour: 2 '
            'critical, 2 error, 2 warning.',
            others[-1],
        )

    def test_status_shows_so_many(self):
        printed = self.cli('status', '--limit', '1')
        self.assertEqual(1, printed.count('to do:'))
        self.assertIn('1 more: openstack sentinella alarm list', printed)

    def test_status_when_somebody_looks_after_it(self):
        self.cli('alarm', 'acknowledge', ALARM, '--note', 'on \x1b[2Jit')
        printed = self.cli('status')
        self.assertIn('state:  standalone looks after it: on [2Jit', printed)
        self.assertIn('2 critical (1 acknowledged).', printed)

    def test_status_when_all_is_well(self):
        for project in ('alpha', 'beta'):
            self.cli('alarm', 'resolve', seed.number('alarm', project))
        printed = self.cli('status')
        self.assertEqual(
            'Nothing is known to be broken.', printed.splitlines()[0]
        )
        self.assertIn('Alarms: none.', printed)

    def test_status_for_machines(self):
        shown = self.json('status')
        (first, _) = shown['alarms']['worst']
        self.assertRegex(first['since'], r'^\d{4}-.*Z$')
        self.assertEqual(2, shown['servers']['total'])
        self.assertEqual(
            ['servers'], list(self.json('status', '-c', 'servers'))
        )

    def test_colour_on_a_terminal_only(self):
        view = 'server', 'view', 'ctl-01'
        self.assertNotIn('\x1b', self.cli('status') + self.cli(*view))
        self.stream = Terminal
        self.assertIn('\x1b[1;31mcritical\x1b[0m', self.cli('status'))
        self.assertIn('\x1b[31mDOWN\x1b[0m', self.cli(*view))
        self.useFixture(fixtures.EnvironmentVariable('NO_COLOR', '1'))
        self.assertNotIn('\x1b', self.cli('status'))

    def test_view(self):
        printed = self.cli('server', 'view', 'ctl-01')
        self.assertEqual(
            'ctl-01: alarm. Cloud group: region-one. Location: rack 1. Last '
            'report: just now.',
            printed.splitlines()[0],
        )
        for row in (
            r'12\.5 +\|',
            r'/ +\| 40 +\|',
            r'nova +\| nova-api +\| UP +\| 5[01] minutes ago',
            r'nova-scheduler +\| DOWN +\| (1 minute|59 seconds) ago',
            r'critical +\| (1 minute|59 seconds) ago +\| OPEN +\| service down ',
            r'error +\| +1 \| \.{23}█',
            r'\(server\) +\| ',
        ):
            self.assertRegex(printed, rf'\| {row}')
        self.assertIn('Closed in the last 24 hours: none', printed)

    def test_view_for_machines(self):
        shown = self.json('server', 'view', seed.number('server', 'alpha'))
        self.assertEqual('ctl-01', shown['server']['hostname'])
        self.assertEqual(24, len(shown['log_events']))
        (project,) = shown['services']
        self.assertRegex(project['services'][0]['since'], r'^\d{4}-.*Z$')

    def test_view_of_none(self):
        self.assertIn(
            "has the hostname 'web'", self.refused('server', 'view', 'web')
        )
        absent = seed.number('absent', 'alpha')
        self.assertIn('(HTTP 404)', self.refused('server', 'view', absent))


class EventsTest(CliTestCase):
    def start(self, conf, storage):
        """As standalone does: a stream keeps a thread."""
        conf.set_override('standalone_port', 0, 'api')
        api = service.Api(conf, self.database, storage, None)
        api.start()
        self.addCleanup(api.stop)
        return api.url

    def test_what_has_happened(self):
        printed = self.cli('event', 'watch', '--after', '0', '--count', '2')
        head, first, second = printed.splitlines()
        self.assertEqual(
            ['At', 'Severity', 'State', 'Lifecycle', 'Summary'], head.split()
        )
        self.assertRegex(
            first,
            r'^[-\d]{10}T[:\d]{8}Z  critical  ALARM         OPEN          '
            + re.escape(SUMMARY),
        )
        self.assertIn('on ctl-02', second)

    def test_filters(self):
        printed = self.cli(
            'event', 'watch', '--after', '0', '--count', '1', '--json',
            '--server', 'ctl-02', '--definition', 'service down',
            '--state', 'ALARM', '--severity', 'critical',
            '--lifecycle', 'OPEN',
        )  # fmt: skip
        self.assertEqual('ctl-02', json.loads(printed)['alarm']['server'])

    def test_what_happens(self):
        def act():
            api = f'{self.url}/v1'
            requests.get(f'{api}/alarms', timeout=10).raise_for_status()
            requests.post(
                f'{api}/alarms/{ALARM}/acknowledge', timeout=10
            ).raise_for_status()

        # once the client has had the time to connect
        timer = threading.Timer(3.0, act)
        timer.start()
        self.addCleanup(timer.join)
        printed = self.cli('event', 'watch', '--count', '1')
        self.assertIn('ACKNOWLEDGED', printed)
        self.assertIn(f'{SUMMARY}, by standalone', printed)

    def test_some_were_missed(self):
        printed = self.cli('event', 'watch', '--after', '99', '--count', '1')
        self.assertIn('Some were missed', printed)

    def test_what_is_wrong_is_told(self):
        self.assertIn(
            "Last-Event-ID: expected the ID of an event, got 'x'",
            self.refused('event', 'watch', '--after', 'x'),
        )


class SamplesTest(CliTestCase):
    def test_latest(self):
        metrics = self.json('metric', 'list', 'ctl-01', '--name', 'fs')
        self.assertEqual(
            [('fs.percent', {'mount': '/'}, 40.0)],
            [(m['Name'], m['Dimensions'], m['Value']) for m in metrics],
        )

    def test_range(self):
        printed = self.cli(
            'metric', 'range', 'ctl-01', 'fs.percent',
            '--dimension', 'mount=/', '--start', '10m', '--step', '60',
        )  # fmt: skip
        self.assertIn('| 40    | ▏   |', printed)

    def test_logs(self):
        logs = self.json(
            'log', 'list', '--server', 'ctl-01', '--level', 'error',
            '--since', '1h', '--long',
        )  # fmt: skip
        self.assertEqual(
            [('message 0', 'Traceback ...')],
            [(log['Message'], log['Traceback']) for log in logs],
        )
        self.assertEqual(1, len(self.json('log', 'list', '--limit', '1')))


class ChannelsTest(CliTestCase):
    def test_life(self):
        created = self.json(
            'channel', 'create', 'ops', '--driver', 'log',
            '--min-severity', 'major',
        )  # fmt: skip
        self.assertEqual('major', created['min_severity'])
        self.cli('channel', 'set', 'ops', '--name', 'night', '--disable')
        shown = self.json('channel', 'show', 'night')
        self.assertEqual(created['id'], shown['id'])
        self.assertFalse(shown['enabled'])
        self.assertIn('Delivered', self.cli('channel', 'test', 'night'))
        self.cli('channel', 'delete', 'night')
        self.assertNotIn('night', self.cli('channel', 'list'))

    def test_webhook(self):
        created = self.json(
            'channel', 'create', 'hook', '--driver', 'webhook',
            '--setting', 'url=http://127.0.0.1:1/',
        )  # fmt: skip
        self.assertEqual('http://127.0.0.1:1/', created['settings']['url'])
        self.assertIn(
            'Connection refused', self.refused('channel', 'test', 'hook')
        )

    def test_what_it_wants(self):
        self.cli('channel', 'create', 'desk', '--driver', 'log')
        created = self.json(
            'channel', 'create', 'night', '--driver', 'log',
            '--service', 'nova-api', '--service', 'nova-compute',
            '--cloud-group', 'region-one', '--definition', 'service down',
            '--escalate-to', 'desk', '--escalate-after', '900',
            '--escalations-only', '--repeat-interval', '3600',
            '--rate', '30', '--digest-over', '5',
            '--quiet-hours', '22:00-07:00', '--quiet-timezone', 'Europe/Rome',
            '--quiet-max-severity', 'major',
        )  # fmt: skip
        desk = self.json('channel', 'show', 'desk')
        self.assertEqual(['nova-api', 'nova-compute'], created['services'])
        self.assertEqual(['region-one'], created['cloud_groups'])
        self.assertEqual([seed.BUILTIN], created['definitions'])
        self.assertEqual(
            (desk['id'], 900, True),
            (
                created['escalate_to'],
                created['escalate_after'],
                created['escalations_only'],
            ),
        )
        self.assertEqual(
            (3600, 30, 5),
            (
                created['repeat_interval'],
                created['rate'],
                created['digest_over'],
            ),
        )
        self.assertEqual(
            {
                'from': '22:00',
                'to': '07:00',
                'timezone': 'Europe/Rome',
                'max_severity': 'major',
            },
            created['quiet'],
        )
        self.cli(
            'channel', 'set', 'night', '--all-services', '--all-cloud-groups',
            '--all-definitions', '--no-escalation', '--all-alarms',
            '--repeat-interval', 'none', '--rate', 'none',
            '--quiet-hours', 'none',
        )  # fmt: skip
        shown = self.json('channel', 'show', 'night')
        plain = ('services', 'cloud_groups', 'definitions')
        self.assertEqual([[]] * 3, [shown[name] for name in plain])
        self.assertEqual(
            {None},
            {
                shown[name]
                for name in (
                    'escalate_to',
                    'escalate_after',
                    'repeat_interval',
                    'rate',
                    'quiet',
                )
            },
        )
        self.assertFalse(shown['escalations_only'])
        self.assertEqual(5, shown['digest_over'])

    def test_quiet_somewhere_at_no_time(self):
        self.assertIn(
            'give --quiet-hours as well',
            self.refused(
                'channel', 'create', 'x', '--driver', 'log',
                '--quiet-timezone', 'Europe/Rome',
            ),
        )  # fmt: skip

    def test_drivers(self):
        self.assertIn('Posts notifications', self.cli('driver', 'list'))
        shown = self.cli('driver', 'show', 'webhook')
        self.assertIn('url (needed): ', shown)
        self.assertIn('secret (secret): ', shown)
        self.assertIn("'pigeon'", self.refused('driver', 'show', 'pigeon'))

    def test_an_unknown_driver(self):
        self.assertIn(
            "'pigeon'",
            self.refused('channel', 'create', 'x', '--driver', 'pigeon'),
        )


class KeystoneTest(CliTestCase):
    """With a token, the catalog, and policies."""

    strategy = 'keystone'
    persona = 'reader'

    def projects(self, conf):
        self.keystone = self.useFixture(keystone.KeystoneFixture())
        self.keystone.configure(conf)
        return {
            name: self.keystone.projects[name] for name in ('alpha', 'beta')
        }

    def serve(self, application):
        url = super().serve(application)
        admin = keystone_client.Client(
            session=session.Session(
                v3.Password(
                    self.keystone.url,
                    username='admin',
                    password=keystone.PASSWORD,
                    project_name='admin',
                    user_domain_id='default',
                    project_domain_id='default',
                )
            )
        )
        service = admin.services.create('sentinella', 'infra-monitoring')
        self.addCleanup(admin.services.delete, service)
        admin.endpoints.create(service, url, 'public')
        return url

    def credentials(self):
        return [
            '--os-auth-url', self.keystone.url,
            '--os-username', self.persona,
            '--os-password', keystone.PASSWORD,
            '--os-project-name', keystone.PERSONAS[self.persona][1],
            '--os-user-domain-id', 'default',
            '--os-project-domain-id', 'default',
        ]  # fmt: skip

    def test_the_catalog_leads_to_ones_own(self):
        (server,) = self.json('server', 'list')
        self.assertEqual('ctl-01', server['Hostname'])

    def test_a_reader_does_not_write(self):
        errors = self.refused('alarm', 'acknowledge', ALARM)
        self.assertIn('(HTTP 403)', errors)

    def test_a_member_does(self):
        self.persona = 'member'
        self.cli('alarm', 'acknowledge', ALARM)
        shown = self.json('alarm', 'show', ALARM)
        self.assertEqual('ACKNOWLEDGED', shown['lifecycle'])
