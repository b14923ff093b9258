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

import dataclasses
import json
import os
import random
import tempfile
import threading

import fixtures
import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.agent.publish import lanes
from sentinella.agent.publish import spool

METRICS = [
    tuple(model.Metric.of(f'm{i}', service=f's{j}') for i in range(j + 1))
    for j in range(3)
]


def report(number, schema=0, overtakes=False):
    samples = [model.Sample(m, float(number)) for m in METRICS[schema]]
    frame = model.Frame.of(number, samples)
    return model.Report('server', '', 0, frame=frame, overtakes=overtakes)


def big(overtakes=False):
    event = model.LogEvent(0.0, 'a', 'ERROR', 'x' * 4000)
    return model.Report('server', '', 0, events=(event,), overtakes=overtakes)


def drain(spooled):
    found = []
    while (head := spooled.head()) is not None:
        found.append(head)
        spooled.remove(head)
    return found


def values(reports):
    return [model.unpack(r.frame.values)[0] for r in reports]


def sequences(reports):
    return [r.sequence for r in reports]


def files(path):
    """Paths of all segments, the latest last."""
    names = sorted(os.listdir(path), key=lambda n: int(n.split('.')[0]))
    return [os.path.join(path, name) for name in names]


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
        # sequences leap, lest one is given twice
        self.assertEqual([3, 4, 5], sequences(found[:3]))
        self.assertGreater(found[3].sequence, 6)
        self.assertEqual(METRICS[1], found[-1].frame.metrics)

    def test_another_machine_start_is_another_epoch(self):
        spooled = self.open()
        spooled.append(report(1))
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.proc.boot_id', lambda: 'another'
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
        for _ in range(200):
            spooled.append(big())
            self.assertLessEqual(spooled.bytes, 1 << 18)
        dropped = spooled.take_dropped()
        self.assertEqual(0, spooled.take_dropped())
        found = drain(spooled)
        self.assertEqual(200, dropped + len(found))
        self.assertEqual(list(range(dropped + 1, 201)), sequences(found))

    def test_a_report_that_was_dropped_meanwhile_is_not_removed_twice(self):
        spooled = self.open(1 << 18)
        spooled.append(big())
        head = spooled.head()
        while not spooled.take_dropped():
            spooled.append(big())
        count = len(spooled)
        spooled.remove(head)
        self.assertEqual(count, len(spooled))

    def test_small_while_everything_is_taken(self):
        spooled = self.open()
        for i in range(200):
            spooled.append(big(overtakes=bool(i % 2)))
            drain(spooled)
        self.assertLess(spooled.bytes, 1 << 18)
        self.assertEqual(2, len(files(self.path)))
        again = self.open()
        kept = again.append(report(1))
        self.assertEqual(
            (spooled.epoch, True), (kept.epoch, kept.sequence > 200)
        )

    def test_those_that_overtake_go_first_in_order(self):
        spooled = self.open()
        for i in range(10):
            spooled.append(report(i, overtakes=i % 3 == 0))
        self.assertEqual(
            [0, 3, 6, 9, 1, 2, 4, 5, 7, 8], values(drain(spooled))
        )

    def test_one_that_overtakes_does_not_take_anothers_place(self):
        spooled = self.open()
        spooled.append(report(1))
        head = spooled.head()
        spooled.append(report(2, overtakes=True))
        self.assertTrue(spooled.remove(head))
        self.assertFalse(spooled.remove(head))
        again = self.open()
        self.assertEqual([2.0], values(drain(again)))

    def test_lanes_survive(self):
        spooled = self.open()
        for i in range(10):
            spooled.append(report(i, overtakes=bool(i % 2)))
        for _ in range(7):
            spooled.remove(spooled.head())
        spooled.append(report(10, overtakes=True))
        again = self.open()
        again.append(report(11, overtakes=True))
        self.assertEqual([10, 11, 4, 6, 8], values(drain(again)))

    def test_none_overtakes_one_of_an_older_epoch(self):
        """A conductor that went on to an epoch knows no sequences of the one
        before: what it took already would be taken again."""
        spooled = self.open()
        spooled.append(report(1))
        spooled.append(report(2, overtakes=True))
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.node.proc.boot_id', lambda: 'another'
            )
        )
        again = self.open()
        again.append(report(3, overtakes=True))
        again.append(report(4))
        self.assertEqual([2, 1, 3, 4], values(drain(again)))

    def test_those_that_overtake_are_dropped_last(self):
        spooled = self.open(1 << 18)
        for i in range(200):
            spooled.append(big(overtakes=i % 8 == 0))
        self.assertLessEqual(spooled.bytes, 1 << 18)
        dropped = spooled.take_dropped()
        found = drain(spooled)
        self.assertEqual(200, dropped + len(found))
        urgent = [r.sequence for r in found if r.overtakes]
        self.assertEqual(list(range(1, 201, 8)), urgent)
        # and then they are, the oldest first
        for _ in range(200):
            spooled.append(big(overtakes=True))
            self.assertLessEqual(spooled.bytes, 1 << 18)
        dropped = spooled.take_dropped()
        self.assertEqual(
            list(range(201 + dropped, 401)), sequences(drain(spooled))
        )

    def test_how_many_were_dropped_survives(self):
        spooled = self.open(1 << 18)
        for _ in range(200):
            spooled.append(big())
        again = self.open(1 << 18)
        dropped = again.take_dropped()
        self.assertEqual(200, dropped + len(again))
        self.assertGreater(dropped, 0)
        self.assertEqual(0, self.open(1 << 18).take_dropped())

    def test_a_report_that_is_discarded_is_counted(self):
        spooled = self.open()
        spooled.append(report(1))
        spooled.discard(spooled.head())
        self.assertEqual(1, self.open().take_dropped())

    def test_metrics_that_nobody_needs_are_forgotten(self):
        spooled = self.open()
        for i in range(2000):
            sample = model.Sample(model.Metric.of(f'm{i}'), 1.0)
            frame = model.Frame.of(i, [sample])
            spooled.append(model.Report('server', '', 0, frame=frame))
            drain(spooled)
        self.assertLess(len(spooled._metrics), 600)

    def test_a_full_disk_silences_nobody(self):
        """That it is full is what has to be told."""
        spooled = self.open()
        spooled.append(report(1))
        os.close(spooled._others.file)
        spooled._others.file = os.open('/dev/full', os.O_WRONLY)
        for i in range(2, 5):
            spooled.append(report(i))
        self.assertEqual([1, 2, 3, 4], values(drain(spooled)))
        self.assertEqual(1, self.logger.output.count('kept in memory only'))
        spooled.append(report(5))
        self.assertEqual(1, self.logger.output.count('works again'))
        again = self.open()
        self.assertEqual([5.0], values(drain(again)))

    def test_a_full_disk_costs_little_memory(self):
        spooled = self.open()
        os.close(spooled._others.file)
        spooled._others.file = os.open('/dev/full', os.O_WRONLY)
        for i in range(100):
            spooled.append(report(i))
        self.assertEqual(100 - spool.UNWRITTEN, spooled.take_dropped())
        self.assertEqual(
            list(range(100 - spool.UNWRITTEN, 100)), values(drain(spooled))
        )

    def test_a_place_that_can_not_be(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration, spool.Spool, '/dev/null/x', 1
        )
        self.assertEqual('spool /dev/null/x: Not a directory', str(error))


class TestSyncer(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.spool = spool.Spool(
            self.useFixture(fixtures.TempDir()).path, 1 << 20
        )
        self.addCleanup(self.spool.close)
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.publish.spool._sync', self.sync
            )
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.publish.spool.Syncer.DELAY', 0.01
            )
        )
        self.synced = []
        self.changed = threading.Event()

    def sync(self, path, how):
        self.synced.append((os.path.basename(path), how))
        self.changed.set()

    def test_what_waits_is_synced_and_its_name_with_it(self):
        self.spool.append(report(1))
        self.spool.append(report(2))
        self.spool.sync()
        name = os.path.basename(self.spool._others.segments[-1].path)
        directory = os.path.basename(self.spool._path)
        self.assertEqual(
            [(name, os.fdatasync), (directory, os.fsync)], self.synced
        )
        self.spool.sync()
        self.assertEqual(2, len(self.synced))
        self.spool.append(report(3))
        self.spool.sync()
        self.assertEqual([(name, os.fdatasync)], self.synced[2:])

    def test_what_was_taken_is_not(self):
        self.spool.append(report(1))
        self.spool.append(report(2, overtakes=True))
        drain(self.spool)
        self.spool.sync()
        self.assertEqual([], self.synced)

    def test_in_a_thread_of_its_own(self):
        syncer = spool.Syncer(self.spool)
        syncer.start()
        self.addCleanup(syncer.stop)
        self.spool.append(report(1))
        self.assertTrue(self.changed.wait(10))

    def test_a_disk_that_fails_is_said_once_and_tried_again(self):
        logger = self.useFixture(fixtures.FakeLogger())

        def failing(path, how):
            raise OSError(5, 'Input/output error')

        self.spool.append(report(1))
        with fixtures.MonkeyPatch(
            'sentinella.agent.publish.spool._sync', failing
        ):
            self.spool.sync()
            self.spool.sync()
        self.assertEqual(1, logger.output.count('Input/output error'))
        self.spool.sync()
        self.assertEqual(2, len(self.synced))


STEPS = st.lists(
    st.sampled_from(['append', 'overtake', 'remove', 'reopen']), max_size=30
)


class History:
    """A spool whose steps are noted.

    :ivar appended: {(epoch, sequence): value} of all that ever was
    :ivar present: what waits, by lane
    """

    def __init__(self, directory, size=1 << 20):
        self._directory = directory
        self._size = size
        self.appended = {}
        self.present = {False: [], True: []}
        self.open()

    def open(self):
        self.spool = spool.Spool(self._directory, self._size)

    def take(self, step):
        if step == 'reopen':
            self.spool.close()
            self.open()
        elif step == 'remove':
            head = self.spool.head()
            if head is not None:
                self.spool.remove(head)
                self.present[head.overtakes].pop(0)
        else:
            number, overtakes = len(self.appended), step == 'overtake'
            kept = self.spool.append(report(number, number % 3, overtakes))
            self.appended[kept.epoch, kept.sequence] = kept
            self.present[overtakes].append(kept)

    def close(self):
        self.spool.close()


class TestCrashes(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        # the smallest there can be, so that there are several
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.publish.spool.SMALLEST', 600
            )
        )

    @hypothesis.settings(deadline=None, max_examples=200)
    @hypothesis.given(STEPS)
    def test_killed_between_two_steps(self, steps):
        """All is there, in order, with all that belongs to it."""
        with tempfile.TemporaryDirectory() as directory:
            history = History(directory, 600 * spool.SEGMENTS)
            for step in steps:
                history.take(step)
            # not closed: it was killed
            again = spool.Spool(directory, 600 * spool.SEGMENTS)
            found = drain(again)
            again.close()
            history.close()
        dropped = again.take_dropped()
        expected = history.present[True] + history.present[False]
        if not dropped:
            self.assertEqual(expected, found)
        self.assertEqual(len(expected), len(found) + dropped)

    @hypothesis.settings(deadline=None, max_examples=400)
    @hypothesis.given(
        STEPS,
        st.lists(
            st.tuples(
                st.sampled_from(['cut', 'zero', 'rubbish', 'gone', 'append']),
                st.floats(0, 1),
                st.floats(0, 1),
            ),
            min_size=1,
            max_size=3,
        ),
        st.randoms(use_true_random=False),
    )
    def test_whatever_the_disk_forgets(self, steps, damages, chance):
        with tempfile.TemporaryDirectory() as directory:
            history = History(directory)
            for step in steps:
                history.take(step)
            history.close()
            whole = {path: whole_entries(path) for path in files(directory)}
            for damage in damages:
                self.damage(directory, chance, *damage)
            survived = [
                identity
                for path, entries in whole.items()
                for identity in intact(path, entries)
            ]
            again = spool.Spool(directory, 1 << 20)
            mark = again.append(report(-1))
            found = drain(again)
            again.close()
            # nothing stops at the next start either
            last = spool.Spool(directory, 1 << 20)
            last.close()
        self.assertEqual(mark, found[-1])
        self.check(history, survived, found[:-1])
        self.assertNotIn((mark.epoch, mark.sequence), history.appended)

    def check(self, history, survived, found):
        identities = [(r.epoch, r.sequence) for r in found]
        # none is invented, changed, or there twice
        self.assertEqual(len(set(identities)), len(identities))
        for item, identity in zip(found, identities, strict=True):
            kept = history.appended[identity]
            if item.frame.metrics is None:
                # that entry was damaged: the conductor may know them
                item = without_metrics(item)
                kept = without_metrics(kept)
            self.assertEqual(kept, item)
        # each lane has its order
        order = list(history.appended)
        for overtakes in (True, False):
            places = [
                order.index(identity)
                for identity, item in zip(identities, found, strict=True)
                if item.overtakes is overtakes
            ]
            self.assertEqual(sorted(places), places)
        # what lies whole before the damage is there, if it waited
        for lane in history.present.values():
            for item in lane:
                identity = (item.epoch, item.sequence)
                if identity in survived:
                    self.assertIn(identity, identities)

    @staticmethod
    def damage(directory, chance, kind, which, where):
        paths = files(directory)
        if not paths:
            return
        path = paths[min(int(which * len(paths)), len(paths) - 1)]
        size = os.path.getsize(path)
        start = int(where * size)
        if kind == 'gone':
            os.unlink(path)
        elif kind == 'cut':
            os.truncate(path, start)
        else:
            with open(path, 'r+b') as file:
                file.seek(size if kind == 'append' else start)
                count = (
                    min(size - start, 64) if kind != 'zero' else size - start
                )
                count = count or 20
                file.write(
                    bytes(count)
                    if kind == 'zero'
                    else random.Random(chance.random()).randbytes(count)
                )

    def test_rubbish_at_the_end(self):
        for rubbish in (b'\0' * 4096, b'{', b'\x05\0\0\0abcd12345'):
            directory = self.useFixture(fixtures.TempDir()).path
            spooled = spool.Spool(directory, 1 << 20)
            spooled.append(report(1))
            spooled.close()
            with open(spooled._others.segments[-1].path, 'ab') as file:
                file.write(rubbish)
            again = spool.Spool(directory, 1 << 20)
            again.append(report(2))
            self.assertNotEqual(spooled.epoch, again.epoch)
            self.assertEqual([1.0, 2.0], values(drain(again)))
            again.close()

    def test_an_entry_of_another_form(self):
        directory = self.useFixture(fixtures.TempDir()).path
        spooled = spool.Spool(directory, 1 << 20)
        spooled.append(report(1))
        for kind, thing in (
            (b'M', 7),
            (b'M', ['a', [['b', {}]], 'c']),
            (b'A', {}),
            (b'D', 'x'),
            (b'R', {}),
            (b'H', {}),
        ):
            spooled._others.write(kind, thing)
            again = spool.Spool(directory, 1 << 20)
            self.assertEqual(1, len(again))
            again.close()
        spooled.close()

    def test_what_is_no_segment_is_left_alone(self):
        directory = self.useFixture(fixtures.TempDir()).path
        for name in ('a.spool', '12.spool', '0000000001.spool.old'):
            with open(os.path.join(directory, name), 'w') as file:
                file.write('x')
        spooled = spool.Spool(directory, 1 << 20)
        spooled.append(report(1))
        self.assertEqual([1.0], values(drain(spooled)))
        spooled.close()
        self.assertEqual(5, len(os.listdir(directory)))

    def test_a_segment_damaged_while_it_is_used(self):
        directory = self.useFixture(fixtures.TempDir()).path
        spooled = spool.Spool(directory, 1 << 20)
        for i in range(3):
            spooled.append(report(i))
        waiting = spooled._others.reports[1]
        with open(waiting.segment.path, 'r+b') as file:
            file.seek(waiting.offset + 60)
            file.write(b'????')
        self.assertEqual([0.0, 2.0], values(drain(spooled)))
        self.assertEqual(1, spooled.take_dropped())
        spooled.close()


def without_metrics(item):
    frame = dataclasses.replace(item.frame, metrics=None)
    return dataclasses.replace(item, frame=frame)


def whole_entries(path):
    """
    :returns: [(bytes up to its end, identity or None)] of a segment
    """
    with open(path, 'rb') as file:
        data = file.read()
    found, epoch = [], ''
    for offset, entry in lanes.entries(data):
        identity = None
        if entry[:1] == b'H':
            epoch = json.loads(entry[1:])['epoch']
        elif entry[:1] == b'R':
            identity = epoch, int.from_bytes(entry[1:9], 'little')
        found.append((data[: offset + len(entry)], identity))
    return found


def intact(path, entries):
    """
    :returns: identities of the reports that lie before any damage
    """
    if not os.path.exists(path):
        return
    with open(path, 'rb') as file:
        data = file.read()
    for before, identity in entries:
        if not data.startswith(before):
            return
        if identity is not None:
            yield identity
