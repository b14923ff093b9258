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

"""Lines that stand behind the prefix of somebody else's log.

What a service says to its standard error, or to syslog, is found in the log
of Apache, of uWSGI, of syslog or of the journal. What it says of itself counts
and not what these say of it, for Apache calls it an error whatever it is.
"""

import re

from sentinella.agent.logs import formats
from sentinella.agent.logs import layout
from sentinella.agent.logs import lines
from sentinella.agent.logs import record

Head = lines.Head

#: As DevStack has services log to the journal.
DEVSTACK = layout.Settings(
    context='%(color)s%(levelname)s %(name)s [%(global_request_id)s '
    '%(request_id)s %(project_name)s %(user_name)s%(color)s] '
    '%(instance)s%(color)s%(message)s',
    default='%(color)s%(levelname)s %(name)s [-%(color)s] '
    '%(instance)s%(color)s%(message)s',
    exception='ERROR %(name)s %(instance)s',
)
_REQUEST = re.compile(rb'req-[0-9a-fA-F-]{8,80}')
_WARNED = re.compile(rb'\S{1,300}:\d{1,6}: \w{0,40}Warning: ')
_LEVEL_FIRST = re.compile(
    rb'[\[<(]?(emerg|alert|crit|critical|fatal|panic|err|error|warn|warning)'
    rb'[\])>]?(?:: |\] ?|\)|\s)',
    re.IGNORECASE,
)


class Inner:
    """Reads what oslo.log wrote, without what stands in front of it.

    :param settings: a :class:`layout.Settings` of the service, or None
    """

    def __init__(self, settings=None):
        self._layouts = [layout.Layout(None), layout.Told(None, DEVSTACK)]
        if settings is not None:
            self._layouts.insert(0, layout.Told(None, settings))

    def head(self, text, time, pid, key):
        """
        :param time: where it says none itself, and the pid
        :returns: Head, or None where oslo.log did not write it
        """
        for plan in self._layouts:
            found = plan.read(text, 0)
            if found is None:
                continue
            own_time, own_pid, level, logger, context, end = found
            request = context and _REQUEST.search(context)
            return Head(
                time=plan.time(own_time) if own_time else time,
                level=level.decode(),
                message=text[end:],
                logger=logger,
                pid=int(own_pid) or pid,
                key=(key, logger),
                request_id=request[0].decode() if request else None,
                trace=context is None,
            )
        return None


_APACHE = re.compile(
    rb'\[\w{3} (?P<month>\w{3}) (?P<day>[ \d]\d) '
    rb'(?P<time>\d\d:\d\d:\d\d(?:\.\d{1,6})?) (?P<year>\d{4})\] '
    rb'\[(?:(?P<module>\w{0,40}):)?(?P<level>[a-z]{4,6}\d?)\] '
    rb'(?:\[pid (?P<pid>\d{1,10})(?::tid (?P<tid>\d{1,20}))?\] )?'
    rb'(?:\[(?:client|remote) [^\]\n]{1,100}\] )?(?P<text>.*)',
    re.DOTALL,
)
#: As DevStack has Apache log: the time and what was said.
_APACHE_BARE = re.compile(
    rb'(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) (?P<text>.*)', re.DOTALL
)


class Apache:
    """The error log of Apache's httpd."""

    def __init__(self, settings=None):
        self._inner = Inner(settings)

    def __call__(self, line):
        found = _APACHE.match(line)
        if found is None:
            return self._bare(line)
        day = formats.day(*found.group('year', 'month', 'day'))
        time = f'{day} {found["time"].decode()}'
        pid, module = int(found['pid'] or 0), found['module'] or b''
        key = (pid, found['tid'])
        said = module == b'wsgi'
        text = lines.plain(found['text'])
        head = said and self._inner.head(text, time, pid, key)
        return head or Head(
            time=time,
            level=_said_level(text) if said else _level(found['level']),
            message=text,
            logger=module,
            pid=pid,
            key=key,
            raw=said,
        )

    def _bare(self, line):
        found = _APACHE_BARE.match(line)
        if found is None:
            return None
        time, text = found['time'].decode(), lines.plain(found['text'])
        return self._inner.head(text, time, 0, None) or Head(
            time=time, level='INFO', message=text, raw=True
        )


def _level(word):
    return formats.level_of(word)


def _said_level(text):
    """Of what was written to standard error: an error, but for what Python
    warns of."""
    return 'WARNING' if _WARNED.match(text) else 'ERROR'


_UWSGI = (
    (rb'DAMN ! worker \d+|.{0,40}got Segmentation Fault', 'CRITICAL'),
    (rb'.{0,60}(?:HARAKIRI|listen queue of .{0,200} full)', 'ERROR'),
    (rb'unable to load app|--- no python application found', 'CRITICAL'),
    (rb'.{0,60}(?:bind|write|open|connect)\(\): ', 'ERROR'),
    (rb'.{0,100}: Broken pipe|OSError: write error|SIGPIPE', 'WARNING'),
    (rb'\*{3} WARNING: |!!! .{1,300} !!!', 'WARNING'),
)
_UWSGI_TABLE = [(re.compile(p, re.DOTALL), level) for p, level in _UWSGI]
_UWSGI_TIME = re.compile(
    rb'\w{3} (?P<month>\w{3}) (?P<day>[ \d]\d) (?P<time>\d\d:\d\d:\d\d) '
    rb'(?P<year>\d{4}) - (?P<text>.*)',
    re.DOTALL,
)


class Uwsgi:
    """The log of a uWSGI server, in which its application's is as well."""

    def __init__(self, settings=None):
        self._inner = Inner(settings)

    def __call__(self, line):
        text, time = lines.plain(line), ''
        head = self._inner.head(text, '', 0, None)
        if head is not None:
            return head
        found = _UWSGI_TIME.match(text)
        if found:
            day = formats.day(*found.group('year', 'month', 'day'))
            time, text = f'{day} {found["time"].decode()}', found['text']
        for pattern, level in _UWSGI_TABLE:
            if pattern.match(text):
                return Head(time, level, text, b'uwsgi', key='uwsgi')
        if text.startswith(record.TRACEBACK):
            return Head(time, 'ERROR', text, raw=True)
        if found or text.startswith(b'[pid: '):
            return Head(time, 'INFO', text, key='uwsgi')
        # any other line continues what precedes it, a traceback say
        return Head(time, None, text, raw=True)


_SYSLOG = re.compile(
    rb'(?:<\d{1,3}>(?:1 )?)?(?:(?P<month>[A-Z][a-z]{2}) (?P<day>[ \d]\d) '
    rb'(?P<clock>\d\d:\d\d:\d\d)'
    rb'|(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?'
    rb'(?:Z|[+-]\d\d:\d\d))) '
    rb'(?P<host>\S{1,255}) (?P<ident>[^\s\[:]{1,128})'
    rb'(?:\[(?P<pid>\d{1,10})\])?: ?(?P<text>.*)',
    re.DOTALL,
)
#: What daemons say that never name a level.
_WORDS = (
    (rb'backend .{1,200} has no server available', 'CRITICAL'),
    (rb'(?:Backup )?[Ss]erver .{1,300} is DOWN', 'ERROR'),
    (rb'\[ALERT\]', 'ERROR'),
    (rb'\[WARNING\]', 'WARNING'),
    (rb'(?:\S{1,80} )?[Ee]ntering FAULT STATE', 'ERROR'),
    (rb"Can't synchronise: no (?:selectable|majority)", 'WARNING'),
    (rb'System clock wrong by', 'WARNING'),
)
_WORDS_TABLE = [(re.compile(p, re.DOTALL), level) for p, level in _WORDS]


class Syslog:
    """Lines of syslog, HAProxy's among them."""

    def __init__(self, settings=None):
        self._inner = Inner(settings)

    def __call__(self, line):
        found = _SYSLOG.match(line)
        if found is None:
            return None
        time = _syslog_time(found)
        text, pid = lines.plain(found['text']), int(found['pid'] or 0)
        key = found.group('ident', 'pid')
        return self._inner.head(text, time, pid, key) or Head(
            time=time,
            level=said_level(text),
            message=text,
            logger=found['ident'],
            pid=pid,
            key=key,
            raw=True,
        )


def said_level(text):
    """The level that the words of a line without one let on."""
    if text.startswith(record.TRACEBACK):
        return 'ERROR'
    for pattern, level in _WORDS_TABLE:
        if pattern.match(text):
            return level
    found = _LEVEL_FIRST.match(text)
    return formats.level_of(found[1]) if found else 'INFO'


def _syslog_time(found):
    if found['iso']:
        return found['iso'].decode()
    text = b'%b %b %b' % found.group('month', 'day', 'clock')
    return layout.to_iso(text.decode(), '%b %d %H:%M:%S')
