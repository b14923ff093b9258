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

"""How fast a log of 200 MB is scanned, records and tracebacks parsed.

The log is written by a generator of random numbers with a seed: lines of
oslo.log, 2 % of them of the levels that matter or lines of a traceback; in
INFO and DEBUG lines these words stand as well. Beside it, in the same run and
over the same file: `grep`, which only counts, and `bytes.count` of newlines,
below which nothing goes that looks at each line.
"""

import functools
import os
import random
import subprocess
import tempfile
import time

from benchmarks import figures
from sentinella.agent.logs import oslo
from sentinella.agent.logs import recognise
from sentinella.agent.logs import source

MB = 10**6
PATTERN = ' (WARNING|ERROR|CRITICAL) '
#: Lines of which at most one is followed by more of its record.
BLOCK = 50
WORDS = (
    'instance request network port volume image token scheduler host claim '
    'allocation provider inventory filter returned acquired released lock '
    'semaphore waited held synchronized updating resource usage audit cache '
    'connection pool engine driver compute conductor sending reply message'
).split()
LOGGERS = (
    'nova.compute.manager',
    'nova.scheduler.client.report',
    'oslo_concurrency.lockutils',
    'neutron.plugins.ml2.rpc',
    'keystonemiddleware.auth_token',
    'oslo.messaging._drivers.impl_rabbit',
)
TRACEBACK = (
    'Traceback (most recent call last):',
    '  File "/usr/lib/python3/dist-packages/nova/compute/manager.py", line 9',
    '    return function(self, context, *args, **kwargs)',
    'nova.exception.InstanceNotFound: Instance could not be found.',
)


def run(quick, console):
    size = (40 if quick else 200) * MB
    with tempfile.TemporaryDirectory(prefix='sentinella-') as directory:
        path = os.path.join(directory, 'nova.log')
        expected = write(path, size)
        megabytes = os.path.getsize(path) / MB
        grep, floor, one, tail = best(
            [
                functools.partial(work, path)
                for work in (_grep, _newlines, parse, follow)
            ]
        )
        share = _grep(path) / _newlines(path)
        counted = sum(parse(path).values())
    if counted != expected:
        raise AssertionError(f'{counted} records read, {expected} written')
    console.print(f'{share:.1%} of the lines match, {expected} records')
    peer, rate = 'grep -cE', megabytes / grep
    yield figures.Figure(
        'log scanned and parsed', megabytes / one, 'MB/s', peer, rate
    )
    yield figures.Figure(
        'log followed, as the agent does', megabytes / tail, 'MB/s', peer, rate
    )
    yield figures.Figure(
        'newlines counted', megabytes / floor, 'MB/s', peer, rate
    )


def best(works, rounds=7):
    """Run all in turns, so that what disturbs them disturbs all.

    :returns: seconds of the fastest run of each
    """
    times = [[] for _ in works]
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    return [min(taken) for taken in times]


def parse(path):
    """
    :returns: {level: records}
    """
    parser, counts = oslo.Parser(), {}
    with open(path, 'rb', buffering=0) as file:
        while data := file.read(source.CHUNK):
            for record in parser.feed(data):
                counts[record.level] = counts.get(record.level, 0) + 1
    for record in parser.finish():
        counts[record.level] = counts.get(record.level, 0) + 1
    return counts


def follow(path):
    """Read it as one that has grown while no agent ran."""
    with open(path, 'rb', buffering=0) as file:
        log = source.Source(file, recognise.Form())
        log.read(0.0)
        while log.pending:
            log.read(0.0)


def _grep(path):
    environ = {**os.environ, 'LC_ALL': 'C'}
    done = subprocess.run(  # noqa: S603
        ['grep', '-cE', PATTERN, path],  # noqa: S607
        env=environ,
        capture_output=True,
        check=True,
    )
    return int(done.stdout)


def _newlines(path):
    count = 0
    with open(path, 'rb', buffering=0) as file:
        while data := file.read(source.CHUNK):
            count += data.count(b'\n')
    return count


def write(path, size):
    """
    :returns: how many records of the levels that matter are in it
    """
    chance, worthy, written = random.Random(20161107), 0, 0
    moment = 0
    with open(path, 'w') as file:
        while written < size:
            moment += BLOCK
            # one block in five ends with an error and its traceback, which
            # is 2 % of their lines
            fails = moment // BLOCK % 5 == 0
            lines = [quiet(chance, moment + i) for i in range(BLOCK)]
            if fails:
                lines[-1:] = error(chance, moment + BLOCK)
            worthy += fails
            text = ''.join(lines)
            written += file.write(text)
    return worthy


def prefix(moment, pid, level, logger):
    hours, seconds = divmod(moment // 1000, 3600)
    return (
        f'2026-11-22 {hours % 24:02}:{seconds // 60:02}:{seconds % 60:02}'
        f'.{moment % 1000:03} {pid} {level} {logger}'
    )


def context(chance):
    return (
        f'[None req-{chance.getrandbits(32):08x}-1111-4222-8333-'
        f'{chance.getrandbits(48):012x} admin demo - - default default]'
    )


def quiet(chance, moment):
    level = chance.choice(('DEBUG', 'DEBUG', 'DEBUG', 'INFO'))
    words = [
        word if chance.random() < 0.7 else token(chance, word)
        for word in chance.choices(WORDS, k=chance.randint(2, 14))
    ]
    if chance.random() < 0.0005:
        # a level's name in the words does not make it one
        words.insert(3, 'state ERROR now')
    pid, logger = chance.randint(100, 99999), chance.choice(LOGGERS)
    head = prefix(moment, pid, level, logger)
    return f'{head} {context(chance)} {" ".join(words)}\n'


def token(chance, word):
    """Something long, as most of what is in such logs."""
    number = chance.getrandbits(128)
    return f'{word}=http://127.0.0.1:8774/v2.1/{word}/{number:032x}?{word}'


def error(chance, moment):
    head = prefix(moment, chance.randint(100, 99999), 'ERROR', LOGGERS[0])
    first = f'{head} {context(chance)} Instance failed to spawn\n'
    return [first, *(f'{head} {line}\n' for line in TRACEBACK)]
