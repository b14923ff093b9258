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

"""Servers that processes of our own speak for, rather than agents.

What they report goes the way of all reports, signed. Only their registration
has no need to be believed.
"""

from sentinella.db import clock
from sentinella.db import servers


def adopt(database, registration, project_id):
    """Make known a server that this very process speaks for from now on.

    Whoever spoke for it before, rightly or not, does so no more.

    :param registration: a Registration with the key that is to be believed
    :param project_id: that the server belongs to
    """

    def register(session):
        now = clock.read(session)
        known = servers.hold(session, registration, project_id, now)
        server = servers.register(
            session,
            known,
            registration,
            project_id,
            public_key=registration.public_key,
            candidate_key='',
            registration_counter=registration.counter,
        )
        servers.accept(session, {server.id: server.sequence}, now)

    database.write(register)
