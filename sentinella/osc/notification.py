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

"""What was told to whom: the outbox."""

from sentinella.osc import base
from sentinella.osc import channel


class ListNotification(base.List):
    """List notifications with their attempts and outcome, newest first"""

    path = key = 'notifications'
    fields = (
        'created_at',
        'channel',
        'to_state',
        'state',
        'attempts',
        'last_error',
    )
    long_fields = ('id', 'alarm_id', 'next_attempt_at', 'delivered_at')
    limit = 100

    def add_filters(self, parser):
        parser.add_argument(
            '--state',
            choices=('PENDING', 'SENT', 'DEAD'),
            type=str.upper,
            help='Only those in this state',
        )
        parser.add_argument(
            '--alarm', metavar='<alarm>', help='Only those of this alarm (ID)'
        )
        parser.add_argument(
            '--channel',
            metavar='<channel>',
            help='Only those to this channel (name or ID)',
        )

    def query(self, args):
        return {
            'channel': channel.find_id(self.client, args.channel),
            **base.given(args, 'state', 'alarm'),
        }
