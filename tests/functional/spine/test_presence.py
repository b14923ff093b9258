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
"""A conductor, as a real process, that lives while its bus is away."""

import urllib.parse

import kombu
import testtools

from sentinella import model
from sentinella.db import instances
from sentinella.rpc import presence
from sentinella.rpc import transport
from tests import cable
from tests import cloud
from tests import databases
from tests import processes
from tests import rabbit


def behind(wire, url):
    """The broker's URL, through a cable."""
    broker = urllib.parse.urlparse(url)
    return broker._replace(
        netloc=f'{broker.username}:{broker.password}@127.0.0.1:{wire.port}'
    ).geturl()


def cable_to(test, url):
    port = urllib.parse.urlparse(url).port or 5672
    return test.useFixture(cable.CableFixture(port))


class TestPresence(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.bus = self.useFixture(rabbit.RabbitFixture())
        self.wire = cable_to(self, self.bus.url)
        self.changes = []

    def make(self, url, patience=0.0):
        conf = databases.make_conf('sqlite:///x')
        # makes oslo.messaging's options known
        transport.get_transport(conf, self.bus.url).cleanup()
        conf.set_override('host', 'ctl-01')
        conf.set_override('transport_url', url)
        made = presence.of(
            conf, 'sentinella-tests', patience=patience, beginning=patience
        )
        if made is not None:
            self.addCleanup(made.stop)
            made.changed = lambda: self.changes.append(made.up)
        return made

    def listen(self):
        """Take what is put into our queue."""
        url = self.bus.url.replace('rabbit:', 'amqp:', 1)
        connection = kombu.Connection(url)
        self.addCleanup(connection.close)
        channel = connection.channel()
        channel.queue_declare('sentinella-tests.ctl-01', auto_delete=True)
        channel.basic_consume('sentinella-tests.ctl-01')
        return connection

    def test_inside_of_a_process_there_is_none(self):
        self.assertIsNone(self.make('fake://'))

    def test_somebody_has_to_listen(self):
        mine = self.make(self.bus.url)
        self.assertIsNone(mine.up)
        mine.look()
        self.assertFalse(mine.up)
        listening = self.listen()
        mine.look()
        self.assertTrue(mine.up)
        listening.close()
        processes.wait_for(lambda: mine.look() or not mine.up, 'nobody')
        self.assertEqual([False, True, False], self.changes)

    def test_the_broker_has_to_answer(self):
        self.listen()
        mine = self.make(behind(self.wire, self.bus.url))
        mine.look()
        self.wire.pull()
        mine.look()
        self.assertFalse(mine.up)
        self.wire.plug()
        mine.look()
        self.assertTrue(mine.up)

    def test_a_connection_that_was_lost_since_is_made_anew(self):
        self.listen()
        mine = self.make(behind(self.wire, self.bus.url))
        mine.look()
        self.wire.pull()
        self.wire.plug()
        mine.look()
        self.assertEqual([True], self.changes)

    def test_another_host_of_the_broker(self):
        self.listen()
        nobody, _, path = self.bus.url.partition('@')
        mine = self.make(f'{nobody}@127.0.0.1:1,{nobody[9:]}@{path}')
        mine.look()
        self.assertTrue(mine.up)

    def test_one_that_is_connected_again_was_not_lost(self):
        mine = self.make(self.bus.url, patience=3600.0)
        mine.look()
        self.assertIsNone(mine.up)
        listening = self.listen()
        mine.look()
        listening.close()
        mine.look()
        self.assertTrue(mine.up)

    def test_wrong_password(self):
        mine = self.make('rabbit://guest:wrong@127.0.0.1:5672/')
        mine.look()
        self.assertFalse(mine.up)


class TestConductor(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.node = self.useFixture(cloud.CloudFixture('mysql', interval=1))
        self.wire = cable_to(self, self.node.bus.url)

    def instances(self):
        with self.node.database.reader() as session:
            return instances.all_(session)

    def says(self, **facts):
        processes.wait_for(
            lambda: facts in [one.facts for one in self.instances()],
            f'an instance that says {facts}',
        )

    def test_it_lives_without_its_bus(self):
        conductor = self.node.run(
            'conductor', 'ctl', bus=behind(self.wire, self.node.bus.url)
        )
        self.says(bus=True)
        (before,) = self.instances()
        self.assertEqual(
            (model.InstanceKind.CONDUCTOR, 'ctl', 1),
            (before.kind, before.host, before.number),
        )
        self.wire.pull()
        self.says(bus=False)
        self.wire.plug()
        self.says(bus=True)
        conductor.terminate()
        processes.wait_for(lambda: not self.instances(), 'none')
