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

"""How far this node's clock is off, and whether anything keeps it right."""

import ctypes
import os
import shutil
import subprocess

from sentinella.agent import base

#: Of the kernel's clock: not kept right, and offset in ns rather than us.
_UNSYNCHRONISED = 0x40
_NANO = 0x2000
#: Seconds that chronyc may take; chronyd is on this very node.
_PATIENCE = 3
_COMMAND = ('chronyc', '-c', '-n', 'tracking')


class ClockCollector(base.Collector):
    """How far this node's clock is off, and whether anything keeps it right.

    Tokens, leases, the database's cluster and all that compares times of two
    nodes depend on it. Where chronyd runs it is asked through `chronyc`, which
    needs no rights; elsewhere the kernel says what ntpd, systemd-timesyncd or
    phc2sys told it. A container that may not ask the kernel measures nothing.
    """

    PROBES = True
    METRICS = {
        'clock.offset_seconds': 'By how much the clock is ahead of the right '
        'time, as what keeps it right estimates, s; negative where behind',
        'clock.synchronised': 'Whether something keeps it right: 1 or 0',
    }

    def collect(self, now):
        found = ask_chrony()
        offset, synchronised = ask_kernel() if found is None else found
        yield base.sample('clock.offset_seconds', offset)
        yield base.sample('clock.synchronised', synchronised)


def ask_chrony():
    """
    :returns: (offset in seconds, whether it is synchronised); None where
        there is no chrony that answers
    """
    if shutil.which(_COMMAND[0]) is None:
        # to find that out in a process of its own takes two milliseconds
        return None
    try:
        ended = subprocess.run(  # noqa: S603
            _COMMAND,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
            timeout=_PATIENCE,
            env={**os.environ, 'LC_ALL': 'C'},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if ended.returncode else read_tracking(ended.stdout)


def read_tracking(text):
    """
    :param text: one line of `chronyc -c tracking`
    :returns: as :func:`ask_chrony`
    """
    fields = text.strip().split(',')
    if len(fields) != 14:
        return None
    try:
        # how far the clock is behind
        offset = -float(fields[4])
    except ValueError:
        return None
    if fields[13] == 'Not synchronised':
        return base.NAN, False
    return offset, True


class _Timeval(ctypes.Structure):
    _fields_ = (('seconds', ctypes.c_long), ('fraction', ctypes.c_long))


class Timex(ctypes.Structure):
    """What adjtimex(2) fills in."""

    _fields_ = (
        ('modes', ctypes.c_uint),
        ('offset', ctypes.c_long),
        ('frequency', ctypes.c_long),
        ('max_error', ctypes.c_long),
        ('estimated_error', ctypes.c_long),
        ('status', ctypes.c_int),
        ('constant', ctypes.c_long),
        ('precision', ctypes.c_long),
        ('tolerance', ctypes.c_long),
        ('time', _Timeval),
        ('tick', ctypes.c_long),
        # pulses of a reference clock, and what later kernels may add
        ('others', ctypes.c_byte * 128),
    )


def ask_kernel(call=None):
    """
    :param call: stands for adjtimex(2)
    :returns: (offset in seconds, whether it is synchronised); NaN for what
        it does not tell
    """
    call = call or ctypes.CDLL(None, use_errno=True).adjtimex
    found = Timex()
    # with no modes it only tells
    if call(ctypes.byref(found)) < 0:
        return base.NAN, base.NAN
    if found.status & _UNSYNCHRONISED:
        return base.NAN, False
    unit = 1e9 if found.status & _NANO else 1e6
    # what is still to be added to the clock
    return -found.offset / unit, True
