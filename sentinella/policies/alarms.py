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

LIST = 'sentinella:alarms:list'
SHOW = 'sentinella:alarms:show'
TRANSITIONS = 'sentinella:alarms:transitions'
ACKNOWLEDGE = 'sentinella:alarms:acknowledge'
RESOLVE = 'sentinella:alarms:resolve'

RULES = [
    base.read(LIST, 'List alarms.', 'GET /v1/alarms'),
    base.read(SHOW, 'Show an alarm.', 'GET /v1/alarms/{alarm_id}'),
    base.read(
        TRANSITIONS,
        "List an alarm's changes of state.",
        'GET /v1/alarms/{alarm_id}/transitions',
    ),
    base.write(
        ACKNOWLEDGE,
        base.MEMBER,
        'Say that somebody looks after an alarm.',
        'POST /v1/alarms/{alarm_id}/acknowledge',
    ),
    base.write(
        RESOLVE,
        base.MEMBER,
        'Say that an alarm is done with.',
        'POST /v1/alarms/{alarm_id}/resolve',
    ),
]
