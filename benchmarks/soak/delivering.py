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
"""A delivering evaluator that is killed 100 times while it is to send 50
notifications a second. Lost must be nought, repeated under 1 %."""

import time

import rich.progress

from benchmarks import figures
from tests import delivering

KILLS, QUICK = 100, 5


def run(quick, console):
    kills, seed = QUICK if quick else KILLS, int(time.time())
    with (
        delivering.DeliveringFixture(seed=seed) as siege,
        rich.progress.Progress(console=console) as progress,
    ):
        console.print(f'chance begins with {seed}')
        task = progress.add_task('killing', total=kills)

        def tell(done, queued, arrived):
            progress.update(
                task,
                completed=done,
                description=f'{queued} queued, {arrived} arrived',
            )

        result = siege.run(kills, tell)
    yield from table(result)


def table(result):
    for name, value in (
        ('kills of the delivering evaluator', result.kills),
        ('notifications put into the outbox', result.queued),
        ('arrived, by their ids', result.arrived),
        ('lost', result.lost),
        ('arrived that nobody had sent', result.foreign),
        ('out of order', result.disordered),
        ('not noted as sent', result.unsent),
        ('repeated, with the same id', result.repeated),
    ):
        yield figures.Figure(name, value, '')
    share = 100 * result.repeated / result.queued
    yield figures.Figure('repeated, of all', share, '%')
    rate = result.queued / result.seconds
    yield figures.Figure('put into the outbox', rate, '/s')
