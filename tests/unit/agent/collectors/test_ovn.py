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

import time

import fixtures
from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.agent.asking import jsonrpc
from sentinella.agent.collectors import ovn
from tests import collectors
from tests import servers

STATUS = """53f9
Name: OVN_Southbound
Cluster ID: 44bb (44bb4baf-1229-4053-b8c8-9d4fad200a7e)
Server ID: 53f9 (53f94189-0af6-4ebe-8ce8-51236817823a)
Address: ssl:[fd00::1]:6644
Status: cluster member
Role: follower
Term: 12
Leader: 1b60
Vote: unknown

Last Election started 3500 ms ago, reason: timeout
Election timer: 1000
Log: [2, 5]
Entries not yet committed: 3
Entries not yet applied: 1
Connections: ->1b60 <-1b60 ->0000
Disconnections: 4
Servers:
    53f9 (53f9 at ssl:[fd00::1]:6644) (self)
    1b60 (1b60 at ssl:[fd00::2]:6644) last msg 200 ms ago
    9d4f (9d4f at ssl:[fd00::3]:6644)
"""


class TestRaft(base.BaseTestCase):
    def test_a_follower(self):
        self.assertEqual(
            {
                'leader': False,
                'has_leader': True,
                'members': 3,
                'elections': 12,
                'uncommitted': 3,
                'unapplied': 1,
            },
            ovn.raft(STATUS),
        )

    def test_who_knows_no_leader(self):
        for before, after in (
            ('Leader: 1b60', 'Leader: unknown'),
            ('Leader: 1b60\n', ''),
            ('cluster member', 'joining cluster'),
            ('cluster member', 'disconnected from the cluster'),
        ):
            found = ovn.raft(STATUS.replace(before, after))
            self.assertFalse(found['has_leader'], after)

    @given(st.text())
    def test_answers_of_any_form(self, text):
        found = ovn.raft(text)
        self.assertFalse(found['leader'] and 'Role' not in text)
        self.assertFalse(found['has_leader'] and 'Leader' not in text)


class TestOvn(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.useFixture(servers.FolderFixture()).path

    def ask(self, *names, **states):
        return servers.ask(
            collectors.make(
                ovn.OvnCollector,
                servers.Node(*names, **states),
                run_directories=[str(self.path)],
            )
        )

    def test_daemons_that_are_down(self):
        self.assertEqual(
            {('ovn.up', 'ovn-northd'): 0.0},
            self.ask(**{'ovn-northd': 'DOWN'}),
        )

    def test_one_that_never_answers_is_given_up(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.asking.dialogue.PATIENCE', 0.3
            )
        )
        self.useFixture(
            servers.StrangerFixture(
                path=str(self.path / 'ovn-controller.1.ctl')
            )
        )
        began = time.monotonic()
        self.assertEqual(
            {('ovn.up', 'ovn-controller'): 0.0}, self.ask('ovn-controller')
        )
        self.assertTrue(0.3 <= time.monotonic() - began < 3)

    def test_something_else_is_neither_up_nor_down(self):
        path = str(self.path / 'ovn-controller.1.ctl')
        self.useFixture(servers.StrangerFixture(b'hello', path))
        found = self.ask('ovn-controller')
        self.assertEqual('nan', str(found['ovn.up', 'ovn-controller']))

    def test_a_controller(self):
        path = str(self.path / 'ovn-controller.1.ctl')
        for said, expected in (('connected', 1), ('not connected', 0)):
            stranger = servers.StrangerFixture(
                b'{"id":0,"result":"%s\\n","error":null}' % said.encode(), path
            )
            with stranger:
                found = self.ask('ovn-controller')
            (self.path / 'ovn-controller.1.ctl').unlink()
            self.assertEqual(
                expected, found['ovn.connected', 'ovn-controller']
            )

    def test_sockets_that_are_elsewhere(self):
        error = self.assertRaises(exceptions.Lacking, self.ask, 'ovn-northd')
        self.assertEqual(
            f'the control socket of ovn-northd is not in {self.path}: set '
            '[collector_ovn] run_directories',
            str(error),
        )

    def test_sockets_that_are_not_for_us(self):
        def refuse(*args):
            raise PermissionError

        self.useFixture(
            fixtures.MonkeyPatch(f'{jsonrpc.__name__}.Client', refuse)
        )
        for name in ('ovnnb_db.ctl', 'ovnsb_db.ctl'):
            (self.path / name).touch()
        error = self.assertRaises(
            exceptions.Lacking, self.ask, 'ovn-nb', 'ovn-sb'
        )
        self.assertIn(
            'the control socket of ovn-nb, ovn-sb may not be opened: ',
            str(error),
        )
        # who is down is down, whoever may ask
        found = self.ask('ovn-nb', **{'ovn-sb': 'DOWN'})
        self.assertEqual(0, found['ovn.up', 'ovn-sb'])
        self.assertEqual('nan', str(found['ovn.up', 'ovn-nb']))

    def test_all_hang_and_are_asked_at_once(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.asking.dialogue.PATIENCE', 1.5
            )
        )
        names = {
            'ovn-controller': 'ovn-controller.1',
            'ovn-northd': 'ovn-northd.1',
            'ovn-nb': 'ovnnb_db',
            'ovn-sb': 'ovnsb_db',
        }
        for name in names.values():
            path = str(self.path / f'{name}.ctl')
            self.useFixture(servers.StrangerFixture(path=path))
        began = time.monotonic()
        found = self.ask(*names)
        self.assertEqual(dict.fromkeys(found, 0.0), found)
        self.assertEqual(4, len(found))
        self.assertLess(time.monotonic() - began, 5.0)
