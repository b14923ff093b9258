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
        for field in ('wsgi', 'ports'):
            every = [item for kind in kinds for item in getattr(kind, field)]
            self.assertEqual(sorted(set(every)), sorted(every), field)

    def test_every_binary_is_of_one_kind_or_more_is_needed(self):
        every = [
            (binary, kind.needs)
            for kind in services.load().kinds.values()
            for binary in kind.binaries
        ]
        self.assertEqual(sorted(set(every)), sorted(every))

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

    def test_what_several_share_a_binary(self):
        catalog = services.load()
        for line, name in (
            ('ovsdb-server /etc/openvswitch/conf.db', 'ovsdb-server'),
            ('ovsdb-server --pidfile=/run/ovn/ovnnb_db.pid', 'ovn-nb'),
            ('ovsdb-server --unixctl=/run/ovn/ovnsb_db.ctl', 'ovn-sb'),
            ('ovsdb-server relay:OVN_Southbound:tcp:1', 'ovn-sb-relay'),
            ('redis-server 127.0.0.1:6379', 'redis'),
            ('redis-server *:26379 [sentinel]', 'redis-sentinel'),
            ('valkey-sentinel *:26379 [sentinel]', 'redis-sentinel'),
            ('mistral-server --server event-engine', 'mistral-event-engine'),
            ('mistral-server --server api,engine', 'mistral-server'),
            ('mistral-engine', 'mistral-engine'),
            (
                'ceilometer-polling --polling-namespaces compute',
                'ceilometer-agent-compute',
            ),
            ('haproxy -f /etc/haproxy/haproxy.cfg', 'haproxy'),
        ):
            program = line.split()[0]
            self.assertEqual(name, catalog.by_binary(program, line).name)
        for line in (
            'haproxy -f /var/lib/neutron/ovn-metadata-proxy/1.conf',
            'keepalived -P -f /var/lib/neutron/ha_confs/1/keepalived.conf',
            'beam.smp -- -extra rabbitmqctl status',
            'postgres: checkpointer',
        ):
            program = line.split()[0]
            self.assertIsNone(catalog.by_binary(program, line), line)

    def test_instances(self):
        kind = services.load().kinds['ceph-osd']
        for line, instance in (
            ('ceph-osd -f --cluster ceph --id 3 --setuser ceph', '3'),
            ('ceph-osd -i 12', '12'),
            ('ceph-osd -n osd.4 -f', '4'),
            ('ceph-osd --version', ''),
        ):
            self.assertEqual(instance, kind.instance_of(line))

    def test_what_is_kept_is_used(self):
        for kind in services.load().kinds.values():
            self.assertLessEqual(set(kind.keeps), set(kind.uses), kind.name)

    def test_defaults_are_of_all_of_a_project(self):
        catalog = self.load(
            'mine: {defaults: {uses: [bus]}, services: '
            '{one: , two: {uses: []}, three: {keeps: [database]}}}'
        )
        self.assertEqual(
            [('bus',), (), ('bus', 'database')],
            [catalog.kinds[name].uses for name in ('one', 'two', 'three')],
        )

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
            (
                'a: {services: {b: {uses: [net]}}}',
                'a: b: uses: expected some of bus, database, got',
            ),
            (
                'a: {services: {b: {needs: "("}}}',
                'a: b: needs: missing ), unterminated subpattern',
            ),
            (
                'a: {services: {b: {instance: x}}}',
                'a: b: instance: expected 1 group, got 0',
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
