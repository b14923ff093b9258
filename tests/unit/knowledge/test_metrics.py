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

import importlib
import pkgutil

from oslotest import base

from sentinella import model
from sentinella.agent import base as agent
from sentinella.agent import collectors
from sentinella.knowledge import metrics


def described():
    """
    :yields: each metric's name, and what its collector says of it
    """
    for module in pkgutil.walk_packages(
        collectors.__path__, f'{collectors.__name__}.'
    ):
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, type) and issubclass(one, agent.Collector):
                yield from one.METRICS.items()


class TestTypes(base.BaseTestCase):
    def test_those_of_collectors(self):
        """What collectors say of their metrics, the names tell as well; a
        new ending is to be put into knowledge/metrics.py."""
        found = {kind: 0 for kind in model.ThresholdType}
        for name, text in described():
            text = ' '.join(text.split())
            kind = model.ThresholdType.GAUGE
            if '1 or 0' in text or name.endswith('.up'):
                kind = model.ThresholdType.BINARY
            elif 'since the last' in text and '%' not in text:
                kind = model.ThresholdType.TAILABLE
            elif metrics.type_of(name) is not kind:
                # the text may say it in other words
                self.assertRegex(text, r'^Whether|^1|^The same')
                continue
            self.assertEqual(kind, metrics.type_of(name), f'{name}: {text}')
            found[kind] += 1
        for kind, count in found.items():
            self.assertLess(10, count, kind)

    def test_names_of_others(self):
        for name, kind in [
            ('my.own.up', 'binary'),
            ('up', 'gauge'),
            ('my.errors', 'tailable'),
            ('errors', 'gauge'),
            ('temperature', 'gauge'),
            ('温度.up', 'binary'),
        ]:
            self.assertEqual(kind, metrics.type_of(name), name)
