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

"""Reads /proc, where every process says what it is.

An agent runs unprivileged: environment, open files and working directory of
others are often not for it to see. What can't be read is None or empty.
"""

import dataclasses
import os
import re
import time

TICKS = os.sysconf('SC_CLK_TCK')
PAGE = os.sysconf('SC_PAGE_SIZE')

#: A socket in state 0A, LISTEN; its port, user and inode.
_LISTENER = re.compile(
    rb':([0-9A-F]{4}) [0-9A-F]+:0000 0A \S+ \S+ \S+ +(\d+) +\d+ (\d+)'
)


@dataclasses.dataclass(frozen=True, slots=True)
class Stat:
    """A process at one moment.

    :ivar start: when it started, in clock ticks since the machine did; with
        its pid this names it for good
    :ivar cpu: ticks that it has run
    """

    pid: int
    state: str
    ppid: int
    cpu: int
    threads: int
    start: int
    rss: int


@dataclasses.dataclass(frozen=True, slots=True)
class Process:
    """What a process is called.

    :ivar title: its command line in one string, which it may have rewritten
    """

    pid: int
    start: int
    ppid: int
    title: str

    @property
    def key(self):
        return self.pid, self.start


def pids():
    """All processes that this one may see."""
    return [int(name) for name in os.listdir('/proc') if name.isdigit()]


def stat(pid):
    """
    :returns: Stat, or None where there is no such process
    """
    data = _read(f'/proc/{pid}/stat')
    if not data:
        return None
    # the name is in parentheses and may itself hold some, and spaces
    fields = data[data.rindex(b')') + 2 :].split()
    return Stat(
        pid=pid,
        state=fields[0].decode(),
        ppid=int(fields[1]),
        cpu=int(fields[11]) + int(fields[12]),
        threads=int(fields[17]),
        start=int(fields[19]),
        rss=int(fields[21]) * PAGE,
    )


def read(pid):
    """
    :returns: Process; None where it is gone, a zombie or part of the kernel
    """
    found = stat(pid)
    if found is None or found.state in 'ZX':
        return None
    return Process(pid, found.start, found.ppid, title(pid))


def title(pid):
    """Its command line; a rewritten one ends in many empty strings."""
    words = _read(f'/proc/{pid}/cmdline').split(b'\0')
    return b' '.join(filter(None, words)).decode('utf-8', 'replace')


def environ(pid):
    words = _read(f'/proc/{pid}/environ').decode('utf-8', 'replace')
    return dict(
        word.split('=', 1) for word in words.split('\0') if '=' in word
    )


def cwd(pid):
    return _readlink(f'/proc/{pid}/cwd')


def uid(pid):
    try:
        return os.stat(f'/proc/{pid}').st_uid
    except OSError:
        return None


def unit(pid):
    """The systemd unit that it runs in, without `.service`; or ''."""
    found = re.search(
        r'/([^/\n]+)\.service', _read(f'/proc/{pid}/cgroup').decode()
    )
    return found[1] if found else ''


def open_files(pid):
    """How many files it holds open; None where that can't be known."""
    path = f'/proc/{pid}/fd'
    try:
        # Linux 6.2 and later tell everyone, and at once
        return os.stat(path).st_size or len(os.listdir(path))
    except OSError:
        return None


def appended_files(pid):
    """Files that it holds open for appending, its stdout and stderr aside.

    :returns: list of paths, empty where it may not be known
    """
    try:
        numbers = os.listdir(f'/proc/{pid}/fd')
    except OSError:
        return []
    found = []
    for number in numbers:
        path = _readlink(f'/proc/{pid}/fd/{number}') or ''
        if int(number) > 2 and path[:1] == '/' and _appends(pid, number):
            found.append(path)
    return sorted(set(found))


def _appends(pid, number):
    found = re.search(
        rb'flags:\s*(\d+)', _read(f'/proc/{pid}/fdinfo/{number}')
    )
    return bool(found and int(found[1], 8) & os.O_APPEND)


def listeners():
    """
    :returns: {inode of a listening TCP socket: (port, uid)}
    """
    return {
        int(inode): (int(port, 16), int(owner))
        for path in ('/proc/net/tcp', '/proc/net/tcp6')
        for port, owner, inode in _LISTENER.findall(_read(path))
    }


def sockets(pid):
    """Inodes of the sockets that it holds; None where not to be known."""
    try:
        numbers = os.listdir(f'/proc/{pid}/fd')
    except OSError:
        return None
    links = (_readlink(f'/proc/{pid}/fd/{n}') or '' for n in numbers)
    return {int(link[8:-1]) for link in links if link.startswith('socket:[')}


def boot_id():
    """Another one each time that the machine starts."""
    return _read('/proc/sys/kernel/random/boot_id').decode().strip()


def ticks_now():
    """The present time on the clock of :attr:`Stat.start`."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)


def _read(path):
    try:
        with open(path, 'rb', buffering=0) as file:
            return file.readall()
    except OSError:
        return b''


def _readlink(path):
    try:
        return os.readlink(path)
    except OSError:
        return None
