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

_PLACE = {
    'type': 'string',
    'maxLength': 255,
    'description': 'at most 255 characters',
}

LIST = fields.listing(
    hostname=fields.WORD,
    mode=fields.MODE,
    cloud_group=fields.WORD,
    enrolment=fields.one_of(model.Enrolment),
)
UPDATE = fields.change(mode=fields.MODE, cloud_group=_PLACE, location=_PLACE)
UPTIME = fields.query(
    service=fields.WORD, since=fields.TIME, until=fields.TIME
)
ACCEPT = fields.creation(
    (),
    fingerprint={
        'type': 'string',
        'pattern': r'^SHA256:[A-Za-z0-9+/]{43}\Z',
        'maxLength': 50,
        'description': 'a fingerprint such as SHA256: and 43 characters',
    },
)
