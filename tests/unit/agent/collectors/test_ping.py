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
import struct
import threading

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import ping
from tests import collectors

IPUTILS = """\
PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.

--- 127.0.0.1 ping statistics ---
3 packets transmitted, 2 received, 33.3333% packet loss, time 402ms
rtt min/avg/max/mdev = 0.031/0.044/0.055/0.009 ms
"""
BUSYBOX = """\
PING 127.0.0.1 (127.0.0.1): 56 data bytes

--- 127.0.0.1 ping statistics ---
3 packets transmitted, 3 packets received, 0% packet loss
round-trip min/avg/max = 0.073/0.100/0.128 ms
"""
SILENT = """\
PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.

--- 192.0.2.1 ping statistics ---
3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2031ms
pipe 3
"""


class TestProgram(base.BaseTestCase):
    def test_what_it_prints(self):
        self.assertEqual((2, 0.000044), ping.read(IPUTILS, ''))
        self.assertEqual((3, 0.0001), ping.read(BUSYBOX, ''))
        answered, seconds = ping.read(SILENT, '')
        self.assertEqual(0, answered)
        self.assertTrue(math.isnan(seconds))

    def test_it_may_not_either(self):
        for errors in (
            'ping: socktype: SOCK_RAW\nping: socket: Operation not permitted',
            'ping: permission denied (are you root?)',
            'ping: => missing cap_net_raw+p capability or setuid?\n'
            'ping: socket: Permission denied',
            "ping: invalid argument: '0.3'",
            '',
        ):
            error = self.assertRaises(
                exceptions.Lacking, ping.read, '', errors.lower()
            )
            self.assertIn('net.ipv4.ping_group_range', str(error))

    def test_it_can_not_send(self):
        error = self.assertRaises(
            OSError, ping.read, '', 'ping: connect:\nNetwork is unreachable'
        )
        self.assertEqual('ping: connect: Network is unreachable', str(error))

    @given(strategies.text(), strategies.text())
    def test_whatever_it_prints(self, output, errors):
        try:
            answered, _ = ping.read(output, errors)
        except (OSError, exceptions.Lacking):
            return
        self.assertIn(answered, range(4))


class TestEcho(base.BaseTestCase):
    """The kernel's part is played by the other end of a pair."""

    def ping(self, answer, timeout=0.1):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

        def serve():
            while packet := theirs.recv(100):
                for reply in answer(packet):
                    theirs.send(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        times = ping.echo(ours, 8, 0, timeout)
        ours.send(b'')
        thread.join()
        ours.close()
        theirs.close()
        return times

    def test_answers(self):
        times = self.ping(lambda packet: [b'\0' + packet[1:]])
        self.assertEqual(3, len(times))
        self.assertLess(max(times), 0.1)

    def test_silence(self):
        self.assertEqual([], self.ping(lambda packet: []))

    def test_one_of_three(self):
        def answer(packet):
            (sequence,) = struct.unpack_from('!H', packet, 6)
            return [b'\0' + packet[1:]] if sequence == 1 else []

        self.assertEqual(1, len(self.ping(answer)))

    def test_twice_is_once(self):
        times = self.ping(lambda packet: 2 * [b'\0' + packet[1:]])
        self.assertEqual(3, len(times))

    @settings(max_examples=25)
    @given(strategies.lists(strategies.binary(min_size=1), max_size=5))
    def test_what_is_no_answer(self, replies):
        # nor is its own request, or one with other content
        def answer(packet):
            return [*replies, packet, b'\0' + packet[1:-1] + b'?' + b'?']

        self.assertEqual([], self.ping(answer, timeout=0.001))


class TestOptions(base.BaseTestCase):
    def test_a_target_is_no_option_of_ping(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            collectors.make,
            ping.PingCollector,
            targets=['gateway', '-f'],
        )
        self.assertEqual(
            "[collector_ping] targets: expected a host, got '-f'", str(error)
        )
