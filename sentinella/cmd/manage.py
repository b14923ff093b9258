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
    added, updated = builtin.install(db.Database(conf))
    print(f'schema: {migration.version(conf)}')
    print(f'built-in alarm definitions: {added} added, {updated} updated')


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
    group = subparsers.add_parser('db', help='Care for the database')
    commands = group.add_subparsers(required=True, metavar='COMMAND')
    for function in (sync, version, purge):
        command = commands.add_parser(
            function.__name__,
            help=function.__doc__,
            description=function.__doc__,
        )
        command.set_defaults(run=function)
        if function is sync:
            command.add_argument('revision', nargs='?', default='heads')


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
