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

from sentinella.policies import base

LIST = 'sentinella:servers:list'
SHOW = 'sentinella:servers:show'
UPDATE = 'sentinella:servers:update'
DELETE = 'sentinella:servers:delete'
VIEW = 'sentinella:servers:view'
UPTIME = 'sentinella:servers:uptime'
ACCEPT = 'sentinella:servers:accept'

RULES = [
    base.read(LIST, 'List servers.', 'GET /v1/servers'),
    base.read(SHOW, 'Show a server.', 'GET /v1/servers/{server_id}'),
    base.read(
        VIEW,
        'Show a server with its vital signs, services, alarms, log events '
        'and uptimes; those parts of it whose own rules allow it.',
        'GET /v1/servers/{server_id}/view',
    ),
    base.read(
        UPTIME,
        'Tell for how long a server and its services were up.',
        'GET /v1/servers/{server_id}/uptime',
    ),
    base.write(
        UPDATE,
        base.MEMBER,
        "Set a server's mode, cloud group or location.",
        'PATCH /v1/servers/{server_id}',
    ),
    base.write(
        DELETE,
        base.MANAGER,
        'Forget a server that is gone, with all that it reported.',
        'DELETE /v1/servers/{server_id}',
    ),
    # no more than to forget it, and have it register anew
    base.write(
        ACCEPT,
        base.MANAGER,
        'Accept the key that a server asks to be known by.',
        'POST /v1/servers/{server_id}/accept',
    ),
]
