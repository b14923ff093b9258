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

"""Samples: what was measured."""

from osc_lib.cli import parseractions
from osc_lib.command import command

from sentinella.osc import base
from sentinella.osc import columns
from sentinella.osc import server

FUNCTIONS = ('avg', 'min', 'max', 'sum', 'count', 'last')


class ListMetric(base.Command, command.Lister):
    """List a server's metrics with their latest values"""

    fields = ('name', 'dimensions', 'value', 'at')

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        server.add_server(parser)
        parser.add_argument(
            '--name',
            metavar='<name>',
            help='Only metrics whose names begin with this, such as cpu',
        )
        parser.add_argument(
            '--since',
            metavar='<time>',
            type=base.moment,
            help='Only metrics with a value since then; ISO 8601, or such '
            'as 90m for that long ago',
        )
        return parser

    def take_action(self, args):
        answer = self.client.get(
            'metrics',
            server=server.find_id(self.client, args.server),
            since=args.since,
        )
        return (
            tuple(map(base.header, self.fields)),
            [
                base.cells(item, self.fields)
                for item in answer['metrics']
                if item['name'].startswith(args.name or '')
            ],
        )


class RangeMetric(base.Command, command.Lister):
    """Show how a metric changed, drawn as bars"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        server.add_server(parser)
        parser.add_argument(
            'name', metavar='<metric>', help='Metric, such as fs.percent'
        )
        parser.add_argument(
            '--dimension',
            metavar='<key=value>',
            dest='dimensions',
            action=parseractions.KeyValueAction,
            default={},
            help='One of its dimensions, such as mount=/; may be repeated',
        )
        parser.add_argument(
            '--start',
            metavar='<time>',
            type=base.moment,
            default='1h',
            help='ISO 8601, or such as 90m for that long ago (default: 1h)',
        )
        parser.add_argument(
            '--end',
            metavar='<time>',
            type=base.moment,
            help='ISO 8601, or such as 5m for that long ago (default: now)',
        )
        parser.add_argument(
            '--step',
            metavar='<seconds>',
            type=base.positive,
            default=60,
            help='Seconds that one value stands for (default: 60)',
        )
        parser.add_argument(
            '--function',
            choices=FUNCTIONS,
            default='avg',
            help='What is made of the samples of a step (default: avg)',
        )
        return parser

    def take_action(self, args):
        answer = self.client.get(
            'metrics/range',
            server=server.find_id(self.client, args.server),
            name=args.name,
            dimensions=','.join(
                f'{key}:{value}'
                for key, value in sorted(args.dimensions.items())
            )
            or None,
            start=args.start,
            end=args.end,
            step=args.step,
            function=args.function,
        )
        return ('Time', 'Value', 'Bar'), list(_rows(answer['points']))


def _rows(points):
    points = [(at, value) for at, value in points if value is not None]
    values = [value for _, value in points]
    for at, value in points:
        bar = columns.Bar((value, min(values), max(values)))
        yield columns.Time(at), columns.Number(value), bar
