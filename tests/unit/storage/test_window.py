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

"""Windows over anything, against the plainest way to say what they are."""

import math
import string

import hypothesis
from hypothesis import strategies

from sentinella import model
from sentinella.db import models
from sentinella.storage import sql
from tests import databases
from tests import storages

#: Small numbers of everything, so that things meet.
METRICS = strategies.builds(
    lambda name, dimensions: model.Metric.of(name, **dimensions),
    strategies.sampled_from(['cpu', 'fs']),
    strategies.dictionaries(
        strategies.sampled_from(['a', 'b']),
        strategies.sampled_from(string.ascii_lowercase[:3]),
        max_size=2,
    ),
)
MILLISECONDS = strategies.integers(1767225600000, 1767225600030)
FRAMES = strategies.dictionaries(
    strategies.tuples(strategies.integers(1, 4), MILLISECONDS),
    strategies.dictionaries(
        METRICS, strategies.floats(width=64), min_size=1, max_size=6
    ),
    max_size=12,
)


def naive(frames, name, dimensions, start, end, server_ids):
    found = {}
    for (server, at), values in sorted(
        frames.items(), key=lambda item: item[0]
    ):
        for metric, value in values.items():
            if (
                metric.name == name
                and dimensions.items() <= dict(metric.dimensions).items()
                and start < at <= end
                and not math.isnan(value)
                and (server_ids is None or server in server_ids)
            ):
                point = (at / 1000, value)
                found.setdefault((server, metric), []).append(point)
    return found


class TestWindow(databases.SqliteTestCase):
    @hypothesis.settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        FRAMES,
        strategies.sampled_from(['cpu', 'fs']),
        strategies.dictionaries(
            strategies.sampled_from(['a', 'b']),
            strategies.sampled_from(string.ascii_lowercase[:3]),
            max_size=2,
        ),
        MILLISECONDS,
        MILLISECONDS,
        strategies.none() | strategies.sets(strategies.integers(1, 4)),
    )
    def test_window(self, frames, name, dimensions, start, end, server_ids):
        with self.database.writer() as session:
            session.execute(models.frames.delete())
        storage = sql.SqlStorage(self.conf, self.database)
        storages.put(
            storage,
            *((s, at / 1000, values) for (s, at), values in frames.items()),
        )
        found = storage.window(
            name, dimensions, start / 1000, end / 1000, server_ids
        )
        self.assertEqual(
            naive(frames, name, dimensions, start, end, server_ids),
            storages.plain(found),
        )
