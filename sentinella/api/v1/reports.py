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

"""What agents say that can not reach the message bus."""

from sentinella.api import resource
from sentinella.api.expose import expose
from sentinella.api.schemas import reports as schemas
from sentinella.policies import reports as rules


class Registrations(resource.Resource):
    @expose('POST', policy=rules.REGISTER, body=schemas.SIGNED)
    def create(self, asked):
        return view(self.parts.ingest.register(asked.body, project(asked)))


class Reports(resource.Resource):
    @expose('POST', policy=rules.REPORT, body=schemas.SIGNED)
    def create(self, asked):
        return view(self.parts.ingest.report(asked.body, project(asked)))


def project(asked):
    """The only project whose servers this user may speak for."""
    mine = asked.context.project_id or ''
    if asked.may(rules.CLOUD, mine):
        return asked.parts.conf.service_project_id
    return mine


def view(receipt):
    return {'status': receipt.status, 'reason': receipt.reason}
