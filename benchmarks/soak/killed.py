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

"""Two evaluators on MariaDB, killed at random and started again for five
minutes while faults come and go. Missing and doubled must be nought."""

import time

import rich.progress

from benchmarks import figures
from tests import killing

SECONDS, QUICK = 300.0, 30.0


def run(quick, console):
    seconds = QUICK if quick else SECONDS
    seed = int(time.time())
    with (
        killing.KillingFixture(seed=seed) as siege,
        rich.progress.Progress(console=console) as progress,
    ):
        console.print(f'chance begins with {seed}')
        task = progress.add_task('killing', total=seconds)

        def tell(elapsed, kills, faults):
            progress.update(
                task,
                completed=elapsed,
                description=f'{kills} kills, {faults} faults',
            )

        result = siege.run(seconds, tell, patient=True)
    yield from table(result)


def table(result):
    for name, value in (
        ('evaluators killed', result.kills),
        ('faults that came and went', result.faults),
        ('transitions', result.transitions),
        ('pages, by their ids', result.pages),
        ('missing', result.missing),
        ('doubled', result.doubled),
        ('sent again with the same id', result.repeated),
    ):
        yield figures.Figure(name, value, '')
    for name, value in zip(
        ('min', 'median', 'p99'), figures.spread(result.took), strict=True
    ):
        yield figures.Figure(f'report to transition, {name}', value, 's')
    yield figures.Figure('report to transition, max', max(result.took), 's')
    yield figures.Figure('slowest report', result.answered, 's')
