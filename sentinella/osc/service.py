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

"""OpenStack's binaries on the servers."""

from sentinella.osc import base
from sentinella.osc import server


class ListService(base.List):
    """List services"""

    path = key = 'services'
    fields = ('server', 'name', 'state', 'since', 'reason')
    long_fields = ('project', 'restarts', 'pids', 'log_files', 'evidence')

    def add_filters(self, parser):
        parser.add_argument(
            '--server',
            metavar='<server>',
            help='Only those on this server (hostname or ID)',
        )
        parser.add_argument(
            '--name',
            metavar='<name>',
            help='Only those of this name, such as nova-scheduler',
        )
        parser.add_argument(
            '--state',
            choices=('UP', 'DOWN', 'UNDETERMINED'),
            type=str.upper,
            help='Only those in this state',
        )

    def query(self, args):
        return {
            'server': server.find_id(self.client, args.server),
            **base.given(args, 'name', 'state'),
        }
