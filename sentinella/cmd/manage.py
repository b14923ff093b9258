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

"""sentinella-manage"""

import sys

from oslo_config import cfg

from sentinella import exceptions
from sentinella import plugins
from sentinella import service
from sentinella.cmd import secrets
from sentinella.conductor import housekeeping
from sentinella.db import database as db
from sentinella.db import migration
from sentinella.evaluator import builtin

#: What a person at a terminal is told in one line.
EXPECTED = (
    exceptions.SentinellaError,
    *db.FAILURES,
    ImportError,
)


def sync(conf):
    """Bring the schema and the built-in definitions to this release's."""
    migration.sync(conf, conf.command.revision)
    synced = builtin.install(db.Database(conf))
    print(f'schema: {migration.version(conf)}')
    report(synced)


def report(synced):
    """Print what became of the built-in definitions."""
    print(
        f'built-in alarm definitions: {len(synced.added)} added, '
        f'{len(synced.updated)} updated, {len(synced.removed)} removed'
    )
    for note in synced.notes:
        print(f'  {note}')


def version(conf):
    """Print the schema's version."""
    print(migration.version(conf) or 'none')


def purge(conf):
    """Remove what is older than [storage] keeps, as conductors do."""
    database = db.Database(conf)
    storage = plugins.load(
        'sentinella.storage', conf.storage.driver, conf, database
    )
    housekeeping.Housekeeping(conf, database, storage).work()


def _add_commands(subparsers):
    of_db = _add_group(
        subparsers, 'db', 'Care for the database', (sync, version, purge)
    )
    of_db['sync'].add_argument('revision', nargs='?', default='heads')
    _add_group(
        subparsers,
        'secrets',
        "Care for the keys of channels' settings",
        (secrets.key, secrets.rotate),
    )


def _add_group(subparsers, name, text, functions):
    """
    :returns: mapping of names of commands to their parsers
    """
    group = subparsers.add_parser(name, help=text)
    commands = group.add_subparsers(required=True, metavar='COMMAND')
    made = {}
    for function in functions:
        command = commands.add_parser(
            function.__name__,
            help=function.__doc__,
            description=function.__doc__,
        )
        command.set_defaults(run=function)
        made[function.__name__] = command
    return made


def _extend(conf):
    conf.register_cli_opt(cfg.SubCommandOpt('command', handler=_add_commands))
    # the person who waits can try again
    db.register_opts(conf, max_retries=0)


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    conf = None
    try:
        conf = service.prepare(argv, prog='sentinella-manage', extend=_extend)
        conf.command.run(conf)
    except EXPECTED as error:
        service.exit_with(db.explain(error, conf))
    return 0
