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

"""Who may do what, one module per resource."""

from sentinella.policies import alarm_definitions
from sentinella.policies import alarms
from sentinella.policies import base
from sentinella.policies import channels
from sentinella.policies import drivers
from sentinella.policies import events
from sentinella.policies import logs
from sentinella.policies import metrics
from sentinella.policies import notifications
from sentinella.policies import reports
from sentinella.policies import servers
from sentinella.policies import services
from sentinella.policies import summary
from sentinella.policies import windows

RESOURCES = (
    base,
    alarm_definitions,
    alarms,
    channels,
    events,
    drivers,
    logs,
    metrics,
    notifications,
    reports,
    servers,
    services,
    summary,
    windows,
)


def list_rules():
    """What the sample policy's generator reads."""
    return [rule for resource in RESOURCES for rule in resource.RULES]
