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

from oslotest import base

from tests import network

#: Pings in a network of its own; what follows sets `targets` and the kernel.
PROBE = """
import os, time
from sentinella import exceptions
from sentinella.agent.collectors import ping
from tests import collectors
{setting}
started = time.monotonic()
collector = collectors.make(
    ping.PingCollector, targets={targets!r}, timeout=0.3
)
try:
    result = [[s.metric.name, dict(s.metric.dimensions)['target'], s.value]
              for s in collector.collect(0.0)]
except exceptions.Lacking as error:
    result = str(error)
result = [result, time.monotonic() - started]
"""

#: The one user of that network is in group 0; a new network permits nobody.
PERMITTED = "set_kernel('ipv4/ping_group_range', '0 0')"
DENIED = ''


class TestPing(base.BaseTestCase):
    def probe(self, setting, *targets):
        found, seconds = network.run(
            PROBE.format(setting=setting, targets=targets)
        )
        self.assertLess(seconds, 3)
        if isinstance(found, str):
            return found
        return {(name, target): value for name, target, value in found}

    def test_both_families(self):
        found = self.probe(PERMITTED, '127.0.0.1', '::1')
        for target in ('127.0.0.1', '::1'):
            self.assertEqual(1, found['ping.up', target])
            self.assertEqual(0, found['ping.loss_percent', target])
            self.assertLess(0, found['ping.rtt_seconds', target])
            self.assertLess(found['ping.rtt_seconds', target], 0.3)

    def test_silence(self):
        silent = "set_kernel('ipv4/icmp_echo_ignore_all', '1')"
        for right in (PERMITTED, DENIED):
            found = self.probe(f'{right}\n{silent}', '127.0.0.1')
            self.assertEqual(0, found['ping.up', '127.0.0.1'])
            self.assertEqual(100, found['ping.loss_percent', '127.0.0.1'])
            self.assertTrue(math.isnan(found['ping.rtt_seconds', '127.0.0.1']))

    def test_no_way_to_it(self):
        for right in (PERMITTED, DENIED):
            found = self.probe(right, '192.0.2.1')
            self.assertEqual(0, found['ping.up', '192.0.2.1'])

    def test_a_name_without_address(self):
        found = self.probe(PERMITTED, 'nobody.invalid')
        self.assertTrue(math.isnan(found['ping.up', 'nobody.invalid']))
        self.assertTrue(
            math.isnan(found['ping.loss_percent', 'nobody.invalid'])
        )

    def test_with_the_program(self):
        found = self.probe(DENIED, '127.0.0.1', '::1')
        for target in ('127.0.0.1', '::1'):
            self.assertEqual(1, found['ping.up', target])
            self.assertEqual(0, found['ping.loss_percent', target])
            self.assertLess(found['ping.rtt_seconds', target], 0.3)

    def test_neither(self):
        found = self.probe(
            f"{DENIED}\nos.environ['PATH'] = '/nowhere'", '127.0.0.1'
        )
        self.assertEqual(
            'ICMP is not permitted to this user, and there is no program '
            "ping: let sysctl net.ipv4.ping_group_range hold the agent's "
            'group, or install iputils-ping',
            found,
        )

    def test_the_program_may_not_have_what_it_needs(self):
        # as the unit of the agent has it; PR_CAPBSET_DROP, CAP_NET_RAW
        found = self.probe(
            'import ctypes\nctypes.CDLL(None).prctl(24, 13, 0, 0, 0)',
            '127.0.0.1',
        )
        self.assertRegex(
            found, 'ICMP is not permitted to this user, and ping (says|can)'
        )
        self.assertIn('let sysctl net.ipv4.ping_group_range', found)
