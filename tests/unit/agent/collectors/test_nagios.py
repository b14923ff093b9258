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

import math

from hypothesis import given
from hypothesis import strategies
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import nagios
from tests import collectors


class TestPerformanceData(base.BaseTestCase):
    def read(self, text):
        values, dropped = nagios.read_values(f'OK - fine |{text}')
        return {label: v for label, (v, _) in values.items()}, dropped

    def test_units(self):
        for text, expected in (
            ('a=1', 1),
            ('a=-1.5', -1.5),
            ('a=,5', 0.5),
            ('a=1e-3s', 0.001),
            ('a=250ms', 0.25),
            ('a=5us', 0.000005),
            ('a=74%;10:20;@5:;0;100', 74),
            ('a=27811381248B;;;0;1', 27811381248),
            ('a=2KB', 2000),
            ('a=2MiB', 2097152),
            ('a=7c', 7),
        ):
            values, dropped = self.read(text)
            self.assertAlmostEqual(expected, values['a'], places=9)
            self.assertEqual(0, dropped)

    def test_labels(self):
        values, _ = self.read("/=1 'C:\\ disk'=2;; 'it''s'=3 a.b-c=4")
        self.assertEqual(
            {'/': 1, 'C:\\ disk': 2, "it's": 3, 'a.b-c': 4}, values
        )

    def test_undetermined(self):
        values, _ = self.read('a=U;;; b=1')
        self.assertTrue(math.isnan(values['a']))
        self.assertEqual(1, values['b'])

    def test_those_of_many_lines(self):
        # an example of the guidelines
        values, _ = nagios.read_values(
            'DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5\n'
            '/ 15272 MB (77%);\n'
            '/boot 68 MB (69%);\n'
            '/var/log 819 MB (84%); | /boot=68MB;88;93;0;98\n'
            '/home=69357MB;253404;253409;0;253414\n'
            '/var/log=818MB;970;975;0;980\n'
        )
        self.assertEqual(['/', '/boot', '/home', '/var/log'], sorted(values))
        self.assertEqual((68e6, 'MB'), values['/boot'])

    def test_none(self):
        for text in ('', 'OK', 'a=1', 'OK | \n', '|'):
            self.assertEqual(({}, 0), nagios.read_values(text))

    def test_bounds(self):
        values, dropped = self.read(
            ' '.join(f'a{n}=1' for n in range(nagios.VALUES + 7))
        )
        self.assertEqual((nagios.VALUES, 7), (len(values), dropped))
        self.assertEqual(({}, 1), self.read('a=1parsec'))
        self.assertEqual(({}, 0), self.read('a' * 201 + '=1'))

    @given(
        strategies.one_of(
            strategies.text(), strategies.text("'= |;\n1.,eUs%c/a")
        )
    )
    def test_any_output_reads(self, text):
        values, dropped = nagios.read_values(f'|{text}')
        self.assertGreaterEqual(dropped, 0)
        for label, (value, unit) in values.items():
            self.assertTrue(label)
            self.assertFalse(math.isinf(value))
            self.assertIn(unit, nagios._UNITS)

    @given(
        strategies.dictionaries(
            strategies.text(
                strategies.characters(exclude_categories=('C', 'Z')),
                min_size=1,
                max_size=20,
            ),
            strategies.floats(-1e12, 1e12).map(lambda f: round(f, 3)),
            max_size=20,
        )
    )
    def test_what_is_written_by_the_guidelines_is_read(self, expected):
        text = ' '.join(
            "'{}'={:.3f}s;;;".format(label.replace("'", "''"), value)
            for label, value in expected.items()
            if '|' not in label
        )
        values, _ = self.read(text)
        self.assertEqual(
            {k: v for k, v in expected.items() if '|' not in k}, values
        )


class TestText(base.BaseTestCase):
    def test_what_it_says(self):
        for outcome, expected in (
            ((0, 'DISK OK - 74% free | /=1'), ''),
            (
                (1, 'LOAD WARNING -\t5.1 | load1=5.1\nmore'),
                'LOAD WARNING - 5.1',
            ),
            ((2, ''), 'it ended with exit code 2'),
            ((-9, ' |a=1'), 'it ended with exit code -9'),
            ((2, 'x' * 999), 'x' * nagios.TEXT),
            ((2, 'login with password=abc failed'), 'login with password=***'),
            (TimeoutError(), 'it took too long'),
            (
                FileNotFoundError(2, 'No such file or directory', '/x'),
                'it can not be run: No such file or directory',
            ),
        ):
            said = nagios.said(outcome)
            self.assertTrue(said.startswith(expected), said)
            self.assertEqual(bool(expected), bool(said))
            self.assertNotIn('abc', said)


class TestOptions(base.BaseTestCase):
    def test_that_can_not_be_used(self):
        for checks, expected in (
            (['a'], "expected name=command line, got 'a'"),
            (['a='], "expected name=command line, got 'a='"),
            (['a b=true'], "expected name=command line, got 'a b=true'"),
            (["a='true"], 'expected name=command line, got "a=\'true"'),
            (['a=true', 'a=false'], 'a is there twice'),
        ):
            error = self.assertRaises(
                exceptions.InvalidConfiguration,
                collectors.make,
                nagios.NagiosCollector,
                checks=checks,
            )
            self.assertEqual(
                f'[collector_nagios] checks: {expected}', str(error)
            )

    def test_words(self):
        self.assertEqual(
            ('a', ('check_x', '-w', '5, 10', '$HOME', '*')),
            nagios.read_check("a = check_x -w '5, 10' $HOME *"),
        )
