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


"""How much one conductor worker takes from RabbitMQ into MariaDB.

Beside it, in the same run and into the same server: one row per sample, by
multi-row INSERTs straight from a program, without any bus.
"""

import json
import subprocess
import sys
import time

import psutil
import sqlalchemy as sa

from benchmarks import figures
from benchmarks.spine import load
from sentinella import model
from sentinella.storage import base
from tests import cloud

SERVERS = 200
CLIENTS = 2
#: Together they keep as many reports under way as agents of a cloud would
#: when the bus has just come back.
THREADS_EACH = 16

#: Reports that are stored at a time where only their size is of interest.
BATCH = 50

BYTES = """
    SELECT data_length + index_length FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name = :name
"""


def run(quick, console):
    with cloud.CloudFixture('mysql', interval=3600) as node:
        taken = measure_conductor(node, 5 if quick else 20, console)
        written = fill(node, 20 if quick else 100, console)
        frames = bytes_of(node, 'frames') / load.METRICS
        narrow = measure_narrow(node, 100_000 if quick else 1_000_000, console)
        rows = bytes_of(node, 'narrow')
    rate = taken['reports'] / taken['seconds']
    _, median, high = figures.spread(taken['took'])
    peer = 'a row a sample'
    yield figures.Figure('reports through one conductor', rate, '1/s')
    yield figures.Figure(
        'samples from RabbitMQ into MariaDB',
        rate * load.METRICS,
        '1/s',
        peer,
        narrow,
    )
    yield figures.Figure(
        'samples into MariaDB, without the bus', written, '1/s', peer, narrow
    )
    yield figures.Figure(
        'CPU of the conductor',
        taken['cpu'] / taken['reports'] * 1e3,
        'ms a report',
    )
    yield figures.Figure('report acknowledged, median', median * 1e3, 'ms')
    yield figures.Figure('report acknowledged, p99', high * 1e3, 'ms')
    yield figures.Figure('bytes a sample at rest', frames, 'B', peer, rows)


def measure_conductor(node, seconds, console):
    running = node.run('conductor', 'ctl')
    path = node.config('load')
    with console.status(f'{SERVERS} servers report for {seconds} s'):
        clients = [start_client(path, seconds) for _ in range(CLIENTS)]
        for client in clients:
            while client.stdout.readline().strip() != 'ready':
                pass
        before = cpu_of(running)
        for client in clients:
            client.stdin.write('go\n')
            client.stdin.flush()
        results = [
            json.loads(client.communicate()[0].splitlines()[-1])
            for client in clients
        ]
    return {
        'cpu': cpu_of(running) - before,
        'reports': sum(r['reports'] for r in results),
        'seconds': max(r['seconds'] for r in results),
        'took': [t for r in results for t in r['took']],
    }


def start_client(path, seconds):
    return subprocess.Popen(
        [
            sys.executable,
            '-m',
            'benchmarks.spine.load',
            path,
            str(SERVERS // CLIENTS),
            str(12 * seconds),
            str(THREADS_EACH),
            str(seconds),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def cpu_of(process):
    """Seconds that its workers have used."""
    workers = psutil.Process(process.pid).children()
    return sum(sum(worker.cpu_times()[:2]) for worker in workers)


def measure_narrow(node, samples, console):
    """
    :returns: samples per second
    """
    engine = node.database.engine
    with engine.begin() as connection:
        connection.exec_driver_sql(
            'CREATE TABLE narrow (server_id INT, metric_id INT, at BIGINT, '
            'value DOUBLE, PRIMARY KEY (server_id, metric_id, at)) '
            'ENGINE=InnoDB'
        )
    raw = engine.raw_connection()
    took, tick = 0.0, 0
    with console.status(f'{samples} rows, one a sample'):
        while tick * SERVERS * load.METRICS < samples:
            tick += 1
            for server in range(0, SERVERS, 20):
                rows = [
                    (number, metric, tick, value)
                    for number in range(server, server + 20)
                    for metric, value in enumerate(load.values(tick, number))
                ]
                started = time.monotonic()
                raw.cursor().executemany(
                    'INSERT INTO narrow VALUES (%s, %s, %s, %s)', rows
                )
                raw.commit()
                took += time.monotonic() - started
    raw.close()
    return tick * SERVERS * load.METRICS / took


def fill(node, ticks, console):
    """More frames of the same kind, in the order of time: a table of a few
    megabytes is mostly what InnoDB keeps in reserve.

    :returns: samples per second
    """
    start, took = time.time() + 3600, 0.0
    with console.status(f'{ticks * SERVERS} frames more'):
        for tick in range(ticks):
            for first in range(0, SERVERS, BATCH):
                frames = [
                    stored(number, start + 10 * tick, tick)
                    for number in range(first, first + BATCH)
                ]
                began = time.monotonic()
                node.storage.write(frames)
                took += time.monotonic() - began
    return ticks * SERVERS * load.METRICS / took


def stored(number, at, tick):
    frame = model.Frame.of(at, load.samples(tick, number))
    return base.StoredFrame(number + 1, at, frame.schema, frame.values)


def bytes_of(node, table):
    """Bytes a row, with the indexes, by InnoDB's own count of pages."""
    with node.database.writer() as session:
        session.execute(sa.text(f'ANALYZE TABLE {table}')).all()
        size = session.scalar(sa.text(BYTES), {'name': table})
        return size / session.scalar(sa.text(f'SELECT COUNT(*) FROM {table}'))
