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

"""Monitored nodes."""

from osc_lib.command import command

from sentinella.osc import base

FIELDS = (
    'id',
    'hostname',
    'mode',
    'cloud_group',
    'location',
    'project_id',
    'last_report_at',
    'clock_offset',
    'interval',
    'dropped',
    'enrolment',
    'fingerprint',
    'candidate_fingerprint',
    'refused',
    'refused_at',
    'agent_version',
    'facts',
    'created_at',
)

ENROLMENTS = ('accepted', 'pending', 'changed')

MODES = ('active', 'maintenance', 'blackout')


def find(client, name_or_id):
    """Read a server by its UUID or its hostname."""
    return client.find('servers', 'servers', name_or_id, by='hostname')


def find_id(client, name_or_id):
    """The UUID of a server, or None where none is given."""
    return name_or_id and find(client, name_or_id)['id']


def add_server(parser):
    parser.add_argument(
        'server', metavar='<server>', help='Server (hostname or ID)'
    )


class ListServer(base.List):
    """List servers"""

    path = key = 'servers'
    fields = (
        'id',
        'hostname',
        'mode',
        'cloud_group',
        'enrolment',
        'last_report_at',
    )
    long_fields = (
        'location',
        'project_id',
        'agent_version',
        'clock_offset',
        'dropped',
        'fingerprint',
        'candidate_fingerprint',
        'refused',
        'refused_at',
    )

    def add_filters(self, parser):
        parser.add_argument(
            '--hostname', metavar='<hostname>', help='Only this hostname'
        )
        parser.add_argument(
            '--mode', choices=MODES, help='Only servers in this mode'
        )
        parser.add_argument(
            '--cloud-group',
            metavar='<group>',
            help='Only servers of this cloud group',
        )
        parser.add_argument(
            '--enrolment',
            choices=ENROLMENTS,
            help='Only servers whose key is accepted, waits to be (pending), '
            'or is asked to make room for another (changed)',
        )

    def query(self, args):
        return base.given(args, 'hostname', 'mode', 'cloud_group', 'enrolment')


class ShowServer(base.Show):
    """Show a server"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_server(parser)
        return parser

    def request(self, args):
        return find(self.client, args.server)


class SetServer(base.Command):
    """Set a server's mode, cloud group or location"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_server(parser)
        parser.add_argument(
            '--mode',
            choices=MODES,
            help='active: its alarms notify; maintenance: they do not, and '
            'the time does not count against its uptime; blackout: only the '
            'recovery of what was already notified does',
        )
        parser.add_argument(
            '--cloud-group',
            metavar='<group>',
            help='Cloud or region that it belongs to',
        )
        parser.add_argument(
            '--location', metavar='<location>', help='Where it stands'
        )
        return parser

    def take_action(self, args):
        body = base.given(args, 'mode', 'cloud_group', 'location')
        base.nothing_to_set(body)
        server = find_id(self.client, args.server)
        self.client.patch(f'servers/{server}', body)


class AcceptServer(base.Show):
    """Accept the key that a server asks to be known by"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_server(parser)
        parser.add_argument(
            '--fingerprint',
            metavar='<fingerprint>',
            help='Only if the key has this fingerprint, which '
            '"sentinella-agent identity" tells on the server itself; '
            'without it whatever key waits is accepted',
        )
        return parser

    def request(self, args):
        server = find_id(self.client, args.server)
        body = base.given(args, 'fingerprint')
        return self.client.post(f'servers/{server}/accept', body)


class UptimeServer(base.Command, command.Lister):
    """Show for how long a server and its services were up

    Without a range: of the last day, the last 7 and the last 30 days.
    Maintenance does not count. Uptime is of the time of which it is known;
    "At Least" takes it to have been down wherever it is not.
    """

    fields = (
        'service',
        'since',
        'percent',
        'percent_at_least',
        'failures',
        'down',
        'undetermined',
        'excluded',
    )
    long_fields = ('until', 'up', 'unwatched')

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_server(parser)
        parser.add_argument(
            '--service',
            metavar='<service>',
            help='Only this one, such as nova-scheduler',
        )
        for name, what in (('since', 'begins'), ('until', 'ends')):
            parser.add_argument(
                f'--{name}',
                metavar='<time>',
                type=base.moment,
                help=f'When the range {what}: ISO 8601, or such as 7d',
            )
        parser.add_argument(
            '--long', action='store_true', help='Show more columns'
        )
        return parser

    def take_action(self, args):
        fields = self.fields + self.long_fields * args.long
        server = find_id(self.client, args.server)
        query = base.given(args, 'service', 'since', 'until')
        found = self.client.get(f'servers/{server}/uptime', **query)['uptime']
        return (
            tuple(map(base.header, fields)),
            [base.cells(item, fields) for item in found],
        )


class DeleteServer(base.Each):
    """Forget servers that report no more, with all that belongs to them"""

    noun = 'server'
    verb = 'delete'
    named_by = 'hostname or ID'

    def act(self, name, args):
        self.client.delete(f'servers/{find_id(self.client, name)}')
