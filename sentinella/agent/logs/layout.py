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

"""What a line of oslo.log's text format looks like.

By default ``TIME PID LEVEL LOGGER [CONTEXT] message``. A service may be told
otherwise by `logging_context_format_string` and its like; its layout is then
compiled from these. All expressions are bounded: none takes longer than some
hundred steps at a place, whatever stands there.
"""

import dataclasses
import datetime
import re

#: What begins a line of oslo.log's JSON format.
JSON = rb'\{"message": '
#: What a terminal would show as colours.
COLOR = rb'(?:\x1b\[[\d;]{0,12}m){0,4}+'

_TIME = (
    rb'\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9}+)?'
    rb'(?:Z|[+-]\d\d:?\d\d)?'
)
_CONTEXT = (
    rb'\[' + COLOR + rb'(?:-|[^\]\n]{0,2000}?req-[^\]\n]{0,2000}+)'
    rb'' + COLOR + rb'\]'
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The options of oslo.log that say what a line looks like."""

    context: str = (
        '%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s '
        '[%(global_request_id)s %(request_id)s %(user_identity)s] '
        '%(instance)s%(message)s'
    )
    default: str = (
        '%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s '
        '[-] %(instance)s%(message)s'
    )
    exception: str = (
        '%(asctime)s.%(msecs)03d %(process)d ERROR %(name)s %(instance)s'
    )
    date: str = '%Y-%m-%d %H:%M:%S'


class Layout:
    """The default one.

    :ivar near: a hasty search for lines that may matter
    :ivar anchored: whether what it finds begins at the newline before a line
    :ivar any: the newline before a line with a prefix, whatever its level
    """

    anchored = True
    any = re.compile(
        rb'\n(?:' + _TIME + rb' \d++ [A-Z]++ [^\s\[]|' + JSON + rb')'
    )
    _prefix = re.compile(
        rb'(' + _TIME + rb') (\d++) ([A-Z]++) ([^\s\[]\S{0,254}+) ?'
        rb'(?:(' + _CONTEXT + rb') ?)?'
    )

    def __init__(self, levels):
        # the first letter of a level is enough to pass nearly all others by
        letters = ''.join(sorted({level[0] for level in levels or ()}))
        letters = letters.encode() or b'A-Z'
        self.near = re.compile(
            rb'(?s)\n(?:.{19}[.,\d+:Z-]*+ \d++ [' + letters + rb']|\{)'
        )

    def read(self, text, at):
        """Read the prefix of the line that begins at `at`.

        :returns: time, pid, level, logger, context (None where there is
            none), and where the message begins; or None
        """
        found = self._prefix.match(text, at)
        return found and (*found.groups(), found.end())

    def time(self, text):
        """A time as it stands in the log, in ISO 8601."""
        return text.decode()


class Told(Layout):
    """One that is told by a service's options.

    :param settings: :class:`Settings`
    :raises ValueError: these are no formats
    """

    anchored = False

    def __init__(self, levels, settings):
        self._date = settings.date
        sources = [
            _compile(text, settings.date)
            for text in (
                settings.context,
                settings.default,
                settings.exception,
            )
        ]
        self._kinds = [re.compile(source) for source in sources]
        nameless = [re.sub(rb'\?P<\w+>', b'?:', s) for s in sources]
        self.any = re.compile(rb'\n(?:' + b'|'.join([*nameless, JSON]) + rb')')
        words = re.findall('[A-Z]{3,}', settings.exception)
        words = '|'.join([*levels, *words]) if levels else '\n'
        self.near = re.compile(words.encode() + rb'|\n\{')

    def read(self, text, at):
        for kind in self._kinds:
            found = kind.match(text, at)
            if found is not None:
                break
        else:
            return None
        parts = found.groupdict(b'')
        time = parts.get('time', b'')
        if time and parts.get('msecs'):
            time += b'.' + parts['msecs']
        return (
            time,
            parts.get('pid') or b'0',
            parts.get('level') or b'ERROR',
            parts.get('logger', b''),
            parts.get('context') if 'context' in kind.groupindex else None,
            found.end(),
        )

    def time(self, text):
        return to_iso(text.decode('utf-8', 'replace'), self._date)


def to_iso(text, date):
    """
    :param date: a format of strftime; without a day, it is today's or
        yesterday's
    :returns: text as it is where it is not in that format
    """
    whole, point, fraction = text.rpartition('.')
    if not point or not fraction.isdecimal() or '%f' in date:
        whole, fraction = text, ''
    try:
        moment = datetime.datetime.strptime(whole, date)
    except ValueError:
        return text
    if moment.year == 1900:
        moment = _lately(moment, has_day='%d' in date or '%j' in date)
    return moment.isoformat(' ') + (f'.{fraction}' if fraction else '')


def _lately(moment, has_day):
    """The last time at which it was that day or hour."""
    now = datetime.datetime.now(moment.tzinfo)
    limit = now + datetime.timedelta(hours=1)
    if has_day:
        found = moment.replace(year=now.year)
        return found if found <= limit else found.replace(year=now.year - 1)
    found = datetime.datetime.combine(now, moment.timetz())
    return found if found <= limit else found - datetime.timedelta(days=1)


_TOKEN = re.compile(
    r'%\((?P<field>\w+)\)[-+ #0]*\d*(?:\.\d+)?(?P<kind>[a-zA-Z])|%%'
)
_BRACKETS = re.compile(r'\[([^\[\]]*)\]')
_IN_CONTEXT = re.compile(r'%\((?:global_)?request_id\)s|%\(user_identity\)s')
_COLORS = re.compile(r'%\((?:reset_)?color\)s|(?:\x1b|\\033|\\x1b)\[[\d;]*m')
_STRFTIME = {
    'Y': rb'\d{4}',
    'f': rb'\d{6}',
    'j': rb'\d{3}',
    'b': rb'\w{3,5}\.?',
    'B': rb'\w{3,12}',
    'a': rb'\w{2,4}\.?',
    'A': rb'\w{3,12}',
    'p': rb'[AP]M',
    'z': rb'[+-]\d{4}',
    'Z': rb'[A-Za-z+-][\w+-]{0,6}',
    'T': rb'\d\d:\d\d:\d\d',
    'F': rb'\d{4}-\d\d-\d\d',
    '%': rb'%',
}
_FIELDS = {
    'msecs': rb'(?P<msecs>\d{1,3})',
    'process': rb'(?P<pid>\d{1,10}) {0,9}',
    'levelname': rb'(?P<level>[A-Z]{2,12}+) {0,12}',
    'isotime': rb'(?P<time>' + _TIME + rb')',
}
#: Where the message begins: what stands in front of it is told with it.
_MESSAGE = ('message', 'instance', 'resource')


def _compile(text, date):
    """
    :returns: regular expression of what precedes the message
    """
    text = _COLORS.sub('%(color)s', text)
    text = _BRACKETS.sub(_mark_context, text)
    pattern, at, used = b'', 0, set()
    for token in _TOKEN.finditer(text):
        pattern += _escape(text[at : token.start()])
        at = token.end()
        field = token['field']
        if field in _MESSAGE:
            return _loose_end(pattern)
        pattern += _field(token, text[at : at + 1], date, used)
        used.add(field)
    return _loose_end(pattern + _escape(text[at:]))


def _mark_context(found):
    inside = found[1].replace('%(color)s', '')
    if inside == '-' or _IN_CONTEXT.search(inside):
        return '%(_context_)s'
    return found[0]


def _field(token, following, date, used):
    field = token['field']
    if field is None:
        return b'%'
    if field == '_context_':
        return rb'(?P<context>' + _CONTEXT + rb')'
    if field == 'color':
        return COLOR
    if field in used:
        return rb'[^\n]{0,40}?'
    if field == 'asctime':
        return rb'(?P<time>' + _of_date(date) + rb')'
    if field in _FIELDS:
        return _FIELDS[field]
    if token['kind'] in 'di':
        return rb'-?\d{1,20}'
    stop = _escape(following) if following not in ('', '%') else b''
    if field == 'name':
        return rb'(?P<logger>[^\s\[' + stop + rb'][^\s' + stop + rb']{0,254}+)'
    if field == 'request_id':
        return rb'(?P<context>req-[\w-]{8,80}|)'
    return rb'[^\n' + stop + rb']{0,200}+' if stop else rb'[^\n]{0,200}?'


def _of_date(date):
    """A strftime format's regular expression."""
    pattern, at = b'', 0
    for token in re.finditer('%([A-Za-z%])', date):
        pattern += _escape(date[at : token.start()])
        pattern += _STRFTIME.get(token[1], rb'[ \d]\d')
        at = token.end()
    return pattern + _escape(date[at:])


def _escape(text):
    return re.escape(text.encode())


def _loose_end(pattern):
    """An empty message may have lost the blank in front of it."""
    return pattern.removesuffix(rb'\ ') + rb' ?' if pattern else rb'(?!)'
