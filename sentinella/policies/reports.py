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

"""Who may send what agents say over HTTPS."""

from sentinella.policies import base

REGISTER = 'sentinella:registrations:create'
REPORT = 'sentinella:reports:create'
CLOUD = 'sentinella:reports:cloud'

_SENDER = f'{base.MEMBER} or {base.SERVICE}'

RULES = [
    base.write(
        REGISTER,
        _SENDER,
        "Register a server's agent, into the token's project.",
        'POST /v1/registrations',
    ),
    base.write(
        REPORT,
        _SENDER,
        "Hand over a report of a server of the token's project.",
        'POST /v1/reports',
    ),
    base.write(
        CLOUD,
        f'{base.ADMIN} or {base.SERVICE}',
        "Do both for the cloud's own servers instead, those of "
        '[DEFAULT] service_project_id.',
        'POST /v1/registrations',
        'POST /v1/reports',
    ),
]
