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

"""What services wrote at WARNING and above."""

from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import logs as schemas
from sentinella.db import log_events
from sentinella.policies import logs as rules


class Logs(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        with self.parts.database.reader() as session:
            found = log_events.list_(
                session,
                project_id=asked.visible,
                **asked.filters,
                **asked.paging,
            )
        return asked.page('logs', found, view)


def view(stored):
    event = stored.event
    return {
        'id': str(stored.id),
        'server_id': stored.server.uuid,
        'server': stored.server.hostname,
        'at': times.show(event.at),
        'last_at': times.show(event.last_at or event.at),
        'service': event.service,
        'level': event.level,
        'module': event.module,
        'request_id': event.request_id,
        'message': event.message,
        'traceback': event.traceback,
        'signature': event.signature,
        'count': event.count,
    }
