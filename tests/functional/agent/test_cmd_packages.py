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

"""With a Python of its own, that nothing is installed into ours."""

import os
import pathlib
import subprocess
import sys
import sysconfig
import textwrap
import venv
import zipfile

import fixtures
from oslotest import base

COLLECTOR = """
from sentinella.agent import base

class DemoCollector(base.Collector):
    'A demonstration.'
    METRICS = {'demo.up': 'Whether it is there'}

    def collect(self, now):
        yield base.sample('demo.up', VALUE)
"""


class Python(fixtures.Fixture):
    """A virtual environment that sees all of ours, and pip in it."""

    def _setUp(self):
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        venv.create(directory, symlinks=True)
        self.executable = directory / 'bin' / 'python'
        (site,) = directory.glob('lib/python*/site-packages')
        ours = sysconfig.get_path('purelib')
        (site / 'ours.pth').write_text(
            f'import site; site.addsitedir({ours!r})\n'
        )

    def run(self, *words):
        return subprocess.run(
            [self.executable, '-m', 'sentinella.cmd.agent', *words],
            capture_output=True,
            text=True,
            env={
                **os.environ,
                'PYTHONWARNINGS': 'ignore',
                'HOME': '/nonexistent',
            },
        )


class TestPackages(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.python = self.useFixture(Python())
        self.wheels = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def run_command(self, *words):
        """
        :returns: exit code, output, errors
        """
        done = self.python.run(*words)
        return done.returncode, done.stdout, done.stderr

    def pip(self, command, *packages):
        return self.run_command(
            command, *packages, '--', '--no-index', '--find-links',
            str(self.wheels),
        )  # fmt: skip

    def make(self, name, version, source=None, requires=(), group=None):
        """Make a wheel, as small as one can be."""
        info = f'{name}-{version}.dist-info'
        group = group or 'sentinella.collectors'
        files = {
            f'{name}.py': source or COLLECTOR.replace('VALUE', '1'),
            f'{info}/METADATA': f'Metadata-Version: 2.1\nName: {name}\n'
            f'Version: {version}\n'
            + ''.join(f'Requires-Dist: {r}\n' for r in requires),
            f'{info}/WHEEL': 'Wheel-Version: 1.0\nGenerator: us\n'
            'Root-Is-Purelib: true\nTag: py3-none-any\n',
            f'{info}/entry_points.txt': f'[{group}]\n'
            f'{name} = {name}:DemoCollector\n',
        }
        files[f'{info}/RECORD'] = ''.join(f'{n},,\n' for n in files)
        path = self.wheels / f'{name}-{version}-py3-none-any.whl'
        with zipfile.ZipFile(path, 'w') as wheel:
            for inner, text in files.items():
                wheel.writestr(inner, textwrap.dedent(text))
        return path

    def installed(self):
        done = subprocess.run(
            [self.python.executable, '-W', 'ignore', '-c',
             'from sentinella.cmd.agent import packages;'
             'print(*(f"{n} {v}" for n, v in packages.installed().items()),'
             'sep=chr(10))'],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return set(done.stdout.splitlines())

    def test_install_upgrade_reinstall(self):
        self.make('demo', '1.0')
        code, out, err = self.pip('install', 'demo')
        self.assertEqual((0, ''), (code, err))
        self.assertIn('demo 1.0 (new) has the collectors: demo', out)
        code, out, _ = self.run_command('show', 'demo')
        self.assertIn('A demonstration.', out)
        self.assertIn('demo 1.0', out)

        self.make('demo', '1.1')
        code, out, _ = self.pip('upgrade', 'demo')
        self.assertIn('demo 1.1 (was 1.0)', out)
        module = next(
            self.python.executable.parents[1].glob('lib/*/*/demo.py')
        )
        module.write_text('broken')
        code, out, err = self.pip('reinstall', 'demo')
        self.assertEqual((0, ''), (code, err))
        self.assertIn('class DemoCollector', module.read_text())

    def test_one_without_a_collector_is_never_installed(self):
        before = self.installed()
        path = self.make('other', '1.0', group='console_scripts')
        code, out, err = self.pip('install', str(path))
        self.assertEqual((2, ''), (code, out))
        self.assertIn('other 1.0 has no collector', err)
        self.assertEqual(1, len(err.splitlines()), err)
        self.assertEqual(before, self.installed())

    def test_one_whose_collector_can_not_be_loaded_goes_again(self):
        before = self.installed()
        self.make('demo', '1.0', source='import nothing_of_that_name')
        code, out, err = self.pip('install', 'demo')
        self.assertEqual((1, ''), (code, out))
        self.assertIn('nothing_of_that_name', err)
        self.assertIn('uninstalled again', err)
        self.assertEqual(before, self.installed())

    def test_the_agent_keeps_what_it_stands_on(self):
        before = self.installed()
        (mine,) = [line for line in before if line.startswith('psutil ')]
        self.make('psutil', '999', group='none')
        self.make('demo', '1.0', requires=['psutil>=999'])
        code, out, err = self.pip('install', 'demo')
        self.assertEqual((1, ''), (code, out))
        self.assertIn('pip: ', err)
        self.assertEqual(1, len(err.splitlines()), err)
        self.assertEqual(before, self.installed())

    def test_its_other_needs_are_met(self):
        self.make('library', '2.0', group='none')
        self.make('demo', '1.0', requires=['library>=2'])
        code, _, err = self.pip('install', 'demo')
        self.assertEqual((0, ''), (code, err))
        self.assertIn('library 2.0', self.installed())

    def test_what_there_is_not(self):
        code, out, err = self.pip('install', 'no-such-package')
        self.assertEqual((1, ''), (code, out))
        self.assertIn('no-such-package', err)
        self.assertEqual(1, len(err.splitlines()), err)

    def test_a_python_without_pip(self):
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c',
             'import sys; sys.modules["pip"] = None\n'
             'import importlib.util\n'
             'importlib.util.find_spec = lambda name: None\n'
             'from sentinella.cmd import agent\n'
             'sys.exit(agent.main(["install", "demo"]))'],
            capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(1, done.returncode)
        self.assertIn('has no pip', done.stderr)
