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

"""A message in parts, for those ends that show more than plain text.

Where a channel has a text of its own, that is all there is besides the title.
"""

import dataclasses

from sentinella.notifier import legible
from sentinella.notifier import words


@dataclasses.dataclass(frozen=True)
class Outline:
    """
    :ivar colour: such as `#b71c1c`
    :ivar facts: list of (label, words)
    :ivar text: in the place of facts, entries and log
    :ivar entries: list of (time, title) of what a digest is made of
    :ivar log: (of which service, its last lines)
    :ivar footer: by what the message is known again
    """

    title: str
    colour: str
    facts: tuple = ()
    text: str = ''
    entries: tuple = ()
    log: tuple = ('', ())
    link: str = ''
    footer: str = ''


def of(message, length, entries):
    """
    :param length: characters of one part at most
    :param entries: those of a digest that are named at most
    :returns: Outline
    """
    ends = {
        'title': message['title'],
        'colour': words.colour(message),
        'link': message['link'],
    }
    if not words.are_ours(message):
        return Outline(text=legible.clip(message['text'], length), **ends)
    return Outline(
        facts=tuple(
            (label, legible.clip(text, length))
            for label, text in words.facts(message)
        ),
        entries=_entries(message, entries),
        log=_log(message, length),
        footer=_footer(message),
        **ends,
    )


def _entries(message, most):
    named = message['digest'][:most]
    entries = [(words.moment(one['at']), one['title']) for one in named]
    left = message['digest_left_out'] + len(message['digest']) - len(named)
    if left:
        entries.append(('', f'and {left} more'))
    return tuple(entries)


def _log(message, length):
    """The last lines that there is room for."""
    lines = []
    for line in reversed(message['log_lines']):
        length -= len(line) + 1
        if length < 0:
            break
        lines.insert(0, line)
    return message['service'] or '', tuple(lines)


def _footer(message):
    known = f'notification {message["id"]}'
    if message['alarm'] is None:
        return known
    return f'alarm {message["alarm"]["id"]}, {known}'
