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

"""Prepares a node: its configuration and its key."""

import contextlib
import dataclasses
import getpass
import os
import pwd
import sys

from sentinella import exceptions
from sentinella import plugins
from sentinella import service
from sentinella.agent import identity
from sentinella.agent import state
from sentinella.cmd.agent import arguments
from sentinella.cmd.agent import configfile
from sentinella.cmd.agent import discover
from sentinella.cmd.agent import keys
from sentinella.cmd.agent import legacy
from sentinella.cmd.agent import trial
from sentinella.knowledge import services
from sentinella.rpc import transport

CONFIG = '/etc/sentinella/sentinella.conf'
VARIABLE = 'SENTINELLA_TRANSPORT_URL'
_HEAD = """\
The agent of this node; "sentinella-agent check" looks whether it is right.
All options: https://docs.openstack.org/sentinella/latest/configuration/"""


@dataclasses.dataclass(slots=True)
class Wanted:
    """What is to be written, as far as it is known.

    :ivar options: {(section, option): value}
    """

    options: dict

    def get(self, option, section='agent'):
        return self.options.get((section, option), '')

    def set(self, value, option, section='agent'):
        """Leave out what was not said."""
        if value in (None, '', []):
            self.options.pop((section, option), None)
        else:
            self.options[section, option] = value

    def sections(self):
        found = {'DEFAULT': {}, 'agent': {}}
        for (section, option), value in self.options.items():
            found[section][option] = value
        return found


def init(argv):
    """Write this node's configuration and make its key. It asks for what it
    can not know, with what it finds as defaults; with --yes it asks nothing.
    """
    given = _parse(argv)
    if not given.yes and not sys.stdin.isatty():
        raise exceptions.InvalidInput(
            'init: there is no terminal to ask questions at, use --yes'
        )
    if os.path.exists(given.config_file) and not given.force:
        _may_replace(given)
    conf = service.prepare(
        ['--log-file=', '--log-dir='],
        prog='sentinella-agent',
        default_config_files=[],
        report=False,
    )
    arguments.be_quiet()
    wanted = _known(given, conf)
    if not given.yes:
        _ask(wanted, conf)
    _expect_bus(wanted, conf)
    _validate(wanted, conf)
    me = _identity(conf.state_path)
    text = configfile.render(wanted.sections(), _HEAD)
    configfile.write(given.config_file, text)
    print(f'\n{given.config_file} is written.\n')
    keys.tell(me)
    if given.https:
        print('\nPut the credential into [agent_rest] of that file now.')
    print(
        '\nNext: "sentinella-agent check" says whether all is well, and\n'
        '"systemctl enable --now sentinella-agent" starts it. Where servers\n'
        'have to be accepted first, an operator compares the fingerprint.'
    )
    return 0


def _parse(argv):
    parser = arguments.Parser('init', init.__doc__)
    parser.add_argument(
        '--yes', '-y', action='store_true', help='ask nothing, take defaults'
    )
    parser.add_argument(
        '--force',
        action='store_true',
        help='replace the file where there is one',
    )
    parser.add_argument(
        '--config-file',
        default=CONFIG,
        metavar='FILE',
        help='what is written; default: %(default)s',
    )
    parser.add_argument(
        '--import',
        dest='legacy',
        metavar='FILE',
        help='sentinella.conf of the agent of 2016, in JSON: what of it still '
        'has a meaning is taken over, and the rest is listed',
    )
    parser.add_argument(
        '--transport-url',
        metavar='URL',
        help='of the message bus. It holds a password, which others on this '
        'node can see on the command line: rather use --from-env',
    )
    parser.add_argument(
        '--from-env',
        nargs='?',
        const=VARIABLE,
        metavar='VARIABLE',
        help='take the URL of the message bus from the environment; default: '
        f'{VARIABLE}',
    )
    parser.add_argument(
        '--https',
        action='store_true',
        help='use the REST API, for a node that can not reach the message '
        'bus; the credential goes to [agent_rest] by hand',
    )
    for option, text in (
        ('host', 'name of this node; default: that of the system'),
        ('cloud-group', 'cloud or region that it belongs to'),
        ('location', 'where it stands'),
        ('interval', 'seconds between two reports; default: 10'),
        ('state-path', 'directory of its own; default: /var/lib/sentinella'),
    ):
        parser.add_argument(f'--{option}', help=text)
    parser.add_argument(
        '--exclude',
        action='append',
        default=[],
        metavar='SERVICE',
        help='do not watch this service though it is found here',
    )
    return parser.parse_args(argv)


def _may_replace(given):
    if given.yes:
        raise exceptions.InvalidConfiguration(
            f'{given.config_file} is there already: --force replaces it'
        )
    answer = _input(f'{given.config_file} is there already. Replace it?', 'no')
    if answer.lower() not in ('y', 'yes'):
        raise exceptions.InvalidConfiguration(
            f'{given.config_file} is left as it is'
        )


def _known(given, conf):
    """What the old file and the command line say; the latter wins."""
    wanted = Wanted({})
    if given.legacy:
        catalog = services.load(conf.agent.services_file)
        _take_over(legacy.read(given.legacy, catalog), wanted, conf)
    url = given.transport_url
    if given.from_env:
        url = os.environ.get(given.from_env)
        if not url:
            raise exceptions.InvalidInput(
                f'init: {given.from_env} is not in the environment'
            )
    for value, option, section in (
        (url, 'transport_url', 'DEFAULT'),
        (given.host, 'host', 'DEFAULT'),
        (given.state_path, 'state_path', 'DEFAULT'),
        (given.cloud_group, 'cloud_group', 'agent'),
        (given.location, 'location', 'agent'),
        (given.interval, 'interval', 'agent'),
        (given.exclude, 'exclude_services', 'agent'),
        (['https'] if given.https else None, 'routes', 'agent'),
    ):
        if value:
            wanted.set(value, option, section)
    return wanted


def _take_over(old, wanted, conf):
    """Use what an old file says, and tell what not."""
    wanted.options.update(old.options)
    more = [
        name
        for name in old.enabled
        if name not in conf.agent.collectors and _is_there(name)
    ]
    if more:
        wanted.set([*conf.agent.collectors, *more], 'collectors')
    wanted.set(old.disabled, 'disabled_collectors')
    wanted.set(old.excluded, 'exclude_services')
    print(f'Taken over: {", ".join(old.used) or "nothing"}')
    if old.unused:
        print('Not used:')
    for name, why in old.unused.items():
        print(f'  {name}: {why}')


def _is_there(name):
    """Whether a collector can be loaded; the agent needs those it names."""
    try:
        plugins.load_class(trial.NAMESPACE, name)
    except exceptions.InvalidConfiguration as error:
        print(f'Not enabled: {error}')
        return False
    return True


def _ask(wanted, conf):
    """Ask a person, with what is known already as the defaults."""
    for option, section, question, default in (
        ('host', 'DEFAULT', 'Name of this node', conf.host),
        ('cloud_group', 'agent', 'Cloud or region it belongs to', ''),
        ('location', 'agent', 'Where it stands', ''),
        ('interval', 'agent', 'Seconds between two reports', '10'),
    ):
        known = wanted.get(option, section)
        answer = _input(question, known or default)
        # a default is not written down: it may change with a release
        wanted.set(answer if answer != default else '', option, section)
    found = discover.discovered(conf)
    names = [entry['service'] for entry in found]
    print(f'Services found here: {", ".join(names) or "none"}')
    known = ','.join(wanted.get('exclude_services') or [])
    answer = _input('Services not to watch, with commas', known)
    wanted.set(
        [name.strip() for name in answer.split(',') if name.strip()],
        'exclude_services',
    )
    if wanted.get('routes'):
        return
    known = wanted.get('transport_url', 'DEFAULT')
    hint = 'Enter keeps the one known' if known else 'it is not shown'
    url = getpass.getpass(
        f'URL of the message bus, rabbit://user:password@host:5672/ ({hint}): '
    )
    wanted.set(url.strip() or known, 'transport_url', 'DEFAULT')


def _input(question, default):
    shown = f' [{default}]' if default else ''
    try:
        return input(f'{question}{shown}: ').strip() or str(default)
    except EOFError:
        raise exceptions.InvalidInput('init: no answer came')


def _expect_bus(wanted, conf):
    url = wanted.get('transport_url', 'DEFAULT')
    if url:
        transport.get_transport(conf, url).cleanup()
    elif wanted.get('routes') != ['https']:
        raise exceptions.InvalidInput(
            'init: the URL of the message bus is needed: --from-env takes it '
            f'from the variable {VARIABLE}; --https does without'
        )


def _validate(wanted, conf):
    """Have each value looked at by the option that it is for.

    :raises InvalidInput: one of them can't be used; names it
    """
    for (section, option), value in wanted.options.items():
        group = None if section == 'DEFAULT' else section
        if option == 'transport_url':
            continue
        try:
            conf.set_override(option, value, group=group)
            # an option of another type, from the command line's text
            (conf[group] if group else conf)[option]
        except ValueError as error:
            raise exceptions.InvalidInput(f'init: {option}: {error}')
    catalog = services.load(conf.agent.services_file)
    for name in wanted.get('exclude_services'):
        if name not in catalog.kinds:
            raise exceptions.InvalidInput(
                f'init: there is no service {name!r}; "sentinella-agent '
                'discover" shows those of this node'
            )


def _identity(state_path):
    """
    :returns: the Identity, made where there was none; of the agent's user
        where root makes it
    """
    path = os.path.join(state_path, 'agent')
    try:
        _make_directory(state_path)
        _make_directory(path)
    except OSError as error:
        raise exceptions.InvalidConfiguration(
            f'state_path {state_path}: {error.strerror}'
        )
    return identity.Identity(state.State(path))


def _make_directory(path):
    if os.path.isdir(path):
        return
    os.makedirs(path, mode=0o750)
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(configfile.USER)
            os.chown(path, entry.pw_uid, entry.pw_gid)
