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

from oslotest import base

from sentinella import exceptions
from sentinella.cmd import agent


class TestSplit(base.BaseTestCase):
    def test_the_command_and_the_rest(self):
        for words, name, rest in (
            ('', 'run', ''),
            ('--debug', 'run', '--debug'),
            ('run --debug', 'run', '--debug'),
            ('--config-file a', 'run', '--config-file a'),
            ('--config-file a --debug', 'run', '--config-file a --debug'),
            ('--config-file check', 'run', '--config-file check'),
            ('--config-file a check', 'check', '--config-file a'),
            ('--config-dir=a check --x', 'check', '--config-dir=a --x'),
            ('--log-file check', 'run', '--log-file check'),
        ):
            self.assertEqual((name, rest.split()), agent.split(words.split()))

    def test_no_such_command(self):
        error = self.assertRaises(
            exceptions.InvalidInput, agent.split, ['parselog']
        )
        self.assertIn("did you mean 'parse-log'", str(error))

    def test_each_command_is_there_and_tells_what_it_does(self):
        for name, command in agent.COMMANDS.items():
            module, _, function = command.place.partition(':')
            module = importlib.import_module(f'{agent.__name__}.{module}')
            self.assertTrue(getattr(module, function).__doc__, name)
            self.assertIn(f'  {name} ', agent.overview())
