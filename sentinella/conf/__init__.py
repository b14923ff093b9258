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

"""Every option of Sentinella, one module per group."""

from sentinella.conf import agent
from sentinella.conf import api
from sentinella.conf import cloud
from sentinella.conf import conductor
from sentinella.conf import default
from sentinella.conf import evaluator
from sentinella.conf import notifier
from sentinella.conf import storage

GROUPS = (default, agent, api, cloud, conductor, evaluator, notifier, storage)


def register_opts(conf):
    """Make Sentinella's own options known to `conf`."""
    for group in GROUPS:
        group.register_opts(conf)
