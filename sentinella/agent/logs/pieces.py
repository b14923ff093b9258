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

"""Puts whole lines together from pieces of a log, cut anywhere."""

#: A longer line is cut: nothing may fill the memory.
MAX_LINE = 1 << 20


class Pieces:
    """Keeps the incomplete line at the end until the rest of it comes."""

    def __init__(self):
        self._partial = b''
        self._cutting = False

    @property
    def held(self):
        """Bytes of an incomplete line at the end."""
        return len(self._partial)

    def add(self, data):
        """
        :returns: a newline and the whole lines that are there now; b''
            where there is none
        """
        end = data.rfind(b'\n') + 1
        if self._cutting:
            return self._skip(data, end)
        if not end:
            self._partial += data
            return self._cut() if len(self._partial) > MAX_LINE else b''
        # one copy is all that can be afforded
        text = b''.join((b'\n', self._partial, memoryview(data)[:end]))
        self._partial = data[end:]
        return text

    def _cut(self):
        """Let only the start of an endless line through."""
        text = b'\n%b\n' % self._partial[:MAX_LINE]
        self._partial, self._cutting = b'', True
        return text

    def _skip(self, data, end):
        """Leave out the rest of a line whose start was let through."""
        if not end:
            return b''
        self._cutting = False
        return self.add(data[data.find(b'\n') + 1 :])
