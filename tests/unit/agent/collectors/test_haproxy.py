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

import os
import time

import fixtures
from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.agent.asking import dialogue
from sentinella.agent.collectors import haproxy
from tests import collectors
from tests import servers

HEAD = (
    '# pxname,svname,qcur,scur,slim,status,'
    'hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,\n'
)


def backends(*servers_and_statuses, end):
    """The backend `a`, with a status of its own, after its servers."""
    lines = [
        f'a,s{number},0,0,,{status},,,,,,,'
        for number, status in enumerate(servers_and_statuses)
    ]
    lines.append(f'a,BACKEND,2,0,10,{end},0,8,0,0,1,0,')
    rows = haproxy.read_rows(HEAD + '\n'.join(lines) + '\n\n')
    return haproxy.backends_of(rows)


class TestHaproxy(base.BaseTestCase):
    def make(self, address, **states):
        return collectors.make(
            haproxy.HaproxyCollector,
            servers.Node(**states or {'haproxy': 'UP'}),
            address=address,
        )

    def test_statuses(self):
        for statuses, end, up, count, passing in (
            (['UP', 'UP 1/3', 'DOWN'], 'UP', True, 3, 2),
            (['DOWN', 'DOWN 1/2'], 'DOWN', False, 2, 0),
            (['NOLB', 'DRAIN'], 'UP', True, 2, 2),
            (['MAINT', 'MAINT (via b/s)'], 'DOWN', False, 0, 0),
            (['MAINT (resolution)', 'UP'], 'UP', True, 2, 1),
            (['no check'], 'UP', None, 0, 0),
            (['no check', 'DOWN'], 'UP', None, 1, 0),
            ([], 'UP', None, 0, 0),
        ):
            (found,) = backends(*statuses, end=end)
            self.assertEqual(
                (up, count, passing),
                (found.up, found.servers, found.servers_up),
                statuses,
            )

    def test_numbers(self):
        (found,) = backends(end='UP')
        self.assertEqual((2, 9, 1), (found.queue, found.answers, found.errors))

    def test_of_several_processes_the_first_is_taken(self):
        rows = haproxy.read_rows(
            HEAD + 'a,BACKEND,1,,,UP,,,,,,,\na,BACKEND,2,,,DOWN,,,,,,,\n'
        )
        (found,) = haproxy.backends_of(rows)
        self.assertEqual(1, found.queue)

    def test_one_that_is_down(self):
        nobody = ('127.0.0.1', servers.free_port())
        found = servers.ask(self.make(nobody))
        self.assertEqual({('haproxy.up',): 0.0}, found)
        found = servers.ask(self.make('/no/such', haproxy='DOWN'))
        self.assertEqual({('haproxy.up',): 0.0}, found)

    def test_one_that_never_answers_is_given_up(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.asking.dialogue.PATIENCE', 0.3
            )
        )
        stranger = self.useFixture(servers.StrangerFixture())
        began = time.monotonic()
        found = servers.ask(self.make(stranger.address))
        self.assertEqual({('haproxy.up',): 0.0}, found)
        self.assertTrue(0.3 <= time.monotonic() - began < 3)

    def test_what_it_lacks_is_said(self):
        error = self.assertRaises(
            exceptions.Lacking, servers.ask, self.make('/no/such')
        )
        self.assertIn('/no/such does not exist: in its conf', str(error))

    def test_a_socket_that_is_not_for_us(self):
        path = '/run/haproxy/admin.sock'
        error = self.assertRaises(
            exceptions.Lacking,
            dialogue.judge,
            PermissionError(),
            path,
            haproxy._REMEDY,
        )
        self.assertIn(f'{path} may not be opened: ', str(error))
        self.assertIn('make sentinella a member of that group', str(error))

    def test_something_else(self):
        for says in (
            b'',
            b'HTTP/1.1 400 Bad Request\r\n\r\n',
            b'Unknown command.\n',
            os.urandom(100),
        ):
            stranger = self.useFixture(servers.StrangerFixture(says))
            error = self.assertRaises(
                exceptions.Lacking, servers.ask, self.make(stranger.address)
            )
            self.assertIn('does not answer as a stats socket', str(error))

    @given(st.text(max_size=60))
    def test_rows_of_any_form(self, text):
        collector = self.make(('127.0.0.1', 1))
        for line in (text, f'a,BACKEND,{text}', f'a,FRONTEND,1,1,{text}'):
            try:
                rows = haproxy.read_rows(HEAD + line)
            except ValueError:
                continue
            for sample in collector.read({'Maxconn': text}, rows):
                self.assertIn(sample.metric.name, collector.METRICS)

    @given(st.text(max_size=60))
    def test_infos_of_any_form(self, text):
        try:
            haproxy.read_info(f'Name: HAProxy\n{text}')
        except ValueError:
            return
        self.assertIn('Maxconn', text)
