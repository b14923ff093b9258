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

"""Runs the benchmarks of one area, or of all: `python -m benchmarks`."""

import argparse
import importlib
import json
import pathlib
import pkgutil
import sys

import rich.console
import rich.table

HERE = pathlib.Path(__file__).parent


def areas():
    return sorted(p.parent.name for p in HERE.glob('*/__init__.py'))


def measure(area, quick, console):
    """Run every module of an area that has a `run(quick, console)`."""
    package = f'benchmarks.{area}'
    for module in pkgutil.iter_modules([str(HERE / area)]):
        run = getattr(
            importlib.import_module(f'{package}.{module.name}'), 'run', None
        )
        if run is not None:
            yield from run(quick, console)


def show(console, area, figures):
    table = rich.table.Table(title=area, title_justify='left')
    for heading, justify in (
        ('name', 'left'),
        ('value', 'right'),
        ('unit', 'left'),
        ('beside', 'left'),
        ('its value', 'right'),
        ('ratio', 'right'),
    ):
        table.add_column(heading, justify=justify)
    for figure in figures:
        table.add_row(
            figure.name,
            written(figure.value),
            figure.unit,
            figure.peer,
            written(figure.peer_value),
            '' if figure.ratio is None else f'{figure.ratio:.3g}',
        )
    console.print(table)


def written(value):
    """Three digits that count, thousands apart."""
    if value is None:
        return ''
    return f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.3g}'


def main():
    parser = argparse.ArgumentParser(prog='run-benchmarks.sh')
    parser.add_argument('area', nargs='?', choices=areas())
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--json', metavar='FILE', type=pathlib.Path)
    args = parser.parse_args()
    console = rich.console.Console(stderr=True)
    rows = []
    for area in [args.area] if args.area else areas():
        figures = list(measure(area, args.quick, console))
        # a table in a file is not to be folded
        width = None if sys.stdout.isatty() else 120
        show(rich.console.Console(width=width), area, figures)
        rows += [{'area': area, **vars(f), 'ratio': f.ratio} for f in figures]
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + '\n')


if __name__ == '__main__':
    sys.exit(main())
