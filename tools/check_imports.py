#!/usr/bin/env python3
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

"""Import every module of one part: check_imports.py client|agent|server.

In an environment that holds only that part's extra, this says whether the
extra is enough. It needs nothing but the standard library itself.
"""

import importlib
import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[1] / 'sentinella'

PARTS = {
    'client': ['osc'],
    'agent': ['cmd/agent', 'agent'],
    'server': [
        'cmd/conductor.py',
        'cmd/evaluator.py',
        'cmd/manage.py',
        'cmd/status.py',
        'api',
        'conductor',
        'db',
        'evaluator',
        'notifier',
        'storage',
    ],
}


def modules(part):
    """Names of all modules of a part, those of cmd, its doors, first."""
    for place in PARTS[part]:
        path = ROOT / place
        files = [path] if path.suffix else sorted(path.rglob('*.py'))
        for file in files:
            # migrations are run by alembic, inside of its environment
            if 'alembic' not in file.parts:
                inner = file.relative_to(ROOT.parent).with_suffix('')
                yield '.'.join(inner.parts).removesuffix('.__init__')


def main():
    if sys.argv[1:] not in [[part] for part in PARTS]:
        sys.exit(f'expected one of: {", ".join(PARTS)}')
    for name in modules(sys.argv[1]):
        importlib.import_module(name)
        print(name)


if __name__ == '__main__':
    main()
