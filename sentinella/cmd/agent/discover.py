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

"""Shows the services of this node."""

import json
import os
import sys
import time

import rich.markup

from sentinella.agent.node import discovery
from sentinella.agent.node import watch
from sentinella.agent.node import watched
from sentinella.cmd.agent import arguments
from sentinella.cmd.agent import output
from sentinella.knowledge import services


def discover(argv):
    """Show the services of this node, and how they were known."""
    parser = arguments.Parser('discover', discover.__doc__)
    arguments.add_config(parser)
    arguments.add_format(parser)
    given = parser.parse_args(argv)
    found = discovered(arguments.prepare(given))
    if given.format == 'json':
        print(json.dumps(found, indent=2))
    else:
        _print_services(found)
    return 0


def look(conf):
    """
    :returns: a :class:`sentinella.agent.node.discovery.Node` that knows what runs
        just now, remembers nothing and keeps nothing
    """
    catalog = services.load(conf.agent.services_file)
    node = discovery.Node(catalog, conf.agent.exclude_services, conf.host)
    watcher = watch.Watcher()
    node.look(time.time(), watcher)
    watcher.close()
    # a second time for those that are beside others' logs
    for _ in range(2):
        node.locate_logs(time.monotonic() + 2 * watched.RELOCATE)
    return node


def discovered(conf):
    """
    :returns: list of dicts, one for each service, by name
    """
    node = look(conf)
    result = []
    for name in sorted(node.services):
        status = node.services[name].status()
        result.append(
            {
                'service': name,
                'project': status.project,
                'pids': list(status.pids),
                'log_files': list(status.log_files),
                'unreadable': [
                    path
                    for path in status.log_files
                    if not os.access(path, os.R_OK)
                ],
                'evidence': status.evidence,
            }
        )
    return result


def _print_services(found):
    table = output.table('Service', 'Pids', 'Log files', 'How it knew')
    for entry in found:
        logs = [
            f'{path} (not readable)' if path in entry['unreadable'] else path
            for path in entry['log_files']
        ]
        table.add_row(
            entry['service'],
            ' '.join(map(str, entry['pids'])),
            rich.markup.escape('\n'.join(logs) or '-'),
            rich.markup.escape(entry['evidence']),
        )
    output.show(table)
    if not found:
        print('No OpenStack service runs here.', file=sys.stderr)
