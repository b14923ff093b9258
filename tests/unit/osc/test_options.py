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

import argparse
import contextlib
import datetime
import io

from oslotest import base
import testtools

from sentinella.osc import alarm
from sentinella.osc import alarm_definition
from sentinella.osc import base as osc_base
from sentinella.osc import channel
from sentinella.osc import columns
from sentinella.osc import driver
from sentinella.osc import metric
from sentinella.osc import plugin
from sentinella.osc import server
from sentinella.osc import subscription
from sentinella.osc import window


def parse(command, *argv):
    return command(None, None).get_parser('test').parse_args(argv)


class MomentTest(base.BaseTestCase):
    def test_utc_is_taken_as_it_is(self):
        self.assertEqual(
            '2026-01-31T12:00:00.000000Z',
            osc_base.moment('2026-01-31T12:00:00Z'),
        )

    def test_other_zones_become_utc(self):
        self.assertEqual(
            '2026-01-31T10:30:00.500000Z',
            osc_base.moment('2026-01-31T12:30:00.5+02:00'),
        )

    def test_no_zone_is_utc(self):
        self.assertEqual(
            '2026-01-31T00:00:00.000000Z', osc_base.moment('2026-01-31')
        )

    def test_so_long_ago(self):
        before = datetime.datetime.now(datetime.UTC)
        at = datetime.datetime.fromisoformat(osc_base.moment('90m'))
        after = datetime.datetime.now(datetime.UTC)
        ago = datetime.timedelta(minutes=90)
        self.assertTrue(before - ago <= at <= after - ago)

    def test_what_is_no_time_says_so(self):
        for text in ('yesterday', '5w', '', '99999999999999d'):
            error = self.assertRaises(
                argparse.ArgumentTypeError, osc_base.moment, text
            )
            self.assertIn(f'got {text}', str(error))


class SettingTest(base.BaseTestCase):
    def test_text(self):
        self.assertEqual(
            ('url', 'http://x/?a=b'), channel.setting('url=http://x/?a=b')
        )

    def test_json(self):
        self.assertEqual(('port', 25), channel.setting('port:=25'))

    def test_neither(self):
        for text in ('url', '=x', ':=1', 'port:={'):
            with testtools.ExpectedException(argparse.ArgumentTypeError):
                channel.setting(text)

    def test_body(self):
        args = parse(
            channel.CreateChannel, 'ops', '--driver', 'webhook', '--setting',
            'url=http://x/', '--setting', 'retries:=3', '--disable',
        )  # fmt: skip
        self.assertEqual(
            {
                'name': 'ops',
                'settings': {'url': 'http://x/', 'retries': 3},
                'enabled': False,
            },
            channel.body_of(None, args),
        )

    def test_quiet_hours(self):
        self.assertEqual(
            {'from': '22:00', 'to': '07:00'},
            subscription.quiet_hours('22:00-07:00'),
        )
        self.assertEqual({}, subscription.quiet_hours('none'))
        for text in ('22:00', '22:00-', '-07:00', ''):
            with testtools.ExpectedException(argparse.ArgumentTypeError):
                subscription.quiet_hours(text)

    def test_what_is_taken_away(self):
        args = parse(
            channel.SetChannel, 'ops', '--all-services', '--no-escalation',
            '--repeat-interval', 'none', '--quiet-hours', 'none',
            '--all-alarms',
        )  # fmt: skip
        self.assertEqual(
            {
                'services': [],
                'escalate_to': None,
                'escalate_after': None,
                'escalations_only': False,
                'repeat_interval': None,
                'quiet': None,
            },
            channel.body_of(None, args),
        )

    def test_the_settings_of_a_driver(self):
        known = driver.settings(
            {
                'secrets': ['url'],
                'schema': {
                    'required': ['url'],
                    'properties': {
                        'a': {'title': 'A'},
                        'url': {'title': 'URL', 'description': 'Where to.'},
                    },
                },
            }
        )
        self.assertEqual(
            [('url', 'Where to.', 'needed, secret'), ('a', 'A', '')], known
        )
        shown = driver.Settings(known)
        self.assertEqual(
            'url (needed, secret): Where to.\na: A', shown.human_readable()
        )
        unavailable = {'secrets': [], 'schema': None}
        self.assertEqual([], driver.settings(unavailable))


class DefinitionTest(base.BaseTestCase):
    def test_what_is_not_given_is_not_set(self):
        args = parse(
            alarm_definition.SetAlarmDefinition, 'hot', '--match-by',
            'server, service',
        )  # fmt: skip
        self.assertEqual(
            {'match_by': ['server', 'service']},
            alarm_definition.body_of(None, args),
        )

    def test_a_new_one_has_to_be_complete(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            with testtools.ExpectedException(SystemExit):
                parse(alarm_definition.CreateAlarmDefinition, 'hot')
        self.assertIn('--expression, --severity', said.getvalue())


class AlarmListTest(base.BaseTestCase):
    def query(self, *argv):
        command = alarm.ListAlarm(None, None)
        command.app = argparse.Namespace(
            client_manager=argparse.Namespace(sentinella=None)
        )
        query = command.query(parse(alarm.ListAlarm, *argv))
        return {key: value for key, value in query.items() if value}

    def test_shows_what_is_wrong(self):
        self.assertEqual({'state': 'ALARM'}, self.query())

    def test_shows_all_when_asked(self):
        self.assertEqual({}, self.query('--all'))

    def test_shows_a_state(self):
        self.assertEqual(
            {'state': 'OK', 'severity': 'major'},
            self.query('--state', 'ok', '--severity', 'major'),
        )


class ColumnsTest(base.BaseTestCase):
    def test_times_are_shown_to_the_second(self):
        time = columns.Time('2026-01-31T12:00:00.123456Z')
        self.assertEqual('2026-01-31T12:00:00Z', time.human_readable())
        self.assertEqual(
            '2026-01-31T12:00:00.123456Z', time.machine_readable()
        )

    def test_numbers_are_short(self):
        for value, text in (
            (0.1234567, '0.1235'),
            (97.0, '97'),
            (123456789.4, '123456789'),
        ):
            self.assertEqual(text, columns.Number(value).human_readable())

    def test_bars_reach_from_least_to_greatest(self):
        bars = [
            columns.Bar((value, 10, 30)).human_readable()
            for value in (10, 20, 30)
        ]
        self.assertEqual(['▏', '█' * 10, '█' * 20], bars)

    def test_bars_of_one_value(self):
        self.assertEqual('▏', columns.Bar((5, 5, 5)).human_readable())

    def test_cells_of_what_is_not_there(self):
        self.assertEqual(
            (None, 'x'), osc_base.cells({'name': 'x'}, ('at', 'name'))
        )

    def test_headers(self):
        self.assertEqual(
            ['ID', 'Cloud Group'],
            list(map(osc_base.header, ['id', 'cloud_group'])),
        )


class ParserTest(base.BaseTestCase):
    def test_global_option(self):
        parser = plugin.build_option_parser(argparse.ArgumentParser())
        args = parser.parse_args(['--os-sentinella-api-version', '1.0'])
        self.assertEqual('1.0', getattr(args, plugin.API_VERSION_OPTION))

    def test_default_version_is_one_that_there_is(self):
        self.assertIn(plugin.DEFAULT_API_VERSION, plugin.API_VERSIONS)

    def test_modes(self):
        args = parse(server.SetServer, 'ctl-01', '--mode', 'maintenance')
        self.assertEqual('maintenance', args.mode)

    def test_metric_dimensions(self):
        args = parse(
            metric.RangeMetric, 'ctl-01', 'fs.percent', '--dimension',
            'mount=/',
        )  # fmt: skip
        self.assertEqual({'mount': '/'}, args.dimensions)
        self.assertEqual({}, parse(metric.RangeMetric, 'a', 'b').dimensions)


class WindowTest(base.BaseTestCase):
    def test_times_to_come(self):
        now = datetime.datetime.now(datetime.UTC)
        for text, seconds in (('now', 0), ('+90m', 5400), ('+2d', 172800)):
            at = datetime.datetime.fromisoformat(window.coming(text))
            self.assertAlmostEqual(
                seconds, (at - now).total_seconds(), delta=5
            )
        self.assertEqual(
            '2030-01-06T00:00:00.000000Z', window.coming('2030-01-06')
        )

    def test_what_is_none_says_so(self):
        for kind, text in (
            (window.coming, 'soon'),
            (window.coming, '+soon'),
            (window.duration, 'long'),
            (window.duration, '9' * 20 + 'd'),
        ):
            with testtools.ExpectedException(
                argparse.ArgumentTypeError, f'.*got {text.lstrip("+")}'
            ):
                kind(text)

    def test_a_new_one_has_an_end(self):
        quiet = contextlib.redirect_stderr(io.StringIO())
        given = ('x', '--mode', 'blackout', '--start', 'now')
        with quiet, testtools.ExpectedException(SystemExit):
            parse(window.CreateWindow, *given)
        parse(window.CreateWindow, *given, '--duration', '1h')

    def test_how_long_is_shown_as_people_say_it(self):
        self.assertEqual(
            '1 day, 1:00:10', columns.While(90010.2).human_readable()
        )
        self.assertEqual('99.950 %', columns.Share(99.95).human_readable())
