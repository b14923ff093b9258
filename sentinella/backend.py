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


"""Selects oslo.service's threading backend, and does without eventlet.

Importing oslo.messaging silently selects eventlet's, after which ours is
refused: so this comes before anything else, in the `__init__` of every
package whose modules are run.
"""

import sys

# futurist imports eventlet wherever it is installed, and oslo.service still
# depends on it: a quarter of a second and 19 MB in each process, an agent on
# every node above all, for what nothing of ours runs on. An import of None
# fails as that of a package that is not there.
from sentinella import postponed

sys.modules.setdefault('eventlet', None)
# 2.5 MiB that oslo.service would bring, and nothing of ours asks for
postponed.postpone('asyncio', 'rfc3986', 'xmlrpc.client')

from oslo_service import backend  # noqa: E402


def select():
    """Have threads be threads; a second time changes nothing."""
    backend.init_backend(backend.BackendType.THREADING)
