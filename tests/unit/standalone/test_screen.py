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
import io

import hypothesis
from hypothesis import strategies as st
import rich.console
import testtools

from sentinella import model
from sentinella.db import log_events
from sentinella.db import services
from sentinella.standalone import screen

SERVER = model.Server(1, 'u', 'ctl-01', 'p', last_report_at=990.0)
DOWN = model.ServiceStatus(
    'nova-scheduler',
    model.ServiceState.DOWN,
    since=880.0,
    evidence='title',
)
EMPTY = screen.View(1000.0, None, [], [], [], [])


def text_of(view):
    console = rich.console.Console(file=io.StringIO(), width=120)
    console.print(screen.render(view, 'openstack sentinella server list'))
    return console.file.getvalue()


class TestRender(testtools.TestCase):
    def test_before_the_first_report_it_says_what_it_waits_for(self):
        text = text_of(EMPTY)
        self.assertIn('NO KEYSTONE', text)
        self.assertIn('openstack sentinella server list', text)
        self.assertIn('waiting for the first report', text)

    def test_it_shows_what_is_down_since_when_and_why(self):
        definition = model.AlarmDefinition(
            'd',
            'service-down',
            'last(process.up) < 1',
            model.ThresholdType.BINARY,
            model.Severity.CRITICAL,
            description='{service} is down',
        )
        alarm = model.Alarm(
            'a',
            definition,
            {'server': 'u', 'service': 'nova-scheduler'},
            'p',
            model.AlarmState.ALARM,
            model.Lifecycle.OPEN,
            model.Severity.CRITICAL,
            'last(process.up) is 0, less than 1',
            880.0,
            880.0,
            990.0,
        )
        event = model.LogEvent(900.0, 'nova-api', 'ERROR', 'boom\nmore')
        text = text_of(
            dataclasses.replace(
                EMPTY,
                server=SERVER,
                services=[services.ServiceOnServer(SERVER, DOWN)],
                alarms=[alarm],
                events=[log_events.StoredLogEvent(1, SERVER, event)],
                curves=[('CPU', [0.0, 50.0, 100.0], 100.0)],
            )
        )
        self.assertIn('ctl-01', text)
        self.assertIn('last report 10 s ago', text)
        for words in (
            ('nova-scheduler', 'DOWN', '2 min', '0', 'title'),
            ('CRITICAL', 'nova-scheduler is down', '2 min', 'less than 1'),
            ('nova-api', 'ERROR', 'boom'),
            ('CPU', '▁▅█', '100.0'),
        ):
            (line,) = [
                line
                for line in text.splitlines()
                if all(word in line for word in words)
            ]
        self.assertNotIn('more', text)

    def test_quiet_is_said(self):
        self.assertIn('no alarm', text_of(EMPTY))


class TestSparkline(testtools.TestCase):
    @hypothesis.given(st.lists(st.floats(0, 1e9)), st.floats(0.1, 1e6))
    def test_one_character_a_value_and_never_out_of_range(self, values, full):
        line = screen.sparkline(values, full)
        self.assertEqual(len(values), len(line))
        self.assertLessEqual(set(line), set(screen.SPARKS))
