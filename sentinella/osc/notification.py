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

KINDS = ('alarm', 'recovery', 'flapping', 'repeat', 'escalation')


class ListNotification(base.List):
    """List notifications with their attempts and outcome, newest first"""

    path = key = 'notifications'
    fields = (
        'created_at',
        'channel',
        'kind',
        'state',
        'attempts',
        'last_error',
    )
    long_fields = (
        'id',
        'alarm_id',
        'to_state',
        'next_attempt_at',
        'waits_for',
        'delivered_at',
        'digest_id',
        'resent_by',
    )
    limit = 100

    def add_filters(self, parser):
        parser.add_argument(
            '--state',
            choices=('PENDING', 'SENT', 'DEAD', 'SKIPPED'),
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
        parser.add_argument(
            '--kind', choices=KINDS, help='Only those that tell this'
        )

    def query(self, args):
        return {
            'channel': channel.find_id(self.client, args.channel),
            **base.given(args, 'state', 'alarm', 'kind'),
        }


class ShowNotification(base.Show):
    """Show a notification with all attempts to send it"""

    fields = (
        'id',
        'kind',
        'state',
        'channel',
        'alarm_id',
        'to_state',
        'attempts',
        'last_error',
        'waits_for',
        'created_at',
        'next_attempt_at',
        'delivered_at',
        'digest_id',
        'resent_by',
        'record',
    )

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'notification',
            metavar='<notification>',
            help='Notification (ID)',
        )
        return parser

    def request(self, args):
        return self.client.get(f'notifications/{args.notification}')


class ResendNotification(base.Each):
    """Have notifications sent once more, each by itself, with the same id"""

    noun = 'notification'
    named_by = 'ID'

    def act(self, name, args):
        self.client.post(f'notifications/{name}/resend', {})
