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

"""Planned modes."""

import argparse
import datetime
import re

from osc_lib import exceptions

from sentinella.osc import alarm_definition
from sentinella.osc import base
from sentinella.osc import columns
from sentinella.osc import server

FIELDS = (
    'id',
    'name',
    'mode',
    'in_force',
    'next_starts_at',
    'next_ends_at',
    'starts_at',
    'ends_at',
    'rrule',
    'timezone',
    'until',
    'over_at',
    'servers',
    'cloud_groups',
    'services',
    'definitions',
    'reason',
    'owner',
    'project_id',
    'created_at',
    'updated_at',
)

MODES = ('maintenance', 'blackout')


def find(client, name_or_id):
    """Read a window by its UUID or its name; of those that are not over."""
    return client.find('windows', 'windows', name_or_id, over='false')


def find_id(client, name_or_id):
    return find(client, name_or_id)['id']


def add_window(parser):
    parser.add_argument(
        'window', metavar='<window>', help='Window (name or ID)'
    )


def coming(text):
    """Type of an option that is a time to come.

    :param text: ISO 8601, UTC where it names no zone; `now`, or such as
        `+90m`, that long from now
    """
    if text == 'now':
        text = '+0s'
    if not text.startswith('+'):
        return base.moment(text)
    now = datetime.datetime.now(datetime.UTC)
    return (now + duration(text[1:])).strftime('%Y-%m-%dT%H:%M:%SZ')


def duration(text):
    """Type of an option that is a while, such as `2h` or `90m`."""
    found = re.fullmatch(r'(\d{1,9})([smhd])', text)
    if not found:
        raise argparse.ArgumentTypeError(
            f'expected a while such as 90m or 2h, got {text}'
        )
    return datetime.timedelta(seconds=int(found[1]) * base.SECONDS[found[2]])


def add_options(parser, new):
    """Add what both a new and an existing window are told.

    :param new: whether it is a new one
    """
    parser.add_argument(
        '--mode',
        choices=MODES,
        required=new,
        help='maintenance: no notifications, and no part of the uptime; '
        'blackout: only recoveries of what was notified',
    )
    parser.add_argument(
        '--start',
        metavar='<time>',
        dest='starts_at',
        type=coming,
        required=new,
        help='When it first begins: ISO 8601, now, or such as +90m',
    )
    ends = parser.add_mutually_exclusive_group(required=new)
    ends.add_argument(
        '--end',
        metavar='<time>',
        dest='ends_at',
        type=coming,
        help='When it first ends: ISO 8601, or such as +90m',
    )
    ends.add_argument(
        '--duration',
        metavar='<while>',
        type=duration,
        help='How long it lasts, such as 2h',
    )
    parser.add_argument(
        '--rrule',
        metavar='<rule>',
        help='How it recurs, a rule of RFC 5545 such as '
        'FREQ=WEEKLY;BYDAY=SU; an empty one for once only',
    )
    parser.add_argument(
        '--timezone',
        metavar='<zone>',
        help='Whose clocks the rule goes by, such as Europe/Rome '
        '(default: UTC)',
    )
    parser.add_argument(
        '--until',
        metavar='<time>',
        type=coming,
        help='When it begins for the last time, at the latest',
    )
    parser.add_argument('--reason', metavar='<text>', help='What it is for')
    _add_scope(parser)


def _add_scope(parser):
    for name, what in (
        ('server', 'alarms of this server (hostname or ID)'),
        ('cloud-group', 'alarms of servers of this cloud group'),
        ('service', 'alarms about this service, such as nova-compute'),
        ('definition', 'alarms of this definition (name or ID)'),
    ):
        parser.add_argument(
            f'--{name}',
            metavar=f'<{name}>',
            dest=f'{name.replace("-", "_")}s',
            action='append',
            help=f'Cover only {what}; may be repeated, all kinds that are '
            'given have to be so',
        )


def body_of(client, args):
    """The request's body of the options that were given."""
    body = base.given(
        args,
        'name',
        'mode',
        'starts_at',
        'ends_at',
        'rrule',
        'timezone',
        'until',
        'reason',
        'cloud_groups',
        'services',
    )
    if args.rrule == '':
        # what does not recur needs no end of its recurrence
        body.setdefault('until', None)
    if args.servers is not None:
        body['servers'] = [server.find_id(client, one) for one in args.servers]
    if args.definitions is not None:
        body['definitions'] = [
            alarm_definition.find_id(client, one) for one in args.definitions
        ]
    return body


def _end(start, lasts):
    """When a window ends that begins at a time of the API's."""
    at = datetime.datetime.fromisoformat(start) + lasts
    return at.strftime('%Y-%m-%dT%H:%M:%SZ')


class ListWindow(base.List):
    """List windows, those that are not over unless told otherwise"""

    path = key = 'windows'
    fields = (
        'id',
        'name',
        'mode',
        'in_force',
        'next_starts_at',
        'next_ends_at',
        'reason',
    )
    long_fields = (
        'rrule',
        'timezone',
        'until',
        'servers',
        'cloud_groups',
        'services',
        'definitions',
        'owner',
        'project_id',
    )

    def add_filters(self, parser):
        parser.add_argument(
            '--all', action='store_true', help='Those that are over as well'
        )
        parser.add_argument(
            '--mode', choices=MODES, help='Only those of this mode'
        )

    def query(self, args):
        return {
            'over': None if args.all else 'false',
            **base.given(args, 'mode'),
        }


class ShowWindow(base.Show):
    """Show a window"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_window(parser)
        return parser

    def request(self, args):
        return find(self.client, args.window)


class CreateWindow(base.Show):
    """Plan maintenance, or a blackout"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='<name>', help='Its name')
        parser.add_argument(
            '--all-projects',
            action='store_true',
            help='Cover those of all projects; for administrators',
        )
        add_options(parser, new=True)
        return parser

    def request(self, args):
        body = body_of(self.client, args)
        if args.duration is not None:
            body['ends_at'] = _end(args.starts_at, args.duration)
        if args.all_projects:
            body['project_id'] = None
        return self.client.post('windows', body)


class SetWindow(base.Command):
    """Set properties of a window; lists are replaced"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_window(parser)
        parser.add_argument('--name', metavar='<name>', help='Its new name')
        add_options(parser, new=False)
        return parser

    def take_action(self, args):
        if args.duration is not None and args.starts_at is None:
            raise exceptions.CommandError('--duration: give --start as well.')
        body = body_of(self.client, args)
        if args.duration is not None:
            body['ends_at'] = _end(args.starts_at, args.duration)
        base.nothing_to_set(body)
        window = find_id(self.client, args.window)
        self.client.patch(f'windows/{window}', body)


class DeleteWindow(base.Each):
    """Delete windows; what they excluded from uptimes stays so"""

    noun = 'window'
    verb = 'delete'

    def act(self, name, args):
        self.client.delete(f'windows/{find_id(self.client, name)}')


class PreviewWindow(base.Show):
    """Show what a window covers, and which alarms that are on it mutes"""

    fields = (
        'occurrences',
        'servers_total',
        'servers',
        'services_total',
        'services',
        'definitions_total',
        'definitions',
        'alarms_total',
        'alarms',
    )

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_window(parser)
        return parser

    def request(self, args):
        window = find_id(self.client, args.window)
        return self.client.get(f'windows/{window}/preview')

    def take_action(self, args):
        found = self.request(args)
        values = (found[field] for field in self.fields)
        return self.fields, tuple(
            Covered(value) if isinstance(value, list) else value
            for value in values
        )


class Covered(columns.Lines):
    """What a preview lists, one a line."""

    def line(self, item):
        if 'starts_at' in item:
            begin, end = (
                columns.Time(item[name]).human_readable()
                for name in ('starts_at', 'ends_at')
            )
            return f'{begin} to {end}'
        if 'summary' in item:
            return f'{item["severity"]}: {item["summary"]}'
        if 'servers' in item:
            return f'{item["name"]} on {item["servers"]}'
        return item.get('hostname') or item['name']
