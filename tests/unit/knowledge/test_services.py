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

import os

import fixtures
from oslotest import base

from sentinella import exceptions
from sentinella.knowledge import services


class TestServices(base.BaseTestCase):
    def load(self, text):
        path = os.path.join(
            self.useFixture(fixtures.TempDir()).path, 'more.yaml'
        )
        with open(path, 'w') as file:
            file.write(text)
        return services.load([path])

    def test_every_module_and_port_is_of_one_kind(self):
        kinds = services.load().kinds.values()
        for field in ('wsgi', 'ports', 'binaries'):
            every = [item for kind in kinds for item in getattr(kind, field)]
            self.assertEqual(sorted(set(every)), sorted(every), field)

    def test_the_longest_module_wins(self):
        catalog = services.load()
        for text, name in (
            ('placement.wsgi.api:application', 'placement-api'),
            ('nova.wsgi.osapi_compute:application', 'nova-api'),
            ('nova.wsgi.metadata', 'nova-metadata-api'),
            ('keystone.wsgi.api', 'keystone'),
            ('wsgi_app="glance.wsgi.api:application"', 'glance-api'),
        ):
            self.assertEqual(name, catalog.by_wsgi(text).name)
        self.assertIsNone(catalog.by_wsgi('mykeystone.wsgi.api_v2'))

    def test_an_operators_entry_replaces_the_built_in_one(self):
        catalog = self.load(
            'nova:\n  services:\n    nova-api:\n'
            '      log_files: [/somewhere/nova.log]\n'
            'mine:\n  services:\n    my-service:\n'
        )
        kind = catalog.kinds['nova-api']
        self.assertEqual(('/somewhere/nova.log',), kind.log_files)
        self.assertEqual('mine', catalog.by_binary('my-service').project)
        self.assertIn('nova-scheduler', catalog.kinds)

    def test_mistakes_name_file_and_entry(self):
        for text, expected in (
            ('a: [', 'more.yaml: while parsing'),
            ('- a', 'more.yaml: expected a mapping of projects, got list'),
            ('', 'more.yaml: expected a mapping of projects, got NoneType'),
            ('a: 1', 'more.yaml: a: expected a mapping of services'),
            ('a: {x: 1}', "more.yaml: a: unknown key 'x', expected one of"),
            ('a: {services: {B: }}', 'more.yaml: a: B: a name is'),
            (
                'a: {services: {b: {port: 1}}}',
                "more.yaml: a: b: unknown key 'port', expected one of:",
            ),
            (
                'a: {services: {b: {ports: [x]}}}',
                "more.yaml: a: b: ports: expected int, got 'x'",
            ),
            (
                'a: {services: {b: {workers: 1}}}',
                'more.yaml: a: b: workers: expected bool, got 1',
            ),
        ):
            error = self.assertRaises(
                exceptions.InvalidConfiguration, self.load, text
            )
            self.assertIn(expected, str(error))
            self.assertNotIn('\n', str(error))

    def test_a_log_is_of_a_known_format(self):
        text = 'a: {services: {b: {log_format: %s}}}'
        kind = self.load(text % 'rabbitmq').kinds['b']
        self.assertEqual('rabbitmq', kind.log_format)
        error = self.assertRaises(
            exceptions.InvalidConfiguration, self.load, text % 'xml'
        )
        self.assertIn('b: log_format: expected one of oslo,', str(error))

    def test_a_missing_file_is_named(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration, services.load, ['/no/such.yaml']
        )
        self.assertEqual(
            'services_file /no/such.yaml: No such file or directory',
            str(error),
        )
