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


"""A page for each driver that is installed, made of what its class says.

As :mod:`collector_pages` does it for collectors.
"""

import inspect
import pathlib

import collector_pages
from sphinx.util import logging

from sentinella import exceptions
from sentinella import plugins

LOG = logging.getLogger(__name__)

NAMESPACE = 'sentinella.notifiers'
INDEX = """\
=======
Drivers
=======

How a channel delivers. These pages are made of what the drivers say of
themselves; ``GET /v1/drivers`` says the same to programs.

.. list-table::
   :header-rows: 1
   :widths: 20 80

   * - driver
     - what it does
{rows}

Each has the setting ``templates`` besides its own: words of a channel in the
place of ours.

Those that speak HTTP follow no redirect and verify certificates. They and
``syslog`` refuse addresses that only the node itself can reach, and those that
``[notifier] refused_networks`` names, unless they are in ``[notifier]
allowed_networks``. An attempt is over within ``[notifier] timeout``, whatever the other end does.

.. toctree::
   :hidden:

{names}
"""
ROW = """\
   * - :doc:`{name}`
     - {summary}
"""
PAGE = """\
{line}
{name}
{line}

{text}

Settings
========

.. list-table::
   :header-rows: 1
   :widths: 20 15 65

   * - setting
     - type
     - what it is
{settings}

{options}"""


def setup(app):
    app.connect('builder-inited', write)
    return {'parallel_read_safe': True}


def write(app):
    """Make the pages, and remove those of drivers that are gone."""
    directory = pathlib.Path(app.srcdir) / 'admin' / 'drivers'
    directory.mkdir(exist_ok=True)
    pages, rows = {}, []
    for name in plugins.names(NAMESPACE):
        try:
            driver = plugins.load_class(NAMESPACE, name)
        except exceptions.InvalidConfiguration as error:
            LOG.info('no page for the driver %s: %s', name, error)
            continue
        pages[f'{name}.rst'] = page(name, driver)
        rows.append(row(name, driver))
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


def row(name, driver):
    summary = inspect.getdoc(driver).partition('\n\n')[0]
    return ROW.format(
        name=name,
        summary=collector_pages.literal(' '.join(summary.split())),
    )


def page(name, driver):
    return PAGE.format(
        name=name,
        line='=' * len(name),
        text=collector_pages.literal(inspect.getdoc(driver)),
        settings='\n'.join(
            setting(driver, name, field)
            for name, field in driver.schema['properties'].items()
        ),
        options=collector_pages.options(driver),
    )


def setting(driver, name, field):
    said = [field.get('description', '')]
    if name in driver.schema.get('required', ()):
        said.append('It is required.')
    if name in driver.secrets:
        said.append('It is never shown.')
    return (
        f'   * - ``{name}``\n'
        f'     - {kind(field)}\n'
        f'     - {collector_pages.plain(" ".join(said))}'
    )


def kind(field):
    """What may be said for it, in a word."""
    if 'enum' in field:
        return ', '.join(f'``{value}``' for value in field['enum'])
    return str(field.get('type', 'any'))
