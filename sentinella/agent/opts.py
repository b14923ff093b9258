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
the options of collectors, and of the way over the REST API."""

from oslo_config import cfg

from sentinella import plugins
from sentinella.agent.publish import https

#: The kind of credential whose options are shown.
SHOWN = 'v3applicationcredential'


def list_opts():
    """The options of the REST route, and of all collectors that are
    installed."""
    namespace = 'sentinella.collectors'
    found = [
        plugins.load_class(namespace, name)
        for name in plugins.names(namespace)
    ]
    return [(https.GROUP, https.options(SHOWN))] + [
        (
            cfg.OptGroup(collector.group(), title=title(collector)),
            collector.OPTIONS,
        )
        for collector in found
        if collector.OPTIONS
    ]


def title(collector):
    """The first line of what it says of itself."""
    return collector.__doc__.partition('\n')[0].rstrip('.')
