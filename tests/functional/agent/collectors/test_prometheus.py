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
import prometheus_client
from prometheus_client import exposition

from sentinella.agent.collectors import prometheus
from tests import collectors
from tests import webserver

TEXT = 'text/plain; version=0.0.4; charset=utf-8'


class TestPrometheus(base.BaseTestCase):
    def server(self, body='', status=200, kind=TEXT, pem=None):
        self.body = body
        return self.useFixture(
            webserver.WebServer(
                lambda path: (status, kind, self.body.encode()), pem
            )
        )

    def collect(self, *servers, now=0.0, **options):
        collector = self.make(*servers, **options)
        return collectors.values(collector.collect(now))

    def make(self, *servers, **options):
        return collectors.make(
            prometheus.PrometheusCollector,
            targets=[f't{n}={s.url}/metrics' for n, s in enumerate(servers)],
            **{'timeout': 0.5, **options},
        )

    def test_the_official_client(self):
        registry = prometheus_client.CollectorRegistry()
        jobs = prometheus_client.Counter('jobs', 'x', registry=registry)
        depth = prometheus_client.Gauge(
            'depth', 'x', ['queue'], registry=registry
        )
        took = prometheus_client.Histogram('took', 'x', registry=registry)
        depth.labels('a b').set(4)
        server, thread = exposition.start_http_server(
            0, '127.0.0.1', registry=registry
        )
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        collector = collectors.make(
            prometheus.PrometheusCollector,
            targets=[f't=http://127.0.0.1:{server.server_port}/metrics'],
        )
        first = collectors.values(collector.collect(100.0))
        self.assertEqual(1, first['prometheus.up', 't'])
        self.assertEqual(4, first['depth', 'a b', 't'])
        self.assertTrue(math.isnan(first['jobs_total', 't']))
        jobs.inc(15)
        took.observe(6.0)
        second = collectors.values(collector.collect(130.0))
        self.assertEqual(0.5, second['jobs_total', 't'])
        self.assertEqual(0.2, second['took_sum', 't'])
        self.assertEqual(first.keys(), second.keys())
        self.assertEqual(4, second['prometheus.series', 't'], sorted(second))

    def test_several_and_their_patterns(self):
        one, two = self.server('a_b 1\na_c 2\nb 3\n'), self.server('a_b 4\n')
        self.body = 'a_b 1\na_c 2\nb 3\n'
        found = self.collect(one, two, metrics=['a_?', 'x*'])
        for target in ('t0', 't1'):
            self.assertEqual(1, found['a_b', target])
            self.assertEqual(2, found['a_c', target])
            self.assertNotIn(('b', target), found)
            self.assertEqual(2, found['prometheus.series', target])
            self.assertEqual(0, found['prometheus.series_dropped', target])
            self.assertLess(found['prometheus.scrape_seconds', target], 0.5)

    def test_what_can_not_be_used_is_down(self):
        for server in (
            self.server('a 1\n', status=503),
            self.server('<html>', kind='text/html'),
        ):
            found = self.collect(server)
            self.assertEqual(0, found['prometheus.up', 't0'])
            self.assertTrue(math.isnan(found['prometheus.series', 't0']))
            self.assertNotIn(('a', 't0'), found)

    def test_too_much_of_it(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.prometheus.BYTES', 100
            )
        )
        found = self.collect(self.server('a 1\n' * 100))
        self.assertEqual(0, found['prometheus.up', 't0'])

    def test_it_is_gone(self):
        server = webserver.WebServer(lambda path: (200, TEXT, b'a 1\n'))
        with server:
            collector = self.make(server)
            self.assertEqual(
                1,
                collectors.values(collector.collect(0.0))[
                    'prometheus.up', 't0'
                ],
            )
        found = collectors.values(collector.collect(1.0))
        self.assertEqual(0, found['prometheus.up', 't0'])
        self.assertTrue(math.isnan(found['prometheus.scrape_seconds', 't0']))

    def test_a_counter_that_starts_anew_and_one_that_goes(self):
        server = self.server()
        collector = self.make(server)
        values = []
        for now, text in (
            (0.0, 'a_total 10\n'),
            (10.0, 'a_total 30\n'),
            (20.0, 'a_total 5\n'),
            (30.0, 'a_total 6\n'),
            (40.0, ''),
        ):
            self.body = text
            found = collectors.values(collector.collect(now))
            values.append(found.get(('a_total', 't0')))
        self.assertTrue(math.isnan(values[0]))
        self.assertEqual(2, values[1])
        self.assertTrue(math.isnan(values[2]))
        self.assertEqual([0.1, None], values[3:])

    def test_only_who_is_trusted_is_believed(self):
        authority = webserver.Authority()
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, 'a.pem')
        with open(path, 'wb') as file:
            file.write(authority.pem)
        for signed_by, expected in (
            (authority, 1),
            (webserver.Authority(), 0),
        ):
            server = self.server('a 1\n', pem=signed_by.issue())
            server.url = f'https://localhost:{server.port}'
            found = self.collect(server, cafile=path)
            self.assertEqual(expected, found['prometheus.up', 't0'])

    def test_slow_ones_side_by_side(self):
        def answer(path):
            time.sleep(3)
            return 200, TEXT, b'a 1\n'

        servers = [
            self.useFixture(webserver.WebServer(answer)) for _ in range(6)
        ]
        started = time.monotonic()
        found = self.collect(*servers, timeout=0.5)
        # one after the other would take as long as they are slow
        self.assertLess(time.monotonic() - started, 2.9)
        self.assertEqual(0, found['prometheus.up', 't5'])
