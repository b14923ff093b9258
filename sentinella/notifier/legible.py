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

"""Makes of any text one that every form of a message can hold.

Names, log lines and what an agent tells may hold whatever somebody wrote:
bytes that were no text, controls that move a terminal's cursor, marks that
turn the direction of reading around.
"""

import re

#: Characters that one text of a message has at most.
LONGEST = 8000

# what neither UTF-8, nor XML, nor a mail's header can hold, or what changes
# how others are shown: C0 and C1 but for tab and line feed, line and
# paragraph separators, directions of reading, halves of pairs
_ODD = re.compile(
    '[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069'
    '\ud800-\udfff\ufffe\uffff]'
)


def tidy(thing):
    """
    :param thing: of JSON types
    :returns: the same with all of its texts legible, LONGEST at most
    """
    if isinstance(thing, str):
        return whole(thing)
    if isinstance(thing, dict):
        return {tidy(name): tidy(value) for name, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [tidy(one) for one in thing]
    return thing


def clip(text, length):
    """The beginning of a text, with a sign where the rest is left out."""
    return text if len(text) <= length else text[: length - 1] + '…'


def line(text, length):
    """Of any text, one line of so many characters at most."""
    return clip(' '.join(whole(text).split()), length)


def whole(text, length=LONGEST):
    """Of any text, a legible one of so many characters at most."""
    text = text[: length + 1].replace('\r\n', '\n').replace('\r', '\n')
    return clip(_ODD.sub('\ufffd', text), length)
