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

WATCH = fields.query(
    state=fields.one_of(model.AlarmState),
    lifecycle=fields.one_of(model.Lifecycle),
    severity=fields.SEVERITY,
    server=fields.UUID,
    definition=fields.UUID,
)
