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

"""Shows what the agent would report of this node just now."""

import json
import math
import time

import rich.markup

from sentinella import wire
from sentinella.agent.logs import follower
from sentinella.agent.logs import settings
from sentinella.cmd.agent import arguments
from sentinella.cmd.agent import discover
from sentinella.cmd.agent import output
from sentinella.cmd.agent import trial

#: Seconds over which rates and shares are measured.
WINDOW = 1.0


def once(argv):
    """Look at this node once, as the agent does at each tick, those included
    that it asks over the network, and print it. Nothing is sent, nothing is
    kept, and a running agent is not disturbed."""
    parser = arguments.Parser('once', once.__doc__)
    arguments.add_config(parser)
    arguments.add_format(parser)
    given = parser.parse_args(argv)
    conf = arguments.prepare(given)
    arguments.be_quiet()
    node = discover.look(conf)
    node.logs = follower.Logs(conf.agent.max_events_per_second)
    node.logs.follow(
        {n: s.log_files for n, s in node.services.items()},
        {n: settings.form_of(s) for n, s in node.services.items()},
    )
    now = time.time()
    tried = trial.collect(conf, node, WINDOW)
    statuses = [service.status() for service in node.services.values()]
    if given.format == 'json':
        print(json.dumps(_plain(conf.host, now, statuses, tried), indent=2))
    else:
        _print(statuses, tried)
    return 0


def _plain(host, now, statuses, tried):
    return {
        'host': host,
        'at': round(now, 3),
        'services': [wire.to_wire(status) for status in statuses],
        'samples': [
            {
                'name': sample.metric.name,
                'dimensions': dict(sample.metric.dimensions),
                # JSON has no NaN
                'value': None if math.isnan(sample.value) else sample.value,
            }
            for found in tried
            for sample in found.samples
        ],
        'collectors': [
            {
                'collector': found.name,
                'outcome': found.outcome,
                'what': found.what,
                'remedy': found.remedy,
            }
            for found in tried
        ],
    }


def _print(statuses, tried):
    table = output.table('Service', 'State', 'Pids', 'Why')
    for status in sorted(statuses, key=lambda s: s.name):
        pids = ' '.join(map(str, status.pids))
        table.add_row(
            status.name, status.state, pids, rich.markup.escape(status.reason)
        )
    output.show(table)
    table = output.table('Metric', 'Of', 'Value')
    table.columns[-1].justify = 'right'
    for found in tried:
        for sample in found.samples:
            table.add_row(
                sample.metric.name,
                rich.markup.escape(of(sample.metric)),
                _number(sample.value),
            )
    output.show(table)
    for found in tried:
        if found.outcome is trial.Outcome.FAILS:
            said = f'{found.what}: {found.remedy}'.rstrip(': ')
            print(f'{found.name} can not work: {said}')


def of(metric):
    """The dimensions of a metric, in short."""
    return ' '.join(f'{name}={value}' for name, value in metric.dimensions)


def _number(value):
    if math.isnan(value):
        return 'unknown'
    return f'{value:.0f}' if value == round(value) else f'{value:.6g}'
