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

"""What is wrong is a warning in the log, line by line."""

import logging

import fixtures
from oslotest import base

from sentinella import plugins
from tests.functional.notifier import over_http
from tests.functional.notifier import test_drivers


class TestLog(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(
            fixtures.FakeLogger(
                level=logging.INFO, format='%(levelname)s %(message)s'
            )
        )
        self.sender = plugins.load(
            'sentinella.notifiers', 'log', test_drivers.make_conf()
        )

    def written(self, message):
        """
        :returns: lines
        """
        delivered = self.sender.send({}, message)
        self.assertEqual('logged', delivered.answer)
        return self.log.output.splitlines()

    def test_levels(self):
        for kind, level in (
            ('alarm', 'WARNING'),
            ('repeat', 'WARNING'),
            ('escalation', 'WARNING'),
            ('flapping', 'WARNING'),
            ('recovery', 'INFO'),
            ('test', 'INFO'),
        ):
            *_, line = self.written(over_http.news(kind))
            self.assertEqual(level, line.partition(' ')[0], kind)

    def test_each_of_many(self):
        lines = self.written(over_http.digest(3))
        self.assertEqual(4, len(lines))
        self.assertEqual(
            'WARNING [MAJOR] number 2 (notification id-2)', lines[-1]
        )

    def test_no_text_makes_a_line_of_its_own(self):
        news = over_http.news()
        news |= {'summary': 'one\ntwo', 'reason': 'three\r\nCRITICAL four'}
        (line,) = self.written(news)
        self.assertIn('one two: three CRITICAL four (notification ', line)
