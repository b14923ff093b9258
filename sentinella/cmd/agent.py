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

"""sentinella-agent: watch this node, or show what would be watched."""

import argparse
import gzip
import json
import os
import sys
import time
import zlib

import rich.box
import rich.console
import rich.markup
import rich.progress
import rich.table

from sentinella import exceptions
from sentinella import service
from sentinella.agent import discovery
from sentinella.agent import records
from sentinella.agent import service as agent_service
from sentinella.agent import watch
from sentinella.knowledge import services
from sentinella.rpc import conductor
from sentinella.rpc import transport

_CHUNK = 1 << 20
#: A log of fewer bytes is read before a progress bar could be seen.
_BIG = 1 << 26
_LEVELS = ('CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG')


def main(argv=None):
    """
    :returns: exit code
    """
    argv = sys.argv[1:] if argv is None else argv
    commands = {'discover': discover, 'parse-log': parse_log}
    try:
        if argv and argv[0] in commands:
            return commands[argv[0]](argv[1:])
        if argv and argv[0] in ('-h', '--help'):
            print(_HELP)
        return run(argv)
    except exceptions.SentinellaError as error:
        print(f'sentinella-agent: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:
        # of a reader such as head, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


_HELP = """\
sentinella-agent                   watch this node until stopped
sentinella-agent discover          show the services that it finds
sentinella-agent parse-log FILE... show what it reads in logs
(each has a --help of its own; the options of the first are:)
"""


def run(argv):
    """Watch this node until a signal comes."""
    conf = service.prepare(argv, prog='sentinella-agent')
    client = conductor.ConductorClient(
        transport.get_transport(conf), conf.agent.report_timeout
    )
    service.run(conf, agent_service.Agent(conf, client))
    return 0


def discover(argv):
    """Show the services of this node, and how they were known."""
    parser = argparse.ArgumentParser(
        prog='sentinella-agent discover', description=discover.__doc__
    )
    parser.add_argument('--config-file', action='append', default=[])
    parser.add_argument('--config-dir', action='append', default=[])
    _add_format(parser)
    arguments = parser.parse_args(argv)
    given = [f'--config-file={path}' for path in arguments.config_file]
    given += [f'--config-dir={path}' for path in arguments.config_dir]
    conf = service.prepare(given, prog='sentinella-agent', report=False)
    found = _discovered(conf)
    if arguments.format == 'json':
        print(json.dumps(found, indent=2))
    else:
        _print_services(found)
    return 0


def _discovered(conf):
    catalog = services.load(conf.agent.services_file)
    node = discovery.Node(catalog, conf.agent.exclude_services, conf.host)
    watcher = watch.Watcher()
    node.look(time.time(), watcher)
    watcher.close()
    # a second time for those that are beside others' logs
    for _ in range(2):
        node.locate_logs(time.monotonic() + 2 * discovery.RELOCATE)
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
    table = _table('Service', 'Pids', 'Log files', 'How it knew')
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
    _console().print(table)
    if not found:
        print('No OpenStack service runs here.', file=sys.stderr)


def parse_log(argv):
    """Show what is read in logs: records of each level, records that have a
    traceback, and lines that are no part of any record."""
    parser = argparse.ArgumentParser(
        prog='sentinella-agent parse-log', description=parse_log.__doc__
    )
    parser.add_argument(
        'files', nargs='+', metavar='FILE', help='a log; .gz is fine'
    )
    _add_format(parser)
    arguments = parser.parse_args(argv)
    results, code = [], 0
    for path in arguments.files:
        try:
            results.append(_parse_file(path))
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, 'strerror', None) or error
            print(f'sentinella-agent: {path}: {reason}', file=sys.stderr)
            code = 1
    if arguments.format == 'json':
        print(json.dumps(results, indent=2))
    elif results:
        _print_records(results)
    return code


def _parse_file(path):
    parser = records.Parser(levels=None)
    counts, tracebacks = {}, 0
    with open(path, 'rb') as raw, _progress(path, raw) as advance:
        file = raw
        if raw.peek(2)[:2] == b'\x1f\x8b':
            file = gzip.GzipFile(fileobj=raw)
        done = False
        while not done:
            data = file.read(_CHUNK)
            done = not data
            for record in parser.finish() if done else parser.feed(data):
                counts[record.level] = counts.get(record.level, 0) + 1
                tracebacks += record.traceback is not None
            advance(raw.tell())
    return {
        'file': path,
        'lines': parser.lines,
        'records': counts,
        'tracebacks': tracebacks,
        'unplaced': parser.lines - parser.placed,
    }


class _progress:
    """A bar on stderr, for a big file and a person who waits for it."""

    def __init__(self, path, file):
        size = os.fstat(file.fileno()).st_size
        console = rich.console.Console(stderr=True)
        self._bar = rich.progress.Progress(
            console=console,
            transient=True,
            disable=size < _BIG or not console.is_terminal,
        )
        self._task = self._bar.add_task(os.path.basename(path), total=size)

    def __enter__(self):
        self._bar.start()
        return lambda done: self._bar.update(self._task, completed=done)

    def __exit__(self, *error):
        self._bar.stop()


def _print_records(results):
    seen = {level for result in results for level in result['records']}
    levels = [*_LEVELS, *sorted(seen - set(_LEVELS))]
    table = _table('File', 'Lines', *levels, 'Tracebacks', 'Unplaced')
    for column in table.columns[1:]:
        column.justify = 'right'
    for result in results:
        table.add_row(
            rich.markup.escape(result['file']),
            str(result['lines']),
            *(str(result['records'].get(level, 0)) for level in levels),
            str(result['tracebacks']),
            str(result['unplaced']),
        )
    _console().print(table)


def _add_format(parser):
    parser.add_argument('--format', choices=('table', 'json'), default='table')


def _table(*names):
    table = rich.table.Table(box=rich.box.SIMPLE, header_style='bold')
    for name in names:
        table.add_column(name, overflow='fold')
    return table


def _console():
    """As wide as need be, where no person looks at a terminal."""
    console = rich.console.Console()
    return console if console.is_terminal else rich.console.Console(width=240)


if __name__ == '__main__':
    sys.exit(main())
