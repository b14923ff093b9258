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

"""Maintenance that follows from services that an operator disabled."""

from sentinella import model
from sentinella.db import ledger
from sentinella.db import services
from sentinella.knowledge import cloud


def covered(statuses, hosts, project_id):
    """
    :param statuses: ServiceStatuses of the server `cloud`
    :param hosts: mapping of hostnames to lists of Servers
    :param project_id: of the cloud's own servers: a project's server is not
        the cloud's, whatever its name
    :returns: set of (Server's id, its UUID, service's name). One that has
        several parts there, as cinder-volume has backends, is disabled where
        all of them are.
    """
    parts = {}
    for status in statuses:
        binary, _, rest = status.name.partition('@')
        host = rest.partition('@')[0]
        disabled = cloud.disabled_by_operator(status)
        parts.setdefault((binary, host), []).append(disabled)
    return {
        (server.id, server.uuid, binary)
        for (binary, host), disabled in parts.items()
        if host and all(disabled)
        for server in hosts.get(host, ())
        if server.project_id == project_id
    }


def window(uuid, service, project_id):
    return model.Window(
        uuid='',
        name=f'{service} is disabled',
        project_id=project_id,
        mode=model.Mode.MAINTENANCE,
        starts_at=0.0,
        ends_at=float('inf'),
        servers=(uuid,),
        services=(service,),
    )


class Disabled:
    """Keeps the ledger of it as well, for uptimes."""

    def __init__(self, conf, database):
        self._implies = conf.evaluator.disabled_implies_maintenance
        self._project_id = conf.service_project_id
        self._database = database
        self._known = None

    def windows(self, hosts, now):
        """
        :param hosts: mapping of hostnames to lists of Servers
        :returns: list of Windows that are in force
        """
        found = self._covered(hosts)
        kept = {(id_, service) for id_, _, service in found}
        if kept != self._known:
            # where it was configured before, there may be some to end
            self._database.write(
                lambda session: ledger.imply(session, kept, now)
            )
            self._known = kept
        return [
            window(uuid, service, self._project_id)
            for _, uuid, service in sorted(found)
        ]

    def _covered(self, hosts):
        if not self._implies:
            return set()
        with self._database.reader() as session:
            found = services.list_(session, limit=None, server=cloud.SERVER)
        statuses = [one.status for one in found]
        return covered(statuses, hosts, self._project_id)
