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

_SIGNATURE = {
    'type': 'object',
    'properties': {
        'key': {
            'type': 'string',
            'maxLength': 64,
            'description': 'a public key in base64',
        },
        'value': {
            'type': 'string',
            'maxLength': 128,
            'pattern': r'^[A-Za-z0-9+/]*={0,2}\Z',
            'description': 'a signature in base64',
        },
    },
    'required': ['key', 'value'],
    'additionalProperties': False,
    'description': 'an object with a key and a value',
}

#: What :func:`sentinella.wire.to_wire` makes of a Signed.
SIGNED = fields.creation(
    ('body', 'signatures'),
    body={'type': 'string', 'minLength': 2, 'description': 'JSON in a string'},
    signatures={
        'type': 'array',
        'items': _SIGNATURE,
        'maxItems': 2,
        'description': 'a list of at most 2 signatures',
    },
)
