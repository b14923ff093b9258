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

import dataclasses

from oslotest import base

from sentinella import model
from sentinella.api import overview
from sentinella.db import overview as counts

NOW = 1767225600.0
UP, DOWN, UNDETERMINED = model.ServiceState
SERVER = model.Server(
    id=1,
    uuid='11111111-1111-4111-8111-111111111111',
    hostname='ctl-01',
    project_id='alpha',
    public_key='key',
    created_at=NOW - 3600,
    last_report_at=NOW,
)


def change(**fields):
    return dataclasses.replace(SERVER, **fields)


class TestHealth(base.BaseTestCase):
    def assertHealth(self, expected, server, windows=(), is_alarmed=False):
        found = overview.health(server, windows, is_alarmed, NOW)
        self.assertEqual(expected, found)

    def test_the_first_that_holds(self):
        window = model.Window(
            uuid='w',
            name='w',
            project_id=None,
            mode=model.Mode.BLACKOUT,
            starts_at=NOW - 1,
            ends_at=NOW + 1,
        )
        silent = {'last_report_at': NOW - 35.5}
        kept = {**silent, 'mode': model.Mode.MAINTENANCE}
        self.assertHealth('up', SERVER)
        self.assertHealth('alarm', SERVER, is_alarmed=True)
        self.assertHealth('silent', change(**silent), is_alarmed=True)
        self.assertHealth('blackout', change(**silent), [window], True)
        self.assertHealth('maintenance', change(**kept), [window], True)

    def test_who_may_be_late(self):
        self.assertHealth('up', change(last_report_at=NOW - 34.5))
        late = change(last_report_at=NOW - 200, interval=60.0)
        self.assertHealth('up', late)

    def test_who_waits_to_be_accepted(self):
        new = {'public_key': '', 'last_report_at': None}
        self.assertHealth('pending', change(**new))
        # from before there were keys
        self.assertHealth('up', change(public_key=''))
        self.assertHealth('silent', change(last_report_at=None))

    def test_each_is_counted_once(self):
        found = overview.servers([SERVER, change(id=2)], [], {2, 3}, NOW)
        self.assertEqual(
            {'total': 2, 'alarm': 1, 'up': 1},
            {name: count for name, count in found.items() if count},
        )


class TestShaping(base.BaseTestCase):
    def test_services_are_by_project_and_state(self):
        found = overview.services(
            [
                ('nova', UP, False, 3),
                ('nova', DOWN, True, 1),
                ('nova', UNDETERMINED, False, 1),
                ('', UP, False, 1),
            ]
        )
        self.assertEqual(
            [
                {'project': '', 'up': 1, 'down': 0, 'undetermined': 0},
                {'project': 'nova', 'up': 3, 'down': 0, 'undetermined': 2},
            ],
            found,
        )

    def test_hours_without_log_events_are_there(self):
        found = overview.log_events_by_hour([(1, 'ERROR', 4)], NOW, 3)
        self.assertEqual(
            [('00', 0), ('01', 4), ('02', 0)],
            [(one['since'][11:13], one['error']) for one in found],
        )

    def test_vital_signs_are_those_that_are_known(self):
        found = overview.vital_signs(
            [
                (model.Metric.of('load.1m'), NOW - 10, 0.5),
                (model.Metric.of('load.1m', device='x'), NOW, 7.0),
                (model.Metric.of('cpu.percent'), NOW - 5, 12.0),
                (model.Metric.of('cpu.temperature'), NOW, 70.0),
                (model.Metric.of('fs.percent', mount='/b'), NOW - 7, 1.0),
                (model.Metric.of('fs.percent', mount='/a'), NOW - 7, 2.0),
                (model.Metric.of('fs.percent', disk='a'), NOW, 3.0),
            ]
        )
        self.assertEqual('2025-12-31T23:59:55.000000Z', found['at'])
        self.assertEqual(0.5, found['load']['1m'])
        self.assertIsNone(found['load']['5m'])
        self.assertEqual(list(overview.SIGNS['cpu']), list(found['cpu']))
        self.assertEqual(
            [('/a', 2.0, None), ('/b', 1.0, None)],
            [
                (one['mount'], one['percent'], one['free_bytes'])
                for one in found['filesystems']
            ],
        )

    def test_no_vital_signs(self):
        found = overview.vital_signs([])
        self.assertIsNone(found['at'])
        self.assertEqual([], found['filesystems'])

    def test_an_hour_is_an_hour(self):
        self.assertEqual(counts.HOUR, overview.HOUR)
