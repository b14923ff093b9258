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

"""What the sample configuration's generator reads beside `sentinella.conf`:
the options of drivers."""

from oslo_config import cfg

from sentinella import plugins


def list_opts():
    """The options of all drivers that are installed."""
    namespace = 'sentinella.notifiers'
    found = [
        plugins.load_class(namespace, name)
        for name in plugins.names(namespace)
    ]
    return [
        (cfg.OptGroup(driver.group(), title=title(driver)), driver.OPTIONS)
        for driver in found
        if driver.OPTIONS
    ]


def title(driver):
    """The first line of what it says of itself."""
    return driver.__doc__.partition('\n')[0].rstrip('.')
