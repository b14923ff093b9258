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

"""Shows what the agent reads in logs."""

import gzip
import json
import os
import sys
import zlib

import rich.console
import rich.markup
import rich.progress

from sentinella.agent.logs import recognise
from sentinella.cmd.agent import arguments
from sentinella.cmd.agent import output

_CHUNK = 1 << 20
#: A log of fewer bytes is read before a progress bar could be seen.
_BIG = 1 << 26
_LEVELS = ('CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG')


def parse_log(argv):
    """Show what is read in logs: records of each level, records that have a
    traceback, and lines that are no part of any record."""
    parser = arguments.Parser('parse-log', parse_log.__doc__)
    parser.add_argument(
        'files', nargs='+', metavar='FILE', help='a log; .gz is fine'
    )
    arguments.add_format(parser)
    given = parser.parse_args(argv)
    results, code = [], 0
    for path in given.files:
        try:
            results.append(_parse_file(path))
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, 'strerror', None) or error
            print(f'sentinella-agent: {path}: {reason}', file=sys.stderr)
            code = 1
    if given.format == 'json':
        print(json.dumps(results, indent=2))
    elif results:
        _print_records(results)
    return code


def _parse_file(path):
    parser = recognise.Parser(recognise.Form(), levels=None)
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
    table = output.table('File', 'Lines', *levels, 'Tracebacks', 'Unplaced')
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
    output.show(table)
