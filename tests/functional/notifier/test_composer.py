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

"""What is known around a notification, on all three databases."""

from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.db import alarms
from sentinella.db import episodes
from sentinella.db import log_events
from sentinella.notifier import composer
from tests import databases
from tests.functional.evaluator import scene

OK, ALARM = model.AlarmState.OK, model.AlarmState.ALARM
UNDETERMINED = model.AlarmState.UNDETERMINED
MAJOR, CRITICAL = model.Severity.MAJOR, model.Severity.CRITICAL


class ComposerTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.conf.set_override('link', 'https://x/{alarm}', 'notifier')
        self.composer = composer.Composer(self.conf, self.database)
        self.addCleanup(self.composer.stop)
        self.channel = self.add_channel('log', {})
        self.server = self.add_server('ctl-01')

    def log(self, at, message, service='nova-scheduler', server=None):
        event = model.LogEvent(
            at=at, service=service, level='ERROR', message=message
        )
        server = server or self.server
        with self.database.writer() as session:
            log_events.add(session, [(server.id, event)])

    def alarm(self, *changes, **group):
        """
        :param changes: (at, from_state, to_state)
        :returns: the Alarm, its Transitions
        """
        definition = self.add_definition('last(process.up) < 1')
        with self.database.writer() as session:
            alarm = alarms.save(
                session,
                model.Alarm(
                    uuid='5b2a0d4e-7f60-4c8e-9d1b-0a4a3b6f8f11',
                    definition=definition,
                    group={'server': self.server.uuid, **group},
                    project_id=scene.PROJECT,
                    state=ALARM,
                    lifecycle=model.Lifecycle.OPEN,
                    severity=MAJOR,
                    reason='',
                    first_at=5.0,
                    changed_at=5.0,
                    last_at=5.0,
                    server=self.server,
                ),
            )
            stored = [
                alarms.add_transition(
                    session,
                    alarm,
                    model.Transition(
                        f'00000000-0000-4000-8000-{at:012}', at, old, new, ''
                    ),
                )
                for at, old, new in changes
            ]
        return alarm, stored

    def compose(self, alarm, transition, kind='alarm', **settings):
        return self.composer.compose(
            model.Notification(
                uuid='n',
                alarm=alarm,
                transition=transition,
                channel=self.channel,
                kind=model.NotificationKind(kind),
            ),
            settings,
            {'ts': 5},
        )

    def test_what_is_known(self):
        elsewhere = self.add_server('ctl-02')
        for at in range(990, 997):
            self.log(float(at), f'line {at}')
        self.log(1059.0, 'its last words')
        self.log(1061.0, 'after')
        self.log(99.0, 'before')
        self.log(1000.0, 'other', service='nova-api')
        self.log(1000.0, 'there', server=elsewhere)
        alarm, (transition,) = self.alarm(
            (1000, OK, ALARM), service='nova-scheduler'
        )
        made = self.compose(alarm, transition)
        self.assertEqual('', made.note)
        self.assertEqual(
            ['line 993', 'line 994', 'line 995', 'line 996', 'its last words'],
            [line.partition(': ')[2] for line in made.message['log_lines']],
        )
        self.assertEqual({'ts': 5}, made.message['reference'])
        self.assertEqual(f'https://x/{alarm.uuid}', made.message['link'])

    def test_no_service_has_no_log(self):
        self.log(1000.0, 'of a service')
        alarm, (transition,) = self.alarm((1000, OK, ALARM))
        made = self.compose(alarm, transition)
        self.assertEqual([], made.message['log_lines'])

    def test_since_when(self):
        alarm, changes = self.alarm(
            (100, OK, ALARM),
            (160, ALARM, OK),
            (200, OK, UNDETERMINED),
            (210, UNDETERMINED, ALARM),
            (220, ALARM, ALARM),
            (300, ALARM, OK),
        )
        with self.database.reader() as session:
            began = [
                episodes.began(session, alarm, change) for change in changes
            ]
        self.assertEqual([100, 100, 200, 200, 200, 200], began)
        made = self.compose(alarm, changes[-1], 'recovery')
        self.assertIn('00:03:20 UTC until', made.message['text'])
        self.assertIn('for 1 min 40 s', made.message['text'])

    def test_since_when_of_what_is_forgotten(self):
        alarm, changes = self.alarm((300, ALARM, ALARM))
        with self.database.reader() as session:
            began = episodes.began(session, alarm, changes[0])
        self.assertEqual(alarm.first_at, began)

    def test_templates(self):
        alarm, (transition,) = self.alarm((1000, OK, ALARM))
        made = self.compose(
            alarm,
            transition,
            templates={'title': '{{ server.hostname }}!', 'text': '{{ id'},
        )
        self.assertEqual('ctl-01!', made.message['title'])
        self.assertIn('template text: line 1: ', made.note)
        self.assertIn('Where: ctl-01', made.message['text'])

    def test_digests_and_tests_have_templates_too(self):
        alarm, (transition,) = self.alarm((1000, OK, ALARM))
        page = model.Notification('n', alarm, transition, self.channel)
        settings = {'templates': {'title': '{{ kind }}'}}
        for made in (
            self.composer.test(self.channel, settings, 1.0),
            self.composer.digest('d', self.channel, settings, [page], 1.0),
        ):
            self.assertEqual(made.message['kind'], made.message['title'])
            self.assertEqual('', made.note)

    def test_check(self):
        self.composer.check({}, 1.0)
        self.composer.check({'templates': {'text': '{{ text }}'}}, 1.0)
        error = self.assertRaises(
            exceptions.InvalidInput,
            self.composer.check,
            {'templates': {'title': '{{ summry }}'}},
            1.0,
        )
        self.assertEqual(
            "settings.templates.title: there is no variable 'summry'",
            str(error),
        )


class TestComposerOnSqlite(ComposerTests, databases.SqliteTestCase):
    pass


class TestComposerOnMysql(ComposerTests, databases.MysqlTestCase):
    pass


class TestComposerOnPostgresql(ComposerTests, databases.PostgresqlTestCase):
    pass


class TestLink(base.BaseTestCase):
    def test_what_it_may_be(self):
        conf = databases.make_conf('sqlite://')
        for link in (
            '',
            'http://10.0.0.1',
            'https://x.example.org/',
            'https://x.example.org:8443/a/{alarm}?s={server}#{project}',
        ):
            conf.set_override('link', link, 'notifier')
        for link in (
            'javascript:alert(1)',
            'x.example.org/{alarm}',
            'https://x/{nosuch}',
            'https://x/ y',
            'https://{project}.example.org/',
            'https://x/{alarm',
        ):
            self.assertRaises(
                ValueError, conf.set_override, 'link', link, 'notifier'
            )
