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

"""What is read out of a log, whatever its format."""

import dataclasses

#: Levels of which records are told.
WORTHY = ('WARNING', 'ERROR', 'CRITICAL')

#: A record's lines beyond this many bytes are counted but not kept.
MAX_RECORD = 1 << 16

TRACEBACK = b'Traceback (most recent call last)'


@dataclasses.dataclass(slots=True)
class Record:
    """One record, its traceback included.

    :ivar time: as it stands in the log, or '' where the log has none
    :ivar lines: how many lines it takes
    :ivar traceback: the traceback's lines without their prefix, or None
    """

    time: str
    pid: int
    level: str
    logger: str
    message: str
    request_id: str | None = None
    traceback: str | None = None
    lines: int = 1


def text(data):
    """Bytes of a log as text, whatever they are."""
    return data.decode('utf-8', 'replace')


def split_traceback(lines):
    """Take a traceback without prefixes from the end of a message.

    :param lines: list of bytes
    :returns: message, and the traceback's lines or None
    """
    for i, line in enumerate(lines):
        if i and line.startswith(TRACEBACK):
            return b'\n'.join(lines[:i]), lines[i:]
    return b'\n'.join(lines), None
