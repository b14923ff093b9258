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

import os
import shutil
import tempfile

import fixtures
import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.agent import spool

METRICS = [
    tuple(model.Metric.of(f'm{i}', service=f's{j}') for i in range(j + 1))
    for j in range(3)
]


def report(number, schema=0):
    samples = [model.Sample(m, float(number)) for m in METRICS[schema]]
    return model.Report('server', '', 0, frame=model.Frame.of(number, samples))


def drain(spooled):
    found = []
    while (head := spooled.head()) is not None:
        found.append(head)
        spooled.remove(head)
    return found


def values(reports):
    return [model.unpack(r.frame.values)[0] for r in reports]


class TestSpool(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.useFixture(fixtures.TempDir()).path
        self.logger = self.useFixture(fixtures.FakeLogger())

    def open(self, size=1 << 20):
        spooled = spool.Spool(self.path, size)
        self.addCleanup(spooled.close)
        return spooled

    def test_in_order_with_their_metrics(self):
        spooled = self.open()
        for i in range(10):
            spooled.append(report(i, i % 3))
        found = drain(spooled)
        self.assertEqual([float(i) for i in range(10)], values(found))
        self.assertEqual(
            [METRICS[i % 3] for i in range(10)],
            [r.frame.metrics for r in found],
        )
        self.assertEqual(list(range(1, 11)), [r.sequence for r in found])
        self.assertIsNone(spooled.head())

    def test_goes_on_where_it_was(self):
        spooled = self.open()
        for i in range(5):
            spooled.append(report(i))
        spooled.remove(spooled.head())
        spooled.remove(spooled.head())
        again = self.open()
        self.assertEqual(spooled.epoch, again.epoch)
        again.append(report(5, 1))
        found = drain(again)
        self.assertEqual([2.0, 3.0, 4.0, 5.0], values(found))
        self.assertEqual([3, 4, 5, 6], [r.sequence for r in found])
        self.assertEqual(METRICS[1], found[-1].frame.metrics)

    def test_another_machine_start_is_another_epoch(self):
        spooled = self.open()
        spooled.append(report(1))
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.proc.boot_id', lambda: 'another'
            )
        )
        again = self.open()
        self.assertNotEqual(spooled.epoch, again.epoch)
        again.append(report(2))
        found = drain(again)
        self.assertEqual([1.0, 2.0], values(found))
        self.assertEqual(
            [(spooled.epoch, 1), (again.epoch, 1)],
            [(r.epoch, r.sequence) for r in found],
        )

    def test_bounded_oldest_dropped_and_counted(self):
        spooled = self.open(1 << 18)
        event = model.LogEvent(0.0, 'a', 'ERROR', 'x' * 4000)
        kept = 0
        for i in range(200):
            kept += 1
            spooled.append(
                model.Report('server', '', 0, sent_at=i, events=(event,))
            )
            self.assertLessEqual(spooled.bytes, 1 << 18)
        dropped = spooled.take_dropped()
        self.assertEqual(0, spooled.take_dropped())
        found = drain(spooled)
        self.assertEqual(200, dropped + len(found))
        self.assertEqual(list(range(dropped + 1, 201)), sequences(found))

    def test_a_report_that_was_dropped_meanwhile_is_not_removed_twice(self):
        spooled = self.open(1 << 18)
        event = model.LogEvent(0.0, 'a', 'ERROR', 'x' * 4000)
        more = model.Report('server', '', 0, events=(event,))
        spooled.append(more)
        head = spooled.head()
        while not spooled.take_dropped():
            spooled.append(more)
        count = len(spooled)
        spooled.remove(head)
        self.assertEqual(count, len(spooled))

    def test_small_while_everything_is_taken(self):
        spooled = self.open()
        event = model.LogEvent(0.0, 'a', 'ERROR', 'x' * 4000)
        for _ in range(200):
            spooled.append(model.Report('server', '', 0, events=(event,)))
            drain(spooled)
        self.assertLess(spooled.bytes, 1 << 17)
        self.assertEqual(201, self.open()._sequence)

    @hypothesis.settings(deadline=None, max_examples=100)
    @hypothesis.given(
        st.lists(st.sampled_from(['append', 'remove']), max_size=20),
        st.floats(0, 1),
    )
    def test_killed_at_any_byte(self, steps, where):
        """What was written whole is there, in order and never reordered."""
        with tempfile.TemporaryDirectory() as directory:
            spooled = spool.Spool(directory, 1 << 20)
            present, sizes = [], []
            for i, step in enumerate(steps):
                if step == 'append':
                    spooled.append(report(i, i % 3))
                    present = [*present, float(i)]
                elif present:
                    spooled.remove(spooled.head())
                    present = present[1:]
                sizes.append((spooled.bytes, present))
            spooled.close()
            (name,) = os.listdir(directory)
            path = os.path.join(directory, name)
            size = int(os.path.getsize(path) * where)
            os.truncate(path, size)
            expected = [p for s, p in sizes if s <= size][-1:] or [[]]
            again = spool.Spool(directory, 1 << 20)
            found = drain(again)
            again.close()
            self.assertEqual(expected[0], values(found))

    @hypothesis.settings(deadline=None, max_examples=50)
    @hypothesis.given(st.binary(min_size=1, max_size=60))
    def test_rubbish_at_the_end(self, rubbish):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        spooled = spool.Spool(directory, 1 << 20)
        spooled.append(report(1))
        spooled.close()
        (name,) = os.listdir(directory)
        with open(os.path.join(directory, name), 'ab') as file:
            file.write(rubbish)
        again = spool.Spool(directory, 1 << 20)
        again.append(report(2))
        self.assertNotEqual(spooled.epoch, again.epoch)
        self.assertEqual([1.0, 2.0], values(drain(again)))
        again.close()

    def test_a_full_disk_is_said_once_and_counted(self):
        spooled = self.open()
        spooled.append(report(1))
        os.close(spooled._file)
        spooled._file = os.open('/dev/full', os.O_WRONLY)
        self.assertIsNone(spooled.append(report(2)))
        self.assertIsNone(spooled.append(report(3)))
        self.assertEqual(2, spooled.take_dropped())
        self.assertEqual(1, self.logger.output.count('reports are lost'))
        self.assertEqual([1.0], values(drain(spooled)))


def sequences(reports):
    return [r.sequence for r in reports]
