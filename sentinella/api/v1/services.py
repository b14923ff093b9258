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

"""OpenStack's binaries on the monitored nodes."""

from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import services as schemas
from sentinella.db import services
from sentinella.policies import services as rules


class Services(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        with self.parts.database.reader() as session:
            found = services.list_(
                session,
                project_id=asked.visible,
                **asked.filters,
                **asked.paging,
            )
        return asked.page('services', found, view, _marker)


def view(found):
    status = found.status
    return {
        'server_id': found.server.uuid,
        'server': found.server.hostname,
        'name': status.name,
        'project': status.project,
        'state': status.state,
        'since': times.show(status.since),
        'pids': list(status.pids),
        'log_files': list(status.log_files),
        'evidence': status.evidence,
        'reason': status.reason,
        'restarts': status.restarts,
    }


def _marker(shown):
    return f'{shown["server_id"]}/{shown["name"]}'
