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

"""Where notifications go."""

import argparse
import json

from osc_lib import exceptions

from sentinella.osc import base
from sentinella.osc import subscription

FIELDS = (
    'id',
    'name',
    'driver',
    'settings',
    'min_severity',
    'services',
    'cloud_groups',
    'definitions',
    'repeat_interval',
    'escalate_after',
    'escalate_to',
    'escalations_only',
    'quiet',
    'rate',
    'digest_over',
    'enabled',
    'project_id',
    'created_at',
    'updated_at',
)


def find(client, name_or_id):
    """Read a channel by its UUID or its name."""
    return client.find('channels', 'channels', name_or_id)


def find_id(client, name_or_id):
    """The UUID of a channel, or None where none is given."""
    return name_or_id and find(client, name_or_id)['id']


def add_channel(parser):
    parser.add_argument(
        'channel', metavar='<channel>', help='Channel (name or ID)'
    )


def setting(text):
    """Type of --setting.

    :param text: KEY=TEXT, or KEY:=JSON for what is not text
    :returns: (key, value)
    """
    key, equals, value = text.partition('=')
    if not key.strip(':') or not equals:
        raise argparse.ArgumentTypeError(
            f'expected KEY=TEXT or KEY:=JSON, got {text}'
        )
    if not key.endswith(':'):
        return key, value
    try:
        return key[:-1], json.loads(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{key}={value}: no JSON: {error}')


def add_options(parser):
    """Add what both a new and an existing channel are told."""
    parser.add_argument(
        '--setting',
        metavar='<key=value>',
        dest='settings',
        action='append',
        type=setting,
        help='One of the settings that the driver has, such as '
        'url=https://example.org/hook; KEY:=JSON for numbers, lists and '
        'objects; may be repeated',
    )
    parser.add_argument(
        '--min-severity',
        choices=subscription.SEVERITIES,
        help='Send nothing less severe than this',
    )
    subscription.add_options(parser)
    base.add_enable(parser, 'the channel')


def body_of(client, args):
    """The request's body of the options that were given."""
    body = base.given(args, 'name', 'min_severity', 'enabled')
    if args.settings is not None:
        body['settings'] = dict(args.settings)
    if args.escalate_to is not None:
        body['escalate_to'] = find_id(client, args.escalate_to)
    return body | subscription.body_of(client, args)


class ListChannel(base.List):
    """List channels"""

    path = key = 'channels'
    fields = ('id', 'name', 'driver', 'min_severity', 'enabled')
    long_fields = (
        'settings',
        'services',
        'cloud_groups',
        'definitions',
        'escalate_to',
        'project_id',
    )


class ShowChannel(base.Show):
    """Show a channel; its secrets are not shown"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_channel(parser)
        return parser

    def request(self, args):
        return find(self.client, args.channel)


class CreateChannel(base.Show):
    """Create a channel"""

    fields = FIELDS

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='<name>', help='Its name')
        parser.add_argument(
            '--driver',
            metavar='<driver>',
            required=True,
            help='How it delivers; see: openstack sentinella driver list',
        )
        add_options(parser)
        return parser

    def request(self, args):
        body = {
            'driver': args.driver,
            'settings': {},
            **body_of(self.client, args),
        }
        return self.client.post('channels', body)


class SetChannel(base.Command):
    """Set properties of a channel"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_channel(parser)
        parser.add_argument('--name', metavar='<name>', help='Its new name')
        add_options(parser)
        return parser

    def take_action(self, args):
        body = body_of(self.client, args)
        base.nothing_to_set(body)
        channel = find_id(self.client, args.channel)
        self.client.patch(f'channels/{channel}', body)


class DeleteChannel(base.Each):
    """Delete channels"""

    noun = 'channel'
    verb = 'delete'

    def act(self, name, args):
        self.client.delete(f'channels/{find_id(self.client, name)}')


class TestChannel(base.Command):
    """Send a test message through a channel, now"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        add_channel(parser)
        return parser

    def take_action(self, args):
        channel = find(self.client, args.channel)
        answer = self.client.post(f'channels/{channel["id"]}/test')
        if not answer['delivered']:
            raise exceptions.CommandError('The message was not delivered.')
        said = f': {answer["answer"]}' if answer.get('answer') else '.'
        self.app.stdout.write(
            f"Delivered a test message to '{channel['name']}' by "
            f'{channel["driver"]} in {answer["seconds"]:.3f} s{said}\n'
        )
