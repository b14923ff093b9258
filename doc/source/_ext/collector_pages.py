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


"""A page for each collector that is installed, made of what its class says.

The pages are written before sphinx looks for its sources, to a directory
that git ignores.
"""

import inspect
import pathlib
import re

from sphinx.util import logging

from sentinella import exceptions
from sentinella import plugins

LOG = logging.getLogger(__name__)

NAMESPACE = 'sentinella.collectors'
INDEX = """\
==========
Collectors
==========

What an agent measures, each part by a collector of its own, and the names of
the metrics as alarm definitions have them. These pages are made of what the
collectors say of themselves; ``sentinella-agent show COLLECTOR`` shows the
same on a node.

.. list-table::
   :header-rows: 1
   :widths: 20 60 20

   * - collector
     - what it is for
     - asks others
{rows}

.. toctree::
   :hidden:

{names}
"""
ROW = """\
   * - :doc:`{name}`
     - {summary}
     - {probes}
"""
PAGE = """\
{line}
{name}
{line}

{text}

{when}

{options}Metrics
=======

.. list-table::
   :header-rows: 1
   :widths: 35 65

   * - metric
     - what it is
{metrics}
"""
OPTIONS = """\
Options
=======

In the section ``[{group}]``:

.. list-table::
   :header-rows: 1
   :widths: 25 20 55

   * - option
     - default
     - what it is for
{rows}

"""


def setup(app):
    app.connect('builder-inited', write)
    return {'parallel_read_safe': True}


def write(app):
    """Make the pages, and remove those of collectors that are gone."""
    directory = pathlib.Path(app.srcdir) / 'admin' / 'collectors'
    directory.mkdir(exist_ok=True)
    pages, rows = {}, []
    names = plugins.names(NAMESPACE)
    for name in names:
        try:
            collector = plugins.load_class(NAMESPACE, name)
        except exceptions.InvalidConfiguration as error:
            LOG.info('no page for the collector %s: %s', name, error)
            continue
        pages[f'{name}.rst'] = page(name, collector)
        rows.append(row(name, collector))
    known = '\n'.join(f'   {file[:-4]}' for file in pages)
    pages['index.rst'] = INDEX.format(rows=''.join(rows), names=known)
    for path in directory.glob('*.rst'):
        if path.name not in pages:
            path.unlink()
    for file, text in pages.items():
        path = directory / file
        # one that is as it was is not read again
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def literal(text):
    """Our docstrings have single backticks, reStructuredText double ones."""
    return re.sub(r'(?<!`)`([^`]+)`(?!`)', r'``\1``', text)


def row(name, collector):
    summary = inspect.getdoc(collector).partition('\n\n')[0]
    return ROW.format(
        name=name,
        summary=literal(' '.join(summary.split())),
        probes='yes' if collector.PROBES else 'no',
    )


def page(name, collector):
    return PAGE.format(
        name=name,
        line='=' * len(name),
        text=literal(inspect.getdoc(collector)),
        when=when(collector),
        options=options(collector),
        metrics='\n'.join(
            f'   * - ``{metric}``\n     - {plain(text)}'
            for metric, text in collector.METRICS.items()
        ),
    )


def when(collector):
    """How often, and where, it is called."""
    often = 'probe_interval' if collector.PROBES else 'interval'
    text = f'It is called once in an ``[agent] {often}``'
    if collector.SERVICES:
        names = ', '.join(f'``{name}``' for name in collector.SERVICES)
        text += f', where any of these services is found: {names}'
    return f'{text}.'


def options(collector):
    """Its options, or nothing where it has none."""
    if not collector.OPTIONS:
        return ''
    rows = [
        f'   * - ``{option.name}``\n'
        f'     - {default(option)}\n'
        f'     - {plain(option.help)}{" It is a secret." * option.secret}'
        for option in collector.OPTIONS
    ]
    return OPTIONS.format(group=collector.group(), rows='\n'.join(rows))


def default(option):
    value = option.default
    if option.sample_default is not None:
        value = option.sample_default
    if isinstance(value, list | tuple):
        value = ', '.join(map(str, value))
    return 'none' if value in (None, '') else f'``{value}``'


def plain(text):
    """On one line, with nothing that is markup by chance."""
    text = ' '.join(text.split())
    return literal(re.sub(r'([*|\\]|_(?=\W|$))', r'\\\1', text))
