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

"""Series evaluated a CPU second, beside Prometheus on the same data.

Sixty metrics of each server, a point each ten seconds, and sixty rules that
compare the newest of each. Prometheus (Debian has it) takes the points by
remote write and has the rules in one group; what counts is the CPU time of
its process, less what it takes without rules. Of ours, all is counted that a
pass takes once each server has reported anew: to read from MariaDB who and
what is new, to unpack and to judge, while Prometheus reads its memory. Where
there is no Prometheus our figures stand alone.
"""

import http.client
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import time

import fixtures
import psutil

from benchmarks import figures
from benchmarks.alarms import evaluation
from sentinella import model
from tests import databases
from tests import processes

RULES = 60
RULE = 'load_m{n:03} > 1e12'
OURS = 'last(load.m{n:03}) > 1e12'

#: Of Aodh 23.0.0 with Gnocchi 4.7.1 behind Keystone, too much to start here:
#: evaluations a CPU second of all their processes, measured on 2026-11-22 on
#: two cores of an AMD EPYC. 1000 gnocchi_resources_threshold alarms of one
#: series took 23.4 ms each: aodh-evaluator 5.3, the API of Gnocchi 15.6,
#: PostgreSQL 1.9, MariaDB 0.65.
AODH = 1 / 0.0234

POINTS = 7
SERIES_AT_ONCE = 2000
SECONDS = 8


def run(quick, console):
    for size in (20, 200) if quick else (200, 2000):
        series = size * RULES
        with (
            databases.DatabaseFixture('mysql') as stored,
            console.status(f'{size} servers'),
        ):
            cloud = evaluation.Cloud(stored, size)
            cloud.fill(60)
            _, ours = cloud.evaluate(OURS)
            theirs = evaluate_by_prometheus(cloud, series)
        name = f'{RULES} rules, {size} servers: series a CPU s'
        yield figures.Figure(
            name, series / ours['cpu'], '1/s', 'Prometheus', theirs
        )
        yield figures.Figure(
            f'{name}, only to judge',
            series / ours['judged'],
            '1/s',
            'Prometheus',
            theirs,
        )
        yield figures.Figure(
            name, series / ours['cpu'], '1/s', 'Aodh, in 2026', AODH
        )


def evaluate_by_prometheus(cloud, series):
    """
    :returns: series a CPU second, or None
    """
    if shutil.which('prometheus') is None:
        return None
    with Prometheus() as prometheus:
        prometheus.fill(cloud)
        return series / prometheus.evaluate()


class Prometheus(fixtures.Fixture):
    """One of its own, on a free port."""

    def _setUp(self):
        self._directory = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path
        )
        self._configure([])
        with socket.create_server(('127.0.0.1', 0)) as free:
            self._address = f'127.0.0.1:{free.getsockname()[1]}'
        self._process = subprocess.Popen(
            [
                'prometheus',
                f'--config.file={self._directory / "prometheus.json"}',
                f'--storage.tsdb.path={self._directory / "data"}',
                f'--web.listen-address={self._address}',
                '--web.enable-remote-write-receiver',
                '--web.enable-lifecycle',
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(self._process.wait)
        self.addCleanup(self._process.kill)
        processes.wait_for(self._is_ready, 'prometheus')

    def _configure(self, rules):
        """JSON is YAML, too."""
        group = {'name': 'bench', 'interval': '1s', 'rules': rules}
        files = {
            'prometheus.json': {'rule_files': ['rules.json']},
            'rules.json': {'groups': [group] if rules else []},
        }
        for name, content in files.items():
            (self._directory / name).write_text(json.dumps(content))

    def _is_ready(self):
        try:
            return self._ask('GET', '/-/ready') is not None
        except OSError:
            return False

    def _ask(self, method, path, body=None):
        """
        :returns: the answer, or None where it is not a good one
        """
        connection = http.client.HTTPConnection(self._address, timeout=60)
        connection.request(method, path, body, HEADERS if body else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return text if answer.status < 300 else None

    def fill(self, cloud):
        """The points of a Cloud's frames."""
        now = time.time()
        several = []
        for number in range(len(cloud.ids)):
            frame = cloud.kinds[number % len(cloud.kinds)]
            for metric, value in zip(
                frame.metrics[:RULES], model.unpack(frame.values), strict=False
            ):
                points = [
                    (now - 10 * back, value) for back in range(POINTS)[::-1]
                ]
                name = metric.name.replace('.', '_')
                several.append(written(name, f'h{number}', points))
        for first in range(0, len(several), SERIES_AT_ONCE):
            body = snappy(b''.join(several[first : first + SERIES_AT_ONCE]))
            assert self._ask('POST', '/api/v1/write', body) is not None

    def evaluate(self):
        """
        :returns: seconds of CPU that one evaluation of all rules takes
        """
        idle = self._cpu_of_some_seconds()[0]
        self._configure(
            [
                {'alert': f'a{n}', 'expr': RULE.format(n=n)}
                for n in range(RULES)
            ]
        )
        assert self._ask('POST', '/-/reload', b' ') is not None
        processes.wait_for(lambda: self._evaluations() > 1, 'evaluations')
        busy, evaluations = self._cpu_of_some_seconds()
        assert evaluations, 'no evaluation was measured'
        return (busy - idle) / evaluations

    def _cpu_of_some_seconds(self):
        before, count = self._cpu(), self._evaluations()
        time.sleep(SECONDS)
        return self._cpu() - before, self._evaluations() - count

    def _cpu(self):
        return sum(psutil.Process(self._process.pid).cpu_times()[:2])

    def _evaluations(self):
        lines = self._ask('GET', '/metrics').decode().splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith('prometheus_rule_group_iterations_total{')
        )


HEADERS = {
    'Content-Encoding': 'snappy',
    'Content-Type': 'application/x-protobuf',
}


def written(name, host, points):
    """A TimeSeries of a remote write request, in protobuf."""
    labels = [('__name__', name), ('host', host)]
    return field(
        1,
        b''.join(
            field(1, field(1, key.encode()) + field(2, value.encode()))
            for key, value in labels
        )
        + b''.join(
            field(
                2,
                b'\x09'
                + struct.pack('<d', value)
                + b'\x10'
                + varint(round(at * 1000)),
            )
            for at, value in points
        ),
    )


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number):
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def snappy(content):
    """In snappy's format, which allows not to compress at all."""
    found = [varint(len(content))]
    for first in range(0, len(content), 65536):
        part = content[first : first + 65536]
        found += [b'\xf4', struct.pack('<H', len(part) - 1), part]
    return b''.join(found)
