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

"""What the sample configuration's generator reads of `[cloud]` beside
`sentinella.conf.cloud`."""

from sentinella.conductor.cloud import clients
from sentinella.conf import cloud

#: The kind of credential whose options are shown.
SHOWN = 'v3password'


def list_opts():
    return [(cloud.GROUP, clients.auth_options(SHOWN))]
