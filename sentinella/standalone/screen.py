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

"""One screen that shows how this machine is."""

import dataclasses
import time

import rich.console
import rich.live
import rich.panel
import rich.table
import rich.text

from sentinella import model
from sentinella.db import alarms
from sentinella.db import clock
from sentinella.db import log_events
from sentinella.db import servers
from sentinella.db import services
from sentinella.notifier import message

REFRESH_SECONDS = 1.0
SPARK_MINUTES = 10
SPARKS = '▁▂▃▄▅▆▇█'

#: What the curves show, and the value that fills them.
CURVES = (
    ('CPU', model.Metric('cpu.percent'), 100.0),
    ('memory', model.Metric('memory.percent'), 100.0),
    ('load/core', model.Metric('load.per_cpu_5m'), 2.0),
)

STYLES = {
    model.ServiceState.UP: 'green',
    model.ServiceState.DOWN: 'bold red',
    model.ServiceState.UNDETERMINED: 'yellow',
    model.Severity.CRITICAL: 'bold red',
    model.Severity.MAJOR: 'red',
    model.Severity.WARNING: 'yellow',
    model.Severity.INFO: 'cyan',
}


@dataclasses.dataclass(frozen=True)
class View:
    """What is on the screen at one time.

    :ivar curves: list of (title, values oldest first, value that fills it)
    """

    now: float
    server: model.Server | None
    services: list
    alarms: list
    events: list
    curves: list


def look(database, storage):
    """Read a View."""
    with database.reader() as session:
        now = clock.read(session)
        found = servers.list_(session, limit=1)
        view = View(
            now=now,
            server=found[0] if found else None,
            services=services.list_(session, limit=40),
            alarms=alarms.list_(
                session, limit=8, state=model.AlarmState.ALARM
            ),
            events=log_events.list_(session, limit=5),
            curves=[],
        )
    if view.server is None:
        return view
    return dataclasses.replace(
        view, curves=_curves(storage, view.server.id, now)
    )


def _curves(storage, server_id, now):
    start, step = now - 60 * SPARK_MINUTES, 20
    return [
        (
            title,
            [
                value
                for _, value in storage.range(
                    server_id, metric, start, now, step, 'avg'
                )
            ],
            full,
        )
        for title, metric, full in CURVES
    ]


def sparkline(values, full):
    """One character a value, the tallest standing for `full` or more."""
    top = len(SPARKS) - 1
    return ''.join(
        SPARKS[max(0, min(top, round(value / full * top)))] for value in values
    )


def render(view, hint):
    """A View as something that rich prints.

    :param hint: what to type to ask further
    """
    return rich.console.Group(
        _head(view, hint), _alarms(view), _services(view), _events(view)
    )


def _head(view, hint):
    text = rich.text.Text()
    text.append(
        'NO KEYSTONE: whoever is on this machine is its admin. '
        'Loopback only, a first look.\n',
        'bold yellow',
    )
    text.append(f'$ {hint}\n', 'dim')
    if view.server is None:
        text.append('waiting for the first report ...')
    else:
        text.append(f'{view.server.hostname}  ', 'bold')
        text.append(f'{view.server.mode}  ')
        text.append(
            f'last report {_ago(view.server.last_report_at, view.now)}'
        )
    for title, values, full in view.curves:
        text.append(f'\n{title:>10} ')
        text.append(sparkline(values, full), 'cyan')
        text.append(f' {values[-1]:.1f}' if values else ' no sample yet')
    return rich.panel.Panel(text, title='Sentinella', title_align='left')


def _alarms(view):
    if not view.alarms:
        return rich.text.Text('  no alarm', 'green')
    table = rich.table.Table(box=None, padding=(0, 2), title_justify='left')
    for heading in ('severity', 'alarm', 'for', 'why'):
        table.add_column(heading)
    for alarm in view.alarms:
        table.add_row(
            rich.text.Text(alarm.severity.upper(), STYLES[alarm.severity]),
            message.subject(alarm),
            _ago(alarm.changed_at, view.now, suffix=''),
            alarm.reason,
        )
    return table


def _services(view):
    if not view.services:
        return rich.text.Text('  no OpenStack service found here')
    table = rich.table.Table(box=None, padding=(0, 2))
    for heading in ('service', 'state', 'for', 'processes', 'known by'):
        table.add_column(heading)
    for item in view.services:
        status = item.status
        table.add_row(
            status.name,
            rich.text.Text(status.state, STYLES[status.state]),
            _ago(status.since, view.now, suffix=''),
            str(len(status.pids)),
            status.evidence,
        )
    return table


def _events(view):
    table = rich.table.Table(box=None, padding=(0, 2), show_header=False)
    for item in view.events:
        event = item.event
        table.add_row(
            time.strftime('%H:%M:%S', time.localtime(event.at)),
            event.service,
            event.level,
            event.message.splitlines()[0][:100] if event.message else '',
        )
    return table


def _ago(then, now, suffix=' ago'):
    if then is None:
        return 'never'
    seconds = max(0, int(now - then))
    for size, unit in ((86400, 'd'), (3600, 'h'), (60, 'min')):
        if seconds >= size:
            return f'{seconds // size} {unit}{suffix}'
    return f'{seconds} s{suffix}'


class Screen:
    """Shows a View until it is stopped.

    On a terminal it is one screen, drawn anew each second; in a file or a
    pipe, a line for each change of what matters.
    """

    def __init__(self, standalone, hint):
        self._standalone = standalone
        self._hint = hint
        self._console = rich.console.Console()
        self._last = None

    def show(self, ended):
        """
        :param ended: Event that ends it
        """
        if self._console.is_terminal:
            with rich.live.Live(
                console=self._console, screen=True, auto_refresh=False
            ) as live:
                while not ended.wait(REFRESH_SECONDS):
                    live.update(self._draw(), refresh=True)
        else:
            while not ended.wait(REFRESH_SECONDS):
                self._print_change()

    def _look(self):
        return look(self._standalone.database, self._standalone.storage)

    def _draw(self):
        return render(self._look(), self._hint)

    def _print_change(self):
        view = self._look()
        line = (
            f'{len(view.services)} services, '
            f'{len(view.alarms)} alarms'
            + ''.join(
                f'; {a.severity}: {message.subject(a)}' for a in view.alarms
            )
        )
        if line != self._last:
            self._console.print(line, highlight=False, soft_wrap=True)
        self._last = line
