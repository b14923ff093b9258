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

"""All built-in definitions at once on a cloud of three controllers and eight
hypervisors: what is well raises nothing, and of one cause few are told."""

from sentinella import model
from sentinella.db import definitions
from sentinella.evaluator import builtin
from sentinella.evaluator import service
from sentinella.knowledge import fixtures
from tests import databases
from tests.functional.evaluator import scene
from tests.functional.evaluator import staging

HOLDS_BUS = ('nova-scheduler', 'nova-conductor', 'neutron-rpc-server')
APIS = ('nova-api', 'keystone', 'glance-api')
INFRASTRUCTURE = ('mariadb', 'rabbitmq', 'haproxy', 'memcached')

#: What each node tells while it is well.
NODE = {
    'host.uptime_seconds': '99000',
    'cpu.percent': '35',
    'cpu.iowait_percent': '1',
    'cpu.steal_percent': '0',
    'load.per_cpu_5m': '0.4',
    'memory.percent': '70',
    'memory.available_bytes': '18e9',
    'swap.percent': '3',
    'fs.percent{mount=/}': '40',
    'fs.inodes_percent{mount=/}': '8',
    'fs.free_bytes{mount=/}': '50e9',
    'fs.read_only{mount=/}': '0',
    'disk.busy_percent{device=sda}': '20',
    'net.errors_rate{interface=eth0}': '0',
    'clock.offset_seconds': '0.0004',
    'clock.synchronised': '1',
    'systemd.up{unit=chrony.service, service=}': '1',
}
CONTROLLER = {
    'mysql.up': '1',
    'mysql.connections_percent': '40',
    'galera.up': '1',
    'galera.synced': '1',
    'galera.flow_control_percent': '0.1',
    'galera.receive_queue': '0',
    'galera.members_missing{cluster=openstack}': '0',
    'rabbitmq.up': '1',
    'rabbitmq.nodes{cluster=rabbit@ctl-1}': '3',
    'rabbitmq.nodes_running{cluster=rabbit@ctl-1}': '3',
    'rabbitmq.partitions': '0',
    'rabbitmq.memory_percent': '30',
    'rabbitmq.memory_alarm': '0',
    'rabbitmq.disk_free_ratio': '40',
    'rabbitmq.disk_alarm': '0',
    'rabbitmq.fd_percent': '5',
    'rabbitmq.processes_percent': '2',
    'haproxy.up': '1',
    'haproxy.connections_percent': '10',
    'haproxy.sessions_percent{frontend=mariadb}': '10',
    'haproxy.backend.up{backend=mariadb}': '1',
    'haproxy.servers_down{backend=mariadb}': '0',
    'haproxy.queue{backend=mariadb}': '0',
    'memcached.up': '1',
    'memcached.connections_percent': '20',
    'memcached.refusals': '0',
    'certificate.days_left{target=vip:443}': '60',
}
HYPERVISOR = {
    'libvirt.up': '1',
    'libvirt.domains{state=crashed}': '0',
    'openvswitch.up{service=ovs-vswitchd}': '1',
    'openvswitch.applied': '1',
    'openvswitch.controllers': '3',
    'openvswitch.controllers_connected': '3',
}


def of_service(name, up='1*10m', **connections):
    """What is told of a service."""
    yield f'process.up{{service={name}}}', up
    yield f'process.restarts{{service={name}}}', '0*10m'
    yield f'systemd.up{{unit={name}.service, service={name}}}', up
    for level in ('errors', 'criticals', 'tracebacks'):
        yield f'log.{level}{{service={name}}}', '0*10m'
    for use, values in connections.items():
        yield f'process.{use}.up{{service={name}}}', values


def node(hostname, measured):
    """A server of a case that is well."""
    samples = {m: f'{v}*10m' for m, v in (NODE | measured).items()}
    return {'hostname': hostname, 'samples': samples}


def controller(number, changed=()):
    measured = {}
    services = {}
    for name in HOLDS_BUS:
        up = {'bus': '1*10m', 'database': '1*10m'}
        services |= dict(of_service(name, **up))
    for name in APIS + INFRASTRUCTURE:
        services |= dict(of_service(name))
    for name in APIS:
        measured[f'api.up{{endpoint=local, service={name}}}'] = '1'
        measured[f'api.seconds{{endpoint=local, service={name}}}'] = '0.02'
    made = node(f'ctl-{number}', CONTROLLER | measured)
    made['samples'] |= services | dict(changed)
    return made


def hypervisor(number, changed=()):
    made = node(f'cmp-{number}', HYPERVISOR)
    for name in ('libvirt', 'ovs-vswitchd', 'neutron-openvswitch-agent'):
        made['samples'] |= dict(of_service(name))
    made['samples'] |= dict(of_service('nova-compute', bus='1*10m'))
    made['samples'] |= dict(changed)
    return made


def cloud(controllers=((), (), ()), hypervisors=((),) * 8):
    """
    :param controllers: what is otherwise on each of them
    """
    return [
        *(controller(n, c) for n, c in enumerate(controllers, 1)),
        *(hypervisor(n, c) for n, c in enumerate(hypervisors, 1)),
    ]


#: What was, and then was not.
ENDED = '1*6m 0*4m'


class TestOneCause(scene.Scene, databases.SqliteTestCase):
    def setUp(self):
        super().setUp()
        self.conf.set_override('service_project_id', scene.PROJECT)
        builtin.install(self.database)
        self.add_channel('log', {})
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )

    def happens(self, nodes):
        """
        :returns: names of the definitions that have alarms, and how often
            each one has paged
        """
        (case,) = fixtures.cases([{'when': '', 'servers': nodes}], 'here')
        now = self.now()
        for place in case.places:
            staging.write(self, place, scene.PROJECT, now)
        self.evaluate()
        # a page waits until what might inhibit it was looked at after it
        self.evaluate()
        with self.database.reader() as session:
            several = definitions.list_(session, limit=None)
        for one in several:
            if one.inhibited_by:
                self.evaluate(definitions.TABLE.c.id == one.id)
        self.assertEqual(0, self.evaluator.failures)
        on = [a for a in self.alarms() if a.state == model.AlarmState.ALARM]
        pages = {}
        for one in self.outbox():
            name = one.alarm.definition.name
            pages[name] = pages.get(name, 0) + 1
        return {alarm.definition.name for alarm in on}, pages

    def evaluate(self, *which):
        due = definitions.TABLE.update().where(*which)
        with self.database.writer() as session:
            session.execute(due.values(next_evaluation=0.0))
        while self.evaluator.work():
            pass

    def test_all_is_well(self):
        self.assertEqual((set(), {}), self.happens(cloud()))

    def test_a_service_ends(self):
        on, pages = self.happens(
            cloud([dict(of_service('nova-scheduler', ENDED)), (), ()])
        )
        self.assertEqual({'service-down': 1}, pages)
        self.assertEqual({'service-down', 'unit-down'}, on)

    def test_an_api_hangs_on_one_controller(self):
        hangs = {'api.up{endpoint=local, service=nova-api}': ENDED}
        _, pages = self.happens(cloud([hangs, (), ()]))
        self.assertEqual({'api-down': 1}, pages)

    def test_an_api_hangs_on_all(self):
        hangs = {'api.up{endpoint=local, service=nova-api}': ENDED}
        on, pages = self.happens(cloud([hangs] * 3))
        self.assertEqual({'api-down-everywhere': 1}, pages)
        self.assertIn('api-down', on)

    def test_one_database_of_three_ends(self):
        gone = {name: '1*6m -*4m' for name in CONTROLLER if 'galera' in name}
        gone |= dict(of_service('mariadb', ENDED)) | {'mysql.up': ENDED}
        missed = {
            'galera.members_missing{cluster=openstack}': '0*6m 1*4m',
            'haproxy.servers_down{backend=mariadb}': '0*6m 1*4m',
        }
        _, pages = self.happens(cloud([gone, missed, missed]))
        self.assertEqual(
            {
                'service-down': 1,
                'galera-members-missing': 1,
                'haproxy-server-down': 1,
            },
            pages,
        )

    def test_the_message_bus_is_gone(self):
        ended = dict(of_service('rabbitmq', ENDED)) | {'rabbitmq.up': ENDED}
        lost = {
            f'process.bus.up{{service={name}}}': ENDED for name in HOLDS_BUS
        }
        # they try to connect again and again, and write so
        lost |= {
            f'log.errors{{service={name}}}': '0*6m 8*4m' for name in HOLDS_BUS
        }
        gone = {name: '1*6m -*4m' for name in CONTROLLER if 'rabbit' in name}
        on, pages = self.happens(
            cloud(
                [gone | ended | lost] * 3,
                [{'process.bus.up{service=nova-compute}': ENDED}] * 8,
            )
        )
        self.assertEqual(
            {'services-down-together': 1, 'bus-lost-together': 1}, pages
        )
        self.assertLessEqual(
            {'bus-connection-lost', 'service-down', 'error-burst'}, on
        )

    def test_an_upgrade_ends_half_of_all_hypervisors_services(self):
        ended = dict(of_service('nova-compute', ENDED, bus='1*6m nan*4m'))
        on, pages = self.happens(cloud(hypervisors=[ended] * 4 + [()] * 4))
        self.assertEqual({'services-down-together': 1}, pages)
        self.assertIn('service-down', on)
