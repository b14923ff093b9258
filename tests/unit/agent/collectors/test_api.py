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

import logging
import math
import types

import fixtures
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import api
from sentinella.knowledge import services
from tests import collectors


class TestApi(base.BaseTestCase):
    def test_what_is_one(self):
        kinds = services.load().kinds
        for name, expected in (
            ('nova-api', True),
            ('horizon', True),
            ('swift-proxy-server', True),
            ('neutron-server', True),
            ('nova-scheduler', False),
            ('rabbitmq', False),
            ('mariadb', False),
            ('haproxy', False),
        ):
            self.assertEqual(expected, api.is_api(kinds[name]), name)

    def test_is_wanted_where_there_is_one(self):
        kinds = services.load().kinds
        node = types.SimpleNamespace(services={})
        collector = collectors.make(api.ApiCollector, node)
        self.assertFalse(collector.wanted())
        for name, expected in (('nova-compute', False), ('nova-api', True)):
            node.services[name] = types.SimpleNamespace(kind=kinds[name])
            self.assertEqual(expected, collector.wanted())

    def test_one_that_listens_nowhere_that_we_know_of(self):
        kind = services.Kind('horizon', 'horizon', (), wsgi=('a.wsgi',))
        node = types.SimpleNamespace(
            services={
                'horizon': types.SimpleNamespace(name='horizon', kind=kind)
            },
            listeners_of=lambda name: [],
        )
        found = collectors.values(
            collectors.make(api.ApiCollector, node).collect(0.0)
        )
        self.assertTrue(math.isnan(found['api.up', 'local', 'horizon']))

    def test_options_that_can_not_be_used(self):
        for options, expected in (
            (
                {'endpoints': ['nova=vip:8774']},
                '[collector_api] endpoints: expected name=url with http:// '
                "or https://, got 'nova=vip:8774'",
            ),
            (
                {'auth_type': 'passwort'},
                '[collector_api] The plugin passwort could not be found',
            ),
            (
                {'auth_type': 'none'},
                '[collector_api] auth_type: none comes with no catalog, '
                'expected one such as password',
            ),
            (
                {'auth_type': 'password'},
                '[collector_api] Auth plugin requires parameters which were '
                'not given: auth_url',
            ),
        ):
            error = self.assertRaises(
                exceptions.InvalidConfiguration,
                collectors.make,
                api.ApiCollector,
                **options,
            )
            self.assertEqual(expected, str(error))

    def test_no_endpoint_and_no_keystone_is_one_line(self):
        logger = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        directory = self.useFixture(fixtures.TempDir()).path
        with open(f'{directory}/a.conf', 'w') as file:
            file.write(
                '[collector_api]\nauth_type = v3applicationcredential\n'
                'auth_url = http://127.0.0.1:1/v3\n'
                'application_credential_id = a\n'
                'application_credential_secret = not-to-be-seen\n'
            )
        collector = collectors.make_from(
            api.ApiCollector, f'{directory}/a.conf'
        )
        error = self.assertRaises(
            exceptions.Lacking, list, collector.collect(0.0)
        )
        self.assertEqual(
            'there is no endpoint to ask: see why the catalog can not be read',
            str(error),
        )
        self.assertEqual(1, logger.output.count('\n'))
        self.assertNotIn('not-to-be-seen', logger.output)
