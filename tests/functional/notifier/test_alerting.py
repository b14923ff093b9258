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

"""From the outbox to the alerts of others, and to their ends."""

import fixtures

from sentinella.notifier import delivery
from tests import alerting
from tests import databases
from tests import outbox
from tests import processes
from tests import target

ALARMS = 12


class TestFromTheOutbox(databases.SqliteTestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        self.conf.set_override('timeout', 20.0, 'notifier')
        page = self.useFixture(target.Target())
        self.alertmanager = self.useFixture(alerting.Alertmanager(page.url))
        self.alerta = self.useFixture(alerting.Alerta())
        self.feeder = outbox.Feeder(self.database, ALARMS)
        self.channels = [
            self.add_channel(
                'alertmanager', {'urls': [self.alertmanager.url]}
            ),
            self.add_channel(
                'alerta',
                {'url': self.alerta.url, 'api_key': self.alerta.key},
            ),
        ]
        self.running = delivery.Delivery(self.conf, self.database)
        self.running.start()
        self.addCleanup(self.running.stop)

    def add_channel(self, driver, settings):
        # so many at once would be one, where they may
        return self.feeder.add_channel(
            None, driver=driver, settings=settings, digest_over=3
        )

    def feed(self):
        queued = self.feeder.feed(self.channels, ALARMS)
        self.running.wake()
        return {one.alarm.uuid for one in queued}

    def on(self):
        """
        :returns: ids of the alarms that either has alerts of
        """
        return (
            {one['labels']['alarm_id'] for one in self.alertmanager.alerts()},
            {
                one['attributes']['alarm_id']
                for one in self.alerta.alerts()
                if one['status'] == 'open'
            },
        )

    def test_all_begin_and_end_there(self):
        for _ in range(2):
            alarms = self.feed()
            self.assertEqual(ALARMS, len(alarms))
            processes.wait_for(
                lambda: self.on() == (alarms, alarms),  # noqa: B023
                'alerts of all',
            )
            self.feed()
            processes.wait_for(
                lambda: self.on() == (set(), set()), 'the end of all'
            )
        # each is one alert that came twice
        self.assertEqual(ALARMS, len(self.alerta.alerts()))
