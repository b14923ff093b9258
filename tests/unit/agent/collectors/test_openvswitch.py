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

import json
import time

import fixtures
from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import openvswitch
from tests import collectors
from tests import servers


class TestOpenvswitch(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.useFixture(servers.FolderFixture()).path

    def ask(self, says=b'', path=None, **states):
        if path:
            self.useFixture(servers.StrangerFixture(says, str(path)))
        return servers.ask(
            collectors.make(
                openvswitch.OpenvswitchCollector,
                servers.Node(**states or {'ovsdb-server': 'UP'}),
                run_directory=str(self.path),
                database=str(self.path / 'db.sock'),
            )
        )

    def test_what_it_lacks_is_said(self):
        error = self.assertRaises(exceptions.Lacking, self.ask)
        self.assertIn(
            f'{self.path}/db.sock does not exist: have its database listen',
            str(error),
        )

    def test_one_that_is_down(self):
        found = self.ask(**{'ovsdb-server': 'DOWN', 'ovs-vswitchd': 'DOWN'})
        self.assertEqual(0, found['openvswitch.up', 'ovsdb-server'])
        self.assertEqual(0, found['openvswitch.up', 'ovs-vswitchd'])

    def test_one_that_never_answers_is_given_up(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.openvswitch.PATIENCE', 0.3
            )
        )
        began = time.monotonic()
        found = self.ask(None, self.path / 'db.sock')
        self.assertEqual(0, found['openvswitch.up', 'ovsdb-server'])
        self.assertTrue(0.3 <= time.monotonic() - began < 3)

    def test_something_else(self):
        for number, result in enumerate(
            ('1', '[]', '[1]', '[{}, {}]', '[{"rows": []}]', 'null',
             '[{"rows": []}, {"rows": []}, {"rows": []}, {"rows": []}, '
             '{"rows": []}]')
        ):  # fmt: skip
            path = self.path / 'db.sock'
            path.unlink(missing_ok=True)
            says = f'{{"id": 0, "result": {result}}}'.encode()
            error = self.assertRaises(exceptions.Lacking, self.ask, says, path)
            self.assertIn(
                'does not answer as the database', str(error), number
            )

    @given(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=5)
                | st.fixed_dictionaries({'rows': st.lists(inner, max_size=2)})
                | st.fixed_dictionaries({'cur_cfg': inner, 'next_cfg': inner})
            ),
        )
    )
    def test_rows_of_any_form(self, answer):
        answer = json.loads(json.dumps(answer))
        try:
            samples = openvswitch.read(answer)
        except ValueError:
            return
        names = {sample.metric.name for sample in samples}
        self.assertLessEqual(
            names, set(openvswitch.OpenvswitchCollector.METRICS)
        )

    def test_lookups(self):
        self.assertEqual(
            (12, 4),
            openvswitch.lookups(
                'system@ovs-system:\n  lookups: hit:5 missed:10 lost:4\n'
                '  flows: 3\nnetdev@b:\n  lookups: hit:5 missed:2 lost:0\n'
            ),
        )
        self.assertEqual((0, 0), openvswitch.lookups(''))
