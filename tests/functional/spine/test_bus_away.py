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


"""An agent, as a real process, whose bus goes away and comes back."""

import time
import urllib.parse

from oslo_config import cfg
import oslo_messaging as messaging
import sqlalchemy as sa
import testtools

from sentinella import exceptions
from sentinella import model
from sentinella import wire
from sentinella.db import servers
from sentinella.rpc import transport
from tests import cable
from tests import cloud
from tests import processes
from tests import rabbit


def behind(url, cabled):
    """The URL of a broker, by way of a CableFixture to it."""
    broker = urllib.parse.urlparse(url)
    return broker._replace(
        netloc=f'{broker.username}:{broker.password}@127.0.0.1:{cabled.port}'
    ).geturl()


def cable_to(url):
    return cable.CableFixture(urllib.parse.urlparse(url).port or 5672)


class Conductor:
    target = messaging.Target(version='1.0')

    @messaging.expose
    def report(self, context, payload):
        return wire.to_wire(model.Receipt(model.ReceiptStatus.ACCEPTED))


class TestClient(testtools.TestCase):
    def test_that_the_broker_is_gone_is_told_at_once(self):
        """There is another way, or the report is sent again soon."""
        bus = self.useFixture(rabbit.RabbitFixture())
        wired = self.useFixture(cable_to(bus.url))
        bus.url = behind(bus.url, wired)
        client = bus.client(timeout=30.0)
        conductors = transport.get_transport(cfg.CONF, rabbit.URL)
        self.addCleanup(conductors.cleanup)
        server = transport.get_server(
            conductors, transport.CONDUCTOR_TOPIC, 'ctl', Conductor()
        )
        server.start()
        self.addCleanup(server.wait)
        self.addCleanup(server.stop)
        signed = model.Signed('{}')
        self.assertEqual('ACCEPTED', client.report(signed).status)

        wired.pull()
        began = time.monotonic()
        self.assertRaises(exceptions.BusUnavailable, client.report, signed)
        # and not when the call's time is over
        self.assertLess(time.monotonic() - began, 10.0)
        wired.plug()
        processes.wait_for(lambda: self.takes(client, signed), 'a way back')

    def takes(self, client, signed):
        try:
            return client.report(signed).status == 'ACCEPTED'
        except exceptions.BusUnavailable:
            return False


class TestBusAway(testtools.TestCase):
    def test_no_report_is_missing_afterwards(self):
        node = self.useFixture(cloud.CloudFixture('mysql', interval=1))
        wired = self.useFixture(cable_to(node.bus.url))
        node.run('conductor', 'ctl')
        node.run('agent', 'node', bus=behind(node.bus.url, wired))
        self.node = node
        before = processes.wait_for(lambda: self.sequence() >= 3, 'reports')
        self.assertTrue(before)

        wired.pull()
        had = self.sequence()
        processes.wait_for(lambda: self.spooled() >= 5, 'a spool that fills')
        self.assertLessEqual(self.sequence(), had + 1)
        wired.plug()
        processes.wait_for(lambda: self.sequence() >= had + 8, 'the rest')

        self.assertEqual(1, self.epochs())
        processes.wait_for(self.is_all_there, 'a frame of each report')
        self.assertEqual(0, self.server().dropped)

    def server(self):
        with self.node.database.reader() as session:
            found = servers.list_(session, limit=2)
        return found[0] if found else model.Server(0, '', '', '')

    def sequence(self):
        return self.server().sequence

    def epochs(self):
        with self.node.database.reader() as session:
            return session.scalar(
                sa.text('SELECT COUNT(DISTINCT epoch) FROM servers')
            )

    def is_all_there(self):
        """Whether each report of this agent has a frame, as of one moment.

        Some may be late that others have overtaken, but none for long.
        """
        with self.node.database.reader() as session:
            frames, sequence = session.execute(
                sa.text(
                    'SELECT (SELECT COUNT(*) FROM frames), '
                    'GREATEST(sequence, urgent_sequence) FROM servers'
                )
            ).one()
        return frames == sequence

    def spooled(self):
        spool = self.node.directory / 'node'
        return sum(
            path.stat().st_size
            for path in spool.rglob('*spool*')
            if path.is_file()
        )
