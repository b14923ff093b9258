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

"""Series made by hand, and what the rules say of them."""

import numpy

from sentinella import model
from sentinella.evaluator import expression
from sentinella.evaluator import rules
from sentinella.evaluator import vectors
from sentinella.storage import base as storage

NOW = 1_000_000.0
SILENT_AFTER = 35.0
SERVERS = {
    number: model.Server(
        id=number,
        uuid=f'server-{number}',
        hostname=f'ctl-{number}',
        project_id='service',
        interval=10.0,
    )
    for number in (1, 2, 3)
}
PLACES = vectors.Servers(SERVERS)
OK, ALARM, UNDETERMINED = model.AlarmState


def series(samples, server_id=1, name='m', **dimensions):
    """
    :param samples: mapping of seconds before now to values
    """
    ordered = sorted(samples.items(), reverse=True)
    return storage.Series(
        server_id,
        model.Metric.of(name, **dimensions),
        numpy.array([NOW - age for age, _ in ordered]),
        numpy.array([float(value) for _, value in ordered]),
    )


def steady(value, seconds=300, newest=0, **kwargs):
    """One sample each 10 s since `seconds` ago.

    :param value: or a function of the age
    """
    ages = range(newest, seconds, 10)
    of = value if callable(value) else lambda age: value
    return series({age: of(age) for age in ages}, **kwargs)


def judge(text, type_, *several, match_by=('server',), known=(), firing=()):
    definition = model.AlarmDefinition(
        uuid='d',
        name='d',
        expression=text,
        type=model.ThresholdType(type_),
        severity=model.Severity.MAJOR,
        match_by=match_by,
    )
    return rules.evaluate(
        definition,
        expression.parse(text),
        lambda selector: samples_of(selector, several),
        PLACES,
        NOW,
        SILENT_AFTER,
        known,
        firing,
    )


def samples_of(selector, several):
    """As a storage would find them."""
    window = storage.Window.of(
        [
            one
            for one in several
            if one.metric.name == selector.metric
            and one.metric.has(dict(selector.dimensions))
        ]
    )
    return vectors.Samples.of(window, PLACES, NOW)
