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
import socket

import fixtures
from oslotest import base

from sentinella import model
from sentinella.agent.node import discovery
from sentinella.agent.node import logfiles
from sentinella.agent.node import places
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.agent.node import traces
from sentinella.agent.node import watch
from sentinella.agent.node import watched
from sentinella.knowledge import services

KIND = services.Kind('nova-scheduler', 'nova', ('nova-scheduler',))
UP, DOWN = model.ServiceState.UP, model.ServiceState.DOWN


def found(pid, start, *workers):
    return scan.Found(
        KIND,
        'title',
        proc.Process(pid, start, 1, ''),
        tuple(proc.Process(p, s, pid, '') for p, s in workers),
    )


class TestService(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.service = watched.Service(KIND, 100.0)
        self.service.seen(found(10, 1000, (11, 1010), (12, 1011)), 100.0)

    def test_up_with_its_master_first(self):
        status = self.service.status()
        self.assertEqual((UP, 100.0), (status.state, status.since))
        self.assertEqual((10, 11, 12), status.pids)

    def test_a_masters_end_is_down(self):
        self.assertTrue(self.service.died((10, 1000), 105.0, 2000))
        status = self.service.status()
        self.assertEqual((DOWN, 105.0), (status.state, status.since))
        self.assertEqual((), status.pids)
        self.assertEqual('its process 10 ended', status.reason)

    def test_what_a_master_leaves_behind_is_not_taken_for_it(self):
        self.service.died((10, 1000), 105.0, 2000)
        # one that was known as its worker, and one that was too new
        self.assertTrue(self.service.is_orphan(found(11, 1010), 105.0))
        self.assertTrue(self.service.is_orphan(found(13, 1900), 105.0))
        self.assertFalse(self.service.is_orphan(found(14, 2001), 105.0))

    def test_a_successor_that_began_before_the_end(self):
        """What goes on for longer than any worker without its master."""
        self.service.died((10, 1000), 105.0, 2000)
        self.assertTrue(self.service.is_orphan(found(13, 1900), 134.0))
        self.assertFalse(self.service.is_orphan(found(13, 1900), 135.0))
        # this one is known
        self.assertTrue(self.service.is_orphan(found(11, 1010), 135.0))

    def test_another_master_is_a_restart(self):
        self.service.died((10, 1000), 105.0, 2000)
        self.assertEqual(0, self.service.take_restarts())
        self.assertTrue(self.service.seen(found(14, 2001), 110.0))
        self.assertEqual(UP, self.service.state)
        self.assertEqual(1, self.service.take_restarts())
        self.assertEqual(0, self.service.take_restarts())

    def test_a_worker_in_the_place_of_another_is_a_restart(self):
        self.service.seen(found(10, 1000, (11, 1010), (13, 1500)), 101.0)
        self.assertEqual(UP, self.service.state)
        self.assertEqual(1, self.service.take_restarts())

    def test_more_or_fewer_workers_are_none(self):
        self.service.seen(found(10, 1000, (11, 1010)), 101.0)
        self.assertEqual(0, self.service.take_restarts())
        # and now its successor came
        self.service.seen(found(10, 1000, (11, 1010), (13, 1500)), 102.0)
        self.assertEqual(1, self.service.take_restarts())
        more = found(10, 1000, (11, 1010), (13, 1500), (14, 1501))
        self.service.seen(more, 103.0)
        self.assertEqual(0, self.service.take_restarts())

    def test_one_of_two_masters(self):
        self.service.seen(found(20, 1001), 100.0)
        self.assertFalse(self.service.died((10, 1000), 105.0, 2000))
        self.assertEqual(UP, self.service.state)
        self.assertTrue(self.service.died((20, 1001), 106.0, 2100))
        self.assertEqual(DOWN, self.service.state)

    def test_survives_on_disk(self):
        self.service.log_files = ('/var/log/nova/nova-scheduler.log',)
        state = self.service.to_state()
        again = watched.Service.from_state(KIND, state, same_boot=True)
        self.assertEqual(self.service.log_files, again.log_files)
        self.assertEqual(UP, again.state)
        self.assertIn((10, 1000), again.masters)
        self.assertTrue(again.died((10, 1000), 105.0, None))
        self.assertTrue(again.is_orphan(found(12, 1011), 105.0))
        # it was restarted while no agent ran
        self.assertFalse(again.is_orphan(found(15, 1700), 105.0))

    def test_known_but_not_there_after_a_machine_start(self):
        state = self.service.to_state()
        again = watched.Service.from_state(KIND, state, same_boot=False)
        self.assertTrue(again.missing(200.0))
        self.assertEqual((DOWN, 200.0), (again.state, again.since))
        self.assertFalse(again.missing(300.0))
        self.assertEqual(200.0, again.since)


class TestIdling(base.BaseTestCase):
    """One that systemd starts when asked for, and that ends by itself."""

    def service(self, title):
        kind = services.Kind('libvirt', 'x', ('virtqemud',), idles='--timeout')
        service = watched.Service(kind, 100.0)
        master = proc.Process(10, 1000, 1, title)
        service.seen(scan.Found(kind, '', master), 100.0)
        return service

    def test_its_end_says_nothing(self):
        service = self.service('/usr/sbin/virtqemud --timeout 120')
        self.assertTrue(service.died((10, 1000), 105.0, 2000))
        self.assertEqual(
            model.ServiceState.UNDETERMINED, service.status().state
        )
        self.assertIn('as it does when nobody asks', service.reason)
        again = watched.Service.from_state(
            service.kind, service.to_state(), same_boot=False
        )
        self.assertFalse(again.missing(200.0))

    def test_unless_it_is_to_stay(self):
        service = self.service('/usr/sbin/virtqemud')
        self.assertTrue(service.died((10, 1000), 105.0, 2000))
        self.assertEqual(DOWN, service.state)


class TestHosted(base.BaseTestCase):
    """A web server that may serve it no longer."""

    def setUp(self):
        super().setUp()
        self.service = watched.Service(KIND, 100.0)
        self.master = proc.Process(10, 1000, 1, 'apache2')
        self.see()

    def see(self):
        found = scan.Found(KIND, '', self.master, hosted=True)
        self.service.seen(found, 100.0)

    def test_nothing_is_amiss_while_it_is_served(self):
        self.assertEqual(
            (False, False), self.service.unserved({(10, 1000)}, 100.0)
        )

    def test_another_process_may_be_about_to_start(self):
        self.assertEqual((True, False), self.service.unserved(set(), 100.0))
        self.assertEqual((True, False), self.service.unserved(set(), 105.0))
        self.see()
        self.assertEqual((True, False), self.service.unserved(set(), 112.0))
        self.assertEqual(UP, self.service.state)

    def test_down_when_none_does(self):
        self.service.unserved(set(), 100.0)
        self.assertEqual((False, True), self.service.unserved(set(), 110.0))
        self.assertEqual(DOWN, self.service.state)
        self.assertEqual('process 10 no longer serves it', self.service.reason)
        # and is so once
        self.assertEqual((False, False), self.service.unserved(set(), 120.0))

    def test_others_stay_whatever_is_seen(self):
        self.service.seen(found(20, 1001), 100.0)
        self.service.unserved(set(), 100.0)
        self.service.unserved(set(), 110.0)
        self.assertEqual(UP, self.service.state)


class TestNode(base.BaseTestCase):
    """What the node remembers, of services that are not there."""

    def setUp(self):
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        directory = self.useFixture(fixtures.TempDir()).path
        self.program = os.path.join(directory, 'test-gone')
        with open(self.program, 'w'):
            pass
        self.kind = services.Kind('test-gone', 'tests', ('test-gone',))
        self.node = discovery.Node(services.Catalog([self.kind], {}))
        self.watcher = watch.Watcher()
        self.addCleanup(self.watcher.close)

    def restore(self, since):
        service = watched.Service(self.kind, since)
        service.traces = traces.Traces(self.program)
        service.seen(found(10, 1000), since)
        service.died((10, 1000), since, None)
        data = {
            'boot': proc.boot_id(),
            'services': {'test-gone': service.to_state()},
        }
        self.node.restore(data, since, self.watcher)

    def test_one_that_is_down_is_not_forgotten(self):
        self.restore(since=1000.0)
        self.node.look(9000.0, self.watcher)
        self.assertEqual(DOWN, self.node.services['test-gone'].state)
        self.assertEqual(set(), self.node.take_dropped())

    def test_one_that_was_removed_is_forgotten(self):
        os.unlink(self.program)
        self.restore(since=1000.0)
        self.node.look(9000.0, self.watcher)
        self.assertNotIn('test-gone', self.node.services)
        self.assertEqual({'test-gone'}, self.node.take_dropped())
        self.assertEqual(set(), self.node.take_dropped())
        self.assertEqual(
            f'test-gone is no longer watched: {self.program} is gone\n',
            self.logger.output,
        )

    def test_what_would_start_it_is_known_from_one_agent_to_the_next(self):
        service = watched.Service(self.kind, 1000.0)
        service.traces = traces.Traces(self.program)
        me = proc.process(os.getpid())
        service.seen(scan.Found(self.kind, '', me), 1000.0)
        data = {
            'boot': proc.boot_id(),
            'services': {'test-gone': service.to_state()},
        }
        self.node.restore(data, 1000.0, self.watcher)
        self.node.look(1001.0, self.watcher)
        restored = self.node.services['test-gone']
        self.assertEqual({me.key}, set(restored.masters))
        self.assertEqual(self.program, restored.traces.program)

    def test_one_that_may_just_be_upgraded_is_not(self):
        os.unlink(self.program)
        self.restore(since=1000.0)
        self.node.look(1299.0, self.watcher)
        self.assertIn('test-gone', self.node.services)

    def test_a_web_servers_end_is_the_end_of_all_that_it_serves(self):
        for name in ('keystone', 'placement-api'):
            kind = services.load().kinds[name]
            self.node.services[name] = watched.Service(kind, 100.0)
            master = proc.Process(10, 1000, 1, 'apache2')
            self.node.services[name].seen(
                scan.Found(kind, '', master, hosted=True), 100.0
            )
        self.assertEqual(
            {'keystone', 'placement-api'},
            self.node.ended((10, 1000), 105.0, 2000),
        )

    def test_what_a_service_listens_on(self):
        self.assertEqual([], self.node.listeners_of('test-gone'))
        server = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(server.close)
        service = watched.Service(KIND, 100.0)
        me = proc.process(os.getpid())
        service.seen(scan.Found(KIND, '', me), 100.0)
        self.node.services['test-gone'] = service
        self.assertIn(
            server.getsockname(), self.node.listeners_of('test-gone')
        )

    def test_what_its_user_listens_on_at_ports_of_its_own(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.proc.sockets', lambda p: None
            )
        )
        servers = [socket.create_server(('127.0.0.1', 0)) for _ in range(2)]
        for server in servers:
            self.addCleanup(server.close)
        name = servers[0].getsockname()
        kind = services.Kind('nova-api', 'nova', (), ports=(name[1],))
        service = watched.Service(kind, 100.0)
        service.seen(scan.Found(kind, '', proc.process(os.getpid())), 100.0)
        self.node.services['nova-api'] = service
        self.assertEqual([name], self.node.listeners_of('nova-api'))


class TestLogFiles(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path

    def located(self, title, beside=()):
        process = proc.Process(1 << 23, 1, 1, title)
        return logfiles.locate(KIND, [process], beside)

    def test_names(self):
        for path, expected in (
            ('/var/log/nova/nova-api.log', True),
            ('/var/log/nova/nova-api.json', False),
            ('/logs/nova-api-access.log', False),
            ('/var/log/apache2/error.log', True),
            ('/logs/a.log (deleted)', False),
            ('/logs/gunicorn.log', False),
            ('/logs/a.out', False),
        ):
            self.assertEqual(expected, logfiles.is_service_log(path), path)

    def test_from_the_command_line(self):
        title = '/b/python /b/nova-scheduler '
        self.assertEqual(
            ('/l/a.log',), self.located(title + '--log-file /l/a.log')
        )
        self.assertEqual(
            ('/l/a.log',),
            self.located(title + '--log-dir=/l --log-file=a.log'),
        )
        self.assertEqual(
            ('/l/nova-scheduler.log',),
            self.located(
                f'nova-scheduler: master process [{title}--log_dir /l]'
            ),
        )

    def test_from_its_configuration(self):
        path = os.path.join(self.directory, 'nova.conf')
        with open(path, 'w') as file:
            file.write(
                '[DEFAULT]\nlog_dir = /l\n# log_file = no\n[x]\nlog_file=no\n'
            )
        title = f'/b/python /b/nova-scheduler --config-file {path}'
        self.assertEqual(('/l/nova-scheduler.log',), self.located(title))
        self.assertEqual(
            ('/m/nova-scheduler.log',), self.located(f'{title} --log-dir /m')
        )

    def test_beside_others(self):
        path = os.path.join(self.directory, 'nova-scheduler.log')
        self.assertEqual((), self.located('nova-scheduler', [self.directory]))
        with open(path, 'w'):
            pass
        self.assertEqual(
            (path,), self.located('nova-scheduler', [self.directory])
        )

    def test_what_a_process_holds_open(self):
        path = os.path.join(self.directory, 'held.log')
        with open(path, 'a'), open(f'{path}.access.log', 'a'):
            me = proc.Process(os.getpid(), 1, 1, 'x --log-file /no.log')
            self.assertIn(path, logfiles.locate(KIND, [me]))
            found = logfiles.locate(KIND, [me])
            self.assertNotIn('/no.log', found)
            self.assertNotIn(f'{path}.access.log', found)

    def test_where_packagers_put_it(self):
        path = os.path.join(self.directory, 'rabbit@a.log')
        pattern = os.path.join(self.directory, 'rabbit@*.log')
        kind = services.Kind('rabbitmq', 'x', (), usual_logs=('/no', pattern))
        self.assertEqual((), logfiles.locate(kind, []))
        with open(path, 'w'):
            pass
        self.assertEqual((path,), logfiles.locate(kind, []))

    def test_of_one_instance(self):
        names = [f'{self.directory}/ceph-osd.{n}.log' for n in ('3', '33')]
        for name in names:
            with open(name, 'w'):
                pass
        kind = services.Kind(
            'ceph-osd', 'ceph', (),
            usual_logs=(self.directory + '/ceph-osd.{instance}.log',),
        )  # fmt: skip
        found = logfiles.locate(kind, [], instance='3')
        self.assertEqual((names[0],), found)

    def kolla(self, *names):
        """Volumes as Docker and Podman have them, Podman's with logs."""
        volumes = [f'{self.directory}/{n}' for n in ('kolla', 'docker', 'pod')]
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.logfiles.VOLUMES', tuple(volumes)
            )
        )
        for name in names:
            path = os.path.join(volumes[2], name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w'):
                pass
        return volumes[2]

    def test_in_kollas_volume(self):
        volume = self.kolla('nova/nova-scheduler.log')
        inside = places.Place(container='3f3f3f3f3f3f')
        master = proc.Process(7, 1, 1, '/v/bin/nova-scheduler')
        expected = (f'{volume}/nova/nova-scheduler.log',)
        self.assertEqual(expected, logfiles.locate(KIND, [master], (), inside))
        told = proc.Process(
            1 << 23,
            1,
            1,
            'x --log-file /var/log/kolla/nova/nova-scheduler.log',
        )
        self.assertEqual(expected, logfiles.locate(KIND, [told], (), inside))
        told = proc.Process(1 << 23, 1, 1, 'x --log-file /l/a.log')
        self.assertEqual(
            (f'/proc/{1 << 23}/root/l/a.log',),
            logfiles.locate(KIND, [told], (), inside),
        )

    def test_infrastructure_in_kollas_volume(self):
        volume = self.kolla('mariadb/mariadb.log')
        kind = services.Kind(
            'mariadb', 'x', (),
            usual_logs=('/var/log/kolla/mariadb/mariadb.log',),
        )  # fmt: skip
        self.assertEqual(
            (f'{volume}/mariadb/mariadb.log',), logfiles.locate(kind, [])
        )

    def test_the_journal_where_there_is_no_file(self):
        place = places.Place(unit='devstack@n-sch')
        process = proc.Process(1 << 23, 1, 1, 'nova-scheduler')
        self.assertEqual(
            ('journal:devstack@n-sch.service',),
            logfiles.locate(KIND, [process], (), place),
        )
        process = proc.Process(1 << 23, 1, 1, 'x --log-file /l/a.log')
        self.assertEqual(
            ('/l/a.log',), logfiles.locate(KIND, [process], (), place)
        )

    def test_a_web_servers_log_is_that_of_what_it_serves_if_need_be(self):
        os.mkdir(f'{self.directory}/apache2')
        web = f'{self.directory}/apache2/error.log'
        own = f'{self.directory}/keystone.log'
        me = proc.Process(os.getpid(), 1, 1, 'x')
        with open(web, 'a'):
            self.assertIn(web, logfiles.locate(KIND, [me]))
            with open(own, 'a'):
                found = logfiles.locate(KIND, [me])
        self.assertIn(own, found)
        self.assertNotIn(web, found)

    def test_as_the_operator_says(self):
        kind = services.Kind('a', 'b', ('a',), log_files=('/a.log',))
        self.assertEqual(('/a.log',), logfiles.locate(kind, []))
        kind = services.Kind('a', 'b', ('a',), log_files=())
        self.assertEqual((), logfiles.locate(kind, []))
