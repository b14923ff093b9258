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

"""Which groups there are to be judged."""

from oslotest import base

from sentinella.evaluator import expression
from sentinella.evaluator import scopes
from tests.unit.evaluator import scenes


def needs(text):
    return {
        selector.metric
        for selector, _ in scopes.needs(expression.parse(text).condition)
    }


def scope(text, several, match_by, known=()):
    condition = expression.parse(text).condition
    moment = scopes.Moment(
        scenes.NOW,
        lambda selector: scenes.samples_of(selector, several),
        None,
        scenes.PLACES,
        scenes.SILENT_AFTER,
    )
    needed = scopes.needs(condition)
    return scopes.Scope.of([condition], match_by, moment, known, needed)


def groups(found):
    return [found.universe.group(number) for number in range(found.size)]


def services(*names, metric='process.up', **dimensions):
    return [
        scenes.steady(1, name=metric, service=name, **dimensions)
        for name in names
    ]


class TestNeeds(base.BaseTestCase):
    def test_what_a_condition_can_not_hold_without(self):
        for text, expected in [
            ('a > 1', 'a'),
            ('last(a) + last(b) > 1', 'ab'),
            ('a > 1 and b > 1', 'ab'),
            ('a > 1 or b > 1', ''),
            ('a > 1 and (b > 1 or c > 1)', 'a'),
            ('absent(a)', ''),
            ('(a > 1 and absent(b)) for 2m', 'a'),
            ('count(a, deterministic) < 1', 'a'),
        ]:
            self.assertEqual(set(expected), needs(text), text)


class TestScope(base.BaseTestCase):
    TEXT = 'last(process.up) >= 1 and last(told.up) < 1'

    def test_what_is_told_of_one_service_is_not_asked_of_others(self):
        several = [
            *services('a', 'b', 'c'),
            *services('b', 'd', metric='told.up'),
        ]
        found = scope(self.TEXT, several, ['service'])
        self.assertEqual([{'service': 'b'}], groups(found))
        self.assertEqual([1, 1], [len(x.group) for x in found.leaves.values()])

    def test_nor_where_nothing_is_told_at_all(self):
        found = scope(self.TEXT, services('a', 'b'), ['service', 'host'])
        self.assertEqual([], groups(found))

    def test_a_host_is_its_server_wherever_it_is_not_named(self):
        several = [
            *services('a', 'b'),
            *services('b', metric='told.up', host='ctl-1'),
            *services('b', metric='told.up', host='ctl-2'),
        ]
        found = scope(self.TEXT, several, ['service', 'host'])
        self.assertEqual([{'host': 'ctl-1', 'service': 'b'}], groups(found))

    def test_one_that_has_an_alarm_is_asked_of_whatever_is_told(self):
        found = scope(
            self.TEXT, services('a', 'b'), ['service'], [(('b',), 0)]
        )
        self.assertEqual([{'service': 'b'}], groups(found))
        self.assertEqual([1, 0], [len(x.group) for x in found.leaves.values()])

    def test_of_alternatives_each_is_enough(self):
        several = [*services('a'), *services('b', metric='told.up')]
        text = self.TEXT.replace(' and ', ' or ')
        found = scope(text, several, ['service'])
        self.assertEqual([{'service': 'a'}, {'service': 'b'}], groups(found))
