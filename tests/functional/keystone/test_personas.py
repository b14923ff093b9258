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

"""Who sees and does what, with tokens of a real Keystone."""

from sentinella.api import app
from sentinella.db import definitions
from tests.functional.api import seed
from tests.functional.keystone import base

SERVER = f'/v1/servers/{seed.number("server", "alpha")}'
VIEW = f'{SERVER}/view'
ALARM = f'/v1/alarms/{seed.number("alarm", "alpha")}'
DEFINITION = f'/v1/alarm-definitions/{seed.number("definition", "alpha")}'
BUILTIN = f'/v1/alarm-definitions/{seed.BUILTIN}'
WINDOW = {
    'name': 'patch day',
    'mode': 'maintenance',
    'starts_at': '2030-01-06T02:00:00Z',
    'ends_at': '2030-01-06T04:00:00Z',
}
CHANNEL = f'/v1/channels/{seed.number("channel", "alpha")}'
NOTIFICATION = f'/v1/notifications/{seed.number("notification", "alpha")}'

NEW_DEFINITION = {
    'name': 'swapping',
    'expression': 'avg(swap.percent) > 50',
    'type': 'gauge',
    'severity': 'warning',
}
NEW_CHANNEL = {'name': 'other', 'driver': 'log', 'settings': {}}

#: What each may, by the least role that it takes.
READ = [
    ('GET', '/v1/servers', None, 200),
    ('GET', SERVER, None, 200),
    ('GET', '/v1/services', None, 200),
    ('GET', '/v1/alarms', None, 200),
    ('GET', ALARM, None, 200),
    ('GET', f'{ALARM}/transitions', None, 200),
    ('GET', '/v1/alarm-definitions', None, 200),
    ('GET', DEFINITION, None, 200),
    ('GET', BUILTIN, None, 200),
    ('GET', '/v1/channels', None, 200),
    ('GET', CHANNEL, None, 200),
    ('GET', '/v1/drivers', None, 200),
    (
        'GET',
        f'/v1/metrics?server={seed.number("server", "alpha")}',
        None,
        200,
    ),
    (
        'GET',
        f'/v1/metrics/range?server={seed.number("server", "alpha")}'
        '&name=cpu.percent',
        None,
        200,
    ),
    ('GET', '/v1/logs', None, 200),
    ('GET', '/v1/notifications', None, 200),
    ('GET', NOTIFICATION, None, 200),
    ('GET', f'{SERVER}/uptime', None, 200),
    ('GET', VIEW, None, 200),
    ('GET', '/v1/summary', None, 200),
    ('GET', '/v1/windows', None, 200),
]
ACT = [
    ('PATCH', SERVER, {'mode': 'maintenance'}, 200),
    ('POST', f'{ALARM}/acknowledge', {'note': 'mine'}, 200),
    ('POST', f'{ALARM}/resolve', None, 200),
    ('POST', f'{NOTIFICATION}/resend', None, 200),
    ('POST', '/v1/windows', WINDOW, 201),
]
MANAGE = [
    ('POST', '/v1/alarm-definitions', NEW_DEFINITION, 201),
    ('PATCH', DEFINITION, {'severity': 'info'}, 200),
    ('DELETE', DEFINITION, None, 204),
    ('POST', '/v1/channels', NEW_CHANNEL, 201),
    ('PATCH', CHANNEL, {'enabled': False}, 200),
    ('POST', f'{CHANNEL}/test', None, 200),
    ('DELETE', CHANNEL, None, 204),
    ('POST', f'{SERVER}/accept', None, 409),
    ('DELETE', SERVER, None, 204),
]
ADMIN = [
    ('PATCH', BUILTIN, {'enabled': False}, 200),
    (
        'POST',
        '/v1/alarm-definitions',
        {**NEW_DEFINITION, 'name': 'everywhere', 'project_id': None},
        201,
    ),
    (
        'POST',
        '/v1/channels',
        {**NEW_CHANNEL, 'name': 'theirs', 'project_id': 'other'},
        201,
    ),
    (
        'POST',
        '/v1/windows',
        {**WINDOW, 'name': 'everywhere', 'project_id': None},
        201,
    ),
    (
        'POST',
        '/v1/windows',
        {**WINDOW, 'name': 'theirs', 'project_id': 'other'},
        201,
    ),
]


class TestPersonas(base.KeystoneTestCase):
    def _assert_may(self, persona, requests):
        for method, path, body, status in requests:
            response = self.as_(persona).ask(method, path, body)
            self.assertEqual(
                status,
                response.status_int,
                f'{persona}: {method} {path}: {response.text}',
            )

    def _assert_may_not(self, persona, requests, status=403):
        self._assert_may(
            persona, [(m, path, body, status) for m, path, body, _ in requests]
        )

    def test_reader(self):
        self._assert_may('reader', READ)
        self._assert_may_not('reader', ACT + MANAGE + ADMIN)

    def test_member(self):
        self._assert_may('member', READ + ACT)
        self._assert_may_not('member', MANAGE + ADMIN)

    def test_manager(self):
        self._assert_may('manager', READ + ACT)
        self._assert_may_not('manager', ADMIN)
        self._assert_may('manager', MANAGE)

    def test_admin(self):
        self._assert_may('operator', READ + ACT + ADMIN + MANAGE)

    def test_system_reader(self):
        self._assert_may('system-reader', READ)
        self._assert_may_not('system-reader', ACT + MANAGE + ADMIN)

    def test_system_admin_writes_with_a_project_only(self):
        self._assert_may('system-admin', READ)
        self._assert_may_not('system-admin', ACT + MANAGE + ADMIN)

    def test_no_role_that_counts(self):
        everything = READ + ACT + MANAGE + ADMIN
        for persona in ('guest', 'nobody', 'service'):
            self._assert_may_not(persona, everything)

    def test_stranger(self):
        own = [
            r for r in READ if ALARM in r[1] or r[1] in (SERVER, VIEW, CHANNEL)
        ]
        by_query = [r for r in READ if '?server=' in r[1]]
        act = [r for r in ACT if r[1].startswith((SERVER, ALARM))]
        self._assert_may_not('stranger', own + by_query + act, 404)
        self._assert_may_not(
            'stranger',
            [
                request
                for request in MANAGE
                if request[1] in (SERVER, DEFINITION, CHANNEL)
                or request[1].endswith(('/test', '/accept'))
            ],
            404,
        )

    def test_who_acknowledged(self):
        answer = self.as_('member').ask('POST', f'{ALARM}/acknowledge').json
        self.assertRegex(answer['acknowledged_by'], '^[0-9a-f]{32}$')


class TestProjects(base.KeystoneTestCase):
    """A project sees its own; the things of all belong to admins."""

    LISTS = {
        'servers': 'servers',
        'services': 'services',
        'alarms': 'alarms',
        'channels': 'channels',
        'logs': 'logs',
        'notifications': 'notifications',
    }

    def test_lists_hold_ones_own(self):
        for path, name in self.LISTS.items():
            whole = self.as_('operator').get(f'/v1/{path}')[name]
            mine = self.as_('reader').get(f'/v1/{path}')[name]
            theirs = self.as_('stranger').get(f'/v1/{path}')[name]
            system = self.as_('system-reader').get(f'/v1/{path}')[name]
            self.assertEqual(whole, system, path)
            self.assertTrue(mine and theirs, path)
            self.assertEqual(len(whole), len(mine) + len(theirs), path)
            for item in mine:
                self.assertNotIn(item, theirs)

    def test_definitions_hold_ones_own_and_those_for_all(self):
        def names(persona):
            found = self.as_(persona).get('/v1/alarm-definitions')
            return [
                (d['name'], d['project_id'])
                for d in found['alarm_definitions']
            ]

        projects = self.keystone.projects
        self.assertEqual(
            [('cpu busy', projects['alpha']), ('service down', None)],
            names('reader'),
        )
        self.assertEqual(
            [('cpu busy', projects['beta']), ('service down', None)],
            names('stranger'),
        )
        self.assertEqual(3, len(names('system-reader')))

    def test_summaries_count_ones_own(self):
        def counted(persona):
            found = self.as_(persona).get('/v1/summary')
            worst = found['alarms']['worst']
            (nova,) = found['services']
            return (
                found['servers']['total'],
                nova['undetermined'],
                found['alarms']['open'],
                found['log_events']['error'],
                {one['server'] for one in worst},
                found['sentinella'] is not None,
            )

        whole = 2, 4, 2, 2, {'ctl-01', 'ctl-02'}
        for persona in ('operator', 'system-reader'):
            self.assertEqual((*whole, True), counted(persona))
        for persona, host in (('reader', 'ctl-01'), ('stranger', 'ctl-02')):
            self.assertEqual((1, 2, 1, 1, {host}, False), counted(persona))

    def test_the_service_project_sees_what_evaluates(self):
        mine = self.keystone.projects['alpha']
        self.conf.set_override('service_project_id', mine)
        for persona, shown in (('reader', True), ('stranger', False)):
            own = self.as_(persona).get('/v1/summary')['sentinella']
            self.assertEqual(shown, own is not None)

    def test_filters_do_not_reach_across(self):
        theirs = seed.number('server', 'beta')
        for path in ('services', 'alarms', 'logs'):
            found = self.as_('manager').get(f'/v1/{path}?server={theirs}')
            self.assertEqual([], found[path])

    def test_ones_own_project_may_be_named(self):
        mine = self.keystone.projects['alpha']
        for path, body in (
            ('alarm-definitions', NEW_DEFINITION),
            ('channels', NEW_CHANNEL),
        ):
            response = self.as_('manager').ask(
                'POST', f'/v1/{path}', {**body, 'project_id': mine}
            )
            self.assertEqual(201, response.status_int, response.text)
            self.assertEqual(mine, response.json['project_id'])

    def test_another_project_may_not(self):
        theirs = self.keystone.projects['beta']
        for method, path, body in (
            ('POST', '/v1/alarm-definitions', NEW_DEFINITION),
            ('PATCH', DEFINITION, {}),
            ('POST', '/v1/channels', NEW_CHANNEL),
            ('PATCH', CHANNEL, {}),
        ):
            body = {**body, 'project_id': theirs}
            self.assertEqual(
                403, self.as_('manager').status(method, path, body)
            )
        for path in (DEFINITION, '/v1/alarm-definitions'):
            method = 'PATCH' if path == DEFINITION else 'POST'
            body = NEW_DEFINITION if method == 'POST' else {}
            self.assertEqual(
                403,
                self.as_('manager').status(
                    method, path, {**body, 'project_id': None}
                ),
            )

    def plan(self, persona, **fields):
        response = self.as_(persona).ask(
            'POST', '/v1/windows', {**WINDOW, **fields}
        )
        self.assertEqual(201, response.status_int, response.text)
        return response.json

    def test_windows_hold_ones_own_and_those_for_all(self):
        mine = self.plan('member', name='mine')
        everywhere = self.plan('operator', name='all', project_id=None)
        for persona, expected in (
            ('reader', ['mine', 'all']),
            ('stranger', ['all']),
            ('system-reader', ['mine', 'all']),
        ):
            found = self.as_(persona).get('/v1/windows')['windows']
            self.assertEqual(expected, [one['name'] for one in found])
        for method in ('PATCH', 'DELETE', 'GET'):
            for path, statuses in (
                (everywhere['id'], {'member': 403, 'stranger': 403}),
                (mine['id'], {'reader': 403, 'stranger': 404}),
            ):
                body = {'reason': 'x'} if method == 'PATCH' else None
                for persona, status in statuses.items():
                    readable = status == 403 and method == 'GET'
                    self.assertEqual(
                        200 if readable else status,
                        self.as_(persona).status(
                            method, f'/v1/windows/{path}', body
                        ),
                        (method, persona),
                    )
        path = f'/v1/windows/{mine["id"]}'
        self.assertEqual(
            404, self.as_('stranger').status('GET', f'{path}/preview')
        )
        self.assertEqual(
            403,
            self.as_('member').status('PATCH', path, {'project_id': None}),
        )
        self.assertEqual(204, self.as_('member').status('DELETE', path))

    def test_a_window_names_things_of_its_own_project_only(self):
        for name in ('server', 'definition'):
            theirs = {f'{name}s': [seed.number(name, 'beta')]}
            response = self.as_('member').ask(
                'POST', '/v1/windows', {**WINDOW, **theirs}
            )
            self.assertEqual(400, response.status_int, response.text)
            self.assertIn(f'{name}s.0: expected one of', response.text)
            own = {f'{name}s': [seed.number(name, 'alpha')]}
            self.plan('member', name=name, **own)
        self.plan('member', definitions=[seed.BUILTIN])

    def test_a_preview_shows_ones_own(self):
        everywhere = self.plan('operator', name='all', project_id=None)
        path = f'/v1/windows/{everywhere["id"]}/preview'
        for persona, hosts in (
            ('reader', ['ctl-01']),
            ('stranger', ['ctl-02']),
            ('operator', ['ctl-01', 'ctl-02']),
        ):
            found = self.as_(persona).get(path)
            self.assertEqual(
                hosts, [one['hostname'] for one in found['servers']]
            )
            self.assertEqual(len(hosts), found['alarms_total'])
            self.assertEqual(
                len(hosts) + 1, found['definitions_total'], persona
            )
            self.assertEqual(len(hosts), found['services'][0]['servers'])
        status = self.as_('member').status(
            'POST', '/v1/windows/preview', {**WINDOW, 'project_id': None}
        )
        self.assertEqual(403, status)

    def test_uptime_of_anothers_server(self):
        theirs = seed.number('server', 'beta')
        self.assertEqual(
            404,
            self.as_('manager').status('GET', f'/v1/servers/{theirs}/uptime'),
        )

    def test_another_projects_channel_is_none(self):
        response = self.as_('manager').ask(
            'PATCH', DEFINITION, {'channels': [seed.number('channel', 'beta')]}
        )
        self.assertEqual(400, response.status_int, response.text)
        self.assertIn('channels.0', response.text)

    def test_nothing_refused_was_done(self):
        self.as_('manager').ask('PATCH', BUILTIN, {'enabled': False})
        self.as_('manager').ask('DELETE', BUILTIN)
        self.as_('stranger').ask('DELETE', DEFINITION)
        with self.database.reader() as session:
            builtin = definitions.get(session, seed.BUILTIN)
            definitions.get(session, seed.number('definition', 'alpha'))
        self.assertTrue(builtin.enabled)
        self.assertFalse(builtin.customized)


class TestTokens(base.KeystoneTestCase):
    def test_wrong_token(self):
        api = self.as_('reader')
        api._token = 'gAAAAABwrong'
        response = api.ask('GET', '/v1/servers')
        self.assertEqual(401, response.status_int)
        error = response.json['errors'][0]
        self.assertEqual('sentinella.unauthorized', error['code'])
        self.assertEqual(
            response.headers['x-openstack-request-id'], error['request_id']
        )
        self.assertEqual(
            f'Keystone uri="{self.keystone.url}"',
            response.headers['WWW-Authenticate'],
        )

    def test_headers_of_ones_own_making(self):
        spoofed = {
            'X_Roles': 'admin',
            'X_Identity_Status': 'Confirmed',
            'X_Project_Id': self.keystone.projects['alpha'],
            'OpenStack_System_Scope': 'all',
        }
        self.assertEqual(
            401, self.without_token().status('GET', '/v1/servers', **spoofed)
        )
        self.assertEqual(
            403, self.as_('guest').status('GET', '/v1/servers', **spoofed)
        )
        found = self.as_('stranger').get('/v1/servers', **spoofed)
        self.assertEqual(
            ['ctl-02'], [server['hostname'] for server in found['servers']]
        )

    def test_paths_like_public_ones(self):
        for path in ('/v1//', '//', '//v1', '/v1/.', '/v1/servers/'):
            status = self.without_token().status('GET', path)
            self.assertIn(status, (401, 404), path)

    def test_keystone_away(self):
        self.conf.set_override(
            'auth_url', 'http://127.0.0.1:1/v3', 'keystone_authtoken'
        )
        self.conf.set_override(
            'http_request_max_retries', 0, 'keystone_authtoken'
        )
        api = self.as_('reader')
        api._app = app.make(self.conf, self.database, None, None)
        response = api.ask('GET', '/v1/servers')
        self.assertEqual(503, response.status_int)
        self.assertEqual(
            'sentinella.unavailable', response.json['errors'][0]['code']
        )
