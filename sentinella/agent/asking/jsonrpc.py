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

"""Talks JSON-RPC with Open vSwitch, OVN and their databases.

Their own library waits without an end, which is not for a collector.
"""

import errno
import itertools
import json
import pathlib

from sentinella.agent import base
from sentinella.agent.asking import dialogue
from sentinella.agent.asking import probing


class RemoteError(Exception):
    """The other side answered that it can't do that."""


class Client(dialogue.Dialogue):
    """A connection over which methods are called, one after the other.

    :raises OSError: nobody is there, or answers in time
    """

    def __init__(self, address, seconds=None):
        super().__init__(address, seconds)
        self._numbers = itertools.count()
        self._text = b''

    def call(self, method, *params):
        """
        :returns: its result
        :raises RemoteError: the other side refuses
        :raises ValueError: what it says is no JSON-RPC
        """
        number = next(self._numbers)
        self._say(id=number, method=method, params=params)
        while True:
            heard = self._hear()
            if heard.get('method') == 'echo':
                # it wants to know whether we are alive
                self._say(
                    id=heard.get('id'), result=heard.get('params'), error=None
                )
            elif (
                heard.keys() & {'result', 'error'}
                and heard.get('id') == number
            ):
                break
            elif 'method' not in heard:
                raise ValueError('an answer to what was not asked')
        if heard.get('error') is not None:
            raise RemoteError(str(heard['error'])[:200].strip())
        return heard.get('result')

    def _say(self, **what):
        self.send(json.dumps(what).encode())

    def _hear(self):
        """The next object, which nothing parts from the one after."""
        while True:
            if self._text and not self._text.startswith(b'{'):
                raise ValueError('no JSON object')
            if b'}' in self._text:
                try:
                    return self._take()
                except json.JSONDecodeError:
                    # there is more to come
                    pass
            more = self.read()
            if not more:
                raise ConnectionResetError(errno.ECONNRESET, 'hung up')
            self._text = (self._text + more).lstrip()

    def _take(self):
        end = self._text.rindex(b'}') + 1
        text = self._text[:end].decode()
        try:
            found, at = json.JSONDecoder().raw_decode(text)
        except RecursionError:
            raise ValueError('too deep')
        self._text = (text[at:].encode() + self._text[end:]).lstrip()
        return found


def control_socket(folder, name):
    """Where a daemon can be asked about itself.

    :param name: such as `ovs-vswitchd`, or of the socket itself
    :returns: path; that of the newest, for a killed one leaves its socket
        behind
    :raises FileNotFoundError: there is none
    """
    found = list(pathlib.Path(folder).glob(f'{name}.*.ctl'))
    found += pathlib.Path(folder).glob(f'{name}.ctl')
    ages = []
    for path in found:
        try:
            ages.append((path.stat().st_mtime, str(path)))
        except OSError:
            continue
    if not ages:
        raise FileNotFoundError(errno.ENOENT, f'no {name}.ctl in {folder}')
    return max(ages)[1]


def up(error, down):
    """What it means that a daemon could not be asked.

    :param error: OSError, RemoteError, ValueError or OutOfTime
    :param down: whether it is known to have no process
    :returns: the value of its `.up`: NaN where that can't be told
    """
    if down:
        return 0.0
    ours = isinstance(error, PermissionError | FileNotFoundError)
    if ours or not isinstance(error, OSError):
        return base.NAN
    return probing.up(error)
