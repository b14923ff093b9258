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

"""Lists, shows, enables and disables collectors.

What is enabled and disabled is kept in a file of its own, so that nobody's
configuration is rewritten.
"""

import importlib.metadata
import inspect
import json
import os

from oslo_config import cfg
import rich.markup

from sentinella import conf as options
from sentinella import exceptions
from sentinella import plugins
from sentinella.cmd.agent import arguments
from sentinella.cmd.agent import configfile
from sentinella.cmd.agent import output

NAMESPACE = 'sentinella.collectors'
DIRECTORY = '/etc/sentinella/sentinella.conf.d'
FILE = '90-collectors.conf'
_HEAD = """\
Written by "sentinella-agent enable" and "disable";
"sentinella-agent clear" removes it."""
RESTART = 'The agent does so once it is restarted.'


def list_collectors(argv):
    """List the collectors that are installed: whether each is enabled, and
    why one can not be loaded."""
    parser = arguments.Parser('list', list_collectors.__doc__)
    arguments.add_config(parser)
    arguments.add_format(parser)
    given = parser.parse_args(argv)
    known = installed(arguments.prepare(given))
    if given.format == 'json':
        print(json.dumps(known, indent=2))
        return 0
    table = output.table('Collector', 'State', 'Asks others', 'What it is for')
    for entry in known:
        about = entry['problem'] or entry['summary']
        table.add_row(
            entry['collector'],
            entry['state'],
            {True: 'yes', False: 'no', None: '?'}[entry['probes']],
            rich.markup.escape(about),
        )
    output.show(table)
    return 0


def installed(conf):
    """
    :returns: list of dicts, one for each collector, by name
    """
    known = []
    for name in plugins.names(NAMESPACE):
        collector, problem = _load(name)
        known.append(
            {
                'collector': name,
                'state': state(conf, name),
                'probes': getattr(collector, 'PROBES', None),
                'summary': _doc(collector).partition('\n')[0],
                'package': _package(name),
                'problem': problem,
            }
        )
    return known


def _load(name):
    """
    :returns: the class or None, and why there is none
    """
    try:
        return plugins.load_class(NAMESPACE, name), ''
    except exceptions.InvalidConfiguration as error:
        return None, str(error)


def _doc(collector):
    return inspect.getdoc(collector) or '' if collector else ''


def _package(name):
    for entry in importlib.metadata.entry_points(group=NAMESPACE, name=name):
        if entry.dist is not None:
            return f'{entry.dist.name} {entry.dist.version}'
    return ''


def state(conf, name):
    """
    :returns: `enabled`, `disabled`, or `not enabled` where nobody has said
        either
    """
    if name in conf.agent.disabled_collectors:
        return 'disabled'
    return 'enabled' if name in conf.agent.collectors else 'not enabled'


def show(argv):
    """Show all that there is to know of one collector."""
    parser = arguments.Parser('show', show.__doc__)
    parser.add_argument('name', metavar='COLLECTOR')
    arguments.add_config(parser)
    arguments.add_format(parser)
    given = parser.parse_args(argv)
    conf = arguments.prepare(given)
    _expect(given.name)
    collector = plugins.load_class(NAMESPACE, given.name)
    described = {
        'collector': given.name,
        'state': state(conf, given.name),
        'description': _doc(collector),
        'package': _package(given.name),
        'probes': collector.PROBES,
        'services': list(collector.SERVICES),
        'section': collector.group() if collector.OPTIONS else '',
        'options': _values(conf, collector),
        'metrics': dict(collector.METRICS),
    }
    if given.format == 'json':
        print(json.dumps(described, indent=2, default=str))
    else:
        _print(described)
    return 0


def _expect(name):
    known = plugins.names(NAMESPACE)
    if name not in known:
        raise exceptions.InvalidInput(
            f'there is no collector {name!r}, expected one of: '
            + ', '.join(known)
        )


def _values(conf, collector):
    """What each option is for and has; secrets are told to be set or not."""
    group = collector.group()
    conf.register_opts(collector.OPTIONS, group=group)
    values = []
    for option in collector.OPTIONS:
        value = conf[group][option.dest]
        if option.secret:
            value = '(set)' if value else None
        values.append(
            {
                'option': option.name,
                'value': value,
                'default': option.default,
                'help': option.help,
            }
        )
    return values


def _print(described):
    services = ', '.join(described['services'])
    when = f'where there is any of: {services}' if services else 'always'
    print(f'{described["collector"]} ({described["state"]})')
    print(f'\n{described["description"]}\n')
    print(f'Comes with     {described["package"]}')
    print(f'Runs           {when}')
    if described['options']:
        table = output.table(
            f'Option of [{described["section"]}]', 'Value', 'What it is for'
        )
        for entry in described['options']:
            table.add_row(
                entry['option'],
                rich.markup.escape(_plain(entry['value'])),
                rich.markup.escape(entry['help'] or ''),
            )
        output.show(table)
    table = output.table('Metric', 'What it is')
    for name, text in described['metrics'].items():
        table.add_row(name, rich.markup.escape(text))
    output.show(table)


def _plain(value):
    if isinstance(value, list | tuple):
        return ', '.join(map(str, value)) or '-'
    return '-' if value in (None, '') else str(value)


def enable(argv):
    """Have the agent run collectors, beside those that it runs already."""
    given, found = _asked('enable', enable.__doc__, argv)
    for name in given.names:
        _, problem = _load(name)
        if problem:
            # the agent would not start with it
            raise exceptions.InvalidConfiguration(problem)
    wanted = [n for n in given.names if n not in found.agent.collectors]
    collectors = [*found.agent.collectors, *wanted] if wanted else None
    disabled = [
        name
        for name in found.agent.disabled_collectors
        if name not in given.names
    ]
    return _change(given, collectors, disabled, 'enabled')


def disable(argv):
    """Have the agent not run collectors."""
    given, found = _asked('disable', disable.__doc__, argv)
    before = found.agent.disabled_collectors
    disabled = [*before, *(n for n in given.names if n not in before)]
    return _change(given, None, disabled, 'disabled')


def _asked(command, doc, argv):
    """
    :returns: the arguments, and the configuration as it is
    """
    parser = arguments.Parser(command, doc)
    parser.add_argument('names', nargs='+', metavar='COLLECTOR')
    arguments.add_config(parser)
    given = parser.parse_args(argv)
    given.names = list(dict.fromkeys(given.names))
    arguments.prepare(given)
    for name in given.names:
        _expect(name)
    return given, read(given)


def _change(given, collectors, disabled, expected):
    """Write the file, and look whether it has its effect."""
    path = _path(given)
    if collectors is None:
        collectors = _own_list(path)
    section = {'disabled_collectors': disabled}
    if collectors is not None:
        section['collectors'] = collectors
    configfile.write(path, configfile.render({'agent': section}, _HEAD))
    found = read(given)
    for name in given.names:
        if state(found, name) != expected:
            raise exceptions.InvalidConfiguration(
                f'{name} is not {expected}: a file that is read after '
                f'{path} says otherwise'
            )
    print(f'{", ".join(given.names)}: {expected} in {path}.')
    print(RESTART)
    return 0


def read(given):
    """What the files say just now, whatever was read before.

    :returns: `ConfigOpts` that knows our own options only
    """
    found = cfg.ConfigOpts()
    options.register_opts(found)
    words = [f'--config-file={path}' for path in given.config_file]
    words += [f'--config-dir={path}' for path in given.config_dir]
    found(words, project='sentinella', prog='sentinella-agent')
    return found


def _path(given):
    return os.path.join(
        given.config_dir[-1] if given.config_dir else DIRECTORY, FILE
    )


def _own_list(path):
    """
    :returns: the `collectors` that our own file names, or None
    """
    if not os.path.exists(path):
        return None
    found = cfg.ConfigOpts()
    options.register_opts(found)
    found([], default_config_files=[path], default_config_dirs=[])
    where = found.get_location('collectors', 'agent').location
    return found.agent.collectors if where.name == 'user' else None


def clear(argv):
    """Forget all that enable and disable have said."""
    parser = arguments.Parser('clear', clear.__doc__)
    arguments.add_config(parser)
    path = _path(parser.parse_args(argv))
    try:
        os.unlink(path)
    except FileNotFoundError:
        print(f'There is nothing to clear: no {path}.')
        return 0
    except OSError as error:
        raise exceptions.InvalidConfiguration(f'{path}: {error.strerror}')
    print(f'{path} is removed.')
    print(RESTART)
    return 0
