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

"""The one place that loads plugins."""

import stevedore
import stevedore.exception

from sentinella import exceptions


def load(namespace, name, *args):
    """Make the plugin that a name stands for.

    :param namespace: entry point group, such as `sentinella.notifiers`
    :param args: what its class is called with
    :raises InvalidConfiguration: there is no such plugin, or it can't be
        imported; names those that there are
    """
    return load_class(namespace, name)(*args)


def load_class(namespace, name):
    """As :func:`load`, without making an instance."""
    try:
        manager = stevedore.DriverManager(
            namespace, name, on_load_failure_callback=_raise
        )
    except stevedore.exception.NoMatches:
        raise exceptions.InvalidConfiguration(
            f'unknown {namespace.rpartition(".")[2]} driver {name!r}, '
            f'expected one of: {", ".join(names(namespace)) or "(none)"}'
        )
    return manager.driver


def names(namespace):
    """All names that are installed, sorted."""
    manager = stevedore.ExtensionManager(
        namespace, invoke_on_load=False, on_load_failure_callback=_ignore
    )
    return sorted(set(manager.entry_points_names()))


def _raise(manager, entry_point, error):
    raise exceptions.InvalidConfiguration(
        f'plugin {entry_point.name!r} can not be loaded: {error}'
    )


def _ignore(manager, entry_point, error):
    """A name exists whether or not its extra is installed."""
