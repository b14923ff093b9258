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

"""What each extra of setup.cfg may pull in, held against what is imported.

A client must not cost a server, nor an agent a database. The `import-*`
environments of tox check the same with nothing else installed.
"""

import json
import pathlib
import subprocess
import sys

from oslotest import base

ROOT = pathlib.Path(__file__).parents[2] / 'sentinella'

SERVER_SIDE = {
    'alembic', 'jsonschema', 'keystonemiddleware', 'lark', 'numpy',
    'oslo_db', 'oslo_policy', 'pecan', 'sqlalchemy',
}  # fmt: skip
AGENT_SIDE = {'oslo_messaging', 'oslo_service'}
CLIENT_SIDE = {'openstackclient', 'osc_lib', 'cliff', 'django'}

LIST = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))
print(json.dumps(sorted(n for n in sys.modules if n.startswith('sentinella'))))
"""


def modules_of(*rooms):
    """Names of all modules below some rooms."""
    return sorted(
        '.'.join(path.relative_to(ROOT.parent).with_suffix('').parts)
        for room in rooms
        for path in (ROOT / room).rglob('*.py')
        if path.name != '__init__.py'
    )


def imported(*names):
    """What is imported along with some modules, in a process of their own.

    :returns: set of top-level packages, set of our own modules
    """
    ran = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', LIST, *names],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    packages, own = map(json.loads, ran.stdout.splitlines()[-2:])
    return set(packages), set(own)


class ImportsTest(base.BaseTestCase):
    def test_the_client_imports_nothing_else_of_ours(self):
        packages, own = imported(*modules_of('osc'))
        self.assertEqual(set(), packages & (SERVER_SIDE | AGENT_SIDE))
        others = {
            name
            for name in own
            if not name.startswith('sentinella.osc')
            and name not in ('sentinella', 'sentinella.version')
        }
        self.assertEqual(set(), others)

    def test_the_plugin_costs_other_commands_next_to_nothing(self):
        _, own = imported('sentinella.osc.plugin')
        self.assertEqual(
            {
                'sentinella',
                'sentinella.osc',
                'sentinella.osc.http',
                'sentinella.osc.plugin',
            },
            own,
        )

    def test_the_agent_needs_no_server(self):
        packages, _ = imported('sentinella.cmd.agent', *modules_of('agent'))
        self.assertEqual(set(), packages & (SERVER_SIDE | CLIENT_SIDE))

    def test_the_server_needs_no_client(self):
        packages, _ = imported(
            *modules_of(
                'api', 'conductor', 'evaluator', 'notifier', 'storage'
            ),
            *(f'sentinella.db.{name}' for name in ('servers', 'migration')),
        )
        self.assertEqual(set(), packages & (CLIENT_SIDE | {'rich'}))
        # only by a conductor that is to ask, once it does
        self.assertEqual(set(), packages & {'novaclient', 'openstack'})
