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

"""RabbitMQ for tests: a real one, used by one test at a time."""

import contextlib
import fcntl
import os
import tempfile

import amqp
import fixtures
import kombu
from oslo_config import cfg
from oslo_config import fixture as config_fixture

from sentinella.rpc import conductor
from sentinella.rpc import transport

URL = os.environ.get(
    'SENTINELLA_TEST_RABBIT_URL', 'rabbit://guest:guest@127.0.0.1:5672/'
)


class RabbitFixture(fixtures.Fixture):
    """The broker, with nothing left over in our queues.

    Queues have the names of our topics, which are the same in each test, so
    a lock between processes keeps tests apart.

    :ivar url: for `[DEFAULT] transport_url`
    """

    url = URL

    def _setUp(self):
        path = os.path.join(
            tempfile.gettempdir(),
            f'sentinella-tests-rabbit-{os.getuid()}.lock',
        )
        lock = open(path, 'w')
        self.addCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.purge()

    def client(self, timeout=10.0):
        """
        :returns: a ConductorClient in this very process
        """
        # oslo.messaging's RPC looks at this one, whichever it is given
        conf = self.useFixture(config_fixture.Config(cfg.CONF)).conf
        conf([], project='sentinella', default_config_files=[])
        bus = transport.get_transport(conf, self.url)
        self.addCleanup(bus.cleanup)
        return conductor.ConductorClient(bus, timeout)

    def consumers(self, topic):
        """
        :returns: how many of our processes listen to a topic; what is sent
            before the first one does is lost
        """
        with self._channel() as channel:
            try:
                return channel.queue_declare(topic, passive=True)[2]
            except amqp.NotFound:
                return 0

    def purge(self):
        with self._channel() as channel:
            for topic in transport.TOPICS:
                channel.queue_delete(topic)

    @contextlib.contextmanager
    def _channel(self):
        with kombu.Connection(self.url.replace('rabbit:', 'amqp:', 1)) as bus:
            yield bus.channel()
