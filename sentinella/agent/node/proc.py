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

#: Where it is mounted.
ROOT = '/proc'

TICKS = os.sysconf('SC_CLK_TCK')
PAGE = os.sysconf('SC_PAGE_SIZE')

_UID = re.compile(rb'^Uid:\t\d+\t(\d+)', re.MULTILINE)

#: Bytes that are read of anything a process says of itself.
_MUCH = 1 << 16
#: Bytes of a line of numbers, at most.
_LINE = 1 << 12


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

    def age(self):
        """Seconds since it started."""
        return (ticks_now() - self.start) / TICKS


def pids():
    """All processes that this one may see."""
    return [int(name) for name in os.listdir(ROOT) if name.isdecimal()]


def pulse():
    """What is another as soon as a process or thread began, or a process
    ended: for next to nothing.

    :returns: the last pid that was given away, and the number of processes;
        None where that is not told
    """
    try:
        return _read_line(f'{ROOT}/loadavg').split()[4], os.stat(ROOT).st_nlink
    except (OSError, IndexError):
        return None


def stat(pid):
    """
    :returns: Stat, or None where there is no such process
    """
    data = _read_line(f'{ROOT}/{pid}/stat')
    # the name is in parentheses and may itself hold some, and spaces
    fields = data[data.rfind(b')') + 2 :].split()
    try:
        return Stat(
            pid=pid,
            state=fields[0].decode(),
            ppid=int(fields[1]),
            cpu=int(fields[11]) + int(fields[12]),
            threads=int(fields[17]),
            start=int(fields[19]),
            rss=int(fields[21]) * PAGE,
        )
    except (IndexError, ValueError):
        return None


def process(pid):
    """
    :returns: Process; None where it is gone, a zombie or part of the kernel
    """
    found = stat(pid)
    if found is None or found.state in 'ZX':
        return None
    return Process(pid, found.start, found.ppid, title(pid))


def title(pid):
    """Its command line; a rewritten one ends in many empty strings."""
    words = read(f'{ROOT}/{pid}/cmdline', _MUCH).split(b'\0')
    return b' '.join(filter(None, words)).decode('utf-8', 'replace')


def environ(pid):
    words = read(f'{ROOT}/{pid}/environ', _MUCH).decode('utf-8', 'replace')
    return dict(
        word.split('=', 1) for word in words.split('\0') if '=' in word
    )


def cgroups(pid):
    """The control groups that it is in, a line for each hierarchy."""
    return read(f'{ROOT}/{pid}/cgroup').decode('utf-8', 'replace')


def cwd(pid):
    return readlink(f'{ROOT}/{pid}/cwd')


def uid(pid):
    """Whose rights it has. Who owns its directory is not it: that is root
    for a process that has given up rights."""
    found = _UID.search(read(f'{ROOT}/{pid}/status'))
    return int(found[1]) if found else None


def open_files(pid):
    """How many files it holds open; None where that can't be known."""
    path = f'{ROOT}/{pid}/fd'
    try:
        # Linux 6.2 and later tell everyone, and at once
        return os.stat(path).st_size or len(os.listdir(path))
    except OSError:
        return None


def appended_files(pid, wanted):
    """Files that it holds open for appending, its stdout and stderr aside.

    :param wanted: called with a path, and true for those to be looked at
    :returns: list of paths, empty where it may not be known
    """
    try:
        numbers = os.listdir(f'{ROOT}/{pid}/fd')
    except OSError:
        return []
    found = []
    for number in numbers:
        path = readlink(f'{ROOT}/{pid}/fd/{number}') or ''
        if (
            path[:1] == '/'
            and int(number) > 2
            and wanted(path)
            and _appends(pid, number)
        ):
            found.append(path)
    return sorted(set(found))


def _appends(pid, number):
    found = re.search(
        rb'flags:\s*(\d+)', read(f'{ROOT}/{pid}/fdinfo/{number}')
    )
    return bool(found and int(found[1], 8) & os.O_APPEND)


def may_see_files(pid):
    return os.access(f'{ROOT}/{pid}/fd', os.R_OK | os.X_OK)


def sockets(pid):
    """Inodes of the sockets that it holds; None where not to be known."""
    try:
        numbers = os.listdir(f'{ROOT}/{pid}/fd')
    except OSError:
        return None
    links = (readlink(f'{ROOT}/{pid}/fd/{n}') or '' for n in numbers)
    return {int(link[8:-1]) for link in links if link.startswith('socket:[')}


def boot_id():
    """Another one each time that the machine starts."""
    return read(f'{ROOT}/sys/kernel/random/boot_id').decode().strip()


def ticks_now():
    """The present time on the clock of :attr:`Stat.start`."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)


def read(path, limit=-1):
    """
    :param limit: bytes, all of them if negative
    :returns: bytes; none where it can't be read
    """
    try:
        with open(path, 'rb', buffering=0) as file:
            return file.read(limit) or b''
    except OSError:
        return b''


def _read_line(path):
    """As :func:`read`, of a line: it takes half as long as a file object,
    which asks for the size first, and reads until there is no more."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b''
    try:
        return os.read(number, _LINE)
    except OSError:
        return b''
    finally:
        os.close(number)


def readlink(path):
    try:
        return os.readlink(path)
    except OSError:
        return None
