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

"""When windows are in force: pure functions.

A rule (RFC 5545) goes by the clocks of the window's time zone: each Sunday at
two is at two in winter and in summer. A time that the clocks leave out is
that much later, one that they show twice is the first. An occurrence lasts as
long as the first one does, in seconds.
"""

import calendar
import datetime
import functools
import itertools
import re
import zoneinfo

from dateutil import rrule

from sentinella import exceptions

DAY = 86400.0
YEAR = 366 * DAY

#: Seconds that an occurrence may last, where there are more of them.
MAX_DURATION = 31 * DAY

#: Years that a window may begin, end or go on ahead; it may have begun one
#: year ago. The way from its begin to now is gone step by step.
MAX_YEARS = 10

#: Most occurrences that a rule may count, and most of its periods between
#: two of them.
MAX_COUNT = 10000
MAX_INTERVAL = 1000

FREQUENCIES = ('HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY')
#: Of these there may be more than one in a month or a year.
_LONG = ('MONTHLY', 'YEARLY')
_DAYS = ('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU')
_DAY = re.compile(r'([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)')
#: Least and greatest number that each part takes, several of them in those
#: that begin with BY; BYMONTHDAY counts from the end where it is negative.
_NUMBERS = {
    'INTERVAL': (1, MAX_INTERVAL),
    'COUNT': (1, MAX_COUNT),
    'BYMONTH': (1, 12),
    'BYMONTHDAY': (-31, 31),
    'BYHOUR': (0, 23),
}
#: What is the same again after so long, whatever else the rule has.
_STEPS = {
    'HOURLY': datetime.timedelta(hours=1),
    'DAILY': datetime.timedelta(days=1),
    'WEEKLY': datetime.timedelta(weeks=1),
}
#: Parts that a rule may have; with these alone it is seen at once whether it
#: has occurrences at all. The minute is that of the first one.
PARTS = ('FREQ', *_NUMBERS, 'BYDAY')


def check(window, now):
    """
    :raises InvalidInput: the window's times or its rule can't be used
    """
    zone(window.timezone)
    duration = window.ends_at - window.starts_at
    if duration <= 0:
        raise exceptions.InvalidInput('ends_at: expected later than starts_at')
    if not now - YEAR <= window.starts_at <= now + MAX_YEARS * YEAR:
        raise exceptions.InvalidInput(
            'starts_at: expected not longer ago than a year, and within '
            f'{MAX_YEARS} years'
        )
    longest = MAX_DURATION if window.rrule else YEAR
    if duration > longest:
        raise exceptions.InvalidInput(
            f'ends_at: expected within {longest / DAY:.0f} days of starts_at'
        )
    if window.rrule:
        _check_rule(window)
    elif window.until is not None:
        raise exceptions.InvalidInput(
            'until: expected only with rrule; ends_at is the end of a window '
            'that does not recur'
        )
    if window.until is not None and not (
        window.starts_at <= window.until <= now + MAX_YEARS * YEAR
    ):
        raise exceptions.InvalidInput(
            f'until: expected from starts_at on, within {MAX_YEARS} years'
        )


def zone(name):
    """
    :returns: the ZoneInfo of an IANA time zone
    :raises InvalidInput: there is none of that name
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise exceptions.InvalidInput(
            f'timezone: expected a time zone such as Europe/Rome, got {name!r}'
        )


def _check_rule(window):
    """That the first occurrence is one: then there are others, and none of
    them is looked for in vain through all the years that a calendar has."""
    parts = _parts(window.rrule)
    numbers = {name: _read(name, parts) for name in _NUMBERS if name in parts}
    days = [_day(text, parts) for text in parts.get('BYDAY', '').split(',')]
    start = _local(window.starts_at, window.timezone)
    if start.replace(tzinfo=zone(window.timezone)).timestamp() != (
        window.starts_at
    ):
        raise exceptions.InvalidInput(
            'starts_at: expected a time that the clocks of '
            f'{window.timezone} show once, or the first of two'
        )
    by_month = parts['FREQ'] == 'MONTHLY' or 'BYMONTH' in parts
    if not (
        start.month in numbers.get('BYMONTH', [start.month])
        and start.hour in numbers.get('BYHOUR', [start.hour])
        and {start.day, start.day - _length(start, True) - 1}
        & set(numbers.get('BYMONTHDAY', [start.day]))
        and (days == [None] or any(_is(start, d, by_month) for d in days))
    ):
        raise exceptions.InvalidInput(
            'starts_at: expected the first time that rrule has, by the '
            f'clocks of {window.timezone}; there it is '
            f'{start:%A, %Y-%m-%d %H:%M:%S}'
        )


def _parts(text):
    pairs = [part.partition('=')[::2] for part in text.upper().split(';')]
    parts = dict(pairs)
    for name, _ in pairs:
        if name not in PARTS:
            raise _wrong_rule(f'only {", ".join(PARTS)}', name)
    if len(parts) != len(pairs):
        raise _wrong_rule('each part once', text)
    frequency = parts.get('FREQ', '')
    if frequency not in FREQUENCIES:
        raise _wrong_rule(f'FREQ={"|".join(FREQUENCIES)}', frequency)
    if frequency == 'HOURLY' and {'BYMONTH', 'BYMONTHDAY'} & parts.keys():
        raise _wrong_rule('months and their days only with FREQ=DAILY', text)
    return parts


def _read(name, parts):
    low, high = _NUMBERS[name]
    texts = parts[name].split(',')
    numbers = [
        int(text) if re.fullmatch(r'[+-]?[0-9]{1,5}', text) else high + 1
        for text in texts
    ]
    single = not name.startswith('BY')
    if (single and len(numbers) > 1) or not all(
        low <= number <= high and (number or low >= 0) for number in numbers
    ):
        raise _wrong_rule(f'{name} from {low} to {high}', parts[name])
    return numbers


def _day(text, parts):
    """
    :returns: (which one or None, number of the day of the week); None where
        the rule names no days
    """
    if 'BYDAY' not in parts:
        return None
    found = _DAY.fullmatch(text)
    if not found or (found[1] and parts['FREQ'] not in _LONG):
        raise _wrong_rule(
            'BYDAY such as MO,TU, with numbers such as 2TU or -1SU only '
            'where FREQ is MONTHLY or YEARLY',
            text,
        )
    return found[1] and int(found[1]), _DAYS.index(found[2])


def _is(start, day, by_month):
    number, weekday = day
    if start.weekday() != weekday:
        return False
    passed = (start.day if by_month else start.timetuple().tm_yday) - 1
    left = _length(start, by_month) - passed - 1
    return number in (None, passed // 7 + 1, -(left // 7) - 1)


def _length(at, of_month):
    """Days of a time's month, or year."""
    if of_month:
        return calendar.monthrange(at.year, at.month)[1]
    return 365 + calendar.isleap(at.year)


def _wrong_rule(expected, got):
    return exceptions.InvalidInput(
        f'rrule: expected {expected}, got {got[:40]!r}'
    )


def over_at(window):
    """
    :returns: when the last occurrence ends, or None for never
    """
    if not window.rrule:
        return window.ends_at
    if window.until is None and 'COUNT' not in _parts(window.rrule):
        return None
    return max(end for _, end in _spans(window))


def between(window, start, end):
    """
    :returns: list of those (begin, end) of a window's occurrences that have
        a part from `start` on and before `end`, whole; in order, perhaps
        one over another
    """
    return [
        span
        for span in itertools.takewhile(
            # clocks go back: the next may be earlier, by hours
            lambda span: span[0] < end + DAY,
            _spans(window, start),
        )
        if span[0] < end and span[1] > start
    ]


def following(window, now, count):
    """
    :returns: list of the next (begin, end), with those that are under way;
        `count` at most
    """
    later = (span for span in _spans(window, now) if span[1] > now)
    return list(itertools.islice(later, count))


def is_in_force(window, now):
    """
    :returns: whether it is; what of a window is deleted is not
    """
    if now < window.starts_at or not is_valid(window, now):
        return False
    today = _of_day(window, now // DAY)
    return any(begin <= now < end for begin, end in today)


def is_valid(window, now):
    return window.valid_from <= now and (
        window.valid_until is None or now < window.valid_until
    )


@functools.lru_cache(maxsize=4096)
def _of_day(window, day):
    """To read a rule is for once a day."""
    return between(window, day * DAY, (day + 1) * DAY)


def _spans(window, since=None):
    """
    :param since: those that end before this may be left out
    """
    duration = window.ends_at - window.starts_at
    if not window.rrule:
        yield window.starts_at, window.ends_at
        return
    place = zone(window.timezone)
    for at in rrule.rrulestr(window.rrule, dtstart=_first(window, since)):
        # of the wrong clocks, those before the change are taken: PEP 495
        begin = at.replace(tzinfo=place).timestamp()
        if window.until is not None and begin > window.until:
            return
        yield begin, begin + duration


def _first(window, since):
    """Where to begin: to go all the way from the first occurrence would take
    longer each day."""
    start = _local(window.starts_at, window.timezone)
    parts = _parts(window.rrule)
    if since is None or 'COUNT' in parts or parts['FREQ'] not in _STEPS:
        return start
    step = _STEPS[parts['FREQ']] * int(parts.get('INTERVAL', 1))
    passed = since - DAY - window.ends_at
    return start + step * max(0, int(passed // step.total_seconds()))


def _local(at, timezone):
    """What clocks show at a time."""
    shown = datetime.datetime.fromtimestamp(at, zone(timezone))
    return shown.replace(tzinfo=None, fold=0)
