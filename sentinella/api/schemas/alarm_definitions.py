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

_EXPRESSION = {
    'type': 'string',
    'minLength': 1,
    'maxLength': 4096,
    'description': 'an expression of at most 4096 characters, such as '
    'avg(cpu.percent, 120) > 90',
}
_FIELDS = {
    'name': fields.NAME,
    'expression': _EXPRESSION,
    'tiers': {
        'type': 'object',
        'properties': {str(one): _EXPRESSION for one in model.Severity},
        'additionalProperties': False,
        'description': 'a mapping of severities to expressions',
    },
    'inhibited_by': {
        'type': 'array',
        'maxItems': 16,
        'uniqueItems': True,
        'items': fields.NAME,
        'description': 'a list of at most 16 different names of definitions',
    },
    'type': fields.one_of(model.ThresholdType),
    'severity': fields.SEVERITY,
    'match_by': {
        'type': 'array',
        'maxItems': 8,
        'uniqueItems': True,
        'items': {
            'type': 'string',
            'pattern': r'^[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z',
            'description': 'the name of a dimension',
        },
        'description': 'a list of at most 8 different dimensions',
    },
    'releases': {
        'type': 'string',
        'maxLength': 255,
        'description': 'bounds of OpenStack releases, such as >=2024.1',
    },
    'description': fields.TEXT,
    'cause': fields.TEXT,
    'remedy': fields.TEXT,
    'channels': {
        'type': 'array',
        'maxItems': 32,
        'uniqueItems': True,
        'items': fields.UUID,
        'description': 'a list of at most 32 different UUIDs of channels',
    },
    'enabled': fields.BOOLEAN,
    'project_id': fields.PROJECT_OR_NULL,
}

LIST = fields.listing(
    name=fields.WORD,
    enabled={'enum': ['true', 'false']},
    type=_FIELDS['type'],
    severity=fields.SEVERITY,
)
CREATE = fields.creation(('name', 'expression', 'severity'), **_FIELDS)
UPDATE = fields.change(**_FIELDS)
