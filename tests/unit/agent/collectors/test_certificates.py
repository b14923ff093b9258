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
from hypothesis import given
from hypothesis import strategies
from oslotest import base

from sentinella import exceptions
from sentinella.agent.asking import tls
from sentinella.agent.collectors import certificates
from tests import collectors
from tests import webserver

AUTHORITY = webserver.Authority()


class TestFiles(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.useFixture(fixtures.TempDir()).path

    def write(self, name, content):
        path = os.path.join(self.path, name)
        with open(path, 'wb') as file:
            file.write(content)
        return path

    def make(self, *patterns):
        return collectors.make(
            certificates.CertificatesCollector,
            files=[os.path.join(self.path, p) for p in patterns],
        )

    def collect(self, collector, now=None):
        now = time.time() if now is None else now
        return collectors.values(collector.collect(now))

    def test_days_of_each_and_the_first_of_a_chain(self):
        paths = {
            self.write('one.pem', AUTHORITY.issue(days=20)): 20,
            self.write('expired.pem', AUTHORITY.issue(days=-2)): -2,
            self.write(
                'chain.pem',
                AUTHORITY.issue(days=90)
                + webserver.Authority(days=7).pem
                + AUTHORITY.pem,
            ): 7,
        }
        self.write('key.pem', b'-----BEGIN PRIVATE KEY-----\nAAAA\n')
        found = self.collect(self.make('*.pem'))
        for path, days in paths.items():
            left = found.pop(('certificate.days_left', path))
            self.assertAlmostEqual(days, left, places=2)
        self.assertEqual({('certificate.unreadable',): 0}, found)

    def test_a_new_one_in_its_place(self):
        path = self.write('a.pem', AUTHORITY.issue(days=2))
        collector = self.make('a.pem')
        first = self.collect(collector)['certificate.days_left', path]
        os.rename(self.write('b.pem', AUTHORITY.issue(days=92)), path)
        second = self.collect(collector)['certificate.days_left', path]
        self.assertAlmostEqual(90, second - first, places=2)

    def test_days_go_by(self):
        path = self.write('a.pem', AUTHORITY.issue(days=2))
        collector = self.make('a.pem')
        found = self.collect(collector, time.time() + 3 * 86400)
        self.assertAlmostEqual(
            -1, found['certificate.days_left', path], places=2
        )

    def test_what_can_not_be_read_is_unknown(self):
        broken = self.write(
            'a.pem',
            b'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
        )
        gone = os.path.join(self.path, 'gone.pem')
        found = self.collect(self.make('*.pem', 'gone.pem'))
        for path in (broken, gone):
            self.assertTrue(math.isnan(found['certificate.days_left', path]))
        self.assertEqual(2, found['certificate.unreadable',])

    def test_those_of_the_usual_places_need_not_be_there(self):
        collector = collectors.make(certificates.CertificatesCollector)
        found = self.collect(collector)
        self.assertFalse(any(map(math.isnan, found.values())), found)

    def test_not_more_than_a_hundred(self):
        content = AUTHORITY.issue()
        for number in range(101):
            self.write(f'{number}.pem', content)
        self.assertEqual(101, len(self.collect(self.make('*.pem'))))

    @given(strategies.binary())
    def test_any_file_reads_or_can_not(self, junk):
        for pem in (junk, b'-----BEGIN CERTIFICATE-----' + junk):
            try:
                self.assertIsNone(tls.first_expiry(pem))
            except ValueError:
                continue


class TestOptions(base.BaseTestCase):
    def test_authorities_that_can_not_be_read(self):
        for path, reason in (
            ('/no/such.pem', 'No such file or directory'),
            ('/etc/passwd', 'NO_CERTIFICATE_OR_CRL_FOUND'),
        ):
            error = self.assertRaises(
                exceptions.InvalidConfiguration,
                collectors.make,
                certificates.CertificatesCollector,
                targets=['a:1'],
                cafile=path,
            )
            self.assertEqual(
                f'[collector_certificates] cafile {path}: expected '
                f'certificates (PEM): {reason}',
                str(error),
            )
