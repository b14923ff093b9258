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

from sentinella.api.schemas import fields

_FIELDS = {
    'name': fields.NAME,
    'driver': {
        'type': 'string',
        'pattern': r'^[a-z0-9_-]{1,64}\Z',
        'description': "a notification driver's name",
    },
    'settings': {
        'type': 'object',
        'writeOnly': True,
        'description': "an object of the driver's settings",
    },
    'min_severity': fields.SEVERITY,
    'enabled': fields.BOOLEAN,
    'project_id': fields.PROJECT,
}

LIST = fields.listing(name=fields.WORD)
CREATE = fields.creation(('name', 'driver', 'settings'), **_FIELDS)
UPDATE = fields.change(**_FIELDS)
TEST = fields.creation(())
