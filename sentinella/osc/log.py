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

"""What the services' logs said."""

from sentinella.osc import base
from sentinella.osc import server


class ListLog(base.List):
    """List log events, newest first"""

    path = key = 'logs'
    fields = ('at', 'server', 'service', 'level', 'message', 'count')
    long_fields = (
        'id',
        'last_at',
        'module',
        'request_id',
        'signature',
        'traceback',
    )
    limit = 100

    def add_filters(self, parser):
        parser.add_argument(
            '--server',
            metavar='<server>',
            help='Only those of this server (hostname or ID)',
        )
        parser.add_argument(
            '--service',
            metavar='<name>',
            help='Only those of this service, such as nova-compute',
        )
        parser.add_argument(
            '--level',
            choices=('WARNING', 'ERROR', 'CRITICAL'),
            type=str.upper,
            help='Only those of this level',
        )
        parser.add_argument(
            '--signature',
            metavar='<name>',
            help='Only those of this known pattern',
        )
        for name in ('since', 'until'):
            parser.add_argument(
                f'--{name}',
                metavar='<time>',
                type=base.moment,
                help='ISO 8601, or such as 90m for that long ago',
            )

    def query(self, args):
        return {
            'server': server.find_id(self.client, args.server),
            **base.given(
                args, 'service', 'level', 'signature', 'since', 'until'
            ),
        }
