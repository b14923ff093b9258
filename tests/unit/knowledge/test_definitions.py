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

"""That what we ship is whole, and speaks of what is really measured.

How it fires and keeps quiet is in `tests/functional/evaluator/test_builtin`.
"""

import re

from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.evaluator import expression
from sentinella.evaluator import virtual
from sentinella.knowledge import cloud
from sentinella.knowledge import definitions
from tests.unit.knowledge import test_metrics

ENTRY = """
- name: a
  expression: last(x) > 1
  type: gauge
  severity: info
  match_by: [server, service]
  releases: any
  description: d {service}
  cause: c
  remedy: r {server}
  fires:
    - when: it is two
      samples: {"x{service=a}": 1*1m 2}
  quiet:
    - when: it is one
      samples: {"x{service=a}": 1}
"""


class TestShipped(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.entries = definitions.entries()
        self.definitions = [entry.definition for entry in self.entries]

    def test_there_are_many(self):
        self.assertLess(40, len(self.definitions))
        names = [definition.name for definition in self.definitions]
        self.assertEqual(sorted(set(names)), names)
        for definition in self.definitions:
            self.assertTrue(definition.builtin)
            self.assertIsNone(definition.project_id)
            self.assertRegex(definition.name, '^[a-z]+(-[a-z]+)+$')

    def test_each_expression_reads(self):
        for definition in self.definitions:
            for severity, read in expression.tiers(definition):
                again = expression.parse(str(read))
                self.assertEqual(read, again, (definition.name, severity))

    def test_each_reads_what_is_measured(self):
        """A metric that no collector has, or a dimension that it has not,
        would never raise an alarm."""
        measured = dict(test_metrics.described()) | cloud.METRICS
        for definition in self.definitions:
            ours = expression.metrics(definition) - virtual.NAMES
            self.assertLessEqual(ours, set(measured), definition.name)
            said = ' '.join(
                text
                for name, text in measured.items()
                if any(name.split('.')[0] == one.split('.')[0] for one in ours)
            )
            # what all metrics of a collector are by, it says of one
            for name in set(definition.match_by) - self.known(definition):
                if not (name == 'service' and 'process.up' in ours):
                    self.assertRegex(said, rf'\b{name}\b', definition.name)

    def known(self, definition):
        """Dimensions that what the evaluator itself tells has."""
        if expression.metrics(definition) & set(virtual.OF_INSTANCES):
            return {'host', 'instance'}
        return {'server'}

    def test_each_severity_is_tried(self):
        for entry in self.entries:
            known = {str(s) for s, _ in expression.tiers(entry.definition)}
            mildest = str(entry.definition.severity)
            tried = {case.severity or mildest for case in entry.fires}
            self.assertEqual(known, tried, entry.definition.name)

    def test_inhibition_names_what_there_is_and_never_turns_in_circles(self):
        by = {d.name: d.inhibited_by for d in self.definitions}
        for name in by:
            above, seen = set(by[name]), set()
            while above:
                self.assertLessEqual(above, set(by), name)
                self.assertNotIn(name, above)
                seen |= above
                above = {more for one in above for more in by[one]} - seen

    def test_uuids_never_change(self):
        self.assertEqual(
            ['b3476c81-1057-51ed-9e89-793e6b681225'],
            [d.uuid for d in self.definitions if d.name == 'agent-silent'],
        )


class TestRead(base.BaseTestCase):
    def test_entry(self):
        (entry,) = definitions.read(ENTRY, 'x.yaml')
        read = entry.definition
        self.assertEqual(
            ('a', model.ThresholdType.GAUGE, model.Severity.INFO, {}, ()),
            (read.name, read.type, read.severity, read.tiers,
             read.inhibited_by),
        )  # fmt: skip
        self.assertEqual('x.yaml', entry.source)
        self.assertEqual(['it is two'], [case.when for case in entry.fires])

    def test_tiers(self):
        text = ENTRY + '  tiers: {major: last(x)  >  2}\n'
        (entry,) = definitions.read(text, 'x.yaml')
        self.assertEqual({'major': 'last(x) > 2'}, entry.definition.tiers)

    def refused(self, text):
        error = self.assertRaises(
            exceptions.InvalidConfiguration, definitions.read, text, 'x.yaml'
        )
        self.assertNotIn('\n', str(error))
        return str(error)

    def test_errors_name_the_file_the_definition_and_the_field(self):
        for old, new, words in [
            ('gauge', 'guage', "x.yaml, a, type: expected one of binary, .*"
             "'guage'"),
            ('info', 'bad', "x.yaml, a, severity: expected one of critical"),
            ('[server, service]', 'server', 'x.yaml, a: match_by: expected'),
            ('  cause: c\n', '', 'x.yaml, a: cause is missing'),
            ('cause: c', 'cause: ""', 'x.yaml, a, cause: is empty'),
            ('cause: c', 'cause: 1', 'x.yaml, a: cause: expected str, got 1'),
            ('{service}', '{queue}', 'x.yaml, a, description: expected in '
             "braces one of server, service, got 'queue'"),
            ('{service}', '{', 'x.yaml, a, description: '),
            ('any', 'all', 'x.yaml, a, releases: expected'),
            ('  cause: c', '  origin: c\n  cause: c', "unknown key 'origin'"),
            ('when: it is two', 'if: 2', "x.yaml, a, fires.0: unknown key"),
            ('1*1m 2', '1*1w', 'x.yaml, a, fires.0.servers.0.x{service=a}: '
             "expected values such as .* got '1\\*1w'"),
            ('x{service=a}": 1*', 'x{a}": 1*', 'fires.0.servers.0.samples: '
             'expected a metric'),
        ]:  # fmt: skip
            with self.subTest(new):
                text = ENTRY.replace(old, new, 1)
                self.assertNotEqual(ENTRY, text)
                self.assertRegex(
                    self.refused(text),
                    re.sub(r'([{}.])(?!\*)', r'\\\1', words),
                )

    def test_what_is_no_list_of_entries(self):
        for text, words in [
            ('a: b', 'x.yaml: expected a list'),
            ('- a', 'x.yaml, entry 1: expected a mapping of name,'),
            (ENTRY + '- {type: b}', 'x.yaml, entry 2: name is missing'),
            (ENTRY + '- {name: b}', 'x.yaml, b: expression is missing'),
            ('- [', 'x.yaml: while parsing'),
            (ENTRY + '  tiers: [a]', 'x.yaml, a, tiers: expected a mapping'),
            (ENTRY + '  tiers: {bad: x}', 'x.yaml, a, tiers: expected one'),
        ]:
            self.assertIn(words, self.refused(text))
