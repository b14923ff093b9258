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

"""Who may import whom; `doc/source/contributor/architecture.rst` says why.

The imports are read with `ast`, so that those that never run in a test are
seen as well.
"""

import ast
import collections
import pathlib

from oslotest import base

PACKAGE = 'sentinella'
ROOT = pathlib.Path(__file__).parents[2] / PACKAGE

#: A module belongs to its longest prefix here, and imports only from lower
#: layers and from its own room (the second part of its name).
LAYERS = {
    'model': 1,
    'backend': 1,
    'postponed': 1,
    'exceptions': 1,
    'version': 1,
    'signing': 1,
    'wire': 1,
    'conf': 2,
    'policies': 2,
    'context': 3,
    'policy': 3,
    'service': 3,
    'plugins': 3,
    'vault': 3,
    'db': 4,
    'rpc': 4,
    'storage.base': 4,
    'knowledge': 4,
    'storage': 5,
    'ingest': 5,
    'rpc.conductor': 5,
    'rpc.evaluator': 5,
    'agent.base': 5,
    'evaluator.expression': 5,
    'evaluator.modes': 5,
    'evaluator.recurrence': 5,
    'evaluator.uptime': 5,
    'notifier.base': 5,
    'notifier.hiding': 5,
    'notifier.composer': 5,
    'notifier.legible': 5,
    'notifier.message': 5,
    'notifier.overrides': 5,
    'notifier.renderer': 5,
    'notifier.rendering': 5,
    'notifier.sample': 5,
    'notifier.words': 5,
    'api': 6,
    'agent': 6,
    'conductor': 6,
    'evaluator': 6,
    'notifier': 6,
    'cmd': 7,
    'standalone': 7,
    'wsgi': 7,
}

#: Here neighbours may import each other, as long as they do not in circles:
#: what all stand on, and what puts all together.
OPEN = (1, 2, 3, 7)

#: What islands may import beside themselves; nobody imports an island.
ISLANDS = {'osc': {'version'}, 'dashboard': {'osc.http'}}

#: Foreign packages that have a place, and it.
PLACES = {
    'eventlet': (),
    'greenlet': (),
    'sqlalchemy': ('db', 'storage'),
    'alembic': ('db',),
    'pecan': ('api',),
    'stevedore': ('plugins',),
    'osc_lib': ('osc',),
    'openstackclient': ('osc',),
}

Import = collections.namedtuple('Import', 'line target nested')


def modules(root):
    """Source by dotted name, `` for the package itself."""
    found = {}
    for path in root.rglob('*.py'):
        parts = path.relative_to(root).with_suffix('').parts
        if parts[-1] == '__init__':
            parts = parts[:-1]
        found['.'.join(parts)] = path.read_text()
    return found


def imports(source):
    """All Imports of a module; a `from x import y` has the target x.y."""
    found = []

    def visit(node, nested):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.append(Import(node.lineno, alias.name, nested))
        elif isinstance(node, ast.ImportFrom):
            origin = '.' * node.level + (node.module or '')
            for alias in node.names:
                target = f'{origin}.{alias.name}'
                found.append(Import(node.lineno, target, nested))
        nested = nested or isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        for child in ast.iter_child_nodes(node):
            visit(child, nested)

    visit(ast.parse(source), False)
    return found


def own(target, names):
    """The own module that a target stands for, or None for foreign ones."""
    if target != PACKAGE and not target.startswith(f'{PACKAGE}.'):
        return None
    inner = target[len(PACKAGE) + 1 :]
    while inner not in names and inner:
        inner = inner.rpartition('.')[0]
    return inner


def layer(name):
    while name not in LAYERS and name:
        name = name.rpartition('.')[0]
    return LAYERS.get(name)


def room(name):
    return name.partition('.')[0]


def why_not(importer, imported):
    """Why a module may not import another, or None where it may."""
    if ISLANDS.keys() & {room(importer), room(imported)}:
        return _why_not_island(importer, imported)
    high, low = layer(importer), layer(imported)
    if not importer or not imported:
        return 'the package itself is empty, and stays so'
    if high is None or low is None:
        unknown = importer if high is None else imported
        return f'{unknown} has no place in LAYERS'
    if low < high:
        return None
    if low == high and room(importer) == room(imported):
        return None
    if low == high and high in OPEN:
        return None
    return f'layer {high} imports only lower layers, and that is layer {low}'


def _why_not_island(importer, imported):
    allowed = ISLANDS.get(room(importer), ())
    if room(importer) == room(imported) or imported in allowed:
        return None
    if room(importer) in ISLANDS:
        return f'the island {room(importer)} imports only itself and ' + (
            ', '.join(sorted(allowed))
        )
    return f'nobody imports the island {room(imported)}'


def misplaced(importer, target):
    """Why a foreign package may not be imported here, or None."""
    top = target.partition('.')[0]
    if top not in PLACES or room(importer) in PLACES[top]:
        return None
    places = ', '.join(PLACES[top])
    return f'its place is {places}' if places else 'nobody may'


def violations(sources):
    """One line for each import that does not belong where it is."""
    found = []
    for name, source in sorted(sources.items()):
        where = f'{PACKAGE}.{name}'.rstrip('.')
        for line, target, nested in imports(source):
            text = f'{where}:{line} imports {target}: '
            if target.startswith('.'):
                found.append(text + 'say the whole name')
                continue
            imported = own(target, sources)
            if imported is None:
                reason = misplaced(name, target)
            elif nested:
                reason = 'not inside of a function; move what both need down'
            else:
                reason = why_not(name, imported)
            if reason:
                found.append(text + reason)
    return found


def cycles(sources):
    """One line for each circle of imports."""
    graph = {
        name: {own(i.target, sources) for i in imports(source)} - {None, name}
        for name, source in sources.items()
    }
    found, done = [], set()

    def walk(name, path):
        if name in path:
            circle = path[path.index(name) :] + [name]
            found.append(' -> '.join(circle))
        elif name not in done:
            for imported in sorted(graph[name]):
                walk(imported, path + [name])
            done.add(name)

    for name in sorted(graph):
        walk(name, [])
    return found


def global_conf(sources):
    """One line for each mention of the global configuration object."""
    found = []
    for name, source in sorted(sources.items()):
        for node in ast.walk(ast.parse(source)):
            reached = (
                isinstance(node, ast.Attribute)
                and node.attr == 'CONF'
                and isinstance(node.value, ast.Name)
                and node.value.id == 'cfg'
            ) or (
                isinstance(node, ast.ImportFrom)
                and node.module == 'oslo_config.cfg'
                and any(alias.name == 'CONF' for alias in node.names)
            )
            if reached and name != 'service':
                found.append(
                    f'{PACKAGE}.{name}:{node.lineno} reaches for cfg.CONF: '
                    'take conf as an argument'
                )
    return found


class HouseTest(base.BaseTestCase):
    """The real tree."""

    def setUp(self):
        super().setUp()
        self.sources = modules(ROOT)

    def assertNothing(self, lines):
        self.assertEqual([], lines, '\n' + '\n'.join(lines))

    def test_imports_go_down(self):
        self.assertNothing(violations(self.sources))

    def test_no_cycles(self):
        self.assertNothing(cycles(self.sources))

    def test_conf_is_passed(self):
        self.assertNothing(global_conf(self.sources))

    def test_the_package_itself_is_empty(self):
        self.assertEqual('', self.sources[''])

    def test_the_table_has_nothing_that_is_not_there(self):
        missing = [name for name in LAYERS if name not in self.sources]
        self.assertEqual([], missing)


class RulesTest(base.BaseTestCase):
    """That the rules find what breaks them, and say it clearly."""

    def violations(self, **sources):
        names = ('', 'api', 'db', 'model', 'conductor', 'osc', 'version')
        tree = dict.fromkeys(names, '')
        tree.update(
            (name.replace('__', '.'), source)
            for name, source in sources.items()
        )
        return violations(tree)

    def test_down_is_fine(self):
        self.assertEqual(
            [],
            self.violations(
                api__v1='from sentinella import model\nimport sentinella.db'
            ),
        )

    def test_up(self):
        self.assertEqual(
            [
                'sentinella.db:1 imports sentinella.api: layer 4 imports '
                'only lower layers, and that is layer 6'
            ],
            self.violations(db='from sentinella import api'),
        )

    def test_siblings(self):
        (line,) = self.violations(
            api__app='from sentinella.conductor import ingest',
            conductor__ingest='',
        )
        self.assertIn('imports sentinella.conductor.ingest', line)

    def test_roommates_are_no_siblings(self):
        self.assertEqual(
            [],
            self.violations(
                api__app='from sentinella.api import root', api__root=''
            ),
        )

    def test_exceptions_to_a_room(self):
        self.assertIsNone(why_not('api.v1', 'evaluator.expression'))
        self.assertIsNone(why_not('evaluator.rules', 'notifier.message'))
        self.assertIn('layer 6', why_not('evaluator', 'notifier.delivery'))

    def test_inside_of_functions(self):
        (line,) = self.violations(
            api='def f():\n    from sentinella import model'
        )
        self.assertIn('sentinella.api:2', line)
        self.assertIn('not inside of a function', line)

    def test_islands(self):
        self.assertEqual(
            [
                'sentinella.api:1 imports sentinella.osc: nobody imports '
                'the island osc',
                'sentinella.osc:1 imports sentinella.model: the island osc '
                'imports only itself and version',
            ],
            self.violations(
                api='import sentinella.osc',
                osc='from sentinella import model, version',
            ),
        )

    def test_relative(self):
        (line,) = self.violations(api='from . import root')
        self.assertIn('say the whole name', line)

    def test_unknown_rooms(self):
        (line,) = self.violations(utils='from sentinella import model')
        self.assertIn('utils has no place in LAYERS', line)

    def test_foreign_packages_have_places(self):
        self.assertEqual([], self.violations(db='import sqlalchemy as sa'))
        self.assertEqual(
            [
                'sentinella.api:1 imports sqlalchemy.orm: its place is '
                'db, storage',
                'sentinella.db:1 imports eventlet: nobody may',
            ],
            self.violations(
                api='import sqlalchemy.orm',
                db='import eventlet',
            ),
        )

    def test_cycles_are_named(self):
        self.assertEqual(
            ['db -> model -> db'],
            cycles(
                {
                    '': '',
                    'db': 'from sentinella import model',
                    'model': 'from sentinella import db',
                }
            ),
        )

    def test_global_conf(self):
        for source in ('x = cfg.CONF', 'from oslo_config.cfg import CONF'):
            self.assertEqual(
                [
                    'sentinella.api:1 reaches for cfg.CONF: take conf as an '
                    'argument'
                ],
                global_conf({'api': source}),
            )
        self.assertEqual([], global_conf({'service': 'conf = cfg.CONF'}))
