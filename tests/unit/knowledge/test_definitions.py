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

import string

from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.evaluator import expression
from sentinella.knowledge import definitions

NAMES = {
    'agent-silent',
    'cpu-busy',
    'error-burst',
    'filesystem-full',
    'load-high',
    'log-critical',
    'memory-low',
    'restart-loop',
    'service-down',
    'traceback-burst',
}

ENTRY = """
- name: a
  expression: last(x) > 1
  type: gauge
  severity: info
  match_by: [server]
  description: d
  cause: c
  remedy: r
"""


class TestShipped(base.BaseTestCase):
    def test_names(self):
        self.assertEqual(NAMES, {d.name for d in definitions.load()})

    def test_each_is_complete(self):
        for definition in definitions.load():
            with self.subTest(definition.name):
                self.assertTrue(definition.builtin)
                self.assertIsNone(definition.project_id)
                self.assertIn('server', definition.match_by)
                for text in (
                    definition.description,
                    definition.cause,
                    definition.remedy,
                ):
                    self.assertTrue(text)
                    self.assertLessEqual(
                        {f[1] for f in string.Formatter().parse(text)},
                        {None, 'server', *definition.match_by},
                    )

    def test_each_expression_reads(self):
        for definition in definitions.load():
            read = expression.parse(definition.expression)
            self.assertEqual(definition.expression, str(read))

    def test_uuids_never_change(self):
        self.assertEqual(
            ['b3476c81-1057-51ed-9e89-793e6b681225'],
            [d.uuid for d in definitions.load() if d.name == 'agent-silent'],
        )


class TestRead(base.BaseTestCase):
    def test_entry(self):
        read = definitions.read(ENTRY, 'x.yaml')
        self.assertEqual(
            [('a', model.ThresholdType.GAUGE, model.Severity.INFO)],
            [(d.name, d.type, d.severity) for d in read],
        )

    def test_errors_name_the_place(self):
        for text, words in [
            ('a: b', 'x.yaml: expected a list'),
            ('- a', 'x.yaml, entry 1: expected a mapping of cause,'),
            (ENTRY + '- {name: b}', 'entry 2: expected a mapping'),
            (ENTRY.replace('gauge', 'guage'), "entry 1: 'guage'"),
            (ENTRY.replace('[server]', 'server'), 'match_by to be a list'),
            ('- [', 'x.yaml: while parsing'),
        ]:
            with self.subTest(words):
                error = self.assertRaises(
                    exceptions.InvalidConfiguration,
                    definitions.read,
                    text,
                    'x.yaml',
                )
                self.assertIn(words, str(error))
                self.assertNotIn('\n', str(error))
