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

LIST = 'sentinella:alarm-definitions:list'
SHOW = 'sentinella:alarm-definitions:show'
CREATE = 'sentinella:alarm-definitions:create'
UPDATE = 'sentinella:alarm-definitions:update'
DELETE = 'sentinella:alarm-definitions:delete'
ANY_PROJECT = 'sentinella:alarm-definitions:any-project'

_ONE = '/v1/alarm-definitions/{definition_id}'

RULES = [
    base.read(LIST, 'List alarm definitions.', 'GET /v1/alarm-definitions'),
    base.read(SHOW, 'Show an alarm definition.', f'GET {_ONE}'),
    base.write(
        CREATE,
        base.MANAGER,
        'Create an alarm definition.',
        'POST /v1/alarm-definitions',
    ),
    base.write(
        UPDATE,
        base.MANAGER,
        'Change an alarm definition. Those that are shipped with '
        'Sentinella belong to no project, so only admins change them.',
        f'PATCH {_ONE}',
    ),
    base.write(
        DELETE,
        base.MANAGER,
        'Delete an alarm definition and its alarms.',
        f'DELETE {_ONE}',
    ),
    base.write(
        ANY_PROJECT,
        base.ADMIN,
        'Give an alarm definition to another project, or to all of them.',
        'POST /v1/alarm-definitions',
        f'PATCH {_ONE}',
    ),
]
