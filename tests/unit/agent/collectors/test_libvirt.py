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

from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import libvirt
from tests import collectors
from tests import servers

DENIED = """error: failed to connect to the hypervisor
error: Failed to connect socket to '/run/libvirt/libvirt-sock-ro': \
Permission denied
"""


class TestLibvirt(base.BaseTestCase):
    def test_who_may_not_is_told_which_group(self):
        collector = collectors.make(
            libvirt.LibvirtCollector, servers.Node('libvirt')
        )
        error = self.assertRaises(
            exceptions.Lacking, collector._up, DENIED, 'qemu:///system'
        )
        self.assertIn(
            "libvirt-sock-ro': Permission denied: make sentinella a member "
            'of the group libvirt',
            str(error),
        )
        self.assertNotIn('\n', str(error))

    @given(st.lists(st.integers(0, 12)), st.text(max_size=30))
    def test_count(self, states, name):
        # no name of a domain is a line of its own
        name = ' '.join(name.split())
        text = ''.join(
            f"Domain: '{name}'\n  state.state={state}\n  state.reason=1\n\n"
            for state in states
        )
        found = libvirt.count(text)
        self.assertEqual(len(states), sum(found.values()))
        self.assertEqual(states.count(3), found['paused'])
        self.assertEqual(states.count(6), found['crashed'])
