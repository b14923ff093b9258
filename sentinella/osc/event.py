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

"""What becomes of alarms, as it happens."""

import itertools
import json

from sentinella.osc import alarm
from sentinella.osc import alarm_definition
from sentinella.osc import base
from sentinella.osc import columns
from sentinella.osc import server
from sentinella.osc import sse

LINE = '{:20}  {:8}  {:12}  {:12}  {}'


class WatchEvent(base.Command):
    """Print what becomes of alarms as it happens, until it is interrupted"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        for name, choices in (
            ('state', alarm.STATES),
            ('lifecycle', alarm.LIFECYCLES),
            ('severity', alarm.SEVERITIES),
        ):
            parser.add_argument(
                f'--{name}',
                choices=choices,
                help=f'Only alarms that had this {name} then',
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
        parser.add_argument(
            '--after',
            metavar='<id>',
            help='Begin with what has happened since this event (0: with all '
            'that is kept); default: with what happens from now on',
        )
        parser.add_argument(
            '--count',
            metavar='<count>',
            type=base.positive,
            help='End after so many',
        )
        parser.add_argument(
            '--json',
            action='store_true',
            help='Print all that is told of each, as JSON in one line',
        )
        return parser

    def take_action(self, args):
        query = base.given(args, 'state', 'lifecycle', 'severity')
        if args.server:
            query['server'] = server.find_id(self.client, args.server)
        if args.definition:
            query['definition'] = alarm_definition.find_id(
                self.client, args.definition
            )
        if not args.json:
            self._say(
                LINE.format('At', 'Severity', 'State', 'Lifecycle', 'Summary')
            )
        try:
            for event in itertools.islice(
                self._events(args.after, query), args.count
            ):
                self._say(json.dumps(event) if args.json else line(event))
        except KeyboardInterrupt:
            """That is how it ends."""

    def _events(self, after, query):
        def open_(headers):
            return self.client.stream('events', headers, sse.SILENCE, **query)

        return sse.follow(open_, after)

    def _say(self, text):
        print(text, file=self.app.stdout, flush=True)


def line(event):
    """
    :param event: as the API tells it
    :returns: text for people
    """
    if event['kind'] == 'reset':
        return 'Some were missed: see openstack sentinella alarm list'
    summary = event['alarm']['summary']
    if event['user']:
        summary += f', by {event["user"]}'
    return LINE.format(
        columns.Time(event['at']).human_readable(),
        event['severity'],
        event['state'],
        event['lifecycle'],
        summary,
    )
