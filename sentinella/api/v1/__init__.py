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

"""Version 1: the table of contents."""

from sentinella.api import microversion
from sentinella.api import resource
from sentinella.api.expose import expose
from sentinella.api.v1 import alarm_definitions
from sentinella.api.v1 import alarms
from sentinella.api.v1 import channels
from sentinella.api.v1 import events
from sentinella.api.v1 import drivers
from sentinella.api.v1 import logs
from sentinella.api.v1 import metrics
from sentinella.api.v1 import notifications
from sentinella.api.v1 import reports
from sentinella.api.v1 import servers
from sentinella.api.v1 import services
from sentinella.api.v1 import summary
from sentinella.api.v1 import windows


class V1(resource.Resource):
    children = {
        'alarm-definitions': alarm_definitions.AlarmDefinitions,
        'alarms': alarms.Alarms,
        'channels': channels.Channels,
        'drivers': drivers.Drivers,
        'events': events.Events,
        'logs': logs.Logs,
        'metrics': metrics.Metrics,
        'notifications': notifications.Notifications,
        'registrations': reports.Registrations,
        'reports': reports.Reports,
        'servers': servers.Servers,
        'services': services.Services,
        'summary': summary.Summary,
        'windows': windows.Windows,
    }

    @expose('GET', policy=None)
    def show(self, asked):
        """This version."""
        return {'version': describe(asked.root)}


def describe(root):
    """What discovery tells of this version."""
    return {
        'id': 'v1.0',
        'status': 'CURRENT',
        'min_version': microversion.text(microversion.MIN),
        'max_version': microversion.text(microversion.MAX),
        'version': microversion.text(microversion.MAX),
        'links': [{'rel': 'self', 'href': f'{root}/v1/'}],
    }
