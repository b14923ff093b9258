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

"""What a channel is told to send, to whom next, and how often."""

import argparse

from osc_lib import exceptions

from sentinella.osc import base

SEVERITIES = ('critical', 'major', 'warning', 'info')


def add_options(parser):
    """Add what both a new and an existing channel are told of it."""
    _add_subscriptions(parser)
    _add_escalation(parser)
    _add_pace(parser)
    _add_quiet(parser)


def _add_subscriptions(parser):
    for name, what in (
        ('service', 'alarms about this service, such as nova-compute'),
        ('cloud-group', 'alarms of servers of this cloud group'),
        ('definition', 'alarms of this definition (name or ID)'),
    ):
        field = f'{name.replace("-", "_")}s'
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            f'--{name}',
            metavar=f'<{name}>',
            dest=field,
            action='append',
            help=f'Send only {what}; may be repeated, all kinds that are '
            'given have to be so',
        )
        group.add_argument(
            f'--all-{name}s',
            dest=field,
            action='store_const',
            const=[],
            help=f'Send alarms whatever their {name}',
        )


def _add_escalation(parser):
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        '--escalate-to',
        metavar='<channel>',
        help='Send what nobody acknowledges to this channel as well (name '
        'or ID)',
    )
    group.add_argument(
        '--no-escalation', action='store_true', help='Escalate nothing'
    )
    parser.add_argument(
        '--escalate-after',
        metavar='<seconds>',
        type=base.positive,
        help='Seconds that there are to acknowledge it before',
    )
    group = parser.add_mutually_exclusive_group()
    for option, value, text in (
        ('--escalations-only', True, 'Send only what others escalate to it'),
        ('--all-alarms', False, 'Send alarms as they come'),
    ):
        group.add_argument(
            option,
            dest='escalations_only',
            action='store_const',
            const=value,
            help=text,
        )


def _add_pace(parser):
    for option, metavar, text in (
        ('repeat-interval', '<seconds>', 'seconds between two of what nobody '
         'acknowledges'),
        ('rate', '<number>', 'messages a minute, at most'),
    ):  # fmt: skip
        parser.add_argument(
            f'--{option}',
            metavar=metavar,
            type=_number_or_none,
            help=f'{text.capitalize()}; none for no such',
        )
    parser.add_argument(
        '--digest-over',
        metavar='<number>',
        type=base.positive,
        help='Pages a minute that are sent one by one; of more, those that '
        'wait become one message',
    )


def _add_quiet(parser):
    parser.add_argument(
        '--quiet-hours',
        metavar='<from-to>',
        dest='quiet',
        type=quiet_hours,
        help='Hours in which alarms wait, such as 22:00-07:00; none for no '
        'such hours',
    )
    parser.add_argument(
        '--quiet-timezone',
        metavar='<timezone>',
        help='Where they are so, such as Europe/Rome (default: UTC)',
    )
    parser.add_argument(
        '--quiet-max-severity',
        choices=SEVERITIES,
        help='The most severe alarms that wait (default: warning)',
    )


def _number_or_none(text):
    """Type of an option whose value may be taken away: 0 stands for it."""
    return 0 if text == 'none' else base.positive(text)


def quiet_hours(text):
    """Type of --quiet-hours.

    :returns: mapping, empty for none
    """
    if text == 'none':
        return {}
    begin, dash, end = text.partition('-')
    if not begin or not end:
        raise argparse.ArgumentTypeError(
            f'expected hours such as 22:00-07:00, or none, got {text}'
        )
    return {'from': begin, 'to': end}


def body_of(client, args):
    """What the request's body has of the options that were given; whom to
    escalate to is for those who know channels."""
    body = base.given(
        args,
        'services',
        'cloud_groups',
        'escalate_after',
        'escalations_only',
        'digest_over',
    )
    if args.definitions is not None:
        body['definitions'] = [
            client.find('alarm-definitions', 'alarm_definitions', one)['id']
            for one in args.definitions
        ]
    if args.no_escalation:
        body['escalate_to'] = body['escalate_after'] = None
    for name in ('repeat_interval', 'rate'):
        if getattr(args, name) is not None:
            body[name] = getattr(args, name) or None
    return body | _quiet(args)


def _quiet(args):
    more = {
        name: value
        for name, value in (
            ('timezone', args.quiet_timezone),
            ('max_severity', args.quiet_max_severity),
        )
        if value is not None
    }
    if more and not args.quiet:
        raise exceptions.CommandError(
            '--quiet-timezone, --quiet-max-severity: give --quiet-hours as '
            'well.'
        )
    if args.quiet is None:
        return {}
    return {'quiet': args.quiet | more or None}
