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

"""For how long a server and its services were up."""

from sentinella import exceptions
from sentinella.api import times
from sentinella.db import ledger
from sentinella.db import windows
from sentinella.evaluator import modes
from sentinella.evaluator import uptime

DAY = 86400.0

#: Seconds that are told where no range is asked for.
PERIODS = (DAY, 7 * DAY, 30 * DAY)

#: The longest range that is reckoned at once.
MAX_RANGE = 400 * DAY


def of(session, server, query, now):
    """
    :param query: `since`, `until` and `service`, each of them or not
    :param now: later than this nothing is known
    :returns: list of what is shown, of the server and of each service
    :raises InvalidInput: the range is none, or too long
    """
    ranges = _ranges(query, now)
    # what is known of the longest is enough for the others
    since = min(since for since, _ in ranges)
    past = _Past(session, server, since, ranges[0][1])
    wanted = query.get('service')
    names = past.names if wanted is None else [wanted]
    return [
        _view(name, one, found)
        for name in names
        for one, found in zip(ranges, past.uptimes(name, ranges), strict=True)
    ]


def _ranges(query, now):
    until = min(query.get('until', now), now)
    if 'since' not in query:
        return [(until - seconds, until) for seconds in PERIODS]
    since = query['since']
    if not since < until:
        raise exceptions.InvalidInput(
            'since: expected earlier than until, and than now'
        )
    if until - since > MAX_RANGE:
        raise exceptions.InvalidInput(
            f'since: expected at most {MAX_RANGE / DAY:.0f} days before until'
        )
    return [(since, until)]


class _Past:
    """What is known of a server in a range."""

    def __init__(self, session, server, since, until):
        self._range = since, until
        self._server = server
        asked = server.id, since, until
        self._states = ledger.of_server(session, ledger.STATES, *asked)
        self._modes = ledger.of_server(session, ledger.MODES, *asked)
        self._windows = windows.between(session, since, until)
        self.names = sorted({ledger.SERVER, *self._states})

    def uptimes(self, name, ranges):
        """
        :param ranges: list of (since, until), parts of the whole one
        :returns: list of Uptimes
        """
        known = (
            self._changes(name),
            self._changes(ledger.SERVER),
            ledger.silent_from(self._server),
            self._excluded(name),
        )
        return [uptime.measure(*known, *one) for one in ranges]

    def _changes(self, name):
        # a service may run longer than the server has been watched
        return [
            (max(at, self._server.created_at), state)
            for at, state in self._states.get(name, [])
        ]

    def _excluded(self, name):
        subject = modes.Subject(
            self._server.project_id, self._server, name or None
        )
        by_hand = self._modes.get(ledger.SERVER, [])
        spans = modes.excluded(self._windows, subject, by_hand, *self._range)
        if name != ledger.SERVER:
            of_service = self._modes.get(name, [])
            spans += modes.excluded([], subject, of_service, *self._range)
        return spans


def _view(name, range_, found):
    since, until = range_
    return {
        'service': name or None,
        'since': times.show(since),
        'until': times.show(until),
        'percent': found.percent,
        'percent_at_least': found.percent_at_least,
        'failures': found.failures,
        'up': found.up,
        'down': found.down,
        'undetermined': found.undetermined,
        'excluded': found.excluded,
        'unwatched': found.unwatched,
    }
