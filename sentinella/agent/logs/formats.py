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

"""What lines of the logs beneath OpenStack look like.

Each format is a function from a line to its Head, or None where the line
says nothing of itself. What they match is anchored and bounded.
"""

import json
import re

from sentinella.agent.logs import lines

Head = lines.Head

_LEVELS = {
    'CRITICAL': 'CRITICAL PANIC EMERG EMER EMERGENCY ALERT CRIT FATAL',
    'ERROR': 'ERROR ERR -1',
    'WARNING': 'WARNING WARN WRN',
}
_NAMES = {
    word.encode(): level
    for level, words in _LEVELS.items()
    for word in words.split()
}
_MONTHS = {
    name: number
    for number, name in enumerate(
        b'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(), 1
    )
}


def level_of(word):
    """The level that a word (bytes) stands for, INFO if it is a low one."""
    return _NAMES.get(word.upper(), 'INFO')


def _compile(pattern):
    return re.compile(pattern, re.VERBOSE | re.DOTALL)


_RABBIT = _compile(
    rb"""(?P<time>\d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d\.\d{3,6}
             (?:[+-]\d\d:\d\d|Z)?)
         \ \[(?P<level>[a-z]{4,9})\]
         \ (?P<pid><[\d.]{1,40}>)?\ ?(?P<text>.*)"""
)
_RABBIT_OLD = _compile(
    rb"""=(?P<level>[A-Z]{4,10})\ REPORT====
         \ (?P<day>\d\d?)-(?P<month>[A-Z][a-z]{2})-(?P<year>\d{4})
         ::(?P<time>\d\d:\d\d:\d\d)(?:\.\d+)?\ ==="""
)


def rabbitmq(line):
    """Lines of one report repeat its prefix, time and all."""
    found = _RABBIT.match(line)
    if found is None:
        return _rabbitmq_old(line)
    key = found.group('time', 'level', 'pid')
    return Head(
        time=found['time'].decode(),
        level=level_of(found['level']),
        message=found['text'],
        logger=b'rabbitmq',
        key=key,
        joins=True,
    )


def _rabbitmq_old(line):
    found = _RABBIT_OLD.match(line)
    if found is None:
        return None
    on = day(found['year'], found['month'], found['day'])
    return Head(
        time=f'{on} {found["time"].decode()}',
        level=level_of(found['level']),
        message=b'',
        logger=b'rabbitmq',
    )


_MARIADB = _compile(
    rb"""(?P<day>\d{4}-\d\d-\d\d|\d{6})[T\ ]{1,2}
         (?P<time>\d{1,2}:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?)
         (?:\ (?P<thread>\d{1,20}))?
         \ \[(?P<level>[A-Z][A-Za-z]{3,9})\]\ (?P<text>.*)"""
)


def mariadb(line):
    """Of MySQL as well, old and new."""
    found = _MARIADB.match(line)
    if found is None:
        return None
    on, time = found['day'].decode(), found['time'].decode()
    if len(on) == 6:
        on = f'20{on[:2]}-{on[2:4]}-{on[4:]}'
    return Head(
        time=f'{on} {_hour(time)}',
        level=level_of(found['level']),
        message=found['text'],
        logger=b'mariadb',
    )


def _hour(time):
    return time if time[1] != ':' else f'0{time}'


_POSTGRESQL = _compile(
    rb"""(?P<time>\d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d(?:\.\d{3})?)
         (?:\ (?P<zone>[A-Z]{2,5}|[+-]\d\d(?:\d\d)?))?
         \ \[(?P<pid>\d{1,10})\](?::\ \[[\d-]{1,12}\])?
         (?:\ (?P<who>[^\s@]{0,64}@[^\s:]{0,64}))?
         \ (?P<level>[A-Z]{3,9}\d?):\ {0,2}(?P<text>.*)"""
)
_POSTGRESQL_MORE = (b'STATEMENT', b'DETAIL', b'HINT', b'CONTEXT', b'QUERY')
_POSTGRESQL_LEVELS = {
    b'WARNING': 'WARNING',
    b'ERROR': 'ERROR',
    # ends one session: a wrong password, say
    b'FATAL': 'ERROR',
    b'PANIC': 'CRITICAL',
}


def postgresql(line):
    found = _POSTGRESQL.match(line)
    if found is None:
        return None
    zone = found['zone'] or b''
    if zone in (b'UTC', b'GMT'):
        zone = b'+00:00'
    more = found['level'] in _POSTGRESQL_MORE
    text = found['text']
    return Head(
        time=(found['time'] + (b'' if zone.isalpha() else zone)).decode(),
        level=None if more else _POSTGRESQL_LEVELS.get(found['level'], 'INFO'),
        message=found['level'] + b': ' + text if more else text,
        logger=b'postgresql',
        pid=int(found['pid']),
        key=found['pid'],
        joins=more,
    )


_LIBVIRT = _compile(
    rb"""(?P<time>\d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d\.\d{3}[+-]\d{4}):
         \ (?P<pid>\d{1,10}):\ (?P<level>[a-z]{4,8})\ :
         \ (?P<text>(?:(?P<logger>[\w.]{1,80}):\d{1,6}\ :\ )?.*)"""
)


def libvirt(line):
    found = _LIBVIRT.match(line)
    if found is None:
        return None
    return Head(
        time=found['time'].decode(),
        level=level_of(found['level']),
        message=found['text'],
        logger=found['logger'] or b'libvirt',
        pid=int(found['pid']),
    )


_OVS = _compile(
    rb"""(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?)
         \|\d{1,12}\|(?P<logger>[\w()\ .:-]{1,80})
         \|(?P<level>EMER|ERR|WARN|INFO|DBG)\|(?P<text>.*)"""
)


def ovs(line):
    """Open vSwitch's and OVN's."""
    found = _OVS.match(line)
    if found is None:
        return None
    return Head(
        time=found['time'].decode(),
        level=level_of(found['level']),
        message=found['text'],
        logger=found['logger'],
    )


_CEPH = _compile(
    rb"""(?P<time>\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d\.\d{3,6}(?:[+-]\d{4})?)
         \ (?:[0-9a-f]{6,16}\ \ ?(?P<level>-?\d{1,3})\ (?P<text>.*)
          |(?P<who>[\w.-]{1,64})\ \([\w.-]{1,64}\)\ \d{1,12}\ :\ \w{1,12}\ 
           \[(?P<mark>[A-Z]{3})\]\ (?P<more>.*))"""
)


def ceph(line):
    """A daemon's log, and the cluster's."""
    found = _CEPH.match(line)
    if found is None:
        return None
    text = found['text']
    return Head(
        time=found['time'].decode(),
        level=level_of(found['level'] or found['mark']),
        message=found['more'] if text is None else text,
        logger=found['who'] or b'ceph',
    )


def etcd(line):
    """An object of JSON a line."""
    if not line.startswith(b'{"level":'):
        return None
    try:
        data = json.loads(line)
        level, text = str(data.pop('level')), str(data.pop('msg', ''))
        time, caller = str(data.pop('ts', '')), str(data.pop('caller', ''))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    if data:
        text += ' ' + json.dumps(data, sort_keys=True)
    return Head(
        time=time,
        level=level_of(level.encode()),
        message=text.encode('utf-8', 'replace'),
        logger=caller.partition(':')[0].encode('utf-8', 'replace') or b'etcd',
    )


_GENERIC = _compile(
    rb"""\[?(?P<time>\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)
         \ ?(?P<zone>Z|[+-]\d\d:?\d\d)?\]?
         (?P<between>(?:\ [^\s]{1,100}){0,4}?)
         \ \[?(?P<level>TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|CRIT
               |CRITICAL|FATAL)\b\]?:?\ ?(?P<text>.*)"""
)
_NUMBER = re.compile(rb'\[?(\d{1,10})\]?')


def generic(line):
    """A time and a level near the start: gunicorn's, Django's and such."""
    found = _GENERIC.match(line)
    if found is None:
        return None
    pid = _NUMBER.fullmatch(found['between'].strip())
    return Head(
        time=(found['time'] + (found['zone'] or b'')).decode(),
        level=level_of(found['level']),
        message=found['text'],
        pid=int(pid[1]) if pid else 0,
    )


def day(year, month, number):
    """Of bytes, such as `Nov`, in ISO 8601."""
    return f'{int(year):04}-{_MONTHS.get(month, 1):02}-{int(number):02}'
