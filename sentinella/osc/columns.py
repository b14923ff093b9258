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

"""What people are shown of a value; machines get it as it is."""

import datetime
import math

from cliff import columns as cliff_columns
from osc_lib.cli import format_columns

#: Width of the longest bar.
WIDTH = 20

SPARKS = '▁▂▃▄▅▆▇█'

#: What durations are told in, and how many seconds that is.
UNITS = (('day', 86400), ('hour', 3600), ('minute', 60), ('second', 1))

Pairs = format_columns.DictColumn


class Words(cliff_columns.FormattableColumn):
    def human_readable(self):
        return ', '.join(map(str, self._value))


class Time(cliff_columns.FormattableColumn):
    """To the second, which is what people compare."""

    def human_readable(self):
        whole, dot, _ = (self._value or '').partition('.')
        return whole + 'Z' * bool(dot)


class Ago(cliff_columns.FormattableColumn):
    """A time as people say it, such as `10 minutes ago`.

    :param value: (time, what is now), both ISO 8601, by one clock
    """

    def human_readable(self):
        if self._value[0] is None:
            return 'never'
        at, now = map(datetime.datetime.fromisoformat, self._value)
        return ago((now - at).total_seconds())

    def machine_readable(self):
        return self._value[0]


def ago(seconds):
    """
    :returns: such as `10 minutes ago`
    """
    for unit, length in UNITS:
        count = int(seconds // length)
        if count > 0:
            return f'{count} {unit}{"s" * (count > 1)} ago'
    return 'just now'


class Number(cliff_columns.FormattableColumn):
    """Four digits that count."""

    def human_readable(self):
        if self._value is None:
            return ''
        if abs(self._value) >= 1000 or float(self._value).is_integer():
            return f'{self._value:.0f}'
        return f'{self._value:.4g}'


class Bytes(cliff_columns.FormattableColumn):
    """In the greatest unit of which there is one."""

    def human_readable(self):
        if self._value is None:
            return ''
        size = self._value
        for unit in ('B', 'KiB', 'MiB', 'GiB', 'TiB'):
            if size < 1024 or unit == 'TiB':
                break
            size /= 1024
        return f'{size:.4g} {unit}'


class Facts(cliff_columns.FormattableColumn):
    """One fact a line."""

    def human_readable(self):
        return '\n'.join(
            f'{name}: {fact}' for name, fact in sorted(self._value.items())
        )


class Customizations(cliff_columns.FormattableColumn):
    """One field a line, with what it is as shipped."""

    def human_readable(self):
        return '\n'.join(
            f'{field}: shipped is {note["is"]}' + self._before(note)
            for field, note in self._value.items()
        )

    @staticmethod
    def _before(note):
        if note['was'] in (None, note['is']):
            return ''
        return f'; was {note["was"]} when this was changed'


class Lines(cliff_columns.FormattableColumn):
    """One item a line; how is for those to say that know the items."""

    def line(self, item):
        return str(item)

    def human_readable(self):
        return '\n'.join(map(self.line, self._value))


class Share(cliff_columns.FormattableColumn):
    """Of a hundred; three digits behind the dot are half a second of a
    day."""

    def human_readable(self):
        return f'{self._value:.3f} %'


class While(cliff_columns.FormattableColumn):
    """Seconds, as people say them."""

    def human_readable(self):
        return str(datetime.timedelta(seconds=round(self._value)))


class Bar(cliff_columns.FormattableColumn):
    """A value as a bar between the least and the greatest of a list.

    :param value: (value, least, greatest)
    """

    def human_readable(self):
        value, least, greatest = self._value
        share = (value - least) / ((greatest - least) or 1)
        return '█' * math.ceil(share * WIDTH) or '▏'

    def machine_readable(self):
        return self._value[0]


class Spark(cliff_columns.FormattableColumn):
    """Counts as a line of bars, the greatest the highest; none is a dot."""

    def human_readable(self):
        greatest = max(self._value, default=0)
        return ''.join(
            SPARKS[math.ceil(one / greatest * len(SPARKS)) - 1] if one else '.'
            for one in self._value
        )
