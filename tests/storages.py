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

"""What every storage engine must do, whatever it is made of."""

import math

import numpy

from sentinella import exceptions
from sentinella import model
from sentinella.storage import base

CPU = model.Metric.of('cpu.percent')
ROOT = model.Metric.of('fs.percent', mount='/')
VAR = model.Metric.of('fs.percent', mount='/var', kind='xfs')
UP = model.Metric.of('process.up', service='nova-api')


def stored(server_id, at, values):
    """A StoredFrame, and its metrics.

    :param values: mapping of Metrics to numbers
    """
    samples = [model.Sample(metric, value) for metric, value in values.items()]
    frame = model.Frame.of(at, samples)
    return (
        base.StoredFrame(server_id, frame.at, frame.schema, frame.values),
        frame.metrics,
    )


def put(storage, *frames):
    """Keep frames, given as arguments of :func:`stored`."""
    made = [stored(*frame) for frame in frames]
    for _, metrics in made:
        storage.learn(metrics)
    storage.write([frame for frame, _ in made])


def plain(found):
    """Series as plain types: {(server, metric): [(time, value)]}."""
    return {
        (series.server_id, series.metric): list(
            zip(series.times.tolist(), series.values.tolist(), strict=True)
        )
        for series in found
    }


class StorageContract:
    """Subclasses set `storage` up, empty."""

    #: A day like today; with thousandths, which doubles only come near to.
    T = 1767225600.001

    def put(self, *frames):
        put(self.storage, *frames)

    def window(self, *args, **kwargs):
        return plain(self.storage.window(*args, **kwargs))

    def test_an_unknown_schema(self):
        self.assertIsNone(self.storage.metrics_of('0' * 32))
        frame, _ = stored(1, self.T, {CPU: 1.0})
        self.assertRaises(
            exceptions.InvalidReport, self.storage.write, [frame]
        )
        self.assertEqual({}, self.window('cpu.percent', {}, 0, self.T))

    def test_a_schema_is_learnt_once(self):
        metrics = (CPU, ROOT, VAR)
        self.storage.learn(metrics)
        self.storage.learn(metrics)
        digest = model.schema_digest(metrics)
        self.assertEqual(metrics, self.storage.metrics_of(digest))

    def test_nothing_to_write(self):
        self.storage.write([])

    def test_window_is_open_at_its_start_and_closed_at_its_end(self):
        for i in range(4):
            self.put((1, self.T + i, {CPU: float(i)}))
        found = self.window('cpu.percent', {}, self.T, self.T + 2)
        self.assertEqual(
            {(1, CPU): [(self.T + 1, 1.0), (self.T + 2, 2.0)]}, found
        )

    def test_window_between_two_milliseconds(self):
        self.put((1, self.T, {CPU: 1.0}))
        self.assertEqual(
            {},
            self.window('cpu.percent', {}, self.T - 9, self.T - 0.0004),
        )
        self.assertEqual(
            [(1, CPU)],
            list(self.window('cpu.percent', {}, self.T - 0.0004, self.T)),
        )

    def test_every_millisecond_of_a_second_is_found_where_it_is(self):
        times = [round(self.T + i / 1000, 3) for i in range(1000)]
        self.put(*((1, at, {CPU: 1.0}) for at in times))
        found = self.window('cpu.percent', {}, self.T - 1, times[-1])
        self.assertEqual(times, [at for at, _ in found[1, CPU]])
        for i in (1, 10, 333, 998):
            found = self.window('cpu.percent', {}, times[i - 1], times[i])
            self.assertEqual([(times[i], 1.0)], found[1, CPU])

    def test_window_leaves_nan_out(self):
        self.put(
            (1, self.T, {CPU: math.nan, ROOT: 1.0}),
            (1, self.T + 1, {CPU: 5.0, ROOT: 1.0}),
            (2, self.T, {CPU: math.nan, ROOT: 1.0}),
        )
        found = self.window('cpu.percent', {}, 0, self.T + 9)
        self.assertEqual({(1, CPU): [(self.T + 1, 5.0)]}, found)

    def test_window_keeps_what_is_not_nan(self):
        values = [0.0, -0.0, math.inf, -math.inf, 5e-324, 1.7e308, 0.1]
        for i, value in enumerate(values):
            self.put((1, self.T + i, {CPU: value}))
        found = self.window('cpu.percent', {}, 0, self.T + 9)
        self.assertEqual(
            [repr(v) for v in values], [repr(v) for _, v in found[1, CPU]]
        )

    def test_window_matches_a_part_of_the_dimensions(self):
        self.put((1, self.T, {CPU: 1.0, ROOT: 2.0, VAR: 3.0}))

        def metrics(**dimensions):
            return {
                metric
                for _, metric in self.window(
                    'fs.percent', dimensions, 0, self.T
                )
            }

        self.assertEqual({ROOT, VAR}, metrics())
        self.assertEqual({VAR}, metrics(kind='xfs'))
        self.assertEqual({VAR}, metrics(kind='xfs', mount='/var'))
        self.assertEqual(set(), metrics(kind='xfs', mount='/'))
        self.assertEqual(set(), metrics(disk='sda'))

    def test_window_puts_the_schemas_of_a_server_together(self):
        self.put(
            (1, self.T + 2, {UP: 0.0}),
            (1, self.T + 1, {CPU: 1.0, UP: 1.0}),
            (1, self.T + 3, {CPU: 1.0, UP: 1.0, ROOT: 1.0}),
        )
        found = self.window('process.up', {}, self.T, self.T + 3)
        self.assertEqual([1.0, 0.0, 1.0], [v for _, v in found[1, UP]])

    def test_window_of_some_servers(self):
        self.put(*((s, self.T, {CPU: float(s)}) for s in range(1, 6)))
        found = self.window('cpu.percent', {}, 0, self.T, server_ids=[2, 4])
        self.assertEqual({(2, CPU), (4, CPU)}, set(found))
        self.assertEqual(
            {}, self.window('cpu.percent', {}, 0, self.T, server_ids=[])
        )

    def test_window_types(self):
        self.put((1, self.T, {CPU: 1.0}))
        (series,) = self.storage.window('cpu.percent', {}, 0, self.T)
        self.assertEqual(numpy.float64, series.times.dtype)
        self.assertEqual(numpy.float64, series.values.dtype)
        self.assertIs(int, type(series.server_id))

    def test_window_of_an_unknown_metric(self):
        self.put((1, self.T, {CPU: 1.0}))
        self.assertEqual({}, self.window('no.such', {}, 0, self.T))

    def test_names_differ_in_case(self):
        self.put((1, self.T, {CPU: 1.0}))
        self.assertEqual({}, self.window('CPU.Percent', {}, 0, self.T))

    def test_a_name_longer_than_any_column(self):
        long = model.Metric.of('x' * 300)
        other = model.Metric.of('x' * 299 + 'y')
        self.put((1, self.T, {long: 1.0, other: 2.0}))
        found = self.window(long.name, {}, 0, self.T)
        self.assertEqual({(1, long): [(self.T, 1.0)]}, found)

    def test_a_frame_sent_again_changes_nothing(self):
        self.put((1, self.T, {CPU: 1.0}), (2, self.T, {CPU: 2.0}))
        self.put((1, self.T, {CPU: 9.0}), (3, self.T, {CPU: 3.0}))
        found = self.window('cpu.percent', {}, 0, self.T)
        self.assertEqual(
            [1.0, 2.0, 3.0], [found[s, CPU][0][1] for s in (1, 2, 3)]
        )

    def test_a_frame_twice_in_one_write(self):
        self.put((1, self.T, {CPU: 1.0}), (1, self.T, {CPU: 1.0}))
        found = self.window('cpu.percent', {}, 0, self.T)
        self.assertEqual({(1, CPU): [(self.T, 1.0)]}, found)

    def test_a_frame_whose_values_are_not_those_of_its_schema(self):
        self.put((1, self.T, {CPU: 1.0}))
        digest = model.schema_digest((CPU,))
        self.storage.write(
            [base.StoredFrame(2, self.T, digest, model.pack([1.0, 2.0]))]
        )
        found = self.window('cpu.percent', {}, 0, self.T)
        self.assertEqual([(1, CPU)], list(found))
        self.assertEqual([], self.storage.latest(2, 0))

    def test_many_metrics(self):
        metrics = {
            model.Metric.of('m', n=str(i)): float(i) for i in range(5000)
        }
        self.put((1, self.T, metrics))
        found = self.window('m', {}, 0, self.T)
        self.assertEqual(
            metrics, {metric: p[0][1] for (_, metric), p in found.items()}
        )

    def test_windows_of_several(self):
        for i in range(4):
            self.put((1, self.T + i, {CPU: float(i), VAR: 1.0}))
        self.put((2, self.T + 3, {ROOT: 2.0}))
        wanted = {
            ('cpu.percent', ()): self.T,
            ('fs.percent', ()): self.T + 2,
            ('fs.percent', (('mount', '/'),)): self.T + 1,
            ('no.such', ()): self.T,
        }
        found = {
            one: plain(window)
            for one, window in self.storage.windows(wanted, self.T + 3).items()
        }
        later = [(self.T + 1, 1.0), (self.T + 2, 2.0), (self.T + 3, 3.0)]
        self.assertEqual(list(wanted), list(found))
        self.assertEqual({(1, CPU): later}, found['cpu.percent', ()])
        self.assertEqual(
            {(1, VAR): [(self.T + 3, 1.0)], (2, ROOT): [(self.T + 3, 2.0)]},
            found['fs.percent', ()],
        )
        self.assertEqual(
            {(2, ROOT): [(self.T + 3, 2.0)]},
            found['fs.percent', (('mount', '/'),)],
        )
        self.assertEqual({}, found['no.such', ()])

    def test_series_of_a_window(self):
        self.put((2, self.T, {CPU: 1.0}), (1, self.T, {CPU: 2.0}))
        window = self.storage.window('cpu.percent', {}, 0, self.T)
        self.assertEqual(2, len(window))
        self.assertEqual([1, 2], [one.server_id for one in window])
        self.assertEqual(2, window[-1].server_id)
        self.assertRaises(IndexError, window.__getitem__, 2)

    def test_recent(self):
        """What is asked for again and again is what is there."""
        recent = self.storage.recent()
        wanted = {('cpu.percent', ()): 60.0}
        points = []
        for n in range(5):
            at = self.T + 20 * n
            self.put((1, at, {CPU: float(n)}))
            points.append((at, float(n)))
            found = recent.windows(wanted, at, at + 5, {1: ('e', n)})
            found = plain(found['cpu.percent', ()])[1, CPU]
            self.assertEqual(
                [point for point in points if point[0] > at - 60],
                [point for point in found if point[0] > at - 60],
            )
        # of a second ago, while another clock was right
        self.put((1, at - 1, {CPU: 9.0}))
        found = recent.windows(wanted, at, at + 5, {1: ('e', n + 1)})
        found = plain(found['cpu.percent', ()])[1, CPU]
        self.assertIn((at - 1, 9.0), found)

    def test_series(self):
        self.put(
            (1, self.T, {CPU: 1.0}),
            (1, self.T + 1, {VAR: 1.0, ROOT: 1.0}),
            (1, self.T + 2, {UP: 1.0}),
            (2, self.T + 1, {UP: 1.0}),
        )
        series = self.storage.series
        self.assertEqual([VAR, ROOT, UP], series(1, self.T, self.T + 2))
        self.assertEqual([VAR, ROOT], series(1, self.T, self.T + 1))
        self.assertEqual([], series(3, 0, self.T + 9))

    def test_latest(self):
        self.put(
            (1, self.T, {CPU: 1.0, ROOT: 1.0}),
            (1, self.T + 1, {CPU: 2.0, ROOT: math.nan}),
            (1, self.T + 2, {UP: 0.0}),
            (2, self.T + 9, {UP: 1.0}),
        )
        self.assertEqual(
            [
                (CPU, self.T + 1, 2.0),
                (ROOT, self.T, 1.0),
                (UP, self.T + 2, 0.0),
            ],
            self.storage.latest(1, self.T),
        )
        self.assertEqual(
            [(UP, self.T + 2, 0.0)], self.storage.latest(1, self.T + 1.5)
        )
        self.assertEqual([], self.storage.latest(1, self.T + 3))

    def range_of(self, function, step, start=0.0, end=10.0):
        points = self.storage.range(
            1, CPU, self.T + start, self.T + end, step, function
        )
        return [(round(at - self.T, 3), value) for at, value in points]

    def test_range_functions(self):
        values = [3.0, 1.0, 2.0, 7.0]
        for i, value in enumerate(values):
            self.put((1, self.T + i, {CPU: value, ROOT: 9.0}))
        expected = {
            'avg': [2.0, 7.0],
            'min': [1.0, 7.0],
            'max': [3.0, 7.0],
            'sum': [6.0, 7.0],
            'count': [3.0, 1.0],
            'last': [2.0, 7.0],
        }
        for function, results in expected.items():
            self.assertEqual(
                [(0.0, results[0]), (3.0, results[1])],
                self.range_of(function, 3),
                function,
            )

    def test_range_edges(self):
        for i in range(4):
            self.put((1, self.T + i, {CPU: float(i)}))
        self.assertEqual(
            [(1.0, 1.0), (2.0, 2.0)], self.range_of('last', 1, 1, 3)
        )

    def test_range_steps_begin_at_its_start(self):
        for i in range(6):
            self.put((1, self.T + i, {CPU: float(i)}))
        self.assertEqual(
            [(0.5, 2.0), (3.0, 3.0)], self.range_of('count', 2.5, 0.5)
        )
        self.assertEqual(
            [(0.5, 2.0), (3.0, 1.0)], self.range_of('count', 2.5, 0.5, 4)
        )

    def test_range_of_thousandths(self):
        for i in range(300):
            self.put((1, round(self.T + i * 0.1, 3), {CPU: 1.0}))
        points = self.range_of('count', 0.3, 0, 30)
        self.assertEqual([3.0] * 100, [value for _, value in points])

    def test_range_leaves_out_steps_without_a_sample(self):
        self.put(
            (1, self.T, {CPU: 1.0}),
            (1, self.T + 2, {CPU: math.nan}),
            (1, self.T + 7, {CPU: 7.0}),
            (2, self.T + 4, {CPU: 4.0}),
        )
        self.assertEqual([(0.0, 1.0), (6.0, 7.0)], self.range_of('avg', 2))

    def test_range_of_exactly_that_metric(self):
        self.put((1, self.T, {ROOT: 1.0, VAR: 2.0}))
        whole = model.Metric.of('fs.percent')
        for metric, expected in ((whole, []), (VAR, [(self.T, 2.0)])):
            self.assertEqual(
                expected,
                self.storage.range(1, metric, self.T, self.T + 1, 1, 'last'),
            )

    def test_range_of_an_unknown_function(self):
        error = self.assertRaises(
            exceptions.InvalidInput, self.range_of, 'median', 1
        )
        self.assertIn("'median'", str(error))

    def test_expire(self):
        for i in range(4):
            self.put((1, self.T + i, {CPU: float(i)}))
        self.assertEqual(2, self.storage.expire(self.T + 2))
        self.assertEqual(0, self.storage.expire(self.T + 2))
        found = self.window('cpu.percent', {}, 0, self.T + 9)
        self.assertEqual([2.0, 3.0], [v for _, v in found[1, CPU]])
        self.put((1, self.T, {CPU: 1.0}))
