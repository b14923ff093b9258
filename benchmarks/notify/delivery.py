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
"""From the commit of a transition to the webhook, and how many a second.

Ours is a process that commits and delivers, as an evaluator does, on MariaDB;
the webhooks are in this one. Beside it, in the same run and to the same
webhooks: Debian's Alertmanager, where it is installed, from the POST of an
alert on; it keeps nothing that it would lose in a crash.
"""

import concurrent.futures
import contextlib
import http.client
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import psutil

from benchmarks import figures
from sentinella.notifier import delivery
from tests import databases
from tests import outbox
from tests import processes
from tests import receiver

#: Seconds between two pages where the time of each is measured.
PAUSE = 0.02

CHANNELS = 20

ALERTMANAGER = 'prometheus-alertmanager'
CONFIG = """\
route: {{receiver: hook, group_by: [job], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: '{url}'}}]}}]
"""


def run(quick, console):
    count = 200 if quick else 1000
    with receiver.ReceiverFixture() as target:
        ours = _ours(target, count, console)
        theirs = _alertmanager(target, count, console)
    names = (
        ('to the webhook, p50', 'ms'),
        ('to the webhook, p99', 'ms'),
        ('sustained', '/s'),
        ('CPU of each', 'ms'),
    )
    peer = ALERTMANAGER if theirs else ''
    for place, (name, unit) in enumerate(names):
        other = theirs[place] if theirs else None
        yield figures.Figure(name, ours[place], unit, peer, other)
    yield from _isolation(quick, console)


def _spread(sent, arrived):
    """
    :param sent: when each was, by its id; :param arrived: likewise
    :returns: median and 99th percentile, in ms
    """
    took = [arrived[id_] - at for id_, at in sent.items()]
    _, median, high = figures.spread(took)
    return median * 1e3, high * 1e3


def _arrived(target):
    found = {}
    for at, body in list(target.messages):
        found.setdefault(body['id'], at)
    return found


def _ours(target, count, console):
    with databases.DatabaseFixture('mysql') as database:
        connection = database.conf.database.connection
        urls = [target.url] * CHANNELS
        with _Child(_deliver, connection, urls) as child:
            with console.status('commits, one after another'):
                child.ask('warm')
                sent = child.ask('pace', count)
                _all_come(target, sent)
        latency = _spread(sent, _arrived(target))
        target.messages.clear()
        with _Child(_deliver, connection, urls) as child:
            with console.status('as many as go'):
                child.ask('pile', count)
                before, began = child.cpu(), time.time()
                child.ask('go')
                processes.wait_for(
                    lambda: len(target.messages) >= count, 'all', 300
                )
                rate = count / (time.time() - began)
                cpu = (child.cpu() - before) / count * 1e3
        target.messages.clear()
    return (*latency, rate, cpu)


def _all_come(target, sent):
    processes.wait_for(lambda: _arrived(target).keys() >= sent.keys(), 'all')


class _Child:
    """A process that does what it is asked for."""

    def __init__(self, work, *args):
        context = multiprocessing.get_context('spawn')
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=work, args=(theirs, *args), daemon=True
        )

    def __enter__(self):
        self._process.start()
        return self

    def __exit__(self, *error):
        self._pipe.close()
        self._process.join(30)
        self._process.kill()

    def ask(self, *what):
        self._pipe.send(what)
        return self._pipe.recv()

    def cpu(self):
        """Seconds that it used."""
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system


def _deliver(pipe, connection, urls):
    """What the child does."""
    conf = databases.make_conf(connection)
    database = databases.database.Database(conf)
    feeder = outbox.Feeder(database, count=200)
    channels = [feeder.add_channel(url) for url in urls]
    running = delivery.Delivery(conf, database)
    asked = {
        'warm': lambda: _warm(feeder, channels, running),
        'pace': lambda count: _pace(feeder, channels, running, count),
        'pile': lambda count: _pile(feeder, channels, count),
        'go': running.start,
        'feed': lambda count: _feed(feeder, channels, running, count),
    }
    with contextlib.suppress(EOFError):
        while True:
            what, *args = pipe.recv()
            pipe.send(asked[what](*args))
    running.stop()


def _warm(feeder, channels, running):
    """As many as there are channels at a time, so that the recovery of each
    alarm goes where the alarm went."""
    running.start()
    time.sleep(2)
    _pace(feeder, channels, running, len(channels))


def _pace(feeder, channels, running, count):
    """
    :returns: when each was committed, by its id
    """
    sent = {}
    for number in range(count):
        (one,) = feeder.feed([channels[number % len(channels)]])
        sent[one.uuid] = time.time()
        running.wake()
        time.sleep(PAUSE)
    return sent


def _pile(feeder, channels, count):
    for number in range(count):
        feeder.feed([channels[number % len(channels)]])


def _feed(feeder, channels, running, count):
    """One to each, again and again.

    :returns: number of the channel and time of each, by its id
    """
    sent = {}
    for _ in range(count):
        for number, channel in enumerate(channels):
            (one,) = feeder.feed([channel])
            sent[one.uuid] = number, time.time()
            running.wake()
            time.sleep(PAUSE)
    return sent


def _alertmanager(target, count, console):
    """
    :returns: as of ours, or None where it is not installed
    """
    if shutil.which(ALERTMANAGER) is None:
        console.print(f'{ALERTMANAGER} is not installed')
        return None
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        port, process = _start(folder, target.url)
        stack.callback(process.wait)
        stack.callback(process.kill)
        with console.status(ALERTMANAGER):
            sent = {}
            for number in range(count):
                sent[f'job-{number}'] = time.time()
                _post(port, [f'job-{number}'])
                time.sleep(PAUSE)
            _jobs_come(target, sent)
            latency = _spread(sent, _jobs(target))
            target.messages.clear()
            cpu, began = psutil.Process(process.pid).cpu_times(), time.time()
            jobs = [f'pile-{number}' for number in range(count)]
            for first in range(0, count, 50):
                _post(port, jobs[first : first + 50])
            _jobs_come(target, dict.fromkeys(jobs))
            rate = count / (time.time() - began)
            after = psutil.Process(process.pid).cpu_times()
        used = after.user + after.system - cpu.user - cpu.system
    return (*latency, rate, used / count * 1e3)


def _start(folder, url):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    path = os.path.join(folder, 'alertmanager.yml')
    with open(path, 'w') as config:
        config.write(CONFIG.format(url=url))
    process = subprocess.Popen(
        [
            ALERTMANAGER,
            f'--config.file={path}',
            f'--storage.path={folder}',
            f'--web.listen-address=127.0.0.1:{port}',
            '--cluster.listen-address=',
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    processes.wait_for(lambda: _answers(port), ALERTMANAGER)
    return port, process


def _answers(port):
    with contextlib.suppress(OSError):
        return _request(port, 'GET', '/-/ready') == 200
    return False


def _request(port, method, path, body=None):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    with contextlib.closing(connection):
        connection.request(
            method, path, body, {'Content-Type': 'application/json'}
        )
        return connection.getresponse().status


def _post(port, jobs):
    alerts = [{'labels': {'alertname': 'A', 'job': job}} for job in jobs]
    status = _request(port, 'POST', '/api/v2/alerts', json.dumps(alerts))
    if status != 200:
        raise AssertionError(f'{ALERTMANAGER} answers {status}')


def _jobs(target):
    found = {}
    for at, body in list(target.messages):
        for alert in body['alerts']:
            found.setdefault(alert['labels']['job'], at)
    return found


def _jobs_come(target, sent):
    processes.wait_for(lambda: _jobs(target).keys() >= sent.keys(), 'all', 300)


def _isolation(quick, console):
    """One dead and one hanging channel among 20."""
    rounds = 15 if quick else 60
    with (
        receiver.ReceiverFixture() as target,
        databases.DatabaseFixture('mysql') as database,
        _hanging() as hangs,
    ):
        # nobody listens on the second one
        urls = [target.url] * (CHANNELS - 2)
        urls += [hangs, 'http://127.0.0.1:1/']
        connection = database.conf.database.connection
        with _Child(_deliver, connection, urls) as child:
            with console.status('one dead and one hanging among 20'):
                child.ask('warm')
                sent = child.ask('feed', rounds)
                others = {
                    id_: at
                    for id_, (number, at) in sent.items()
                    if number < CHANNELS - 2
                }
                _all_come(target, others)
        median, high = _spread(others, _arrived(target))
    yield figures.Figure('beside a dead and a hanging one, p50', median, 'ms')
    yield figures.Figure('beside a dead and a hanging one, p99', high, 'ms')


@contextlib.contextmanager
def _hanging():
    """Yield the URL of one who accepts connections, and says nothing."""
    with (
        socket.create_server(('127.0.0.1', 0), backlog=128) as listening,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        ended, kept = threading.Event(), []

        def accept():
            while not ended.is_set():
                kept.append(listening.accept()[0])

        pool.submit(accept)
        try:
            yield f'http://127.0.0.1:{listening.getsockname()[1]}/'
        finally:
            ended.set()
            socket.create_connection(listening.getsockname()).close()
            for connection in kept:
                connection.close()
