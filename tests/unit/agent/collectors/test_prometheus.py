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

from sentinella.agent.collectors import prometheus

NODE = r"""
# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 1.5e+06
node_cpu_seconds_total{cpu="0",mode="user"} 12
# TYPE node_load1 gauge
node_load1 0.25
# TYPE node_os_info gauge
node_os_info{name="a \"b\" \\ c\nd",service="x",empty=""} 1
# TYPE rpc_seconds histogram
rpc_seconds_bucket{le="0.1"} 3
rpc_seconds_bucket{le="+Inf"} 4
rpc_seconds_sum 9
rpc_seconds_count 4
# TYPE gc_seconds summary
gc_seconds{quantile="0.5"} 0.003
gc_seconds_sum 17
gc_seconds_count 2600
old_style_total 7
not_a_number NaN
too_many +Inf
with_a_time 3 1395066363000
"""
OPEN = """\
# TYPE requests counter
# UNIT requests_seconds seconds
requests_total{code="200"} 7 # {trace_id="x"} 1.0
requests_created{code="200"} 1600000000
# TYPE rpc_seconds histogram
rpc_seconds_bucket{le="+Inf"} 4
rpc_seconds_count 4
rpc_seconds_sum 9
# EOF
""".replace('# UNIT requests_seconds seconds\n', '')


def everything(name):
    return True


def read(text, wanted=everything, is_open=False):
    found = prometheus.Scrape(0.1)
    found.read(text, wanted, is_open)
    return found


class TestText(base.BaseTestCase):
    def test_each_type(self):
        cpu = 'node_cpu_seconds_total'
        found = read(NODE).series
        for key, expected in (
            ((cpu, (('cpu', '0'), ('mode', 'idle'))), (1.5e6, True)),
            ((cpu, (('cpu', '0'), ('mode', 'user'))), (12, True)),
            (('node_load1', ()), (0.25, False)),
            (
                (
                    'node_os_info',
                    (
                        ('name', 'a "b" \\ c\nd'),
                        ('exported_service', 'x'),
                    ),
                ),
                (1, False),
            ),
            (('rpc_seconds_sum', ()), (9, True)),
            (('rpc_seconds_count', ()), (4, True)),
            (('gc_seconds', (('quantile', '0.5'),)), (0.003, False)),
            (('gc_seconds_sum', ()), (17, True)),
            (('gc_seconds_count', ()), (2600, True)),
            (('old_style_total', ()), (7, True)),
            (('with_a_time', ()), (3, False)),
        ):
            self.assertEqual(expected, found.pop(key))
        for name in ('not_a_number', 'too_many'):
            value, grows = found.pop((name, ()))
            self.assertTrue(math.isnan(value))
        self.assertEqual({}, found)

    def test_only_what_is_wanted(self):
        found = read(NODE, lambda name: name == 'node_load1')
        self.assertEqual({('node_load1', ())}, set(found.series))
        self.assertEqual(0, found.dropped)

    def test_open_metrics(self):
        found = read(OPEN, is_open=True).series
        self.assertEqual(
            {
                ('requests_total', (('code', '200'),)): (7, True),
                ('rpc_seconds_count', ()): (4, True),
                ('rpc_seconds_sum', ()): (9, True),
            },
            found,
        )

    def test_bounds(self):
        many = ''.join(
            f'a{{n="{n}"}} 1\n' for n in range(prometheus.SERIES + 9)
        )
        found = read(many)
        self.assertEqual(
            (prometheus.SERIES, 9), (len(found.series), found.dropped)
        )
        labels = ','.join(f'l{n}="1"' for n in range(17))
        for text in (
            f'a{{{labels}}} 1\n',
            f'a{{b="{"x" * 256}"}} 1\n',
            f'{"a" * 256} 1\n',
        ):
            found = read(text)
            self.assertEqual((0, 1), (len(found.series), found.dropped))

    def test_other_things(self):
        for text in ('<html><body>It works!</body></html>', 'a b c\n', '{}'):
            self.assertRaises(ValueError, read, text)
        self.assertRaises(ValueError, read, 'a 1\n', is_open=True)

    @given(
        strategies.one_of(
            strategies.text(), strategies.text('a_"{}=,\\\n# TYPEHL1.e+')
        ),
        strategies.booleans(),
    )
    def test_any_text_reads_or_can_not(self, text, is_open):
        try:
            found = read(text, is_open=is_open)
        except ValueError:
            return
        for value, _ in found.series.values():
            self.assertFalse(math.isinf(value))

    @given(
        strategies.dictionaries(
            strategies.tuples(
                strategies.from_regex(r'[a-z][a-z_]{0,10}x', fullmatch=True),
                strategies.text(max_size=20),
            ),
            strategies.floats(allow_nan=False, allow_infinity=False),
            max_size=20,
        )
    )
    def test_what_is_written_is_read(self, expected):
        def escaped(text):
            for old, new in (('\\', '\\\\'), ('"', '\\"'), ('\n', '\\n')):
                text = text.replace(old, new)
            return text

        text = ''.join(
            f'{name}{{l="{escaped(label)}"}} {value!r}\n'
            for (name, label), value in expected.items()
        )
        self.assertEqual(
            {
                (name, (('l', label),) if label else ()): (value, False)
                for (name, label), value in expected.items()
            },
            read(text).series,
        )
