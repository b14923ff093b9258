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

"""The cloud's own view: real Keystone, real databases, recorded answers."""

import time
import uuid

from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella import wire
from sentinella.conductor import service as conductor
from sentinella.conductor.cloud import clients
from sentinella.conductor.cloud import service
from sentinella.db import clock
from sentinella.db import leases
from sentinella.db import servers
from sentinella.db import services
from sentinella.ingest import intake
from sentinella.knowledge import cloud
from sentinella.rpc import transport
from tests import cable
from tests import databases
from tests import keystone
from tests import processes
from tests import signers
from tests.functional.conductor import recorded

UP, DOWN, UNDETERMINED = model.ServiceState


def configure(conf, keystone_url, region, user='operator', **more):
    conf.register_opts(clients.auth_options('v3password'), 'cloud')
    values = {
        'auth_type': 'v3password',
        'auth_url': keystone_url,
        'username': user,
        'password': keystone.PASSWORD,
        'project_name': 'alpha',
        'user_domain_id': 'default',
        'project_domain_id': 'default',
        'region_name': region,
        'timeout': 10,
    }
    for name, value in (values | more).items():
        conf.set_override(name, value, 'cloud')


class CloudTestCase:
    """The body; a class of tests.databases is the other base."""

    without = ()

    def setUp(self):
        super().setUp()
        self.region = f'r-{uuid.uuid4().hex[:8]}'
        self.cloud = self.useFixture(
            recorded.CloudFixture(self.region, self.without)
        )
        configure(self.conf, self.cloud.keystone.url, self.region)
        self.storage = plugins.load(
            'sentinella.storage', 'sql', self.conf, self.database
        )
        self.ingest = intake.Ingest(
            self.conf, self.database, self.storage, lambda: None
        )
        self.addCleanup(self.ingest.stop)
        self.view = self.conductor()

    def conductor(self):
        return service.of(self.conf, self.database, self.ingest)

    def server(self):
        with self.database.reader() as session:
            return servers.get(session, cloud.SERVER)

    def services(self):
        with self.database.reader() as session:
            found = services.list_(session, limit=100, server=cloud.SERVER)
        return {one.status.name: one.status for one in found}

    def states(self):
        return {
            name: (status.state, status.reason)
            for name, status in self.services().items()
        }

    def now(self):
        with self.database.reader() as session:
            return clock.read(session)

    def work(self):
        """
        :returns: the samples of this pass
        """
        # databases of one second after another may have the same millisecond
        since = self.now()
        self.assertTrue(self.view.work())
        return self.samples(since)

    def samples(self, since):
        return {
            (metric.name, *(value for _, value in metric.dimensions)): value
            for metric, _, value in self.storage.latest(
                self.server().id, since
            )
        }


class CloudTests(CloudTestCase):
    def test_services(self):
        self.work()
        self.assertEqual(
            {
                'keystone': (UP, ''),
                'nova': (UP, ''),
                'neutron': (UP, ''),
                'cinder': (UP, ''),
                'nova-scheduler@mini1': (DOWN, ''),
                'nova-conductor@mini1': (UP, ''),
                'nova-compute@mini1': (
                    UP,
                    'disabled: AUTO: Connection to libvirt lost: 1',
                ),
                'neutron-openvswitch-agent@mini1': (UP, ''),
                'neutron-l3-agent@mini1': (UP, 'disabled'),
                'neutron-dhcp-agent@mini1': (DOWN, ''),
                'neutron-metadata-agent@mini1': (DOWN, ''),
                'cinder-volume@mini1@fake1': (DOWN, ''),
                'cinder-scheduler@mini1': (UP, ''),
            },
            self.states(),
        )
        self.assertEqual('cinder', self.services()['cinder'].project)

    def test_who_was_disabled_by_somebody(self):
        self.work()
        self.assertEqual(
            ['neutron-l3-agent@mini1'],
            [
                name
                for name, status in self.services().items()
                if cloud.disabled_by_operator(status)
            ],
        )

    def test_samples(self):
        found = self.work()
        scheduler = ('mini1', 'nova-scheduler', 'internal')
        compute = ('mini1', 'nova-compute', 'nova')
        expected = {
            ('nova.service.up', *scheduler): 0.0,
            ('nova.service.enabled', *scheduler): 1.0,
            ('nova.service.auto_disabled', *scheduler): 0.0,
            ('nova.service.up', *compute): 1.0,
            ('nova.service.enabled', *compute): 0.0,
            ('nova.service.auto_disabled', *compute): 1.0,
            ('nova.service.count', 'nova-compute'): 1.0,
            ('neutron.agent.count', 'neutron-l3-agent'): 1.0,
            ('cinder.service.count', 'cinder-volume'): 1.0,
            ('nova.hypervisor.up', 'mini1', 'mini1'): 1.0,
            ('nova.hypervisor.vcpus', 'mini1', 'mini1'): 2.0,
            ('nova.hypervisor.memory_bytes', 'mini1', 'mini1'): 2.0**33,
            ('nova.zone.available', 'nova'): 0.0,
            ('neutron.agent.up', 'mini1', 'neutron-l3-agent'): 1.0,
            ('neutron.agent.enabled', 'mini1', 'neutron-l3-agent'): 0.0,
            ('neutron.agent.up', 'mini1', 'neutron-dhcp-agent'): 0.0,
            (
                'cinder.service.up',
                'fake1',
                'mini1',
                'cinder-volume',
                'nova',
            ): 0.0,
            (
                'cinder.service.up',
                '',
                'mini1',
                'cinder-scheduler',
                'nova',
            ): 1.0,
            ('cloud.api.up', 'nova'): 1.0,
            ('cloud.left_out',): 0.0,
            ('cloud.endpoints', 'internal', self.region, 'compute'): 1.0,
        }
        self.assertEqual(expected, {key: found.get(key) for key in expected})
        self.assertEqual(set(cloud.METRICS), {key[0] for key in found})

    def test_it_is_a_server(self):
        self.work()
        server = self.server()
        self.assertEqual(
            ('cloud', 60.0, self.conf.service_project_id),
            (server.hostname, server.interval, server.project_id),
        )
        self.assertEqual(model.Enrolment.ACCEPTED, server.enrolment)
        self.assertIsNotNone(server.last_report_at)

    def test_each_is_asked_once_a_time(self):
        self.work()
        before = len(self.cloud.asked)
        self.work()
        self.assertEqual(
            sorted(recorded.PATHS), sorted(self.cloud.asked[before:])
        )

    def test_one_that_fails_says_nothing_of_what_is_behind_it(self):
        self.work()
        self.cloud.break_('compute')
        found = self.work()
        self.assertEqual(
            {'neutron.agent.up', 'cinder.service.up', 'cloud.api.up'},
            {key[0] for key in found if key[0].endswith('.up')},
        )
        self.assertEqual(0.0, found['cloud.api.up', 'nova'])
        self.assertEqual(1.0, found['cloud.api.up', 'cinder'])
        states = self.states()
        state, reason = states['nova']
        self.assertEqual(DOWN, state)
        self.assertIn('HTTP 503', reason)
        for name in ('nova-scheduler@mini1', 'nova-conductor@mini1'):
            state, reason = states[name]
            self.assertEqual(UNDETERMINED, state)
            self.assertIn('cannot tell: HTTP 503', reason)
        self.assertEqual(DOWN, states['neutron-dhcp-agent@mini1'][0])

    def test_one_that_refuses(self):
        self.cloud.break_(
            'volume/v3/os-',
            status=403,
            kind=recorded.JSON,
            body='cinder-forbidden.json',
        )
        self.cloud.break_(
            'zone',
            status=403,
            kind=recorded.JSON,
            body='nova-forbidden.json',
        )
        found = self.work()
        self.assertEqual(0.0, found['cloud.api.up', 'cinder'])
        self.assertEqual(0.0, found['cloud.api.up', 'nova'])
        # what it did answer is known
        self.assertEqual(
            0.0,
            found['nova.service.up', 'mini1', 'nova-scheduler', 'internal'],
        )
        states = self.states()
        self.assertEqual(
            (DOWN, 'HTTP 403: User does not have admin privileges'),
            states['cinder'],
        )
        self.assertEqual(
            "HTTP 403: Policy doesn't allow "
            'os_compute_api:os-availability-zone:detail to be performed.',
            states['nova'][1],
        )

    def test_something_else_answers(self):
        self.cloud.break_(
            'os-', 'agents', status=200, kind='text/html', body=b'<p>Hello'
        )
        found = self.work()
        for api in ('nova', 'neutron', 'cinder'):
            self.assertEqual(0.0, found['cloud.api.up', api], api)
        self.assertIn('what answers is not this API', self.states()['nova'][1])

    def test_answers_that_are_not_to_be_understood(self):
        for body in (
            b'{}',
            b'[]',
            b'{"services": [{"x": 1}]}',
            b'{"services": 5}',
        ):
            self.cloud.break_(
                'compute/v2.1/os-services',
                status=200,
                kind=recorded.JSON,
                body=body,
            )
            found = self.work()
            self.assertEqual(0.0, found['cloud.api.up', 'nova'], body)
            self.assertEqual(
                1.0, found['nova.hypervisor.up', 'mini1', 'mini1']
            )

    def test_it_works_again(self):
        self.work()
        since = self.services()['nova-scheduler@mini1'].since
        self.assertEqual(since, self.services()['nova-scheduler@mini1'].since)
        answers = dict(self.cloud.answers)
        self.cloud.break_('compute')
        self.work()
        self.cloud.answers.update(answers)
        found = self.work()
        self.assertEqual(1.0, found['cloud.api.up', 'nova'])
        scheduler = self.services()['nova-scheduler@mini1']
        self.assertEqual((DOWN, ''), (scheduler.state, scheduler.reason))
        self.assertLess(since, scheduler.since)

    def test_since_stays_while_the_state_does(self):
        self.work()
        before = self.services()
        self.work()
        self.assertEqual(before, self.services())

    def test_what_is_gone_is_forgotten(self):
        self.work()
        self.cloud.break_(
            'os-services',
            status=200,
            kind=recorded.JSON,
            body=b'{"services": []}',
        )
        self.work()
        self.assertEqual(
            {'keystone', 'nova', 'neutron', 'cinder'},
            {name for name in self.services() if 'neutron-' not in name},
        )

    def test_a_wrong_password(self):
        self.work()
        configure(
            self.conf, self.cloud.keystone.url, self.region, password='wrong'
        )
        self.view.stop()
        self.view = self.conductor()
        found = self.work()
        self.assertEqual(
            {('cloud.api.up', 'keystone'): 0.0, ('cloud.left_out',): 0.0},
            found,
        )
        states = self.states()
        self.assertEqual(DOWN, states['keystone'][0])
        self.assertIn('HTTP 401', states['keystone'][1])
        self.assertNotIn('wrong', states['keystone'][1])
        self.assertEqual(UNDETERMINED, states['nova'][0])
        self.assertEqual(UNDETERMINED, states['nova-conductor@mini1'][0])
        # that somebody disabled it is still so
        self.assertEqual(
            (UNDETERMINED, 'disabled'), states['neutron-l3-agent@mini1']
        )

    def test_a_reader_who_may_not_ask_keystone(self):
        configure(
            self.conf, self.cloud.keystone.url, self.region, user='reader'
        )
        self.view = self.conductor()
        found = self.work()
        self.assertEqual(0.0, found['cloud.api.up', 'keystone'])
        self.assertEqual(1.0, found['cloud.api.up', 'nova'])
        self.assertIn('You are not authorized', self.states()['keystone'][1])

    def test_a_region_that_does_not_exist(self):
        configure(self.conf, self.cloud.keystone.url, 'elsewhere')
        self.view = self.conductor()
        self.work()
        self.assertEqual(['keystone'], list(self.services()))
        self.assertIn('elsewhere', self.states()['keystone'][1])

    def test_only_some(self):
        self.conf.set_override('apis', ['neutron'], 'cloud')
        self.view = self.conductor()
        self.work()
        self.assertEqual({'/network/v2.0/agents'}, set(self.cloud.asked))
        self.assertEqual(
            # it gave the token
            {'keystone', 'neutron'},
            {name for name in self.services() if '@' not in name},
        )

    def test_hosts_that_go_by_their_short_name(self):
        with self.database.writer() as session:
            servers.hold(
                session,
                model.Registration(
                    str(uuid.uuid4()), 'e', 'mini1.example.org'
                ),
                'service',
                1.0,
            )
        found = self.work()
        self.assertIn(
            ('neutron.agent.up', 'mini1.example.org', 'neutron-l3-agent'),
            found,
        )
        self.assertIn('neutron-l3-agent@mini1', self.services())

    def test_a_server_that_was_deleted_comes_back(self):
        self.work()
        with self.database.writer() as session:
            servers.delete(session, cloud.SERVER, self.now() + 3600)
        self.assertRaises(exceptions.Conflict, self.view.work)
        self.work()
        self.assertEqual(DOWN, self.states()['nova-scheduler@mini1'][0])


class HandOverTests(CloudTestCase):
    def age(self, seconds=3600):
        table = leases.TABLE
        with self.database.writer() as session:
            session.execute(
                table.update().values(until=table.c.until - seconds)
            )

    def test_one_at_a_time(self):
        other = self.conductor()
        self.assertTrue(self.view.work())
        asked = len(self.cloud.asked)
        self.assertFalse(other.work())
        self.assertEqual(asked, len(self.cloud.asked))
        # it looks again when the lease ends, and the holder sooner
        self.assertTrue(70 < other._due_in() <= 85, other._due_in())
        self.assertTrue(50 < self.view._due_in() <= 60)

    def test_when_one_stops_another_takes_over(self):
        other = self.conductor()
        self.assertTrue(self.view.work())
        self.view.stop()
        self.assertTrue(other.work())
        # what hangs while it stops does not take it back
        self.assertFalse(self.view.work())

    def test_one_that_slept_is_not_believed_any_more(self):
        self.view.work()
        other = self.conductor()
        self.age()
        self.assertTrue(other.work())
        before = self.services()
        stale = self.view
        self.assertRaises(
            exceptions.Conflict,
            stale._reporter.send,
            stale._before,
            self.now(),
        )
        self.assertEqual(before, self.services())
        self.assertTrue(other.work())

    def test_what_the_other_left_is_not_known(self):
        self.work()
        before = self.services()
        self.cloud.break_('compute')
        self.view = self.conductor()
        self.age()
        self.work()
        states = self.states()
        self.assertEqual(UNDETERMINED, states['nova-conductor@mini1'][0])
        self.assertEqual(
            before['cinder-scheduler@mini1'],
            self.services()['cinder-scheduler@mini1'],
        )

    def test_nobody_else_speaks_for_the_cloud(self):
        self.view.work()
        signer = signers.Signer()
        registration = model.Registration(cloud.SERVER, 'e', 'cloud')
        receipt = self.ingest.register(
            wire.to_wire(signer.registration(registration))
        )
        self.assertEqual(model.ReceiptStatus.UNTRUSTED, receipt.status)
        report = model.Report(cloud.SERVER, self.server().epoch, 99)
        receipt = self.ingest.report(wire.to_wire(signer.report(report)))
        self.assertEqual(model.ReceiptStatus.UNTRUSTED, receipt.status)
        self.assertTrue(self.view.work())

    def test_whoever_was_there_before_is_shut_out(self):
        signer = signers.Signer()
        registration = model.Registration(cloud.SERVER, 'e', 'cloud')
        self.ingest.register(wire.to_wire(signer.registration(registration)))
        self.assertTrue(self.view.work())
        report = model.Report(cloud.SERVER, self.server().epoch, 99)
        receipt = self.ingest.report(wire.to_wire(signer.report(report)))
        self.assertEqual(model.ReceiptStatus.UNTRUSTED, receipt.status)


class TestCloudOnSqlite(CloudTests, databases.SqliteTestCase):
    pass


class TestCloudOnMysql(CloudTests, databases.MysqlTestCase):
    pass


class TestCloudOnPostgresql(CloudTests, databases.PostgresqlTestCase):
    pass


class TestHandOverOnSqlite(HandOverTests, databases.SqliteTestCase):
    pass


class TestHandOverOnMysql(HandOverTests, databases.MysqlTestCase):
    pass


class TestHandOverOnPostgresql(HandOverTests, databases.PostgresqlTestCase):
    pass


class TestWithoutNeutron(CloudTestCase, databases.SqliteTestCase):
    without = ('network',)

    def test_what_is_not_in_the_catalog_is_not_asked(self):
        found = self.work()
        self.assertNotIn(('cloud.api.up', 'neutron'), found)
        self.assertEqual(1.0, found['cloud.api.up', 'cinder'])
        self.assertNotIn('neutron', self.services())


class TestCables(CloudTestCase, databases.SqliteTestCase):
    """Ways that are cut, or that nothing comes through."""

    def setUp(self):
        super().setUp()
        port = int(self.cloud.keystone.url.rpartition(':')[2].split('/')[0])
        self.to_keystone = self.useFixture(cable.CableFixture(port))
        self.to_apis = self.useFixture(cable.CableFixture(self.cloud.port))
        keystone_url = f'http://127.0.0.1:{self.to_keystone.port}/v3'
        region = f'{self.region}-cables'
        self.cloud.register(
            region, f'http://127.0.0.1:{self.to_apis.port}', keystone_url
        )
        configure(self.conf, keystone_url, region, timeout=1)
        self.view = self.conductor()

    def test_keystone_is_away_and_the_token_still_good(self):
        self.work()
        self.to_keystone.pull()
        found = self.work()
        self.assertEqual(0.0, found['cloud.api.up', 'keystone'])
        self.assertEqual(1.0, found['cloud.api.up', 'nova'])

    def test_keystone_is_away_from_the_beginning(self):
        self.to_keystone.pull()
        found = self.work()
        self.assertEqual(0.0, found['cloud.api.up', 'keystone'])
        self.assertNotIn(('cloud.api.up', 'nova'), found)
        self.assertEqual(UNDETERMINED, self.states()['nova'][0])

    def test_nothing_comes_back(self):
        self.work()
        self.to_apis.hold()
        before = time.monotonic()
        found = self.work()
        self.assertLess(time.monotonic() - before, 5)
        for api in ('nova', 'neutron', 'cinder'):
            self.assertEqual(0.0, found['cloud.api.up', api], api)
        self.assertEqual(1.0, found['cloud.api.up', 'keystone'])
        self.assertEqual(
            UNDETERMINED, self.states()['nova-conductor@mini1'][0]
        )

    def test_the_way_is_cut(self):
        self.work()
        self.to_apis.pull()
        self.work()
        state, reason = self.states()['nova']
        self.assertEqual(DOWN, state)
        # what of it differs each time would be told each time
        self.assertNotIn('object at', reason)
        self.assertIn(f'http://127.0.0.1:{self.to_apis.port}: ', reason)

    def test_nothing_listens(self):
        region = f'{self.region}-closed'
        self.cloud.register(
            region, 'http://127.0.0.1:1', self.cloud.keystone.url
        )
        configure(self.conf, self.cloud.keystone.url, region)
        self.view = self.conductor()
        self.work()
        self.assertEqual(
            (DOWN, 'http://127.0.0.1:1: Connection refused'),
            self.states()['nova'],
        )


class TestConductor(CloudTestCase, databases.SqliteTestCase):
    def test_it_asks_and_lets_go(self):
        running = conductor.Conductor(
            self.conf,
            transport.get_transport(self.conf, transport.IN_PROCESS),
            self.database,
            self.storage,
        )
        running.start()
        try:
            processes.wait_for(
                lambda: 'cinder-scheduler@mini1' in self.services(),
                'the services',
            )
            self.assertFalse(self.view.work())
        finally:
            running.stop()
        self.assertTrue(self.view.work())


class TestConfiguration(databases.SqliteTestCase):
    def test_without_a_credential_there_is_none(self):
        self.assertIsNone(service.of(self.conf, self.database, None))

    def test_a_credential_that_can_not_be_used(self):
        for name, value, expected in [
            ('auth_type', 'nonsense', 'nonsense'),
            ('auth_type', 'v3password', 'auth_url'),
        ]:
            self.conf.register_opts(clients.auth_options(), 'cloud')
            self.conf.set_override(name, value, 'cloud')
            error = self.assertRaises(
                exceptions.InvalidConfiguration,
                service.of,
                self.conf,
                self.database,
                None,
            )
            self.assertIn(expected, str(error))
