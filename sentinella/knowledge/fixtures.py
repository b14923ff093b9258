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

"""What definitions are tried on: samples that they fire for, or must not.

A case tells what is seen until now. Each metric's values are words with
blanks between, what came first standing first:

=========== ================================================
word        stands for
=========== ================================================
``1``       one sample
``1*5m``    that sample, again and again for five minutes
``9..2*1h`` a straight line from 9 to 2 within an hour
``nan*30s`` samples that could not be read
``-*2m``    nothing at all, for two minutes
=========== ================================================

How often there is a sample depends on who measures it.
"""

import dataclasses
import math
import re

from sentinella import exceptions
from sentinella.knowledge import reading

_NUMBER = r'[-+]?(?:\d+(?:\.\d+)?(?:e\d+)?|nan)'
_WORD = re.compile(
    rf'(?:(?P<first>{_NUMBER})(?:\.\.(?P<last>{_NUMBER}))?|-)'
    r'(?:\*(?P<count>\d+)(?P<unit>[smhd]))?'
)
_UNITS = {'s': 1.0, 'm': 60.0, 'h': 3600.0, 'd': 86400.0}
_METRIC = re.compile(
    r'(?P<name>[^\s{}]+)(?:\{(?P<dimensions>[^{}=,]+=[^{}=,]*'
    r'(?:, [^{}=,]+=[^{}=,]*)*)\})?'
)
_CASE = ('when', 'severity', 'servers', 'instances')
_INSTANCE = ('kind', 'host', 'silence', 'facts')
_SERVER = ('count', 'samples', 'facts', 'row', 'hostname')

#: Columns of a server's row that a case may set, all of them numbers: seconds
#: between reports, since the last one, by which its clock is ahead, and since
#: something was refused.
ROW = ('interval', 'silence', 'clock_offset', 'refusal_age')


@dataclasses.dataclass(frozen=True, slots=True)
class Stretch:
    """Some samples of one metric, one after the other.

    :ivar first: value of the first one, :ivar last: of the last one; both
        None where there are none
    :ivar seconds: that they take; 0 for one sample
    """

    first: float | None
    last: float | None
    seconds: float = 0.0

    def values(self, interval):
        """
        :param interval: seconds between two samples
        :returns: list of floats, or of Nones
        """
        count = max(1, round(self.seconds / interval))
        if self.first is None or count == 1 or self.first == self.last:
            return [self.first] * count
        step = (self.last - self.first) / (count - 1)
        return [self.first + step * i for i in range(count)]


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Like servers of a case.

    :ivar samples: mapping of (name, dimensions, sorted pairs) to Stretches
    :ivar facts: that their agents registered with
    :ivar row: see `ROW`
    :ivar hostname: '' where it does not matter
    """

    samples: dict[tuple, tuple[Stretch, ...]]
    count: int = 1
    facts: dict = dataclasses.field(default_factory=dict)
    row: dict[str, float] = dataclasses.field(default_factory=dict)
    hostname: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Instance:
    """
    :ivar kind: as in a :class:`model.Instance`
    :ivar silence: seconds since it was last heard of
    :ivar facts: what it told of itself then
    """

    kind: str
    host: str
    silence: float = 0.0
    facts: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """
    :ivar when: what has happened, in words
    :ivar severity: of the one alarm that has to follow, as text; '' for the
        definition's own
    :ivar instances: our own processes; a case that has some is tried alone
    """

    when: str
    places: tuple[Place, ...]
    severity: str = ''
    instances: tuple['Instance', ...] = ()


def cases(entries, where):
    """
    :param entries: of a definition, a list
    :returns: tuple of Cases, at least one
    :raises InvalidConfiguration: says where, and what was expected
    """
    if type(entries) is not list or not entries:
        raise exceptions.InvalidConfiguration(
            f'{where}: expected a list of cases'
        )
    return tuple(
        _case(entry, f'{where}.{number}')
        for number, entry in enumerate(entries)
    )


def _case(entry, where):
    reading.mapping(entry, where, ', '.join(_CASE))
    if not {'servers', 'instances'} & set(entry):
        # short for one that there is one of
        inner = {k: entry[k] for k in _SERVER if k in entry}
        outer = {k: v for k, v in entry.items() if k not in _SERVER}
        entry = {**outer, 'servers': [inner]}
    reading.known(entry, _CASE, where)
    reading.complete(entry, ('when',), where)
    servers = reading.listed(entry, 'servers', dict, where)
    processes = reading.listed(entry, 'instances', dict, where)
    return Case(
        when=reading.typed(entry['when'], str, where, 'when'),
        severity=reading.typed(
            entry.get('severity', ''), str, where, 'severity'
        ),
        places=tuple(
            _place(server, f'{where}.servers.{number}')
            for number, server in enumerate(servers)
        ),
        instances=tuple(
            _instance(process, f'{where}.instances.{number}')
            for number, process in enumerate(processes)
        ),
    )


def _instance(entry, where):
    reading.known(entry, _INSTANCE, where)
    reading.complete(entry, ('kind', 'host'), where)
    return Instance(
        kind=reading.typed(entry['kind'], str, where, 'kind'),
        host=reading.typed(entry['host'], str, where, 'host'),
        silence=float(
            reading.typed(entry.get('silence', 0), int, where, 'silence')
        ),
        facts=reading.mapping(
            entry.get('facts', {}), f'{where}.facts', 'facts'
        ),
    )


def _place(entry, where):
    reading.known(entry, _SERVER, where)
    samples = reading.mapping(
        entry.get('samples', {}), f'{where}.samples', 'metrics'
    )
    row = reading.mapping(entry.get('row', {}), f'{where}.row', 'columns')
    reading.known(row, ROW, f'{where}.row')
    return Place(
        samples={
            _metric(metric, where): _stretches(values, f'{where}.{metric}')
            for metric, values in samples.items()
        },
        count=reading.typed(entry.get('count', 1), int, where, 'count'),
        facts=reading.mapping(
            entry.get('facts', {}), f'{where}.facts', 'facts'
        ),
        row=row,
        hostname=reading.typed(
            entry.get('hostname', ''), str, where, 'hostname'
        ),
    )


def _metric(text, where):
    found = _METRIC.fullmatch(str(text))
    if found is None:
        raise exceptions.InvalidConfiguration(
            f'{where}.samples: expected a metric, such as '
            f'fs.percent{{mount=/var}}, got {text!r:.80}'
        )
    pairs = (found['dimensions'] or '').split(', ')
    dimensions = sorted(tuple(p.split('=', 1)) for p in pairs if p)
    return found['name'], tuple(dimensions)


def _stretches(text, where):
    return tuple(_stretch(word, where) for word in str(text).split())


def _stretch(word, where):
    found = _WORD.fullmatch(word)
    if found is None:
        raise exceptions.InvalidConfiguration(
            f'{where}: expected values such as 1*5m, 9..2*1h or -*30s, '
            f'got {word!r:.40}'
        )
    seconds = float(found['count'] or 0) * _UNITS[found['unit'] or 's']
    if found['first'] is None:
        return Stretch(None, None, seconds)
    first = float(found['first'])
    last = first if found['last'] is None else float(found['last'])
    if math.isnan(first):
        last = first
    return Stretch(first, last, seconds)
