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

"""What it takes to evaluate all definitions over stored frames.

Frames of 200 metrics, one each ten seconds of each server, are in MariaDB;
sixty definitions read sixty of the metrics. It is CPU time of this process
that is counted: to read, to unpack and to judge. Beside it, in the same run:
each definition by itself, as if it alone read the frames.
"""

import gc
import resource
import time
import uuid

from benchmarks import figures
from benchmarks.spine import load
from sentinella import model
from sentinella import plugins
from sentinella.db import clock
from sentinella.db import servers
from sentinella.evaluator import expression
from sentinella.evaluator import gather
from sentinella.evaluator import roster
from sentinella.evaluator import rules
from sentinella.storage import base
from tests import databases

DEFINITIONS = 60
INTERVAL = 10.0

#: Different frames: to make each one of its own would take most of the time.
KINDS = 500
BATCH = 2000

EXPRESSIONS = {
    'last of a minute': 'last(load.m{n:03}) > 1e12',
    'maximum of a minute': 'max(load.m{n:03}) > 1e12',
    'average of 5 minutes': 'avg(load.m{n:03}, 300) > 1e12',
    'two in one': 'max(load.m{n:03}) > 1e12 and avg(load.m{n:03}, 300) > 1',
}
USUAL = 'maximum of a minute'


def run(quick, console):
    few, many = (100, 1000) if quick else (1000, 10000)
    usual = {}
    for size in (few, many):
        with databases.DatabaseFixture('mysql') as stored:
            with console.status(f'frames of {size} servers'):
                cloud = Cloud(stored, size)
                cloud.fill(300)
            if size == few:
                alone = cloud.evaluate_alone(EXPRESSIONS[USUAL])
                usual[few] = cloud.evaluate(EXPRESSIONS[USUAL])
                pokes = [cloud.poke(number) for number in range(100)]
                continue
            for name, text in EXPRESSIONS.items():
                with console.status(f'{name}, {size} servers'):
                    usual[name] = cloud.evaluate(text)
                yield from show(name, size, *usual[name])
    yield figures.Figure(
        f'CPU a server of {many}, all definitions',
        usual[USUAL][1]['cpu'] / many * 1e6,
        'us',
        f'a server of {few}',
        usual[few][1]['cpu'] / few * 1e6,
    )
    yield figures.Figure(
        f'series a CPU second, {few} servers',
        few * DEFINITIONS / usual[few][0]['cpu'],
        '1/s',
        'each definition alone',
        few * DEFINITIONS / alone,
    )
    _, median, high = figures.spread(pokes)
    yield figures.Figure(
        f'one definition, one new report of {few} servers, median',
        median * 1e3,
        'ms',
    )
    yield figures.Figure('the same, p99', high * 1e3, 'ms')
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield figures.Figure('resident memory, at most', peak, 'MiB')


def show(name, size, first, next_):
    series = size * DEFINITIONS
    for which, took in (('first pass', first), ('next pass', next_)):
        yield figures.Figure(
            f'{name}, {DEFINITIONS} x {size}: {which}',
            took['seconds'],
            's',
        )
        yield figures.Figure(
            f'{name}: series a CPU s, {which}',
            series / took['cpu'],
            '1/s',
        )
    yield figures.Figure(
        f'{name}: series a CPU s, only to judge',
        series / next_['judged'],
        '1/s',
    )


class Cloud:
    def __init__(self, stored, size):
        self.database = stored.database
        self.storage = plugins.load(
            'sentinella.storage', 'sql', stored.conf, stored.database
        )
        self.ids = []
        for first in range(0, size, 500):
            with self.database.writer() as session:
                for number in range(first, min(first + 500, size)):
                    self.ids.append(register(session, hostname(number)))
        self.sequence = 0

    def fill(self, seconds):
        """Each server's frames of so many seconds, until now."""
        self.kinds = self.frames()
        self.storage.learn(self.kinds[0].metrics)
        with self.database.reader() as session:
            self.now = clock.read(session)
        for tick in range(int(seconds / INTERVAL), -1, -1):
            self.write(tick)

    def frames(self):
        """
        :returns: list of those that servers tell in turn, of one schema
        """
        return [
            model.Frame.of(0, load.samples(kind, kind))
            for kind in range(KINDS)
        ]

    def write(self, tick):
        """A frame of each server; they do not all report at once."""
        frames = [
            base.StoredFrame(
                id_,
                self.now - tick * INTERVAL - number % 1000 / 1000 * INTERVAL,
                self.kinds[0].schema,
                self.kinds[(number + tick) % len(self.kinds)].values,
            )
            for number, id_ in enumerate(self.ids)
        ]
        for first in range(0, len(frames), BATCH):
            self.storage.write(frames[first : first + BATCH])

    def report(self):
        """Each server does, ten seconds later."""
        self.now += INTERVAL
        self.write(0)
        self.sequence += 1
        with self.database.writer() as session:
            sequences = dict.fromkeys(self.ids, self.sequence)
            servers.accept(session, sequences, self.now)

    def definitions(self, text):
        return [
            model.AlarmDefinition(
                uuid=str(n),
                name=str(n),
                expression=text.format(n=n),
                type=model.ThresholdType.GAUGE,
                severity=model.Severity.MAJOR,
            )
            for n in range(DEFINITIONS)
        ]

    def evaluate(self, text):
        """
        :returns: what a first pass takes that reads everything, and what one
            takes ten seconds later, when each server has reported once more
        """
        self.recent = self.storage.recent()
        self.roster = roster.Roster()
        definitions = self.definitions(text)
        first = self.measure(definitions)
        self.report()
        return first, self.measure(definitions)

    def measure(self, definitions):
        """
        :returns: seconds of one pass, of its CPU, and of the CPU to judge
        """
        gc.collect()
        started, cpu = time.monotonic(), time.process_time()
        moment = self.moment(definitions)
        samples = moment.samples(None)
        for one in definitions:
            for selector in expression.parse(one.expression).lookbacks():
                samples(selector)
        read = time.process_time()
        for one in definitions:
            judge(one, moment)
        now = time.process_time()
        return {
            'seconds': time.monotonic() - started,
            'cpu': now - cpu,
            'judged': now - read,
        }

    def poke(self, number):
        """One server reports at once.

        :returns: seconds until one definition is evaluated after it
        """
        self.now += 0.1
        (definition, *_) = self.definitions(EXPRESSIONS[USUAL])
        kind = self.kinds[0]
        server = self.ids[number % len(self.ids)]
        self.storage.write(
            [base.StoredFrame(server, self.now, kind.schema, kind.values)]
        )
        self.sequence += 1
        with self.database.writer() as session:
            servers.accept(session, {server: self.sequence}, self.now)
        started = time.monotonic()
        judge(definition, self.moment([definition]))
        return time.monotonic() - started

    def evaluate_alone(self, text):
        """
        :returns: seconds of CPU
        """
        cpu = time.process_time()
        for one in self.definitions(text):
            self.recent = self.storage.recent()
            self.roster = roster.Roster()
            judge(one, self.moment([one]))
        return time.process_time() - cpu

    def moment(self, definitions):
        reads = [(expression.parse(d.expression), None) for d in definitions]
        moment = gather.Moment(self.database, self.recent, self.roster, reads)
        # as if no time passed between the measurements
        moment.now = self.now
        return moment


def hostname(number):
    return f'bench-{number:05}'


def register(session, name, uuid_=None, interval=INTERVAL):
    """
    :returns: the server's number
    """
    now = clock.read(session)
    registration = model.Registration(
        uuid_ or str(uuid.uuid4()), 'e', name, interval=interval
    )
    server = servers.hold(session, registration, 'service', now)
    servers.register(session, server, registration, 'service')
    return server.id


def judge(definition, moment):
    verdicts = rules.evaluate(
        definition,
        expression.parse(definition.expression),
        moment.samples(None),
        moment.places,
        moment.now,
        35.0,
    )
    assert not verdicts, verdicts[:3]
