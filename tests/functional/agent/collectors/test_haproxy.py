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
import socket

from oslotest import base
import urllib3

from sentinella.agent.collectors import haproxy
from tests import collectors
from tests import processes
from tests import servers

CONFIGURATION = """
global
  stats socket {path}/admin.sock mode 600 level admin
  maxconn 50
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  default-server inter 50ms fall 1 rise 1
frontend api
  bind 127.0.0.1:{api}
  default_backend nova
backend nova
  server ctl-01 127.0.0.1:{alive} check
  server ctl-02 127.0.0.1:{dead} check
  server ctl-03 127.0.0.1:{dead} check disabled
  server ctl-04 127.0.0.1:{dead}
backend glance
  server ctl-01 127.0.0.1:{dead} check
backend unchecked
  server ctl-01 127.0.0.1:{dead}
listen both
  bind 127.0.0.1:{both}
  server ctl-01 127.0.0.1:{alive} check
"""


class HaproxyFixture(servers.FolderFixture):
    """An HAProxy of its own.

    :param alive: a port that its checks find somebody at
    :ivar socket: where its stats socket is
    :ivar url: of the API that it offers
    """

    def __init__(self, alive):
        super().__init__()
        self._alive = alive

    def _setUp(self):
        super()._setUp()
        ports = {name: servers.free_port() for name in ('api', 'both', 'dead')}
        self.socket = f'{self.path}/admin.sock'
        self.url = f'http://127.0.0.1:{ports["api"]}'
        file = self.path / 'haproxy.cfg'
        file.write_text(
            CONFIGURATION.format(path=self.path, alive=self._alive, **ports)
        )
        self.server = self.useFixture(
            servers.ServerFixture(
                ['haproxy', '-db', '-f', file],
                lambda: servers.listens(self.socket),
            )
        )

    def say(self, command):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket)
            client.sendall(f'{command}\n'.encode())
            client.recv(4096)


class TestHaproxy(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        broken = b'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'
        self.api = self.useFixture(servers.StrangerFixture(broken))
        self.haproxy = self.useFixture(HaproxyFixture(self.api.address[1]))
        self.collector = collectors.make(
            haproxy.HaproxyCollector,
            servers.Node('haproxy'),
            address=self.haproxy.socket,
        )

    def settled(self, name, backend, value):
        """Samples, once one of them is as it must become."""

        def ask():
            found = servers.ask(self.collector)
            return found if found[name, backend] == value else None

        return processes.wait_for(ask, f'{name} of {backend}')

    def test_backends_and_their_servers(self):
        self.settled('haproxy.backend.up', 'glance', 0)
        found = self.settled('haproxy.servers_down', 'nova', 1)
        self.assertEqual(1, found['haproxy.up',])
        self.assertEqual(1, found['haproxy.backend.up', 'nova'])
        self.assertEqual(2, found['haproxy.servers', 'nova'])
        self.assertEqual(1, found['haproxy.backend.up', 'both'])
        self.assertTrue(math.isnan(found['haproxy.backend.up', 'unchecked']))
        self.assertEqual(1, found['haproxy.backends_down',])
        self.assertEqual(0, found['haproxy.queue', 'nova'])
        self.assertEqual(0, found['haproxy.connections_percent',])
        self.assertEqual(0, found['haproxy.sessions_percent', 'api'])
        self.assertFalse(found['haproxy.errors', 'nova'] > 0)

    def test_maintenance_and_drain_are_not_down(self):
        self.settled('haproxy.servers_down', 'nova', 1)
        self.haproxy.say('set server nova/ctl-02 state maint')
        self.haproxy.say('set server nova/ctl-01 state drain')
        found = servers.ask(self.collector)
        self.assertEqual(1, found['haproxy.servers', 'nova'])
        self.assertEqual(0, found['haproxy.servers_down', 'nova'])

    def test_answers_that_are_errors(self):
        self.settled('haproxy.servers_down', 'nova', 1)
        # the one that nobody checks is tried as well
        self.haproxy.say('set server nova/ctl-04 state maint')
        servers.ask(self.collector)
        for _ in range(3):
            # on a connection of its own, as it may be closed after an error
            urllib3.request(
                'GET',
                self.haproxy.url,
                headers={'Connection': 'close'},
                retries=False,
            )
        found = servers.ask(self.collector)
        self.assertEqual(3, found['haproxy.errors', 'nova'])
        self.assertEqual(100, found['haproxy.errors_percent', 'nova'])
        self.assertEqual(0, found['haproxy.errors', 'both'])
        self.assertTrue(math.isnan(found['haproxy.errors_percent', 'both']))

    def test_it_ends(self):
        self.assertEqual(1, servers.ask(self.collector)['haproxy.up',])
        self.haproxy.server.stop()
        self.assertEqual({('haproxy.up',): 0.0}, servers.ask(self.collector))
