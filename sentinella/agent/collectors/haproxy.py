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

"""The load balancer in front of the APIs."""

import collections
import csv
import dataclasses

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import dialogue

#: Where distributions and deployment tools have its socket.
SOCKETS = (
    '/run/haproxy/admin.sock',
    '/var/lib/haproxy/stats',
    '/var/lib/kolla/haproxy/haproxy.sock',
    '/run/haproxy.sock',
)
#: Backends, and frontends, that are named in samples.
NAMED = 100

_REMEDY = (
    'in its configuration, have `stats socket PATH mode 660 group GROUP '
    'level user`, make sentinella a member of that group, and set '
    '[collector_haproxy] address to the path'
)


class HaproxyCollector(base.Collector):
    """The load balancer in front of the APIs.

    It knows best which servers of each API answer, for it asks them all the
    time: a backend without any is an API that is gone, one with some is an
    API that may soon be. Servers in maintenance, and those that it does not
    check, are left out: nobody has seen these up or down.

    It needs to open the stats socket, at the level `user`.
    """

    SERVICES = ('haproxy',)
    PROBES = True

    OPTIONS = (
        cfg.Opt(
            'address',
            type=dialogue.Address(),
            help='Its stats socket: a path, or host:port. Not set: the first '
            f'that is there of {", ".join(SOCKETS)}.',
        ),
    )

    METRICS = {
        'haproxy.up': 'Whether it answers: 1 or 0',
        'haproxy.connections_percent': 'Connections that are open, % of what '
        'it takes',
        'haproxy.sessions_percent': 'Sessions, % of what the frontend takes; '
        'by frontend',
        'haproxy.backend.up': 'Whether a backend has a server that passes '
        'its checks: 1 or 0; NaN where none is checked; by backend',
        'haproxy.backends_down': 'Backends without a server',
        'haproxy.servers': 'Servers that are checked and not in maintenance; '
        'by backend',
        'haproxy.servers_down': 'Those of them that do not pass; by backend',
        'haproxy.queue': 'Requests that wait for a server; by backend',
        'haproxy.errors': 'Answers since the last look with a status of 500 '
        'and more; by backend',
        'haproxy.errors_percent': 'Their share of all answers, %; NaN where '
        'there were none; by backend',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._growth = counting.Growth()

    def collect(self, now):
        address = (
            self.options.address
            or dialogue.locate(self.node, 'haproxy', SOCKETS)
            or SOCKETS[0]
        )
        try:
            info = read_info(ask(address, 'show info'))
            rows = read_rows(ask(address, 'show stat'))
        except OSError as error:
            down = dialogue.is_down(self.node, 'haproxy')
            up = dialogue.judge(error, address, _REMEDY, down)
            return [base.sample('haproxy.up', up)]
        except ValueError:
            raise exceptions.Lacking(
                f'{dialogue.text(address)} does not answer as a stats socket '
                'of HAProxy does',
                _REMEDY,
            )
        return list(self.read(info, rows))

    def read(self, info, rows):
        """
        :param info: {name: text}
        :param rows: list of Rows
        :returns: iterable of Samples
        """
        yield base.sample('haproxy.up', 1)
        yield base.sample(
            'haproxy.connections_percent',
            counting.percent(
                number(info.get('CurrConns')), number(info.get('Maxconn'))
            ),
        )
        yield from _frontends(rows)
        backends = backends_of(rows)
        down = sum(backend.up is False for backend in backends)
        yield base.sample('haproxy.backends_down', down)
        for backend in backends[:NAMED]:
            yield from self._backend(backend)

    def _backend(self, backend):
        answers = self._growth.of(f'all {backend.name}', backend.answers)
        errors = self._growth.of(f'5xx {backend.name}', backend.errors)
        for name, value in {
            'backend.up': backend.up,
            'servers': backend.servers,
            'servers_down': backend.servers - backend.servers_up,
            'queue': backend.queue,
            'errors': errors,
            'errors_percent': counting.percent(errors, answers),
        }.items():
            yield base.sample(f'haproxy.{name}', value, backend=backend.name)


#: One line of `show stat`; what is not a number is ''.
Row = collections.namedtuple(
    'Row', 'proxy server status sessions limit queue answers errors'
)


@dataclasses.dataclass(frozen=True)
class Backend:
    """A backend and its servers.

    :ivar up: None where no server of it is checked
    :ivar answers: over HTTP, since it started; None where it is none of HTTP
    """

    name: str
    up: bool | None
    servers: int
    servers_up: int
    queue: float | None
    answers: float | None
    errors: float | None


def ask(address, command):
    """
    :returns: text
    :raises OSError: nobody answers
    :raises ValueError: it is more than anybody would say
    """
    with dialogue.Dialogue(address) as server:
        server.send(f'{command}\n'.encode())
        return server.read_all().decode('utf-8', 'replace')


def read_info(text):
    """
    :returns: {name: text}
    :raises ValueError: that is no `show info`
    """
    pairs = (line.partition(': ') for line in text.splitlines())
    found = {name: value for name, colon, value in pairs if colon}
    if found.get('Name') is None or 'Maxconn' not in found:
        raise ValueError('no `show info`')
    return found


def read_rows(text):
    """
    :returns: list of Rows
    :raises ValueError: that is no `show stat`
    """
    if not text.startswith('# pxname,svname,'):
        raise ValueError('no `show stat`')
    try:
        return [
            _row(fields)
            for fields in csv.DictReader(text.removeprefix('# ').splitlines())
        ]
    except (csv.Error, KeyError, TypeError) as error:
        raise ValueError(str(error))


def _row(fields):
    counts = [
        number(fields.get(f'hrsp_{kind}'))
        for kind in ('1xx', '2xx', '3xx', '4xx', '5xx', 'other')
    ]
    return Row(
        fields['pxname'] or '',
        fields['svname'] or '',
        fields['status'] or '',
        number(fields['scur']),
        number(fields['slim']),
        number(fields['qcur']),
        None if None in counts else sum(counts),
        counts[4],
    )


def number(text):
    """
    :returns: None for what is none
    """
    return float(text) if text and text.isdecimal() else None


def _frontends(rows):
    frontends = [row for row in rows if row.server == 'FRONTEND']
    for row in _once(frontends)[:NAMED]:
        yield base.sample(
            'haproxy.sessions_percent',
            counting.percent(row.sessions, row.limit),
            frontend=row.proxy,
        )


def _once(rows):
    """The first of each name."""
    return list({row.proxy: row for row in reversed(rows)}.values())[::-1]


def backends_of(rows):
    """
    :returns: list of Backends
    """
    servers = collections.defaultdict(list)
    for row in rows:
        if row.server not in ('FRONTEND', 'BACKEND'):
            servers[row.proxy].append(row.status)
    ends = _once([row for row in rows if row.server == 'BACKEND'])
    return [_backend(row, servers[row.proxy]) for row in ends]


def _backend(row, statuses):
    checked = [status for status in statuses if is_checked(status)]
    up = [status for status in checked if is_up(status)]
    # servers that are not checked HAProxy uses in good faith
    seen_up = True if up else None
    return Backend(
        row.proxy,
        False if row.status.startswith('DOWN') else seen_up,
        len(checked),
        len(up),
        row.queue,
        row.answers,
        row.errors,
    )


def is_checked(status):
    """Whether a server's status was seen. Maintenance is somebody's will,
    but for a name that has no address."""
    return status not in ('no check', '', '-') and (
        not status.startswith('MAINT') or 'resolution' in status
    )


def is_up(status):
    """Whether a server passes its checks, though it may be on the way down
    or not wanted for new requests."""
    return status.startswith(('UP', 'NOLB', 'DRAIN'))
