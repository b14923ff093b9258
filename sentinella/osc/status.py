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

"""What an operator asks first: what is broken, and what to do about it."""

from sentinella.osc import base
from sentinella.osc import columns
from sentinella.osc import screen

#: Seconds that an evaluation may be late before a person is told.
LATE = 60.0

STATES = ('up', 'down', 'undetermined')
HEALTHS = ('up', 'alarm', 'silent', 'pending', 'maintenance', 'blackout')
LEVELS = ('critical', 'error', 'warning')


class ShowStatus(screen.Screen):
    """Show what is broken, since when, how bad, why, and what to do

    The worst first; then what else should worry, and the totals in one line.
    """

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--limit',
            metavar='<limit>',
            type=base.positive,
            default=10,
            help='Show this many alarms at most, up to 100 (default: 10)',
        )
        return parser

    def request(self, args):
        return self.client.get('summary', limit=args.limit)

    def draw(self, paper, answer):
        alarms = answer['alarms']
        if alarms:
            _draw_alarms(paper, alarms, answer['at'])
        for line in _worries(answer):
            paper.say(line, '! ', 'major')
        paper.say(_totals(answer))


def _draw_alarms(paper, alarms, now):
    for one in alarms['worst']:
        _draw_alarm(paper, one, now)
    more = alarms['open'] + alarms['acknowledged'] - len(alarms['worst'])
    if more > 0:
        paper.say(f'{more} more: openstack sentinella alarm list')
        paper.raw('')
    if not alarms['worst']:
        paper.say('Nothing is known to be broken.')


def _draw_alarm(paper, alarm, now):
    since = columns.Ago((alarm['since'], now)).human_readable()
    severity = paper.styled(f'{alarm["severity"]:8}', alarm['severity'])
    summary = paper.styled(screen.legible(alarm['summary']), 'bold')
    paper.raw(f'{severity}  {since:14}  {summary}')
    for name, text in (
        ('state', _state(alarm)),
        ('reason', alarm['reason']),
        ('cause', alarm['cause']),
        ('to do', alarm['remedy']),
        ('alarm', alarm['id']),
    ):
        if text:
            paper.say(screen.legible(text), f'          {name + ":":8}')
    paper.raw('')


def _state(alarm):
    """What is to be known of it beside that it is on."""
    found = []
    if alarm['state'] == 'UNDETERMINED':
        found.append('UNDETERMINED, there is no data any more')
    if alarm['lifecycle'] == 'ACKNOWLEDGED':
        note = alarm['note'] and f': {alarm["note"]}'
        found.append(f'{alarm["acknowledged_by"]} looks after it{note or ""}')
    if alarm['flapping_since']:
        found.append('it flaps')
    return '; '.join(found)


def _worries(answer):
    """What makes the picture worse than the alarms show."""
    servers, own = answer['servers'], answer['sentinella']
    silent = servers and servers['silent']
    if silent:
        yield (
            f'Of {silent} of {servers["total"]} servers nothing is known now: '
            'their agents are silent.'
        )
    if own is None:
        return
    alive = [one for one in own['instances'] if one['alive']]
    for kind, what in (
        ('evaluator', 'no alarm begins or ends'),
        ('conductor', 'no report is taken from the bus'),
    ):
        if not any(one['kind'] == kind for one in alive):
            yield f'No {kind} is alive: {what}.'
    if own['evaluation_lag'] > LATE:
        yield (
            f'Alarms are evaluated {own["evaluation_lag"]:.0f} s late: what '
            'is above may be old.'
        )


def _totals(answer):
    """All that there is in one line."""
    found = []
    servers, services = answer['servers'], answer['services']
    if servers is not None:
        some = [(servers[name], name) for name in HEALTHS]
        found.append(f'Servers: {screen.listed(some)}')
    if services is not None:
        some = [(sum(one[n] for one in services), n) for n in STATES]
        found.append(f'Services: {screen.listed(some)}')
    if answer['alarms'] is not None:
        found.append(f'Alarms: {_alarms(answer["alarms"])}')
    if answer['log_events'] is not None:
        some = [(answer['log_events'][name], name) for name in LEVELS]
        found.append(f'Logs of the last hour: {screen.listed(some)}')
    return '. '.join(found) + '.'


def _alarms(alarms):
    some = [
        (one['open'] + one['acknowledged'], one['severity'])
        for one in alarms['by_severity']
    ]
    acknowledged = alarms['acknowledged']
    told = f' ({acknowledged} acknowledged)' if acknowledged else ''
    return screen.listed(some) + told
