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
import datetime
import zoneinfo

import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.notifier import quiet

NIGHT = {'from': '22:00', 'to': '07:00', 'timezone': 'Europe/Rome'}
NOON = {'from': '12:00', 'to': '13:30'}


def at(text, zone='Europe/Rome'):
    moment = datetime.datetime.fromisoformat(text)
    return moment.replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp()


class TestUntil(base.BaseTestCase):
    def test_none(self):
        self.assertIsNone(quiet.until({}, 0.0))

    def test_over_midnight(self):
        for now in ('2026-03-10T22:00', '2026-03-11T06:59:59'):
            self.assertEqual(
                at('2026-03-11T07:00'), quiet.until(NIGHT, at(now))
            )
        for now in ('2026-03-10T21:59:59', '2026-03-11T07:00'):
            self.assertIsNone(quiet.until(NIGHT, at(now)))

    def test_within_a_day_in_utc(self):
        now = at('2026-03-10T12:00', 'UTC')
        self.assertEqual(now + 5400, quiet.until(NOON, now))

    def test_the_night_in_which_clocks_are_set(self):
        now = at('2026-03-28T23:00')
        self.assertEqual(7 * 3600, quiet.until(NIGHT, now) - now)
        now = at('2026-10-24T23:00')
        self.assertEqual(9 * 3600, quiet.until(NIGHT, now) - now)

    def test_from_a_time_to_the_same_is_a_day(self):
        always = {'from': '08:00', 'to': '08:00'}
        now = at('2026-03-10T09:00', 'UTC')
        self.assertEqual(now + 23 * 3600, quiet.until(always, now))

    @hypothesis.given(
        st.times(),
        st.times(),
        st.floats(1.7e9, 1.9e9),
        st.sampled_from(
            ['UTC', 'Europe/Rome', 'America/St_Johns', 'Australia/Lord_Howe']
        ),
    )
    def test_it_ends(self, begin, end, now, zone):
        hours = {
            'from': begin.strftime('%H:%M'),
            'to': end.strftime('%H:%M'),
            'timezone': zone,
        }
        until = quiet.until(hours, now)
        if until is not None:
            self.assertTrue(now < until <= now + 25 * 3600)
            again = quiet.until(hours, until)
            self.assertTrue(again is None or hours['from'] == hours['to'])


class TestCovers(base.BaseTestCase):
    def test_what_waits(self):
        most = {**NIGHT, 'max_severity': 'major'}
        self.assertEqual(
            ['major', 'warning', 'info'],
            [str(s) for s in model.Severity if quiet.covers(most, s)],
        )
        self.assertEqual(
            ['warning', 'info'],
            [str(s) for s in model.Severity if quiet.covers(NIGHT, s)],
        )
