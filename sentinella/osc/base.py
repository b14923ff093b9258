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

"""What the commands share: a request, and which fields of it are shown."""

import abc
import argparse
import datetime
import re

from osc_lib import exceptions
from osc_lib.command import command

from sentinella.osc import columns

#: How the values of a field are shown, wherever it is.
COLUMNS = {
    'acknowledged_at': columns.Time,
    'acknowledged_until': columns.Time,
    'at': columns.Time,
    'changed_at': columns.Time,
    'channels': columns.Words,
    'clock_offset': columns.Number,
    'cloud_groups': columns.Words,
    'created_at': columns.Time,
    'customizations': columns.Customizations,
    'definitions': columns.Words,
    'delivered_at': columns.Time,
    'dimensions': columns.Pairs,
    'down': columns.While,
    'ends_at': columns.Time,
    'excluded': columns.While,
    'facts': columns.Facts,
    'first_at': columns.Time,
    'flapping_since': columns.Time,
    'group': columns.Pairs,
    'inhibited_by': columns.Words,
    'last_at': columns.Time,
    'last_report_at': columns.Time,
    'log_files': columns.Words,
    'match_by': columns.Words,
    'next_attempt_at': columns.Time,
    'next_ends_at': columns.Time,
    'next_starts_at': columns.Time,
    'over_at': columns.Time,
    'percent': columns.Share,
    'percent_at_least': columns.Share,
    'pids': columns.Words,
    'quiet': columns.Pairs,
    'refused_at': columns.Time,
    'servers': columns.Words,
    'services': columns.Words,
    'settings': columns.Pairs,
    'since': columns.Time,
    'starts_at': columns.Time,
    'undetermined': columns.While,
    'until': columns.Time,
    'unwatched': columns.While,
    'up': columns.While,
    'tiers': columns.Pairs,
    'updated_at': columns.Time,
    'value': columns.Number,
    'values': columns.Pairs,
}

#: Headers that are not just the field's name.
HEADERS = {
    'acknowledged_by': 'Acknowledged By',
    'at': 'Time',
    'changed_at': 'Changed',
    'created_at': 'Created',
    'delivered_at': 'Delivered',
    'first_at': 'First',
    'id': 'ID',
    'last_at': 'Last',
    'last_report_at': 'Last Report',
    'ends_at': 'End',
    'next_attempt_at': 'Next Attempt',
    'next_ends_at': 'Next End',
    'next_starts_at': 'Next Start',
    'over_at': 'Over',
    'percent': 'Uptime',
    'percent_at_least': 'At Least',
    'pids': 'PIDs',
    'refused_at': 'Last Refused',
    'request_id': 'Request ID',
    'starts_at': 'Start',
}

SECONDS = {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}


def header(field):
    return HEADERS.get(field) or field.replace('_', ' ').title()


def cells(item, fields):
    """The values of an item's fields, ready for any formatter."""
    return tuple(cell(field, item.get(field)) for field in fields)


def cell(field, value):
    formatter = COLUMNS.get(field)
    return formatter(value) if formatter and value is not None else value


class Command(command.Command):
    @property
    def client(self):
        return self.app.client_manager.sentinella


class List(Command, command.Lister):
    """Shows a list.

    :cvar path: of the resource, below `/v1`
    :cvar key: what the list is called in the answer
    :cvar fields: the fields that are shown
    :cvar long_fields: those that --long adds
    :cvar limit: items where --limit is not given; None for all
    """

    fields = ()
    long_fields = ()
    limit = None

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        self.add_filters(parser)
        if self.long_fields:
            parser.add_argument(
                '--long', action='store_true', help='Show more columns'
            )
        parser.add_argument(
            '--limit',
            metavar='<limit>',
            type=positive,
            default=self.limit,
            help='Show this many at most (default: '
            f'{"all" if self.limit is None else self.limit})',
        )
        parser.add_argument(
            '--marker',
            metavar='<id>',
            help='Begin after the one with this ID, the last of a page',
        )
        return parser

    def add_filters(self, parser):
        """Add the options that choose what is shown."""

    def query(self, args):
        """
        :returns: what is asked for, beside limit and marker
        """
        return {}

    def list_path(self, args):
        return self.path

    def take_action(self, args):
        fields = self.fields
        if self.long_fields and args.long:
            fields += self.long_fields
        items = self.client.pages(
            self.list_path(args),
            self.key,
            limit=args.limit,
            marker=args.marker,
            **self.query(args),
        )
        return (
            tuple(map(header, fields)),
            [cells(item, fields) for item in items],
        )


class Each(Command):
    """Does the same to several things; one that fails spares the others.

    :cvar noun: what they are called
    :cvar verb: what is done to them
    :cvar named_by: how they may be named
    """

    noun = ''
    verb = ''
    named_by = 'name or ID'

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'names',
            metavar=f'<{self.noun}>',
            nargs='+',
            help=f'{self.noun.capitalize()}(s) to {self.verb} '
            f'({self.named_by})',
        )
        return parser

    @abc.abstractmethod
    def act(self, name, args):
        """Do it to one of them."""

    def take_action(self, args):
        failures = []
        for name in args.names:
            try:
                self.act(name, args)
            except (exceptions.ClientException, exceptions.CommandError) as e:
                failures.append(f'{name}: {e}')
        if failures:
            raise exceptions.CommandError(
                f'{len(failures)} of {len(args.names)} not done: '
                + ' '.join(failures)
            )


class Show(Command, command.ShowOne):
    """Shows one thing that a request answered with.

    :cvar fields: in this order; others that the API may add come after
    """

    fields = ()

    @abc.abstractmethod
    def request(self, args):
        """
        :returns: the thing
        """

    def take_action(self, args):
        item = self.request(args)
        known = [field for field in self.fields if field in item]
        fields = known + sorted(set(item) - set(known))
        return fields, cells(item, fields)


def positive(text):
    """Type of an option that counts."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'expected 1 or more, got {text}')
    return number


def moment(text):
    """Type of an option that is a time.

    :param text: ISO 8601, UTC where it names no zone; or such as `90m`,
        that long ago
    :returns: ISO 8601 in UTC
    """
    return _moment(text, r'-?(\d+)([smhd])', -1)


def moment_to_come(text):
    """As :func:`moment`, but `90m` is so long from now on."""
    return _moment(text, r'\+?(\d+)([smhd])', 1)


def _moment(text, pattern, direction):
    distance = re.fullmatch(pattern, text)
    try:
        if distance:
            seconds = direction * int(distance[1]) * SECONDS[distance[2]]
            now = datetime.datetime.now(datetime.UTC)
            at = now + datetime.timedelta(seconds=seconds)
        else:
            at = datetime.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f'expected a time such as 2026-01-31T12:00:00Z or 90m, got {text}'
        )
    if at.tzinfo is None:
        at = at.replace(tzinfo=datetime.UTC)
    return at.astimezone(datetime.UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def add_enable(parser, what):
    """Add --enable and --disable; None where neither is given."""
    group = parser.add_mutually_exclusive_group()
    for verb, value in (('enable', True), ('disable', False)):
        group.add_argument(
            f'--{verb}',
            dest='enabled',
            action='store_const',
            const=value,
            help=f'{verb.capitalize()} {what}',
        )


def given(args, *names):
    """The options that were given, as a request's body has them."""
    values = {name: getattr(args, name) for name in names}
    return {n: value for n, value in values.items() if value is not None}


def nothing_to_set(body):
    """
    :raises CommandError: a `set` without anything to set
    """
    if not body:
        raise exceptions.CommandError('Nothing to set: give an option.')
