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

"""What can be kept of an agent's words, and worked with: pure.

The wire knows their types. What is of the right type and still no use is
refused here, in one line; else it would fail where it is stored, and come
again for ever, or where it is read.
"""

import json
import re

from sentinella import exceptions

#: Seconds: in the year 2106. Differences of two such times, and milliseconds,
#: fit where they are kept.
LATEST = 2.0**32

#: Seconds between two reports. Agents have 1 at least; less would only make
#: many points of what is worked out for each.
INTERVALS = 1.0, 86400.0

#: Characters of names: what keeps them is as long, and what it would cut is
#: never found again.
MAX_NAME = 255
MAX_EPOCH = 64

#: Of a metric. A path is the longest value, and has 4096 at most on Linux.
MAX_DIMENSIONS = 32
MAX_VALUE = 4096

#: Of a report. An agent keeps 1000 kinds of events between two of them, and a
#: controller that runs all of OpenStack has some 60 services.
MAX_EVENTS = 20000
MAX_SERVICES = 2000
MAX_COUNT = 2**31

_DIGEST = re.compile('[0-9a-f]{32}')

#: Characters, and how deeply nested; agents send a few hundred, in two.
MAX_FACTS = 65536
MAX_DEPTH = 8


def check_registration(registration):
    """
    :raises InvalidReport: something in it can't be kept; names it
    """
    _name(registration.epoch, 'Registration.epoch', MAX_EPOCH)
    _name(registration.hostname, 'Registration.hostname')
    _time(registration.sent_at, 'Registration.sent_at')
    least, most = INTERVALS
    if not least <= registration.interval <= most:
        raise exceptions.InvalidReport(
            f'Registration.interval: expected {least:.10g} to {most:.10g} '
            f'seconds, got {registration.interval:.10g}'
        )
    _facts(registration.facts)


def check_report(report):
    """
    :raises InvalidReport: something in it can't be kept; names it
    """
    _name(report.epoch, 'Report.epoch', MAX_EPOCH)
    _time(report.sent_at, 'Report.sent_at')
    _at_most(len(report.events), MAX_EVENTS, 'Report.events')
    _at_most(len(report.services), MAX_SERVICES, 'Report.services')
    if not 0 <= report.dropped <= MAX_COUNT:
        raise exceptions.InvalidReport(
            f'Report.dropped: expected 0 to {MAX_COUNT}, got {report.dropped}'
        )
    for event in report.events:
        _time(event.at, 'LogEvent.at')
        _time(event.last_at, 'LogEvent.last_at')
    for status in report.services:
        _name(status.name, 'ServiceStatus.name')
        _time(status.since, 'ServiceStatus.since')
    if report.frame is not None:
        _frame(report.frame)


def _frame(frame):
    _time(frame.at, 'Frame.at')
    if not _DIGEST.fullmatch(frame.schema):
        raise exceptions.InvalidReport(
            'frame schema: expected 32 hexadecimal digits, got '
            f'{frame.schema[:40]!a:.60}'
        )
    for metric in frame.metrics or ():
        _metric(metric)


def _metric(metric):
    _name(metric.name, 'Metric.name')
    where = f'Metric {metric.name}'
    _at_most(len(metric.dimensions), MAX_DIMENSIONS, f'{where}, dimensions')
    for name, value in metric.dimensions:
        _name(name, f'{where}, dimension')
        if len(value) > MAX_VALUE:
            raise exceptions.InvalidReport(
                f'{where:.99}, {name:.60}: expected {MAX_VALUE} characters '
                f'at most, got {len(value)}'
            )


def _name(text, where, longest=MAX_NAME):
    # spaces at its end make no difference to MariaDB, so two would be one
    if (
        not 0 < len(text) <= longest
        or not text.isprintable()
        or text != text.strip()
    ):
        raise exceptions.InvalidReport(
            f'{where:.99}: expected a name of 1 to {longest} printable '
            f'characters, got {text[:40]!a:.60}'
        )


def _time(at, where):
    if not 0 <= at <= LATEST:
        raise exceptions.InvalidReport(
            f'{where}: expected seconds since 1970, {LATEST:.0f} at most, '
            f'got {at:.17g}'
        )


def _at_most(number, most, where):
    if number > most:
        raise exceptions.InvalidReport(
            f'{where:.99}: expected {most} at most, got {number}'
        )


def _facts(facts):
    where = 'Registration.facts'
    if not _is_flat(facts, MAX_DEPTH):
        raise exceptions.InvalidReport(
            f'{where}: expected {MAX_DEPTH} levels at most'
        )
    try:
        text = json.dumps(facts, allow_nan=False)
    except ValueError:
        raise exceptions.InvalidReport(
            f'{where}: expected numbers that JSON has'
        )
    _at_most(len(text), MAX_FACTS, f'{where}, characters')


def _is_flat(thing, depth):
    if isinstance(thing, dict):
        thing = list(thing.values())
    if not isinstance(thing, list):
        return True
    return depth > 0 and all(_is_flat(part, depth - 1) for part in thing)
