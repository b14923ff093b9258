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


"""A page of all built-in alarm definitions, made of their data.

It is written before sphinx looks for its sources, to a file that git
ignores.
"""

import itertools
import pathlib
import re

from sentinella.knowledge import definitions

INDEX = """\
===============
Built-in alarms
===============

What raises an alarm with nothing configured: {count} definitions, made of what
is in ``sentinella/knowledge/alarms``. Each one was tried on the cases that
stand with it, through all that an agent's report goes through.

An alarm has the severity of the strictest expression that holds. While a
definition that it gives way to has an alarm of the same servers and services,
nobody is paged about it. To change or disable one, see ``openstack sentinella
alarm definition set``; what was changed stays over upgrades. What stands in
braces is in each alarm the name of its server, or the value of its dimension.

{groups}
"""
GROUP = """\
{title}
{line}

{table}
{entries}
"""
TABLE = """\
.. list-table::
   :header-rows: 1
   :widths: 30 12 58

   * - alarm
     - severity
     - meaning
{rows}
"""
ROW = """\
   * - :ref:`{name} <alarm-{name}>`
     - {severities}
     - {description}
"""
ENTRY = """\
.. _alarm-{name}:

{name}
{line}

{description}

{expressions}

{facts}

Usual cause
  {cause}

Remedy
  {remedy}

It fires when

{fires}

and not when

{quiet}
"""


def setup(app):
    app.connect('builder-inited', write)
    return {'parallel_read_safe': True}


def write(app):
    path = pathlib.Path(app.srcdir) / 'admin' / 'alarms.rst'
    text = page(definitions.entries())
    # one that is as it was is not read again
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def page(entries):
    """
    :param entries: list of :class:`definitions.Entry`
    """
    by_file = sorted(entries, key=lambda entry: entry.source)
    groups = [
        group(source, list(several))
        for source, several in itertools.groupby(
            by_file, key=lambda entry: entry.source
        )
    ]
    return INDEX.format(count=len(entries), groups='\n'.join(groups))


def group(source, entries):
    title = source.removesuffix('.yaml').replace('-', ' ').capitalize()
    return GROUP.format(
        title=title,
        line='=' * len(title),
        table=TABLE.format(rows=''.join(map(row, entries))),
        entries='\n'.join(map(section, entries)),
    )


def severities(definition):
    """The mildest first."""
    return ', '.join([definition.severity, *definition.tiers])


def row(entry):
    definition = entry.definition
    return ROW.format(
        name=definition.name,
        severities=severities(definition),
        description=plain(definition.description),
    )


def section(entry):
    definition = entry.definition
    return ENTRY.format(
        name=definition.name,
        line='-' * len(definition.name),
        description=plain(definition.description),
        expressions=expressions(definition),
        facts='\n'.join(facts(definition)),
        cause=plain(definition.cause),
        remedy=plain(definition.remedy),
        fires=cases(entry.fires, definition),
        quiet=cases(entry.quiet),
    )


def expressions(definition):
    lines = [(definition.severity, definition.expression)]
    lines += definition.tiers.items()
    return '\n'.join(
        f':{severity}: ``{expression}``' for severity, expression in lines
    )


def facts(definition):
    """
    :yields: fields of the list below the expressions
    """
    one_for = ' and '.join(definition.match_by)
    yield f':one for each: {one_for or "cloud"}'
    yield f':OpenStack: {plain(definition.releases) or "any release"}'
    if definition.inhibited_by:
        others = ', '.join(
            f':ref:`{name} <alarm-{name}>`' for name in definition.inhibited_by
        )
        yield f':gives way to: {others}'


def cases(several, definition=None):
    """
    :param definition: of cases that fire; those of a tier say of which
    """
    return '\n'.join(
        f'* {plain(case.when)}'
        + (f' ({case.severity})' if definition and case.severity else '')
        for case in several
    )


def plain(text):
    """With nothing that is markup by chance; what is code looks so."""
    text = re.sub(r'([*|\\]|_(?=\W|$))', r'\\\1', text)
    return re.sub(r'(?<!`)`([^`]+)`(?!`)', r'``\1``', text)
