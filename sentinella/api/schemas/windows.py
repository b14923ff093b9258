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

from sentinella import model
from sentinella.api.schemas import fields

_MODE = {'enum': [model.Mode.MAINTENANCE, model.Mode.BLACKOUT]}


_FIELDS = {
    'name': fields.NAME,
    'mode': _MODE,
    'starts_at': fields.TIME,
    'ends_at': fields.TIME,
    'rrule': {
        'type': 'string',
        'maxLength': 255,
        'description': 'a recurrence rule of at most 255 characters, such as '
        'FREQ=WEEKLY;BYDAY=SU',
    },
    'timezone': fields.TIMEZONE,
    'until': {
        **fields.TIME,
        'type': ['string', 'null'],
        'description': 'a time such as 2026-01-31T12:00:00Z, or null',
    },
    'servers': fields.several(fields.UUID, 'UUIDs of servers'),
    'cloud_groups': fields.several(fields.WORD, 'names of cloud groups'),
    'services': fields.several(fields.WORD, 'names of services'),
    'definitions': fields.several(fields.UUID, 'UUIDs of alarm definitions'),
    'reason': fields.TEXT,
    'project_id': fields.PROJECT_OR_NULL,
}

LIST = fields.listing(
    name=fields.WORD,
    mode=_MODE,
    over={'enum': ['true', 'false']},
)
CREATE = fields.creation(('name', 'mode', 'starts_at', 'ends_at'), **_FIELDS)
UPDATE = fields.change(**_FIELDS)
