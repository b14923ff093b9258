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
import shutil
import subprocess

import fixtures
from oslotest import base

from sentinella.agent.node import identify
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.knowledge import services
from tests import processes

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
            # as Kolla starts them, unreadable settings and all
            ('uwsgi /etc/nova/nova-api-uwsgi.ini', 'nova-api'),
            ('uwsgi /etc/nova/nova-metadata-uwsgi.ini', 'nova-metadata-api'),
            ('uwsgi /etc/neutron/neutron-server-uwsgi.ini', 'neutron-api'),
            ('uwsgi /etc/heat/heat-api-cfn-uwsgi.ini', 'heat-api-cfn'),
            ('uwsgi /etc/horizon/horizon-uwsgi.ini', 'horizon'),
            ('/var/lib/kolla/venv/bin/python /var/lib/kolla/venv/bin/gunicorn '
             '-c /etc/skyline/gunicorn.py skyline_apiserver.main:app',
             'skyline-apiserver'),
            # as Debian does
            ('nova-api-uwsgiuWSGI worker 2', 'nova-api'),
            ('/usr/bin/uwsgi_python3 --http-socket :9292 --ini '
             '/etc/glance/glance-api-uwsgi.ini --pyargv x', 'glance-api'),
            # cut to the length of /usr/sbin/httpd and of apache2
            ('(wsgi:keystone_ -DFOREGROUND', 'keystone'),
            ('(wsgi:heat_api_c -DFOREGROUND', 'heat-api-cfn'),
            ('(wsgi:placem -DFOREGROUND', 'placement-api'),
            # what they stand on
            ('/usr/sbin/apache2 -k start', 'apache'),
            ('/usr/sbin/httpd -DFOREGROUND', 'apache'),
            ('nginx: master process /usr/sbin/nginx -g daemon on;', 'nginx'),
            ('/usr/sbin/chronyd -F 1', 'chrony'),
            ('/usr/sbin/keepalived --dont-fork', 'keepalived'),
            ('/usr/sbin/haproxy -Ws -f /etc/haproxy/haproxy.cfg', 'haproxy'),
            ('/usr/bin/redis-server 127.0.0.1:6379', 'redis'),
            ('/usr/bin/etcd --name ctl-01', 'etcd'),
            ('/usr/sbin/virtqemud --timeout 120', 'libvirt'),
            ('/usr/sbin/virtlogd', 'virtlogd'),
            ('/usr/bin/ceph-mon -f --cluster ceph --id a', 'ceph-mon'),
            ('/usr/bin/radosgw -n client.rgw.a -f', 'ceph-rgw'),
            ('ovs-vswitchd unix:/var/run/openvswitch/db.sock -vconsole:emer',
             'ovs-vswitchd'),
            ('ovsdb-server /etc/openvswitch/conf.db -vconsole:emer',
             'ovsdb-server'),
            ('ovsdb-server -vconsole:off --log-file=/var/log/ovn/'
             'ovsdb-server-sb.log --remote=punix:/var/run/ovn/ovnsb_db.sock',
             'ovn-sb'),
        ):  # fmt: skip
            self.assertEqual(name, identified(title), title)

    def test_where_it_runs_is_part_of_the_evidence(self):
        directory = self.useFixture(fixtures.TempDir()).path
        self.useFixture(
            fixtures.MonkeyPatch('sentinella.agent.node.proc.ROOT', directory)
        )
        container = f'0::/system.slice/docker-{"3f" * 32}.scope'
        for text, place in (
            (container, "in container 3f3f3f3f3f3f"),
            ('0::/system.slice/nova-compute.service', "in unit 'nova-compute'"),
        ):  # fmt: skip
            os.makedirs(f'{directory}/7', exist_ok=True)
            with open(f'{directory}/7/cgroup', 'w') as file:
                file.write(text)
            process = proc.Process(7, 1, 1, 'nova-compute')
            found = identify.Identifier(CATALOG).identify(process)
            self.assertEqual(
                f"command line 'nova-compute' {place}", found.evidence
            )

    def test_a_container_of_kolla_says_what_it_serves(self):
        directory = self.useFixture(fixtures.TempDir()).path
        self.useFixture(
            fixtures.MonkeyPatch('sentinella.agent.node.proc.ROOT', directory)
        )
        os.makedirs(f'{directory}/7')
        with open(f'{directory}/7/environ', 'w') as file:
            file.write('A=1\0KOLLA_SERVICE_NAME=placement-api\0')
        process = proc.Process(7, 1, 1, 'uwsgi --ini /x.ini')
        found = identify.Identifier(CATALOG).identify(process)
        self.assertEqual('placement-api', found.kind.name)

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
            'ovsdb-server: monitoring pid 12 (healthy)',
            'haproxy -f /var/lib/neutron/ns-metadata-proxy/1f.conf',
            'dumb-init --single-child -- kolla_start',
            'bash /usr/local/bin/kolla_start',
            'sudo -E kolla_set_configs',
            'postgres: checkpointer ',
            '(wsgi:k -k start',
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

    def test_what_a_web_server_serves_is_its_own(self):
        self.assertEqual(
            {
                'apache': [(2, [5])],
                'keystone': [(2, [3, 4])],
                'placement-api': [(2, [6])],
            },
            assembled(
                (2, 1, '/usr/sbin/apache2 -k start'),
                (3, 2, '(wsgi:keystone-pu -k start'),
                (4, 2, '(wsgi:keystone-pu -k start'),
                (5, 2, '/usr/sbin/apache2 -k start'),
                (6, 2, '(wsgi:placement-a -k start'),
            ),
        )

    def test_a_daemon_rather_than_what_watches_it(self):
        self.assertEqual(
            {'ovn-nb': [(3, [])], 'ovs-vswitchd': [(5, [])]},
            assembled(
                (2, 1, 'ovsdb-server: monitoring pid 3 (healthy)'),
                (3, 2, 'ovsdb-server --pidfile=/var/run/ovn/ovnnb_db.pid'),
                (4, 1, 'ovs-vswitchd: monitoring pid 5 (healthy)'),
                (5, 4, 'ovs-vswitchd unix:/var/run/openvswitch/db.sock'),
            ),
        )

    def test_each_disk_is_a_service(self):
        rows = table(
            (2, 1, '/usr/bin/ceph-osd -f --cluster ceph --id 3'),
            (3, 1, '/usr/bin/ceph-osd -n osd.4 -f --setuser ceph'),
        )
        self.assertEqual(
            ['ceph-osd@3', 'ceph-osd@4'],
            [found.name for found in scan.assemble(rows)],
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
        # a port that another one's command line accounts for
        ports[4] = 8004, None
        rows.append((6, 1, '/v/bin/gunicorn -b 127.0.0.1:8004 -n horizon x'))
        found = assembled(*rows, listeners=lambda: ports)
        self.assertEqual([(2, [3])], found['keystone'])
        self.assertEqual([(6, [])], found.pop('horizon'))
        # two of them, and nobody knows which is which
        rows.append((5, 1, '/v/bin/python /v/bin/gunicorn'))
        found = assembled(*rows, listeners=lambda: ports)
        found.pop('horizon')
        self.assertEqual({'nova-api': [(4, [])]}, found)


def pairs(items):
    return zip(items, items[1:], strict=False)


class TestScanner(base.BaseTestCase):
    """With real processes, whose looks are counted."""

    def setUp(self):
        super().setUp()
        self.looks = []
        title = proc.title

        def counted(pid):
            self.looks.append(pid)
            return title(pid)

        self.useFixture(
            fixtures.MonkeyPatch('sentinella.agent.node.proc.title', counted)
        )
        # others come and go on this machine
        self.mine = set()
        pids = proc.pids
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.proc.pids',
                lambda: self.mine.intersection(pids()),
            )
        )
        self.scanner = scan.Scanner(identify.Identifier(CATALOG))

    def start(self, name='ls'):
        process = subprocess.Popen(
            [name, '60'], executable=shutil.which('sleep')
        )
        self.mine.add(process.pid)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        # for a moment it has no title at all
        processes.wait_for(
            lambda: proc.title(process.pid) == f'{name} 60', 'its title'
        )
        return process

    def looks_at(self, pid, now, eager=True):
        del self.looks[:]
        self.scanner.scan(now, eager)
        return self.looks.count(pid)

    def test_less_and_less_often(self):
        pid = self.start().pid
        times = [n / 2 for n in range(600)]
        seen = [now for now in times if self.looks_at(pid, now)]
        self.assertEqual([0.0, 1.0, 3.0, 7.0, 15.0], seen[:5])
        # and then once in RESCAN
        self.assertEqual([60.0] * 3, [b - a for a, b in pairs(seen[-4:])])

    def test_what_is_new_when_it_stays(self):
        self.scanner.scan(0.0, False)
        pid = self.start().pid
        self.assertEqual(0, self.looks_at(pid, 1.0, False))
        self.assertEqual(1, self.looks_at(pid, 2.0, False))
        self.assertEqual(1, self.looks_at(self.start().pid, 3.0))

    def test_what_came_and_went_changes_nothing(self):
        self.scanner.scan(0.0)
        process = self.start()
        self.scanner.scan(1.0)
        self.assertFalse(self.scanner.changed)
        process.kill()
        process.wait()
        self.scanner.scan(2.0)
        self.assertFalse(self.scanner.changed)

    def test_a_service_that_came_and_went_does(self):
        self.scanner.scan(0.0)
        process = self.start('nova-api')
        table = self.scanner.scan(1.0)
        self.assertTrue(self.scanner.changed)
        self.assertEqual('nova-api', table[process.pid][1].kind.name)
        process.kill()
        process.wait()
        self.assertNotIn(process.pid, self.scanner.scan(2.0))
        self.assertTrue(self.scanner.changed)

    def test_one_that_becomes_a_service(self):
        script = 'read line; exec -a nova-api sleep 60'
        process = subprocess.Popen(['bash', '-c', script], stdin=-1)
        self.mine.add(process.pid)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        table = self.scanner.scan(0.0)
        self.assertIsNone(table[process.pid][1])
        process.stdin.write(b'\n')
        process.stdin.flush()
        processes.wait_for(
            lambda: proc.title(process.pid) == 'nova-api 60', 'another title'
        )
        table = self.scanner.scan(2.0)
        self.assertEqual('nova-api', table[process.pid][1].kind.name)
