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

"""The monitored nodes."""

from sentinella import signing
from sentinella.api import resource
from sentinella.api import times
from sentinella.api import uptime
from sentinella.api.expose import expose
from sentinella.api.schemas import servers as schemas
from sentinella.api.v1 import server_view
from sentinella.db import clock
from sentinella.db import servers
from sentinella.policies import servers as rules


class Servers(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        with self.parts.database.reader() as session:
            found = servers.list_(
                session,
                project_id=asked.visible,
                **asked.filters,
                **asked.paging,
            )
        return asked.page('servers', found, view)

    @expose('GET {server_id}', policy=rules.SHOW)
    def show(self, asked, server_id):
        with self.parts.database.reader() as session:
            return view(servers.get(session, server_id, asked.visible))

    @expose('GET {server_id}/view', policy=rules.VIEW)
    def view(self, asked, server_id):
        with self.parts.database.reader() as session:
            server = servers.get(session, server_id, asked.visible)
            now = clock.read(session)
            shown = server_view.of(session, asked, server, now)
        return {
            'at': times.show(now),
            'server': view(server),
            'vital_signs': server_view.vital_signs(asked, server),
            **shown,
        }

    @expose(
        'GET {server_id}/uptime', policy=rules.UPTIME, query=schemas.UPTIME
    )
    def uptime(self, asked, server_id):
        with self.parts.database.reader() as session:
            server = servers.get(session, server_id, asked.visible)
            now = clock.read(session)
            return {'uptime': uptime.of(session, server, asked.query, now)}

    @expose('PATCH {server_id}', policy=rules.UPDATE, body=schemas.UPDATE)
    def update(self, asked, server_id):
        with self.parts.database.writer() as session:
            changed = servers.set_(
                session, server_id, asked.visible, **asked.body
            )
        return view(changed)

    @expose('DELETE {server_id}', policy=rules.DELETE, status=204)
    def delete(self, asked, server_id):
        with self.parts.database.writer() as session:
            servers.delete(session, server_id, asked.now, asked.visible)

    @expose(
        'POST {server_id}/accept', policy=rules.ACCEPT, body=schemas.ACCEPT
    )
    def accept(self, asked, server_id):
        with self.parts.database.writer() as session:
            accepted = servers.accept_key(
                session, server_id, asked.visible, **asked.body
            )
        return view(accepted)


def view(server):
    return {
        'id': server.uuid,
        'hostname': server.hostname,
        'project_id': server.project_id,
        'cloud_group': server.cloud_group,
        'location': server.location,
        'mode': server.mode,
        'facts': server.facts,
        'agent_version': server.agent_version,
        'interval': server.interval,
        'clock_offset': server.clock_offset,
        'dropped': server.dropped,
        'created_at': times.show(server.created_at),
        'last_report_at': times.show(server.last_report_at),
        'enrolment': server.enrolment,
        'fingerprint': signing.fingerprint(server.public_key),
        'candidate_fingerprint': signing.fingerprint(server.candidate_key),
        'refused': server.refused,
        'refused_at': times.show(server.refused_at),
    }
