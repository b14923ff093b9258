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

"""Reads the command lines of all commands but `run`."""

import argparse
import logging
import sys

from sentinella import service


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line.

    :param command: its name
    :param doc: what it does; the docstring of its function
    """

    def __init__(self, command, doc):
        super().__init__(
            prog=f'sentinella-agent {command}',
            description=' '.join(doc.split()),
            allow_abbrev=False,
        )

    def error(self, message):
        self.exit(2, f'{self.prog}: {message} (see --help)\n')


def add_config(parser):
    parser.add_argument(
        '--config-file',
        action='append',
        default=[],
        metavar='FILE',
        help='configuration; default: /etc/sentinella/sentinella.conf',
    )
    parser.add_argument(
        '--config-dir',
        action='append',
        default=[],
        metavar='DIR',
        help='all *.conf files in it, read after the others; default: '
        '/etc/sentinella/sentinella.conf.d',
    )


def add_format(parser):
    parser.add_argument(
        '--format',
        choices=('table', 'json'),
        default='table',
        help='default: table',
    )


def prepare(arguments):
    """Read the configuration that the arguments name.

    :returns: the `ConfigOpts`
    :raises InvalidConfiguration: it can't be used
    """
    given = [f'--config-file={path}' for path in arguments.config_file]
    given += [f'--config-dir={path}' for path in arguments.config_dir]
    # a log that root begins, the agent could not go on with
    given += ['--log-file=', '--log-dir=', '--nouse-syslog']
    return service.prepare(given, prog='sentinella-agent', report=False)


def be_quiet():
    """Log nothing from now on: the command tells all by itself."""
    logging.disable(logging.CRITICAL)
    # oslo.log's would log what nobody expected
    sys.excepthook = sys.__excepthook__
