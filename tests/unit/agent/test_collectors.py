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

import math
import os
import subprocess
import sys
import types

import fixtures
from oslo_config import cfg
from oslotest import base
import psutil

from sentinella import wire
from sentinella.agent.node import facts
from sentinella.agent.node import places
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.agent.logs import follower
from sentinella.agent.node import watched
from sentinella.agent.collectors import host
from sentinella.agent.collectors import logs
from sentinella.agent.collectors import process
from sentinella.knowledge import services

#: Whether what is watched is what it was: with nothing mounted in between,
#: with something, and with nothing again.
MOUNTS = """
import subprocess
from sentinella.agent.collectors import host
mounts = host.Mounts()
seen = [mounts.watched(), mounts.watched()]
subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], check=True)
seen += [mounts.watched(), mounts.watched()]
print(*(one is two for one, two in zip(seen, seen[1:])))
"""
KIND = services.Kind('nova-api', 'nova', ('nova-api',))


def collected(collector, now):
    return {
        (s.metric.name, *(value for _, value in s.metric.dimensions)): s.value
        for s in collector.collect(now)
    }


class TestHost(base.BaseTestCase):
    def test_rates_need_two_looks(self):
        collector = host.HostCollector(None, None)
        first = collected(collector, 1000.0)
        self.assertTrue(math.isnan(first['cpu.percent',]))
        second = collected(collector, 1010.0)
        self.assertEqual(first.keys(), second.keys())
        for name in ('memory.percent', 'load.1m', 'swap.percent'):
            self.assertFalse(math.isnan(second[name,]), name)
        self.assertGreater(second['memory.total_bytes',], 0)

    def test_a_filesystem_as_df_has_it(self):
        found = collected(host.HostCollector(None, None), 1000.0)
        mounts = [key[1] for key in found if key[0] == 'fs.percent']
        for mount in mounts:
            used = psutil.disk_usage(mount).percent
            self.assertAlmostEqual(used, found['fs.percent', mount], delta=1)

    def test_a_mount_that_is_read_only_where_its_filesystem_is_not(self):
        lines = [
            # as a confined service sees it, and after an error of the disk
            '31 1 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw,errors=x',
            r'32 31 8:2 / /a\040b ro - xfs /dev/sda2 ro,attr2',
            'rubbish',
        ]
        self.assertEqual(
            {'/': 'rw,errors=x', '/a b': 'ro,attr2'}, host.own_options(lines)
        )
        for mount in psutil.disk_partitions(all=False):
            self.assertIn(mount.mountpoint, host.own_options())

    def test_a_filesystem_that_becomes_read_only(self):
        collector = host.HostCollector(None, None)
        for options, expected in (
            ('ro', None),
            ('rw,relatime', False),
            ('ro,relatime', True),
        ):
            self.assertIs(expected, collector._lost('/dev/a', options))

    def test_mounts_are_read_anew_when_there_are_others(self):
        options = ['--mount', *(['--user', '-r'] if os.getuid() else [])]
        done = subprocess.run(
            ['unshare', *options, sys.executable, '-c', MOUNTS],
            capture_output=True,
            text=True,
        )
        self.assertEqual('True False True\n', done.stdout, done.stderr)

    def test_rates(self):
        rates = host.Rates()
        self.assertTrue(math.isnan(rates.of('a', 10.0)(100)))
        self.assertEqual(5, rates.of('a', 20.0)(150))
        # a counter that was reset, and a clock that was set back
        self.assertTrue(math.isnan(rates.of('a', 30.0)(10)))
        self.assertTrue(math.isnan(rates.of('a', 25.0)(20)))

    def test_what_is_no_filesystem_of_this_node(self):
        for fstype, device, mount, expected in (
            ('ext4', '/dev/vda1', '/', True),
            ('xfs', '/dev/mapper/vg-nova', '/usr', True),
            ('squashfs', '/dev/loop1', '/usr', False),
            ('ext4', '/dev/loop1', '/usr', True),
            ('nfs4', 'server:/export', '/usr', False),
            ('fuse.ceph', 'a', '/usr', False),
            ('tmpfs', 'tmpfs', '/tmp', False),
            ('ext4', '/dev/vda1', '/etc/hosts', False),
        ):
            mount = types.SimpleNamespace(
                fstype=fstype, device=device, mountpoint=mount
            )
            self.assertEqual(expected, host.is_watched(mount), mount)


class TestProcess(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.service = watched.Service(KIND, 100.0)
        node = types.SimpleNamespace(services={'nova-api': self.service})
        self.collector = process.ProcessCollector(cfg.ConfigOpts(), node)

    def test_of_this_very_process(self):
        me = proc.process(os.getpid())
        self.service.seen(scan.Found(KIND, 'it is me', me), 100.0)
        collected(self.collector, 1000.0)
        found = collected(self.collector, 1001.0)
        self.assertEqual(1, found['process.up', 'nova-api'])
        self.assertEqual(1, found['process.count', 'nova-api'])
        self.assertEqual(0, found['process.restarts', 'nova-api'])
        self.assertGreater(found['process.rss_bytes', 'nova-api'], 1 << 20)
        self.assertGreater(found['process.open_files', 'nova-api'], 2)
        self.assertGreaterEqual(found['process.cpu_percent', 'nova-api'], 0)

    def test_what_is_down_uses_nothing_that_is_known(self):
        self.service.missing(100.0)
        found = collected(self.collector, 1000.0)
        self.assertEqual(0, found['process.up', 'nova-api'])
        self.assertEqual(0, found['process.count', 'nova-api'])
        self.assertTrue(math.isnan(found['process.rss_bytes', 'nova-api']))


class TestHolding(base.BaseTestCase):
    """Whether a service holds what it needs, by how much it is told of."""

    def setUp(self):
        super().setUp()
        kind = services.Kind(
            'nova-compute', 'nova', (), uses=('bus',), keeps=('bus',)
        )
        self.service = watched.Service(kind, 100.0)
        self.counted = {}
        node = types.SimpleNamespace(services={'nova-compute': self.service})
        self.collector = process.ProcessCollector(cfg.ConfigOpts(), node)
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.connections.Connections.count',
                lambda counting: {'nova-compute': {'bus': self.counted}},
            )
        )

    def start(self, age):
        self.service.masters.clear()
        start = proc.ticks_now() - int(age * proc.TICKS)
        master = proc.Process(1 << 23, start, 1, '')
        self.service.seen(scan.Found(self.service.kind, '', master), 100.0)

    def up(self, count):
        self.counted = count
        found = collected(self.collector, 1000.0)
        value = found['process.bus.up', 'nova-compute']
        return None if math.isnan(value) else value

    def test_it_is_not_known_until_it_once_was_seen(self):
        self.start(age=600)
        self.assertIsNone(self.up(0))
        self.assertIsNone(self.up(None))
        self.assertEqual(1, self.up(3))
        self.assertEqual(0, self.up(0))
        self.assertIsNone(self.up(None))

    def test_nor_while_it_starts(self):
        self.start(age=600)
        self.assertEqual(1, self.up(3))
        self.start(age=5)
        self.assertIsNone(self.up(0))
        self.start(age=61)
        self.assertEqual(0, self.up(0))

    def test_nor_when_it_is_down(self):
        self.start(age=600)
        self.up(3)
        self.service.died(next(iter(self.service.masters)), 200.0, None)
        self.assertIsNone(self.up(0))


class TestLogs(base.BaseTestCase):
    def test_zero_is_told_and_unreadable_is_not_zero(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, 'a.log')
        following = follower.Logs(50)
        following.follow({'nova-api': (path,), 'heat-api': ('/no/such.log',)})
        with open(path, 'w'):
            pass
        following.read(100.0, 1.0)
        node = types.SimpleNamespace(logs=following)
        found = collected(logs.LogsCollector(None, node), 100.0)
        self.assertEqual(0, found['log.errors', 'nova-api'])
        self.assertTrue(math.isnan(found['log.errors', 'heat-api']))
        self.assertEqual(0, found['log.suppressed', 'heat-api'])


class TestFacts(base.BaseTestCase):
    def test_releases(self):
        for major, first, expected in (
            (27, 27, '2023.1'),
            (34, 27, '2026.2'),
            (33, 27, '2026.1'),
            (30, 23, '2026.2'),
        ):
            self.assertEqual(expected, facts.release(major, first))

    def test_are_plain(self):
        found = facts.of_host('ctl-01')
        self.assertEqual('ctl-01', found['hostname'])
        self.assertEqual(found, wire.to_wire(found))

    def test_of_services(self):
        directory = self.useFixture(fixtures.TempDir()).path
        os.makedirs(
            f'{directory}/lib/python3.12/site-packages/nova-34.0.1.dist-info'
        )
        service = watched.Service(KIND, 1.0)
        title = f'{directory}/bin/python3 {directory}/bin/nova-api'
        service.seen(scan.Found(KIND, '', proc.Process(1, 1, 1, title)), 1.0)
        self.assertEqual(
            {
                'services': ['nova-api'],
                'versions': {'nova': '34.0'},
                'openstack_release': '2026.2',
            },
            facts.of_services([service], {'nova': 27}),
        )

    def installed(self, prefix, name):
        os.makedirs(f'{prefix}/lib/python3.12/site-packages/{name}.dist-info')

    def versions(self, kind, title, **where):
        service = watched.Service(kind, 1.0)
        master = proc.Process(7, 1, 1, title)
        service.seen(scan.Found(kind, '', master, **where), 1.0)
        return facts.of_services([service], {kind.project: 9}).get('versions')

    def test_of_a_package_with_another_name(self):
        directory = self.useFixture(fixtures.TempDir()).path
        self.installed(directory, 'openstack_placement-16.0.0')
        kind = services.Kind('placement-api', 'placement', ())
        self.assertEqual(
            {'placement': '16.0'},
            self.versions(kind, f'{directory}/bin/gunicorn x'),
        )

    def test_in_a_container(self):
        root = self.useFixture(fixtures.TempDir()).path
        self.useFixture(
            fixtures.MonkeyPatch('sentinella.agent.node.proc.ROOT', root)
        )
        self.installed(f'{root}/7/root/var/lib/kolla/venv', 'nova-33.0.0')
        place = places.Place(container='3f3f3f3f3f3f')
        self.assertEqual(
            {'nova': '33.0'}, self.versions(KIND, 'nova-api', place=place)
        )
        self.assertIsNone(
            self.versions(services.Kind('a', 'a', ()), 'a', place=place)
        )

    def test_as_the_node_itself_says(self):
        path = os.path.join(
            self.useFixture(fixtures.TempDir()).path, 'release'
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.facts._RELEASE_FILES',
                ('/no/such', path),
            )
        )
        self.assertNotIn('openstack_release', facts.of_services([], {}))
        for text, release in (
            ('DISTRIB_ID="OSA"\nDISTRIB_CODENAME="Dalmatian"\n', '2024.2'),
            ('OPENSTACK_CODENAME=yoga\n', 'yoga'),
        ):
            with open(path, 'w') as file:
                file.write(text)
            self.assertEqual(
                release, facts.of_services([], {})['openstack_release']
            )
