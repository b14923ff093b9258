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

"""sentinella-agent: watch this node, and the commands around that."""

import dataclasses
import importlib
import os
import sys
import textwrap

from sentinella import exceptions
from sentinella import version

PROG = 'sentinella-agent'


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """
    :ivar place: module of this package, and the function in it that is given
        the command's arguments and returns the exit code
    :ivar help: what it does, in a line
    """

    place: str
    help: str


#: Each module is imported when its command is asked for, and not before: the
#: agent runs for months on every node, and would keep in memory all that
#: tables, questions and pip need.
COMMANDS = {
    'run': Command('run:run', 'watch this node until stopped'),
    'init': Command(
        'init:init', "write this node's configuration and make its key"
    ),
    'check': Command(
        'check:check', 'say what works, what does not, and what to do'
    ),
    'once': Command(
        'once:once', 'print what it would report just now, and send nothing'
    ),
    'discover': Command(
        'discover:discover', 'show the services that it finds on this node'
    ),
    'list': Command(
        'collectors:list_collectors', 'list the collectors and their states'
    ),
    'show': Command('collectors:show', 'show all about one collector'),
    'enable': Command('collectors:enable', 'have collectors run'),
    'disable': Command('collectors:disable', 'have collectors not run'),
    'clear': Command(
        'collectors:clear', 'forget what enable and disable have said'
    ),
    'install': Command(
        'packages:install', 'install packages that have collectors'
    ),
    'upgrade': Command(
        'packages:upgrade', 'bring such packages to their latest version'
    ),
    'reinstall': Command('packages:reinstall', 'install such packages anew'),
    'identity': Command(
        'keys:show', "show the server's UUID and its key's fingerprint"
    ),
    'rotate-key': Command('keys:rotate', 'have the key changed'),
    'parse-log': Command('parse_log:parse_log', 'show what it reads in logs'),
}

#: Options that may also stand before the command, each with a value.
_BEFORE = ('--config-file', '--config-dir')


def main(argv=None):
    """
    :returns: exit code: 0, 1 for what failed, 2 for what was asked wrongly
    """
    argv = sys.argv[1:] if argv is None else argv
    if argv in (['-h'], ['--help'], ['help']):
        print(overview())
        return 0
    if argv == ['--version']:
        print(PROG, version.version_string())
        return 0
    try:
        name, arguments = split(argv)
        module, _, function = COMMANDS[name].place.partition(':')
        module = importlib.import_module(f'{__name__}.{module}')
        return getattr(module, function)(arguments)
    except exceptions.InvalidInput as error:
        print(f'{PROG}: {error}', file=sys.stderr)
        return 2
    except exceptions.SentinellaError as error:
        print(f'{PROG}: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:
        # of a reader such as head, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130


def split(argv):
    """Find the command in a command line.

    Without one, as in `sentinella-agent --config-file FILE`, it is `run`.

    :returns: its name, and all the other words
    :raises InvalidInput: there is no such command
    """
    before, rest = [], list(argv)
    while rest and rest[0].startswith(_BEFORE):
        # the value is the next word, or follows a =
        size = 2 if rest[0] in _BEFORE else 1
        before, rest = before + rest[:size], rest[size:]
    if not rest or rest[0].startswith('-'):
        return 'run', before + rest
    if rest[0] not in COMMANDS:
        raise exceptions.InvalidInput(_unknown(rest[0]))
    return rest[0], before + rest[1:]


def _unknown(name):
    # not for an agent that runs for months
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, 1)
    hint = f'did you mean {near[0]!r}?' if near else 'see --help'
    return f'there is no command {name!r}: {hint}'


def overview():
    """All commands, for --help."""
    width = max(map(len, COMMANDS)) + 4
    lines = [
        textwrap.fill(
            command.help,
            width=79,
            initial_indent=f'  {name}'.ljust(width),
            subsequent_indent=' ' * width,
        )
        for name, command in COMMANDS.items()
    ]
    return '\n'.join(
        [
            f'usage: {PROG} [--config-file FILE] [--config-dir DIR] '
            '[COMMAND] ...',
            '',
            'Watches this OpenStack node. Commands, each with a --help of '
            'its own:',
            '',
            *lines,
            '',
            f'Without a command it is "{PROG} run".',
            f'"{PROG} --version" tells the version.',
        ]
    )
