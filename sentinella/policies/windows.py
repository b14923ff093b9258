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

LIST = 'sentinella:windows:list'
SHOW = 'sentinella:windows:show'
PREVIEW = 'sentinella:windows:preview'
CREATE = 'sentinella:windows:create'
UPDATE = 'sentinella:windows:update'
DELETE = 'sentinella:windows:delete'
ANY_PROJECT = 'sentinella:windows:any-project'

_ONE = '/v1/windows/{window_id}'

RULES = [
    base.read(LIST, 'List windows.', 'GET /v1/windows'),
    base.read(SHOW, 'Show a window.', f'GET {_ONE}'),
    base.read(
        PREVIEW,
        'Tell what a window covers, or would.',
        f'GET {_ONE}/preview',
        'POST /v1/windows/preview',
    ),
    base.write(CREATE, base.MEMBER, 'Create a window.', 'POST /v1/windows'),
    base.write(UPDATE, base.MEMBER, 'Change a window.', f'PATCH {_ONE}'),
    base.write(DELETE, base.MEMBER, 'Delete a window.', f'DELETE {_ONE}'),
    base.write(
        ANY_PROJECT,
        base.ADMIN,
        'Give a window to another project, or to all of them.',
        'POST /v1/windows',
        'POST /v1/windows/preview',
        f'PATCH {_ONE}',
    ),
]
