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

"""Alarms, and what people did about them."""

from sentinella.osc import alarm_definition
from sentinella.osc import base
from sentinella.osc import server

FIELDS = (
    'id',
    'summary',
    'name',
    'severity',
    'state',
    'lifecycle',
    'server',
    'group',
    'reason',
    'cause',
    'remedy',
    'value',
    'count',
    'first_at',
    'changed_at',
    'last_at',
    'acknowledged_by',
    'acknowledged_at',
    'acknowledged_until',
    'note',
    'flapping_since',
    'definition_id',
    'server_id',
    'project_id',
)

STATES = ('OK', 'ALARM', 'UNDETERMINED')
LIFECYCLES = ('OPEN', 'ACKNOWLEDGED', 'RESOLVED')
SEVERITIES = ('critical', 'major', 'warning', 'info')


def add_alarm(parser):
    parser.add_argument('alarm', metavar='<alarm>', help='Alarm (ID)')


class ListAlarm(base.List):
    """List alarms, those in state ALARM unless told otherwise"""

    path = key = 'alarms'
    fields = (
        'id',
        'severity',
        'state',
        'lifecycle',
        'summary',
        'changed_at',
    )
    long_fields = (
        'reason',
        'name',
        'server',
        'group',
        'value',
        'count',
        'first_at',
        'acknowledged_by',
        'note',
        'definition_id',
    )

    def add_filters(self, parser):
        states = parser.add_mutually_exclusive_group()
        states.add_argument(
            '--all', action='store_true', help='Alarms in any state'
        )
        states.add_argument(
            '--state',
            choices=STATES,
            type=str.upper,
            default='ALARM',
            help='Only alarms in this state (default: ALARM)',
        )
        parser.add_argument(
            '--lifecycle',
            choices=LIFECYCLES,
            type=str.upper,
            help='Only alarms in this part of their life',
        )
        parser.add_argument(
            '--severity',
            choices=SEVERITIES,
            help='Only alarms of this severity',
        )
        parser.add_argument(
            '--server',
            metavar='<server>',
            help='Only alarms of this server (hostname or ID)',
        )
        parser.add_argument(
            '--definition',
            metavar='<definition>',
            help='Only alarms of this definition (name or ID)',
        )

    def query(self, args):
        return {
            'state': None if args.all else args.state,
            'server': server.find_id(self.client, args.server),
            'definition': alarm_definition.find_id(
                self.client, args.definition
            ),
            **base.given(args, 'lifecycle', 'severity'),
        }


class ShowAlarm(base.Show):
    """Show an alarm with its reason, usual cause and remedy"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_alarm(parser)
        return parser

    def request(self, args):
        return self.client.get(f'alarms/{args.alarm}')


class _Handle(base.Each):
    noun = 'alarm'
    named_by = 'ID'

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--note', metavar='<text>', help='What others should know'
        )
        return parser

    def body(self, args):
        return base.given(args, 'note')

    def act(self, name, args):
        self.client.post(f'alarms/{name}/{self.verb}', self.body(args))


class AcknowledgeAlarm(_Handle):
    """Say that somebody looks after alarms"""

    verb = 'acknowledge'

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--until',
            metavar='<time>',
            type=base.moment_to_come,
            help='Open them again then, if they still are: a time such as '
            '2026-01-31T12:00:00Z, or such as 2h, from now on',
        )
        return parser

    def body(self, args):
        return base.given(args, 'note', 'until')


class ResolveAlarm(_Handle):
    """Say that what alarms told of is over"""

    verb = 'resolve'


class ListTransition(base.List):
    """List an alarm's changes of state, newest first"""

    key = 'transitions'
    fields = ('at', 'from_state', 'to_state', 'severity', 'reason', 'value')
    long_fields = ('from_severity', 'values')
    limit = 100

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_alarm(parser)
        return parser

    def list_path(self, args):
        return f'alarms/{args.alarm}/transitions'
