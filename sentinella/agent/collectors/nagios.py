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

"""What checks written for Nagios and Icinga find."""

import contextlib
import math
import os
import re
import select
import shlex
import signal
import subprocess
import time

from oslo_config import cfg

from sentinella import exceptions
from sentinella import model
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import probing
from sentinella.agent.asking import targets
from sentinella.agent.logs import masking

#: Bytes of a check's output that are read, and values taken from them.
BYTES = 1 << 14
VALUES = 50
#: Characters of its text.
TEXT = 300
_STATES = {1.0: model.ServiceState.UP, 0.0: model.ServiceState.DOWN}
#: All that a check gets to see of the agent's environment.
_ENVIRON = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'LC_ALL': 'C.UTF-8',
}
_NAME = re.compile(r'[\w.:-]{1,80}')
#: 'label'=value[UOM];warning;critical;minimum;maximum
_VALUE = re.compile(
    r"(?<!\S)(?:'((?:[^']|''){1,200})'|([^\s='|]{1,200}))="
    r'(U|[-+]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?)'
    r'([^\s;\d]*)(?=[;\s]|$)'
)
#: What a unit is of the unit that all such values are told in.
_UNITS = {
    '': 1, '%': 1, 's': 1, 'ms': 1e-3, 'us': 1e-6, 'ns': 1e-9, 'c': 1,
    'B': 1, 'KB': 1e3, 'MB': 1e6, 'GB': 1e9, 'TB': 1e12, 'PB': 1e15,
    'KiB': 2**10, 'MiB': 2**20, 'GiB': 2**30, 'TiB': 2**40, 'PiB': 2**50,
}  # fmt: skip


class NagiosCollector(base.Collector):
    """What checks written for Nagios and Icinga find.

    It runs each of the `checks` that it is given, as the agent's user and
    with nothing but a PATH in its environment, and takes its exit code and
    its performance data; what else it has to say is shown with the services of
    the server, as ``check:name``. OK and WARNING are up, CRITICAL is down; of what is
    UNKNOWN, or of a check that can't be run or takes too long, nothing can be
    said. Times are told in seconds and sizes in bytes, whatever the check
    gave them in; a counter is told as its growth in a second.
    """

    PROBES = True
    OPTIONS = (
        cfg.MultiStrOpt(
            'checks',
            default=[],
            help='Checks to run, each as name=command line. No shell reads '
            'it. Give them a shorter timeout than `timeout`, so that they '
            'can say what they waited for.',
        ),
        targets.timeout_option(5.0),
    )
    METRICS = {
        'nagios.up': '1 for OK and WARNING, 0 for CRITICAL, NaN for UNKNOWN; '
        'by check',
        'nagios.state': '0 for OK, 1 for WARNING, 2 for CRITICAL, NaN for '
        'UNKNOWN; by check',
        'nagios.value': 'One of its performance data; by check and label',
        'nagios.values_dropped': 'Performance data beyond the first '
        f'{VALUES}, or that can not be read; by check',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._checks = targets.read(conf, self.group(), 'checks', read_check)
        names = [name for name, _ in self._checks]
        for name in names:
            if names.count(name) > 1:
                raise exceptions.InvalidConfiguration(
                    f'[{self.group()}] checks: {name} is there twice'
                )
        self._speed = counting.Speed()
        self._statuses = {}

    def wanted(self):
        return bool(self._checks)

    def collect(self, now):
        outcomes = probing.each(self._run, self._checks)
        for (check, _), outcome in zip(self._checks, outcomes, strict=True):
            failed = isinstance(outcome, Exception)
            code, output = (None, '') if failed else outcome
            state = code if code in (0, 1, 2) else base.NAN
            up = base.NAN if math.isnan(state) else float(state < 2)
            yield base.sample('nagios.state', state, check=check)
            yield base.sample('nagios.up', up, check=check)
            yield from self._values(check, output, now)
            self._say(check, up, said(outcome), now)
        # a value that a check no longer gives
        self._speed.forget(now - 3600)

    def statuses(self):
        return list(self._statuses.values())

    def _say(self, check, up, text, now):
        """Keep what it said, for people."""
        state = _STATES.get(up, model.ServiceState.UNDETERMINED)
        before = self._statuses.get(check)
        changed = before is None or before.state is not state
        self._statuses[check] = model.ServiceStatus(
            name=f'check:{check}',
            state=state,
            since=now if changed else before.since,
            project='nagios',
            reason=text,
        )

    def _values(self, check, output, now):
        values, dropped = read_values(output)
        for label, (value, unit) in values.items():
            if unit == 'c':
                value = self._speed.of((check, label), value, now)
            yield base.sample('nagios.value', value, check=check, label=label)
        yield base.sample('nagios.values_dropped', dropped, check=check)

    def _run(self, check):
        return run(check[1], self.options.timeout)


def read_check(text):
    """
    :param text: `name=command line`
    :returns: (name, its words)
    :raises ValueError: it is not
    """
    name, _, command = text.partition('=')
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        words = ()
    if not _NAME.fullmatch(name.strip()) or not words or '\0' in command:
        raise ValueError('name=command line')
    return name.strip(), words


def run(words, timeout):
    """
    :returns: (exit code, what it printed, up to `BYTES`)
    :raises OSError: it can't be run
    :raises TimeoutError: it, or what it started, took too long
    """
    process = subprocess.Popen(  # noqa: S603
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRON,
        cwd='/',
        start_new_session=True,
    )
    deadline = time.monotonic() + timeout
    try:
        output = _read(process.stdout, deadline)
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        _kill(process)
        raise TimeoutError
    except BaseException:
        _kill(process)
        raise
    finally:
        process.stdout.close()
    return code, output.decode('utf-8', 'replace')


def _kill(process):
    """End it, with all that it started."""
    # sudo may have made it another user's, who does not obey us
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)


def _read(file, deadline):
    """All that it prints, of which the beginning is kept."""
    output = b''
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([file], [], [], left)[0]:
            raise TimeoutError
        chunk = os.read(file.fileno(), BYTES)
        if not chunk:
            return output
        output += chunk[: BYTES - len(output)]


def said(outcome):
    """
    :param outcome: of :func:`run`, or the exception that it raised
    :returns: what a check has to say, in one line; '' where it is OK, for
        numbers in it change each time
    """
    if isinstance(outcome, TimeoutError):
        return 'it took too long'
    if isinstance(outcome, OSError):
        return f'it can not be run: {outcome.strerror}'
    if isinstance(outcome, Exception):
        return str(outcome)
    code, output = outcome
    if code == 0:
        return ''
    text = output.partition('\n')[0].partition('|')[0]
    text = ' '.join(masking.mask(text[:TEXT]).split())
    return text or f'it ended with exit code {code}'


def read_values(output):
    """
    :param output: what a check printed
    :returns: ({label: (value, unit)}, number of those left out); values in
        seconds and bytes
    """
    values, dropped = {}, 0
    data = _performance_data(output)
    for quoted, plain, number, unit in _VALUE.findall(data):
        label = quoted.replace("''", "'") or plain
        if len(values) >= VALUES or unit not in _UNITS:
            dropped += 1
            continue
        value = base.NAN
        if number != 'U':
            value = float(number.replace(',', '.')) * _UNITS[unit]
        values[label] = value if math.isfinite(value) else base.NAN, unit
    return values, dropped


def _performance_data(output):
    """What is right of the bar in the first line, and of the next bar, to
    the end."""
    first, _, rest = output.partition('\n')
    return first.partition('|')[2] + '\n' + rest.partition('|')[2]
