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

#: Seconds: a minute to a week.
_WHILE = (60, 604800)

_CLOCK = {
    'type': 'string',
    'pattern': r'^([01][0-9]|2[0-3]):[0-5][0-9]\Z',
    'description': 'a time of day such as 22:00',
}

_QUIET = {
    'type': ['object', 'null'],
    'required': ['from', 'to'],
    'additionalProperties': False,
    'properties': {
        'from': _CLOCK,
        'to': _CLOCK,
        'timezone': fields.TIMEZONE,
        'max_severity': fields.SEVERITY,
    },
    'description': 'an object with from and to, or null',
}


def _or_null(schema):
    return {
        **schema,
        'type': [schema['type'], 'null'],
        'description': f'{schema["description"]}, or null',
    }


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
    'services': fields.several(fields.WORD, 'names of services'),
    'cloud_groups': fields.several(fields.WORD, 'names of cloud groups'),
    'definitions': fields.several(fields.UUID, 'UUIDs of alarm definitions'),
    'repeat_interval': _or_null(fields.integer(*_WHILE)),
    'escalate_after': _or_null(fields.integer(*_WHILE)),
    'escalate_to': _or_null(fields.UUID),
    'escalations_only': fields.BOOLEAN,
    'quiet': _QUIET,
    'rate': _or_null(fields.integer(1, 6000)),
    'digest_over': fields.integer(1, 1000),
    'project_id': fields.PROJECT,
}

LIST = fields.listing(name=fields.WORD)
CREATE = fields.creation(('name', 'driver', 'settings'), **_FIELDS)
UPDATE = fields.change(**_FIELDS)
TEST = fields.creation(())
