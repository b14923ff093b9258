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

"""Chooses how a log is read: as it is told, or as it plainly looks."""

import dataclasses
import functools
import re

from sentinella.agent.logs import formats
from sentinella.agent.logs import layout
from sentinella.agent.logs import lines
from sentinella.agent.logs import oslo
from sentinella.agent.logs import record as records
from sentinella.agent.logs import wrapped

#: Bytes, and lines, that are looked at to recognise a format.
SAMPLE = 1 << 14
LINES = 60
#: How many in another format it takes to leave one that did fit.
QUOTED = 5

#: Functions from a line to its Head.
_PLAIN = {
    'rabbitmq': formats.rabbitmq,
    'libvirt': formats.libvirt,
    'ovs': formats.ovs,
    'postgresql': formats.postgresql,
    'mariadb': formats.mariadb,
    'ceph': formats.ceph,
    'etcd': formats.etcd,
    'generic': formats.generic,
}
#: What makes such a function, of a service's layout.Settings.
_WRAPPED = {
    'apache': wrapped.Apache,
    'haproxy': wrapped.Syslog,
    'syslog': wrapped.Syslog,
    'uwsgi': wrapped.Uwsgi,
}
#: Lines that only uWSGI writes; the rest of its log is anybody's.
_UWSGI = re.compile(rb'\[pid: \d+\|app: |\*{3} Starting uWSGI|.{0,30}- \*{3} ')


@dataclasses.dataclass(frozen=True)
class Form:
    """How a log is read.

    :ivar name: one of knowledge.services.LOG_FORMATS, or `generic`
    :ivar settings: a :class:`layout.Settings`; None: oslo.log's defaults
    """

    name: str = 'oslo'
    settings: layout.Settings | None = None

    def parser(self, levels=records.WORTHY):
        if self.name == 'oslo':
            return oslo.Parser(levels, self.settings)
        return lines.Parser(self.head(), levels)

    def head(self):
        """Function from a line to its Head."""
        if self.name in _PLAIN:
            return _PLAIN[self.name]
        return _WRAPPED[self.name](self.settings)


def recognise(told, data, least=1):
    """
    :param told: the Form that it should have
    :param data: the start of a log, or of what is new in it
    :param least: how many lines must be in another form
    :returns: the Form that the data is in; None where it is in none
    """
    sample = data[:SAMPLE].splitlines()[:LINES]
    if told.name == 'oslo' and any(map(_UWSGI.match, sample)):
        return dataclasses.replace(told, name='uwsgi')
    if any(map(_sign(told), sample)):
        return told
    for name in ('oslo', *_PLAIN, 'apache', 'syslog'):
        for settings in {None, told.settings}:
            form = Form(name, settings)
            if sum(1 for line in sample if _sign(form)(line)) >= least:
                return form
    return None


@functools.lru_cache(maxsize=64)
def _sign(form):
    """Function that says whether a line is plainly in a format."""
    if form.name == 'oslo':
        plan = (
            layout.Told(None, form.settings)
            if form.settings
            else layout.Layout(None)
        )
        return lambda line: plan.any.match(b'\n' + line)
    if form.name == 'uwsgi':
        return _UWSGI.match
    return form.head()


class Parser:
    """As :class:`sentinella.agent.logs.oslo.Parser`, of a log that may turn
    out to be in another format than it is told to be in, now or later.

    :param form: the Form that it should have
    """

    def __init__(self, form, levels=records.WORTHY):
        self._levels = levels
        self._told = form
        self._take(form)
        self._lines = self._placed = 0
        self._proven = False
        self._doubts = 0

    @property
    def lines(self):
        return self._lines + self._parser.lines

    @property
    def placed(self):
        return self._placed + self._parser.placed

    @property
    def pending(self):
        return self._parser.pending

    @property
    def held(self):
        return self._parser.held

    @property
    def unsettled(self):
        return self._parser.unsettled

    def look_behind(self, data):
        self._suit(data[-SAMPLE:].partition(b'\n')[2])
        self._parser.look_behind(data)

    def feed(self, data):
        found = self._suit(data) if data and not self._parser.held else []
        return found + self._parser.feed(data)

    def flush(self):
        return self._parser.flush()

    def finish(self):
        return self._parser.finish()

    def _suit(self, data):
        """Take another form where the data is not in ours."""
        if self._is_ours(data.partition(b'\n')[0]):
            self._proven, self._doubts = True, 0
            return []
        self._doubts += 1
        # ever less often, where it is in none: 1st, 2nd, 4th, 8th time
        if self._doubts & (self._doubts - 1):
            return []
        # a record of many lines may quote somebody else's
        form = recognise(self._told, data, QUOTED if self._proven else 1)
        if form is None or form == self._form:
            return []
        found = self._parser.finish()
        self._lines, self._placed = self.lines, self.placed
        self._take(form)
        self._proven = self._doubts = 0
        return found

    def _take(self, form):
        self._form, self._parser = form, form.parser(self._levels)
        self._is_ours = _sign(form)


def first_time(data, form):
    """The time of the first record, as it stands there; None without one."""
    parser = Parser(form, levels=None)
    found = parser.feed(data) + parser.finish()
    return found[0].time if found else None
