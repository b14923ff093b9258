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

"""With real connections of real processes, and users that are not there."""

import os
import socket
import subprocess
import sys

import fixtures
from oslotest import base

from sentinella.agent.node import connections
from sentinella.agent.node import proc
from sentinella.agent.node import scan
from sentinella.agent.node import sockets
from sentinella.agent.node import watched
from sentinella.knowledge import services

CLIENT = """
import socket, sys, time
ports = list(map(int, sys.argv[1:]))
held = [socket.create_connection(('127.0.0.1', port)) for port in ports]
print('ready', flush=True)
time.sleep(60)
"""


class Node:
    """What is asked of a node."""

    def __init__(self):
        self.services = {}
        self.listeners = {}

    def listeners_of(self, name):
        return self.listeners.get(name, [])

    def add(self, name, pid, uses=('bus', 'database')):
        kind = services.Kind(name, 'tests', (name,), uses=uses)
        service = watched.Service(kind, 100.0)
        service.seen(scan.Found(kind, '', proc.process(pid)), 100.0)
        self.services[name] = service


class TestConnections(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        # whatever else of this user runs on this machine
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.connections.PORTS',
                {'bus': (), 'database': ()},
            )
        )
        self.server = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]
        self.node = Node()
        self.node.listeners['rabbitmq'] = [('127.0.0.1', self.port)]
        self.connections = connections.Connections(self.node, {})

    def client(self, *ports):
        process = subprocess.Popen(
            [sys.executable, '-c', CLIENT, *map(str, ports)],
            stdout=subprocess.PIPE,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        process.stdout.readline()
        return process.pid

    def hide_files(self):
        """As before an agent that is neither root nor their user."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.proc.sockets', lambda p: None
            )
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.proc.may_see_files', lambda p: False
            )
        )

    def test_whose_files_are_seen(self):
        self.node.add('one', self.client(self.port, self.port))
        self.node.add('two', self.client(self.port))
        self.node.add('three', self.client())
        self.node.add('four', self.client(self.port), uses=())
        for _ in range(2):
            self.assertEqual(
                {
                    'one': {'bus': 2, 'database': 0},
                    'two': {'bus': 1, 'database': 0},
                    'three': {'bus': 0, 'database': 0},
                },
                self.connections.count(),
            )

    def test_one_that_connects_later(self):
        self.node.add('one', self.client(self.port))
        self.connections.count()
        # it was there, and nobody's, before it was known as a service's
        self.node.add('two', self.client(self.port, self.port))
        self.assertEqual(2, self.connections.count()['two']['bus'])

    def test_the_only_service_of_its_user(self):
        self.hide_files()
        self.node.add('one', self.client(self.port))
        self.assertEqual(
            {'bus': 1, 'database': 0}, self.connections.count()['one']
        )

    def test_of_two_services_of_one_user_nothing_is_known(self):
        self.hide_files()
        self.node.add('one', self.client(self.port))
        self.node.add('two', self.client())
        counted = self.connections.count()
        self.assertEqual({'bus': None, 'database': 0}, counted['one'])
        self.assertEqual({'bus': None, 'database': 0}, counted['two'])

    def test_what_is_replaced_is_seen_before_what_is_added(self):
        passed = iter((0, 1, 15, 30, 46)).__next__
        self.useFixture(fixtures.MonkeyPatch(
            'sentinella.agent.node.connections.clock', passed
        ))  # fmt: skip
        self.node.add('one', os.getpid())
        address = self.server.getsockname()

        def counted():
            return self.connections.count()['one']['bus']

        with socket.create_connection(address):
            self.assertEqual(1, counted())
        held = [socket.create_connection(address) for _ in range(2)]
        # so soon it is taken to be what it was
        self.assertEqual(1, counted())
        self.assertEqual(2, counted())
        held.append(socket.create_connection(address))
        for one in held:
            self.addCleanup(one.close)
        # one that came along is looked for later
        self.assertEqual(2, counted())
        self.assertEqual(3, counted())

    def test_further_ports(self):
        self.node.listeners.clear()
        self.node.add('one', self.client(self.port))
        self.assertEqual(0, self.connections.count()['one']['bus'])
        counting = connections.Connections(
            self.node, {'database': [self.port]}
        )
        self.assertEqual({'bus': 0, 'database': 1}, counting.count()['one'])

    def test_a_process_that_ended(self):
        self.node.add('one', self.client(self.port))
        (found,) = self.node.services['one'].masters.values()
        gone = proc.Process(1 << 23, 1, 1, '')
        self.node.services['one'].masters = {
            gone.key: scan.Found(found.kind, '', gone)
        }
        self.assertEqual(
            {'bus': None, 'database': None}, self.connections.count()['one']
        )

    def test_nobody_asks_the_kernel_for_nothing(self):
        def fail(pid):
            raise AssertionError('asked')

        self.useFixture(fixtures.MonkeyPatch(
            'sentinella.agent.node.sockets.established', fail
        ))  # fmt: skip
        self.node.add('one', os.getpid(), uses=())
        self.assertEqual({}, self.connections.count())
        self.assertIs(fail, sockets.established)
