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

"""Which mode something is in."""

import dataclasses

from oslotest import base

from sentinella import model
from sentinella.evaluator import modes

ACTIVE, MAINTENANCE, BLACKOUT = model.Mode


def server(uuid='s1', project_id='p1', hostname='ctl-01', **fields):
    return model.Server(1, uuid, hostname, project_id, **fields)


def window(mode=MAINTENANCE, project_id='p1', **fields):
    return model.Window(
        **{
            'uuid': 'w',
            'name': 'n',
            'project_id': project_id,
            'mode': mode,
            'starts_at': 1000.0,
            'ends_at': 2000.0,
            **fields,
        }
    )


def alarm(group=None, about=(), windows=(), project_id='p1', hosts=None):
    found = modes.of_alarm(
        group or {}, list(about), 'd1', project_id, hosts or {}, windows
    )
    return found.mode


class TestCovers(base.BaseTestCase):
    SUBJECT = modes.Subject('p1', server(cloud_group='one'), 'nova-api', 'd1')

    def test_what_it_names_all_has_to_be_so(self):
        for fields, expected in (
            ({}, True),
            ({'project_id': None}, True),
            ({'project_id': 'p2'}, False),
            ({'servers': ('s0', 's1')}, True),
            ({'servers': ('s0',)}, False),
            ({'cloud_groups': ('one',)}, True),
            ({'cloud_groups': ('two',)}, False),
            ({'services': ('nova-api',)}, True),
            ({'services': ('nova',)}, False),
            ({'definitions': ('d1',)}, True),
            ({'definitions': ('d2',)}, False),
            ({'servers': ('s1',), 'services': ('nova-api',)}, True),
            ({'servers': ('s1',), 'services': ('glance-api',)}, False),
        ):
            self.assertEqual(
                expected, modes.covers(window(**fields), self.SUBJECT), fields
            )

    def test_what_has_none_of_it(self):
        bare = modes.Subject('p1')
        self.assertTrue(modes.covers(window(), bare))
        for name in ('servers', 'cloud_groups', 'services', 'definitions'):
            named = window(**{name: ('x',)})
            self.assertFalse(modes.covers(named, bare), name)


class TestOfAlarm(base.BaseTestCase):
    def test_by_hand(self):
        for mode in model.Mode:
            self.assertEqual(mode, alarm(about=[server(mode=mode)]))
        self.assertEqual(ACTIVE, alarm())

    def test_the_quietest_of_hand_and_windows(self):
        both = [window(BLACKOUT), window(MAINTENANCE)]
        self.assertEqual(MAINTENANCE, alarm(windows=both))
        by_hand = [server(mode=MAINTENANCE)]
        self.assertEqual(MAINTENANCE, alarm(about=by_hand, windows=both[:1]))
        self.assertEqual(BLACKOUT, alarm(about=[server()], windows=both[:1]))

    def test_which_window_it_was(self):
        one = window()
        found = modes.effective(modes.Subject('p1', server()), [one])
        self.assertIs(one, found.window)
        found = modes.effective(
            modes.Subject('p1', server(mode=MAINTENANCE)), [one]
        )
        self.assertIsNone(found.window)

    def test_about_several_only_all_of_them_keep_quiet(self):
        two = [server(), server('s2')]
        first = window(servers=('s1',))
        self.assertEqual(ACTIVE, alarm(about=two, windows=[first]))
        second = window(BLACKOUT, servers=('s2',))
        self.assertEqual(BLACKOUT, alarm(about=two, windows=[first, second]))

    def test_a_project_s_window_mutes_its_own_alarms_only(self):
        theirs = window(project_id='p2')
        about = [server(project_id='p1')]
        self.assertEqual(ACTIVE, alarm(about=about, windows=[theirs]))
        # an alarm of the cloud, about their server alone
        self.assertEqual(
            ACTIVE,
            alarm(
                about=[server(project_id='p2')],
                windows=[theirs],
                project_id='cloud',
            ),
        )
        self.assertEqual(MAINTENANCE, alarm(windows=[theirs], project_id='p2'))

    def test_services(self):
        one = window(services=('nova-api',))
        about = [server()]
        self.assertEqual(
            MAINTENANCE, alarm({'service': 'nova-api'}, about, [one])
        )
        self.assertEqual(
            ACTIVE, alarm({'service': 'nova-scheduler'}, about, [one])
        )
        self.assertEqual(ACTIVE, alarm({}, about, [one]))

    def test_the_host_that_is_told_of_is_what_counts(self):
        cloud = server('cloud', hostname='cloud')
        host = server('s7', hostname='cmp-07', mode=MAINTENANCE)
        other = dataclasses.replace(host, uuid='x', project_id='p2')
        hosts = {'cmp-07': [host], 'cmp-08': [other]}
        self.assertEqual(
            MAINTENANCE, alarm({'host': 'cmp-07'}, [cloud], hosts=hosts)
        )
        self.assertEqual(
            ACTIVE, alarm({'host': 'cmp-08'}, [cloud], hosts=hosts)
        )
        self.assertEqual(
            ACTIVE, alarm({'host': 'cmp-09'}, [cloud], hosts=hosts)
        )


class TestExcluded(base.BaseTestCase):
    SUBJECT = modes.Subject('p1', server())

    def spans(self, windows=(), by_hand=()):
        found = modes.excluded(windows, self.SUBJECT, by_hand, 0.0, 9000.0)
        return sorted(found)

    def test_by_hand(self):
        self.assertEqual(
            [(10.0, 20.0), (40.0, 9000.0)],
            self.spans(
                by_hand=[
                    (10.0, MAINTENANCE),
                    (20.0, BLACKOUT),
                    (30.0, ACTIVE),
                    (40.0, MAINTENANCE),
                ]
            ),
        )

    def test_windows_while_they_were_valid(self):
        self.assertEqual(
            [(1000.0, 2000.0), (1200.0, 1500.0)],
            self.spans(
                [
                    window(),
                    window(valid_from=1200.0, valid_until=1500.0),
                    window(valid_from=2000.0),
                    window(valid_until=900.0),
                    window(BLACKOUT),
                    window(project_id='p2'),
                    window(services=('nova-api',)),
                    window(definitions=('d1',)),
                ]
            ),
        )
