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
import os
import time

import fixtures
from oslotest import base

from sentinella.agent.collectors import certificates
from tests import collectors
from tests import webserver

DAY = 86400


class TestTargets(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.authority = webserver.Authority()
        directory = self.useFixture(fixtures.TempDir()).path
        self.cafile = os.path.join(directory, 'ca.pem')
        with open(self.cafile, 'wb') as file:
            file.write(self.authority.pem)

    def server(self, pem):
        return self.useFixture(
            webserver.WebServer(lambda path: (200, 'text/plain', b''), pem)
        )

    def make(self, *targets):
        return collectors.make(
            certificates.CertificatesCollector,
            targets=list(targets),
            files=[],
            cafile=self.cafile,
            timeout=0.5,
        )

    def look(self, collector, target, now=None):
        """Its days left, and whether it is trusted."""
        now = time.time() if now is None else now
        found = collectors.values(collector.collect(now))
        return (
            found['certificate.days_left', target],
            found['certificate.trusted', target],
        )

    def test_measured_whoever_signed_it(self):
        stranger = webserver.Authority()
        for pem, expected, trusted in (
            (self.authority.issue(days=40), 40, 1),
            (self.authority.issue(days=-3), -3, 0),
            (self.authority.issue('other.example', days=40), 40, 0),
            (stranger.issue(days=2), 2, 0),
        ):
            target = f'localhost:{self.server(pem).port}'
            days, trust = self.look(self.make(target), target)
            self.assertAlmostEqual(expected, days, places=2)
            self.assertEqual(trusted, trust)

    def test_no_tls_and_nobody_tell_nothing(self):
        plain = self.server(None)
        targets = (f'localhost:{plain.port}', 'localhost:1')
        collector = self.make(*targets)
        for target in targets:
            days, trust = self.look(collector, target)
            self.assertTrue(math.isnan(days))
            self.assertTrue(math.isnan(trust))

    def test_looked_at_hourly_and_always_when_it_is_about_to_expire(self):
        for days, renewed in ((40, 40), (10, 90)):
            server = self.server(self.authority.issue(days=days))
            target = f'localhost:{server.port}'
            collector = self.make(target)
            self.look(collector, target)
            server._pem = self.authority.issue(days=90)
            server._server.context = server._context()
            found, _ = self.look(collector, target)
            self.assertAlmostEqual(renewed, found, places=2)
            later, _ = self.look(collector, target, time.time() + 3601)
            self.assertAlmostEqual(90 - 3601 / DAY, later, places=2)
