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

"""sentinella-status"""

import sys

from oslo_upgradecheck import upgradecheck

from sentinella import exceptions
from sentinella import model
from sentinella import service
from sentinella import vault as vaults
from sentinella.cmd import secrets
from sentinella.db import database as db
from sentinella.db import migration
from sentinella.db import notifications
from sentinella.db import servers

#: The database's own errors, in place of a schema that can be asked.
UNREACHABLE = (
    exceptions.SentinellaError,
    *db.FAILURES,
    ImportError,
)


def _result(code, details=None):
    return upgradecheck.Result(upgradecheck.Code[code], details)


class Checks(upgradecheck.UpgradeCommands):
    """Whether the services can be started."""

    conf = None

    def check_schema(self):
        """The schema is the one that this release expects."""
        try:
            present, expected = migration.version(self.conf), migration.head()
        except UNREACHABLE as error:
            return _result('FAILURE', db.explain(error, self.conf))
        if present != expected:
            return _result(
                'FAILURE',
                f'The schema is at {present or "none"}, not {expected}: run '
                'sentinella-manage db sync',
            )
        return _result('SUCCESS')

    def check_notifications(self):
        """No notification was given up."""
        try:
            database = db.Database(self.conf)
            with database.reader() as session:
                dead = notifications.count(
                    session, model.NotificationState.DEAD
                )
        except UNREACHABLE as error:
            return _result('FAILURE', db.explain(error, self.conf))
        if dead:
            return _result(
                'WARNING',
                f'{dead} notifications were given up: see openstack '
                'sentinella notification list --state DEAD',
            )
        return _result('SUCCESS')

    def check_keys(self):
        """Every server that reported is known by a key."""
        try:
            database = db.Database(self.conf)
            with database.reader() as session:
                names = servers.without_key(session)
        except UNREACHABLE as error:
            return _result('FAILURE', db.explain(error, self.conf))
        if names:
            more = f' and {len(names) - 5} more' if len(names) > 5 else ''
            return _result(
                'WARNING',
                f'{len(names)} servers report nothing any more until their '
                'agents are upgraded, or their keys accepted: '
                f'{", ".join(names[:5])}{more}',
            )
        return _result('SUCCESS')

    def check_secrets(self):
        """What channels keep secret is sealed, and can be opened."""
        try:
            vault = vaults.Vault(self.conf)
            found = secrets.survey(db.Database(self.conf), vault)
        except UNREACHABLE as error:
            return _result('FAILURE', db.explain(error, self.conf))
        if found.lost:
            return _result(
                'FAILURE',
                f'The settings of {len(found.lost)} channels can not be '
                'read, none of [notifier] secret_keys is theirs: '
                f'{secrets.names(found.lost)}',
            )
        if found.plain:
            return _result(
                'WARNING',
                f'The settings of {len(found.plain)} channels are in the '
                f'database as they are: {secrets.names(found.plain)}. Run '
                'sentinella-manage secrets rotate with a key in [notifier] '
                'secret_keys',
            )
        return self._keys(vault, found)

    def _keys(self, vault, found):
        if not vault.has_key:
            return _result(
                'WARNING',
                'There is no key in [notifier] secret_keys: no channel with '
                'settings can be made. sentinella-manage secrets key makes '
                'one',
            )
        if found.old:
            return _result(
                'WARNING',
                f'The settings of {len(found.old)} channels are sealed with '
                'an old key: run sentinella-manage secrets rotate before it '
                'is removed',
            )
        return _result('SUCCESS')

    _upgrade_checks = (
        ('Schema', check_schema),
        ('Notifications', check_notifications),
        ('Keys of agents', check_keys),
        ('Secrets of channels', check_secrets),
    )


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    checks = Checks()

    def extend(conf):
        upgradecheck.register_cli_options(conf, checks)
        db.register_opts(conf, max_retries=0)

    try:
        conf = service.prepare(argv, prog='sentinella-status', extend=extend)
    except exceptions.SentinellaError as error:
        service.exit_with(error)
    checks.conf = conf
    # where oslo.upgradecheck looks for --json
    upgradecheck.CONF = conf
    return upgradecheck.run(conf)
