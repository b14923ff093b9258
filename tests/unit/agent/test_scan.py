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

import json
import os

from oslotest import base

from sentinella.agent import identify
from sentinella.agent import proc
from sentinella.agent import scan
from sentinella.knowledge import services

CATALOG = services.load()
#: No real process has such a pid, so nothing of this machine is read.
NOWHERE = 1 << 23


def table(*rows):
    identifier = identify.Identifier(CATALOG)
    found = {}
    for pid, ppid, title in rows:
        parent = ppid if ppid == 1 else ppid + NOWHERE
        process = proc.Process(pid + NOWHERE, pid, parent, title)
        found[process.pid] = process, identifier.identify(process)
    return found


def assembled(*rows, listeners=None):
    """{name: [(master's pid, its workers' pids)]}"""
    result = {}
    for found in scan.assemble(table(*rows), listeners, CATALOG):
        result.setdefault(found.kind.name, []).append(
            (
                found.master.pid - NOWHERE,
                [w.pid - NOWHERE for w in found.workers],
            )
        )
    return result


def identified(title):
    process = proc.Process(NOWHERE, 1, 1, title)
    identity = identify.Identifier(CATALOG).identify(process)
    return identity and identity.kind.name


class TestTitles(base.BaseTestCase):
    def test_a_real_control_plane(self):
        path = os.path.join(os.path.dirname(__file__), 'data/processes.json')
        with open(path) as file:
            found = assembled(*json.load(file))
        self.assertEqual(
            {
                'cinder-api': [(8127, [8134])],
                'cinder-scheduler': [(8124, [])],
                'cinder-volume': [(8125, [8151])],
                'glance-api': [(8119, [8133])],
                'horizon': [(8195, [8198])],
                'mariadb': [(4623, [])],
                'memcached': [(312, [])],
                'neutron-api': [(8121, [8132])],
                'neutron-periodic-workers': [(8123, [8164, 8168])],
                'neutron-rpc-server': [(8122, [8166])],
                'nova-api': [(8052, [8056])],
                'nova-conductor': [(8042, [8074])],
                'nova-scheduler': [(8043, [8067])],
                'placement-api': [(8041, [8047])],
                'postgresql': [(12251, [])],
                'rabbitmq': [(3723, [])],
            },
            found,
        )

    def test_what_processes_call_themselves(self):
        for title, name in (
            ('/usr/bin/python3 /usr/bin/nova-compute --config-file x',
             'nova-compute'),
            ('/usr/bin/python3.12 -W ignore -u /v/bin/heat-engine',
             'heat-engine'),
            ('nova-compute', 'nova-compute'),
            ('neutron-dhcp-agent (/usr/bin/python3 /usr/bin/neutron-dhcp-a',
             'neutron-dhcp-agent'),
            ('glance-apiuWSGI master', 'glance-api'),
            ('keystoneuWSGI worker 1', 'keystone'),
            ('(wsgi:keystone-pu -k start', 'keystone'),
            ('(wsgi:placement-api) -DFOREGROUND', 'placement-api'),
            ('gunicorn: master [keystone.wsgi.api:application]', 'keystone'),
            ('/v/bin/python /v/bin/gunicorn -b :1 placement.wsgi.api:app',
             'placement-api'),
            ('uwsgi --procname-prefix nova-api --ini /nowhere', 'nova-api'),
            ('uwsgi --ini /etc/glance/x.ini --module glance.wsgi.api',
             'glance-api'),
            ('python3 -c from keystone.wsgi.api import application',
             'keystone'),
        ):  # fmt: skip
            self.assertEqual(name, identified(title), title)

    def test_what_only_mentions_a_service(self):
        for title in (
            'vim /var/log/nova/nova-api.log',
            'tail -f nova-api',
            '/bin/sh -c nova-api',
            'sudo nova-rootwrap /etc/nova/rootwrap.conf privsep-helper',
            'sshd: nova-compute [priv]',
            'python3 /opt/thing.py nova-api',
            'postgres: nova nova-api 127.0.0.1(1) idle',
            '',
            ': [',
            'uWSGI worker 1',
        ):
            self.assertIsNone(identified(title), title)


class TestAssemble(base.BaseTestCase):
    def test_workers_without_a_master_are_no_service(self):
        self.assertEqual(
            {},
            assembled(
                (2, 1, 'nova-scheduler: ServiceWrapper worker(0)'),
                (3, 1, 'gunicorn: worker [nova-api]'),
                (4, 1, 'neutron-server: rpc worker (/b/neutron-rpc-server)'),
            ),
        )

    def test_a_worker_of_another_name_is_its_masters(self):
        self.assertEqual(
            {'neutron-rpc-server': [(2, [3])]},
            assembled(
                (2, 1, 'neutron-rpc-server: master process [/b/x]'),
                (3, 2, 'neutron-server: rpc worker (/b/neutron-rpc-server)'),
            ),
        )

    def test_several_instances(self):
        self.assertEqual(
            {'neutron-dhcp-agent': [(2, [4]), (3, [])]},
            assembled(
                (2, 1, '/usr/bin/python3 /usr/bin/neutron-dhcp-agent --a'),
                (3, 1, '/usr/bin/python3 /usr/bin/neutron-dhcp-agent --b'),
                (4, 2, '/usr/bin/python3 /usr/bin/neutron-dhcp-agent --a'),
            ),
        )

    def test_a_nameless_server_is_known_by_the_port_that_is_left(self):
        ports = {1: (5000, None), 2: (8774, None), 3: (22, None)}
        rows = [
            (2, 1, '/v/bin/python /v/bin/gunicorn'),
            (3, 2, '/v/bin/python /v/bin/gunicorn'),
            (4, 1, 'gunicorn: master [nova-api]'),
        ]
        found = assembled(*rows, listeners=lambda: ports)
        self.assertEqual(
            {'keystone': [(2, [3])], 'nova-api': [(4, [])]}, found
        )
        # two of them, and nobody knows which is which
        rows.append((5, 1, '/v/bin/python /v/bin/gunicorn'))
        found = assembled(*rows, listeners=lambda: ports)
        self.assertEqual({'nova-api': [(4, [])]}, found)
