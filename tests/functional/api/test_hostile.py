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


"""What nobody asks for in earnest: each gets an answer that says what is
wrong, and soon."""

import json
import time
import urllib.parse

import hypothesis
from hypothesis import strategies as st

from tests.functional.api import base
from tests.functional.api import seed

#: Seconds for one answer, on a busy machine; a hang is longer.
SOON = 20.0
MEGABYTE = 2**20

DEFINITION = {
    'name': 'hostile',
    'expression': 'avg(cpu.percent, 300) > 90',
    'type': 'gauge',
    'severity': 'warning',
    'match_by': ['server'],
    'tiers': {'critical': 'avg(cpu.percent, 300) > 95'},
    'inhibited_by': [],
    'description': '',
}
WINDOW = {
    'name': 'hostile',
    'mode': 'maintenance',
    'starts_at': '2026-11-01T00:00:00Z',
    'ends_at': '2026-11-01T01:00:00Z',
    'rrule': 'FREQ=DAILY',
    'timezone': 'Europe/Paris',
    'until': None,
    'services': ['nova-api'],
    'reason': '',
}
RULES = [
    'FREQ=SECONDLY',
    'FREQ=DAILY;INTERVAL=0',
    'FREQ=DAILY;INTERVAL=99999999999999999999',
    'FREQ=DAILY;COUNT=-1',
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
    'FREQ=DAILY;UNTIL=99999999T000000Z',
    'FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6',
    ';' * 255,
]
EXPRESSIONS = [
    '(' * 10000 + 'last(a) > 1' + ')' * 10000,
    'not ' * 10000 + 'last(a) > 1',
    'avg(a, 1000000000000) > 1',
    'avg(a, 1e12) > 1',
    'avg(a, 60) > 1 times 1000000000000',
    'avg(a, 0) > 1',
    'last(a) > NaN',
    'last(a) > nan',
    'last(a) > inf',
    'last(a) > 1e999',
    'last(a) > ' + '9' * 5000,
    'last(a{b=' + 'x' * MEGABYTE + '}) > 1',
    'last(' + 'x' * 300 + ') > 1',
    'last(a) > 1 clear last(a) < 1e999',
    'forecast(a, 1000000000000) > 1',
    'last(a) > 1 keep 1000000000000',
    'last(a) / 0 > 1 ' * 200,
    'share(' * 50 + 'last(a) > 1' + ' by b) > 1 %' * 50,
    'last(a)\0 > 1',
    'last(\ud800) > 1',
]
ANYTHING = st.sampled_from(
    [None, True, 0, -1, 2**63, 10**300, '', ' ', '\0', '\ud800', 'x' * 300]
    + ['{server}', [], {}, [[]], {'critical': ''}, ['x'] * 5000]
    + ['9999-12-31T23:59:59Z', '0001-01-01T00:00:00+14:00', '1e999']
    + ['2026-11-01T00:00:00', 'Etc/../../passwd', *RULES, *EXPRESSIONS[:3]]
)
QUERIES = [
    f'/v1/metrics/range?server={{server}}&name=load.1m&{query}'
    for query in (
        'start=0001-01-01T00:00:00Z',
        'start=0001-01-01T00:00:00%2B14:00',
        'end=9999-12-31T23:59:59Z',
        'start=2030-01-01T00:00:00Z&end=2020-01-01T00:00:00Z',
        'step=0',
        'step=-1',
        'step=1000000000000',
        'step=NaN',
        'step=1e999',
        'function=sqrt',
        'dimensions=' + 'x' * 70000,
        'start=NaN',
    )
] + [
    '/v1/servers/{server}/uptime?since=0001-01-01T00:00:00Z',
    '/v1/servers/{server}/uptime?until=9999-12-31T23:59:59Z',
    '/v1/servers/{server}/uptime?since=2030-01-01T00:00:00Z',
    '/v1/servers/{server}/uptime?since=x',
    '/v1/alarms?limit=1000000000000',
    '/v1/alarms?limit=-1',
    '/v1/alarms?marker=%00',
    '/v1/alarms?marker=' + 'x' * 70000,
    '/v1/logs?since=1e12',
    '/v1/logs?marker=' + '9' * 5000,
]


class TestHostile(base.ApiTestCase):
    def ask(self, method, path, body=None):
        """
        :returns: the answer, which is neither late nor our own fault
        """
        began = time.monotonic()
        response = self.api.ask(method, path, body)
        self.assertLess(time.monotonic() - began, SOON)
        self.assertLess(response.status_int, 500, response.text[:300])
        if response.status_int >= 400:
            (error,) = response.json['errors']
            self.assertTrue(error['detail'])
            self.assertLess(len(error['detail']), 1000)
        else:
            # neither NaN nor infinities are in JSON
            json.loads(response.text or '{}', parse_constant=self.fail)
        return response

    def test_expressions_are_refused_with_a_word(self):
        for text in EXPRESSIONS:
            for body in (
                {**DEFINITION, 'expression': text},
                {**DEFINITION, 'tiers': {'critical': text}},
            ):
                response = self.ask('POST', '/v1/alarm-definitions', body)
                self.assertIn(response.status_int, (400, 413), text[:60])

    def test_what_has_a_column_names_it(self):
        for text, column in (
            ('last(a) > 1 and ' + '(' * 40 + 'last(a) > 1', 'column 49'),
            ('avg(a, 1000000000000) > 1', 'column 8'),
        ):
            body = {**DEFINITION, 'expression': text}
            response = self.ask('POST', '/v1/alarm-definitions', body)
            self.assertIn(column, response.json['errors'][0]['detail'])

    def test_rules_of_windows(self):
        for rule in RULES:
            for path in ('/v1/windows', '/v1/windows/preview'):
                self.ask('POST', path, {**WINDOW, 'rrule': rule})

    def test_queries(self):
        server = seed.number('server', 'alpha')
        for query in QUERIES:
            self.ask('GET', query.format(server=server))

    def test_any_field(self):
        ways = [
            ('POST', '/v1/alarm-definitions', DEFINITION),
            ('POST', '/v1/windows', WINDOW),
            ('POST', '/v1/windows/preview', WINDOW),
            (
                'POST',
                f'/v1/alarms/{seed.number("alarm", "alpha")}/acknowledge',
                {'note': 'x', 'until': '2026-11-01T01:00:00Z'},
            ),
            (
                'PATCH',
                f'/v1/servers/{seed.number("server", "alpha")}',
                {'mode': 'active', 'cloud_group': '', 'location': ''},
            ),
        ]

        @hypothesis.settings(max_examples=60, deadline=None)
        @hypothesis.given(st.sampled_from(ways), st.data())
        def run(way, data):
            method, path, body = way
            names = data.draw(
                st.sets(st.sampled_from(sorted(body)), min_size=1, max_size=2)
            )
            spoilt = {name: data.draw(ANYTHING) for name in sorted(names)}
            self.ask(method, path, {**body, **spoilt})

        run()

    def test_what_is_shown_stays_readable(self):
        """Whatever was taken is answered by lists as well."""
        for name in ('\u202e', 'a' * 255, '\U0001f600'):
            body = {**DEFINITION, 'name': name}
            self.ask('POST', '/v1/alarm-definitions', body)
            quoted = urllib.parse.quote(name)
            self.ask('GET', f'/v1/alarm-definitions?name={quoted}')
        self.ask('GET', '/v1/alarm-definitions')
