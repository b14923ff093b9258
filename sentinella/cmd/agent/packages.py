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

"""Installs packages of collectors, into the agent's own Python.

A package is fetched or built first and looked into: one without a collector
is never installed. What the agent itself stands on keeps its versions.
"""

import configparser
import dataclasses
import glob
import importlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import zipfile

from sentinella import exceptions
from sentinella import plugins
from sentinella.cmd.agent import arguments
from sentinella.cmd.agent import trial

#: pip's own options for what a command does to a package.
_WAYS = {
    'install': [],
    'upgrade': ['--upgrade'],
    'reinstall': ['--force-reinstall', '--no-deps'],
}
_QUIET = {
    'PIP_DISABLE_PIP_VERSION_CHECK': '1',
    'PIP_NO_INPUT': '1',
    'PIP_ROOT_USER_ACTION': 'ignore',
}


@dataclasses.dataclass(frozen=True, slots=True)
class Package:
    """
    :ivar path: of its wheel
    :ivar collectors: names of those that it says to have
    """

    path: str
    name: str
    version: str
    collectors: tuple


def install(argv):
    """Install packages that have collectors, by name, file or URL, as pip
    takes them. What is installed already stays as it is."""
    return _run('install', install.__doc__, argv)


def upgrade(argv):
    """Bring packages that have collectors to their latest version."""
    return _run('upgrade', upgrade.__doc__, argv)


def reinstall(argv):
    """Install packages that have collectors anew, at whatever version."""
    return _run('reinstall', reinstall.__doc__, argv)


def _run(command, doc, argv):
    parser = arguments.Parser(command, doc)
    parser.add_argument('packages', nargs='+', metavar='PACKAGE')
    parser.usage = f'{parser.prog} [-h] PACKAGE [PACKAGE ...] [-- OPTION ...]'
    parser.epilog = (
        'OPTIONs after -- go to pip, such as --no-index --find-links DIR; '
        'both "pip wheel" and "pip install" have to know them.'
    )
    end = argv.index('--') if '--' in argv else len(argv)
    given = parser.parse_args(argv[:end])
    options = argv[end + 1 :]
    if importlib.util.find_spec('pip') is None:
        raise exceptions.InvalidConfiguration(
            f'{sys.executable} has no pip: install python3-pip, or use the '
            "package manager that the agent's own package came with"
        )
    with tempfile.TemporaryDirectory(prefix='sentinella-') as directory:
        found = fetch(given.packages, options, directory)
        before = installed()
        _install(command, found, options, directory)
    return _tell(found, before)


def fetch(packages, options, directory):
    """
    :param directory: that their wheels are put into
    :returns: list of Package
    :raises SentinellaError: one has no collector, or pip has no such one
    """
    _pip('wheel', '--no-deps', '-w', directory, *options, '--', *packages)
    found = [
        look_into(path)
        for path in sorted(glob.glob(os.path.join(directory, '*.whl')))
    ]
    for package in found:
        if not package.collectors:
            raise exceptions.InvalidInput(
                f'{package.name} {package.version} has no collector, so it '
                f'is not installed (entry points {trial.NAMESPACE})'
            )
    return found


def look_into(path):
    """
    :param path: of a wheel
    :returns: Package
    :raises SentinellaError: that is no wheel
    """
    name, version = os.path.basename(path).split('-')[:2]
    collectors = ()
    try:
        with zipfile.ZipFile(path) as wheel:
            for inner in wheel.namelist():
                if inner.endswith('.dist-info/entry_points.txt'):
                    collectors = _entry_points(wheel.read(inner).decode())
    except (OSError, zipfile.BadZipFile, configparser.Error, ValueError) as e:
        raise exceptions.SentinellaError(f'{os.path.basename(path)}: {e}')
    return Package(path, name, version, collectors)


def _entry_points(text):
    parser = configparser.ConfigParser(
        delimiters=('=',), interpolation=None, strict=False
    )
    parser.optionxform = str
    parser.read_string(text)
    if not parser.has_section(trial.NAMESPACE):
        return ()
    return tuple(sorted(parser[trial.NAMESPACE]))


def installed():
    """
    :returns: {name of a distribution, as PEP 503 writes it: its version}
    """
    return {
        _normal(found.name): found.version
        for found in importlib.metadata.distributions()
        if found.name
    }


def needed():
    """Names of all that the agent itself needs, as far as it is there."""
    names, new = set(), {'sentinella'}
    while new:
        names |= new
        requirements = [r for name in new for r in _requirements(name)]
        new = {
            _normal(re.match(r'[A-Za-z0-9._-]+', r)[0]) for r in requirements
        } - names
    return names


def _requirements(name):
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _normal(name):
    return re.sub(r'[-_.]+', '-', name).lower()


def _install(command, found, options, directory):
    """
    :raises SentinellaError: pip says why not
    """
    ours = needed() - {_normal(package.name) for package in found}
    constraints = os.path.join(directory, 'constraints.txt')
    with open(constraints, 'w') as file:
        for name, version in sorted(installed().items()):
            if name in ours:
                file.write(f'{name}=={version}\n')
    _pip(
        'install',
        *_WAYS[command],
        '--constraint',
        constraints,
        *options,
        '--',
        *(package.path for package in found),
    )
    importlib.invalidate_caches()


def _pip(*words):
    done = subprocess.run(  # noqa: S603
        [sys.executable, '-m', 'pip', *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **_QUIET},
    )
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines()]
        errors = [ln for ln in lines if ln.startswith('ERROR:')] or lines
        said = errors[0].removeprefix('ERROR:').strip() if errors else ''
        raise exceptions.SentinellaError(
            f'pip: {said or f"exit code {done.returncode}"}'
        )


def _tell(found, before):
    """Say what is there now; take away what does not work."""
    code = 0
    for package in found:
        known = before.get(_normal(package.name))
        problem = _problem(package)
        if problem:
            code = 1
            if known is None:
                _pip('uninstall', '-y', package.name)
                problem += '; it is uninstalled again'
            print(f'sentinella-agent: {problem}', file=sys.stderr)
            continue
        now = installed().get(_normal(package.name))
        change = f'was {known}' if known else 'new'
        names = ' '.join(package.collectors)
        print(f'{package.name} {now} ({change}) has the collectors: {names}')
        print(f'To run them: sentinella-agent enable {names}')
    return code


def _problem(package):
    """Why a collector of it can't be loaded, or ''."""
    for name in package.collectors:
        try:
            plugins.load_class(trial.NAMESPACE, name)
        except exceptions.InvalidConfiguration as error:
            return f'{package.name} {package.version}: {error}'
    return ''
