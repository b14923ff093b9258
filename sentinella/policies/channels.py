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

LIST = 'sentinella:channels:list'
SHOW = 'sentinella:channels:show'
CREATE = 'sentinella:channels:create'
UPDATE = 'sentinella:channels:update'
DELETE = 'sentinella:channels:delete'
TEST = 'sentinella:channels:test'
ANY_PROJECT = 'sentinella:channels:any-project'

_ONE = '/v1/channels/{channel_id}'

RULES = [
    base.read(LIST, 'List channels.', 'GET /v1/channels'),
    base.read(SHOW, 'Show a channel, its secrets hidden.', f'GET {_ONE}'),
    base.write(CREATE, base.MANAGER, 'Create a channel.', 'POST /v1/channels'),
    base.write(UPDATE, base.MANAGER, 'Change a channel.', f'PATCH {_ONE}'),
    base.write(DELETE, base.MANAGER, 'Delete a channel.', f'DELETE {_ONE}'),
    base.write(
        TEST,
        base.MANAGER,
        'Send a test message through a channel.',
        f'POST {_ONE}/test',
    ),
    base.write(
        ANY_PROJECT,
        base.ADMIN,
        'Give a channel to another project.',
        'POST /v1/channels',
        f'PATCH {_ONE}',
    ),
]
