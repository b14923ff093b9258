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
"""When a channel is quiet: pure functions, `now` is an argument."""

import datetime
import zoneinfo

from sentinella import model

#: Days that are looked at for the end of quiet hours: a day of a time zone
#: may last 25 hours, and one in which clocks are set may lack an hour.
DAYS = (-1, 0, 1)


def until(quiet, now):
    """
    :param quiet: a Channel's; from and to are by the clocks of its zone, and
        where `to` is not after `from` it is that of the next day
    :param now: seconds since the epoch
    :returns: when the quiet hours that are now end, None where there are none
    """
    if not quiet:
        return None
    zone = zoneinfo.ZoneInfo(quiet.get('timezone', 'UTC'))
    today = datetime.datetime.fromtimestamp(now, zone).date()
    ends = [
        end
        for days in DAYS
        for begin, end in [_hours(quiet, zone, today, days)]
        if begin <= now < end
    ]
    return max(ends, default=None)


def covers(quiet, severity):
    """Whether alarms of a severity wait for the end of quiet hours."""
    most = model.Severity(quiet.get('max_severity', model.Severity.WARNING))
    return not severity.exceeds(most)


def _hours(quiet, zone, today, days):
    """When the quiet hours begin that begin on a day, and when they end."""
    day = today + datetime.timedelta(days=days)
    begin = datetime.time.fromisoformat(quiet['from'])
    end = datetime.time.fromisoformat(quiet['to'])
    last = day if end > begin else day + datetime.timedelta(days=1)
    return _seconds(day, begin, zone), _seconds(last, end, zone)


def _seconds(day, time, zone):
    return datetime.datetime.combine(day, time, zone).timestamp()
