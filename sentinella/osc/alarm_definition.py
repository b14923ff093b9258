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

"""What alarms are raised for."""

import argparse

from sentinella.osc import base
from sentinella.osc import channel

FIELDS = (
    'id',
    'name',
    'expression',
    'type',
    'severity',
    'tiers',
    'match_by',
    'inhibited_by',
    'releases',
    'enabled',
    'description',
    'cause',
    'remedy',
    'channels',
    'project_id',
    'builtin',
    'customized',
    'customizations',
    'created_at',
    'updated_at',
)

PATH = 'alarm-definitions'
KEY = 'alarm_definitions'
TYPES = ('binary', 'tailable', 'gauge')
SEVERITIES = ('critical', 'major', 'warning', 'info')
TEXTS = {
    'description': 'What it watches',
    'cause': 'What usually is the cause; alarms show it',
    'remedy': 'What to do; alarms show it',
}


def find(client, name_or_id):
    """Read a definition by its UUID or its name."""
    return client.find(PATH, KEY, name_or_id)


def find_id(client, name_or_id):
    """The UUID of a definition, or None where none is given."""
    return name_or_id and find(client, name_or_id)['id']


def add_definition(parser):
    parser.add_argument(
        'definition',
        metavar='<definition>',
        help='Alarm definition (name or ID)',
    )


def names(text):
    """Type of an option that lists names."""
    return [name.strip() for name in text.split(',') if name.strip()]


def tier(text):
    """Type of an option that names a severity and an expression."""
    severity, equals, expression = text.partition('=')
    if severity not in SEVERITIES or not equals:
        raise argparse.ArgumentTypeError(
            f'expected <severity>=<expression>, the severity one of '
            f'{", ".join(SEVERITIES)}, got {text}'
        )
    return severity, expression.strip()


def add_options(parser, required):
    """Add what a definition is made of.

    :param required: whether it has to be complete
    """
    parser.add_argument(
        '--expression',
        metavar='<expression>',
        required=required,
        help='Such as "avg(cpu.percent, 300) > 90 times 3"',
    )
    parser.add_argument(
        '--type',
        choices=TYPES,
        help='What it reads: up or down, counted log events, or measured '
        'values; not given, its expression tells',
    )
    parser.add_argument(
        '--severity',
        choices=SEVERITIES,
        required=required,
        help='How bad it is',
    )
    parser.add_argument(
        '--tier',
        metavar='<severity=expression>',
        dest='tiers',
        action='append',
        type=tier,
        help='A stricter expression, and how bad it is if that holds; may be '
        'repeated. Takes the place of all there are',
    )
    parser.add_argument(
        '--inhibited-by',
        metavar='<name,...>',
        type=names,
        help='Notify of nothing while one of these definitions has an alarm',
    )
    parser.add_argument(
        '--match-by',
        metavar='<dimension,...>',
        type=names,
        help='One alarm for each distinct value of these dimensions, such '
        'as server,service',
    )
    parser.add_argument(
        '--releases',
        metavar='<bounds>',
        help='Only for servers with these OpenStack releases, such as '
        '">=2024.1,<2026.1"; "" for all',
    )
    for text, meaning in TEXTS.items():
        parser.add_argument(f'--{text}', metavar='<text>', help=meaning)
    parser.add_argument(
        '--channel',
        metavar='<channel>',
        dest='channels',
        action='append',
        help='Notify only this channel (name or ID); may be repeated',
    )
    base.add_enable(parser, 'the definition')


def body_of(client, args):
    """The request's body of the options that were given."""
    body = base.given(
        args,
        'expression',
        'type',
        'severity',
        'match_by',
        'inhibited_by',
        'releases',
        *TEXTS,
    )
    if args.tiers is not None:
        body['tiers'] = dict(args.tiers)
    if args.enabled is not None:
        body['enabled'] = args.enabled
    if args.channels is not None:
        body['channels'] = [channel.find_id(client, c) for c in args.channels]
    return body


class ListAlarmDefinition(base.List):
    """List alarm definitions"""

    path = PATH
    key = KEY
    fields = ('id', 'name', 'severity', 'enabled', 'expression')
    long_fields = ('type', 'match_by', 'builtin', 'customized', 'project_id')

    def add_filters(self, parser):
        parser.add_argument('--name', metavar='<name>', help='Only this name')
        parser.add_argument(
            '--type', choices=TYPES, help='Only definitions of this type'
        )
        parser.add_argument(
            '--severity',
            choices=SEVERITIES,
            help='Only definitions of this severity',
        )
        parser.add_argument(
            '--enabled',
            choices=('true', 'false'),
            help='Only those that are enabled, or that are not',
        )

    def query(self, args):
        return base.given(args, 'name', 'type', 'severity', 'enabled')


class ShowAlarmDefinition(base.Show):
    """Show an alarm definition"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_definition(parser)
        return parser

    def request(self, args):
        return find(self.client, args.definition)


class CreateAlarmDefinition(base.Show):
    """Create an alarm definition"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='<name>', help='Its name')
        add_options(parser, required=True)
        return parser

    def request(self, args):
        body = {'name': args.name, **body_of(self.client, args)}
        return self.client.post(PATH, body)


class SetAlarmDefinition(base.Command):
    """Set properties of an alarm definition"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_definition(parser)
        parser.add_argument('--name', metavar='<name>', help='Its new name')
        add_options(parser, required=False)
        return parser

    def take_action(self, args):
        body = base.given(args, 'name') | body_of(self.client, args)
        base.nothing_to_set(body)
        definition = find_id(self.client, args.definition)
        self.client.patch(f'{PATH}/{definition}', body)


class DeleteAlarmDefinition(base.Each):
    """Delete alarm definitions with their alarms"""

    noun = 'definition'
    verb = 'delete'

    def act(self, name, args):
        self.client.delete(f'{PATH}/{find_id(self.client, name)}')


class ResetAlarmDefinition(base.Each):
    """Make built-in alarm definitions as they are shipped"""

    noun = 'definition'
    verb = 'reset'

    def act(self, name, args):
        found = find(self.client, name)
        changed = found['customizations'].items()
        body = {field: note['is'] for field, note in changed}
        if body:
            self.client.patch(f'{PATH}/{found["id"]}', body)
