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

"""All about one server on one screen."""

from sentinella.osc import columns
from sentinella.osc import screen
from sentinella.osc import server

SIGNS = (
    ('Load 1m', 'load', '1m'),
    ('5m', 'load', '5m'),
    ('15m', 'load', '15m'),
    ('CPU %', 'cpu', 'percent'),
    ('I/O Wait %', 'cpu', 'iowait_percent'),
    ('Memory %', 'memory', 'percent'),
    ('Swap %', 'swap', 'percent'),
)
LEVELS = ('critical', 'error', 'warning')


class ViewServer(screen.Screen):
    """Show a server with its services, alarms, logs, load and uptime"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        server.add_server(parser)
        return parser

    def request(self, args):
        id_ = server.find_id(self.client, args.server)
        return self.client.get(f'servers/{id_}/view')

    def draw(self, paper, answer):
        _head(paper, answer)
        for name, draw in (
            ('vital_signs', _vital_signs),
            ('services', _services),
            ('alarms', _alarms),
            ('log_events', _log_events),
            ('uptime', _uptime),
        ):
            if answer[name] is not None:
                draw(paper, answer[name], answer)


def _ago(time, answer):
    return columns.Ago((time, answer['at']))


def _head(paper, answer):
    one = answer['server']
    name = paper.styled(screen.legible(one['hostname']), 'bold')
    last = _ago(one['last_report_at'], answer).human_readable()
    place = [
        screen.legible(one[field]) or 'none'
        for field in ('cloud_group', 'location')
    ]
    paper.raw(
        f'{name}: {answer["health"]}. Cloud group: {place[0]}. Location: '
        f'{place[1]}. Last report: {last}.'
    )


def _vital_signs(paper, signs, answer):
    values = [signs[kind][name] for _, kind, name in SIGNS]
    known = any(value is not None for value in values)
    paper.table(
        'Vital signs',
        [header for header, _, _ in SIGNS],
        [tuple(map(columns.Number, values))] if known else [],
    )
    paper.table(
        'Filesystems',
        ('Mount', 'Used %', 'Inodes %', 'Free', 'Read Only'),
        [
            (
                one['mount'],
                columns.Number(one['percent']),
                columns.Number(one['inodes_percent']),
                columns.Bytes(one['free_bytes']),
                _yes_or_no(one['read_only']),
            )
            for one in signs['filesystems']
        ],
    )


def _yes_or_no(value):
    if value is None:
        return 'not known'
    return 'yes' if value else 'no'


def _services(paper, projects, answer):
    paper.table(
        'Services',
        ('Project', 'Service', 'State', 'Since', 'Restarts', 'Reason'),
        [
            (
                project['project'],
                one['name'],
                paper.word(one['state']),
                _ago(one['since'], answer),
                one['restarts'],
                one['reason'],
            )
            for project in projects
            for one in project['services']
        ],
    )


def _alarms(paper, alarms, answer):
    headers = ('Severity', 'Since', 'State', 'Summary', 'Cause', 'What To Do')
    paper.table(
        'Open alarms',
        headers,
        [
            (
                paper.word(one['severity']),
                _ago(one['since'], answer),
                one['lifecycle'],
                one['summary'],
                one['cause'],
                one['remedy'],
            )
            for one in alarms['open']
        ],
    )
    paper.table(
        'Closed in the last 24 hours',
        ('Severity', 'Closed', 'Summary', 'Count'),
        [
            (
                one['severity'],
                _ago(one['last_at'], answer),
                one['summary'],
                one['count'],
            )
            for one in alarms['closed']
        ],
    )


def _log_events(paper, hours, answer):
    rows = [
        (
            level,
            sum(hour[level] for hour in hours),
            columns.Spark([hour[level] for hour in hours]),
        )
        for level in LEVELS
    ]
    paper.table(
        'Log events, hour by hour',
        ('Level', 'Last 24 Hours', 'Until Now'),
        [row for row in rows if row[1]],
    )


def _uptime(paper, uptimes, answer):
    found = {}
    for one in uptimes:
        found.setdefault(one['service'] or '(server)', []).append(one)
    paper.table(
        'Uptime',
        ('Service', '24 Hours', '7 Days', '30 Days', 'Failures'),
        [
            (
                name,
                *(_share(one['percent']) for one in periods),
                periods[-1]['failures'],
            )
            for name, periods in found.items()
        ],
    )


def _share(percent):
    return 'not known' if percent is None else columns.Share(percent)
