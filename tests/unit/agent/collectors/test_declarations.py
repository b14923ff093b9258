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

import re

from oslo_config import cfg
from oslotest import base

from sentinella import plugins
from sentinella.agent import base as agent
from sentinella.agent import opts
from sentinella.knowledge import services

NAMESPACE = 'sentinella.collectors'
METRIC = re.compile(r'[a-z][a-z0-9_]*(\.[a-z0-9_]+)+')
#: Options that are secret wherever they are.
SECRETS = re.compile('password|secret|token|credential')


class TestDeclarations(base.BaseTestCase):
    """What all collectors say of themselves; the pages of documentation,
    the sample configuration and the command line show it."""

    def collectors(self):
        for name in plugins.names(NAMESPACE):
            yield name, plugins.load_class(NAMESPACE, name)

    def test_each_is_one_and_is_called_as_its_module(self):
        for name, collector in self.collectors():
            self.assertTrue(issubclass(collector, agent.Collector))
            self.assertEqual(f'collector_{name}', collector.group())
            self.assertIsInstance(collector.PROBES, bool)

    def test_its_docstring_begins_with_a_title(self):
        for _, collector in self.collectors():
            self.assertNotEqual(agent.Collector.__doc__, collector.__doc__)
            first, _, rest = collector.__doc__.partition('\n')
            self.assertRegex(first, r'^[A-Z].{,78}\.$')
            self.assertRegex(rest, r'^\n    \S', first)
            self.assertTrue(opts.title(collector))

    def test_its_metrics(self):
        for where, collector in self.collectors():
            self.assertTrue(collector.METRICS, where)
            for name, meaning in collector.METRICS.items():
                self.assertRegex(name, METRIC)
                self.assertLessEqual(len(name), 60)
                self.assertRegex(meaning, r'^\S.*[^.\s]$', name)

    def test_its_options(self):
        for name, collector in self.collectors():
            self.assertLessEqual(len(collector.OPTIONS), 4)
            for option in collector.OPTIONS:
                where = f'{name}: {option.name}'
                self.assertIsInstance(option, cfg.Opt, where)
                self.assertTrue(option.help, where)
                self.assertRegex(option.help, r'\.$', where)
                if SECRETS.search(option.name):
                    self.assertTrue(option.secret, where)

    def test_its_services_are_known(self):
        kinds = services.load().kinds
        for _, collector in self.collectors():
            self.assertLessEqual(set(collector.SERVICES), set(kinds))

    def test_options_are_those_of_the_sample(self):
        groups = {group.name for group, _ in opts.list_opts()}
        own = {c.group() for _, c in self.collectors() if c.OPTIONS}
        self.assertLessEqual(own, groups)
