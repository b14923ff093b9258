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


"""Whether the agent's memory stays flat over a week.

The week is simulated: the clock is a virtual one, and each of its seconds a
step of the agent's. Services come and go, logs grow and are rotated.
"""

import json
import subprocess
import sys

from benchmarks import figures

DAY = 86400
WEEK = 7 * DAY


def run(quick, console):
    seconds = 3 * 3600 if quick else WEEK
    with console.status(f'{seconds / 3600:.0f} hours of a virtual clock'):
        done = subprocess.run(
            [sys.executable, '-m', 'benchmarks.agent.week', str(seconds)],
            stdout=subprocess.PIPE,
            check=True,
        )
    rss = json.loads(done.stdout)
    # caches fill in the beginning
    early = rss[len(rss) // 7]
    yield figures.Figure(
        f'resident memory after {seconds / DAY:.3g} days',
        rss[-1],
        'MiB',
        'after a seventh',
        early,
    )
