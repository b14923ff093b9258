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


"""Selects oslo.service's threading backend.

Importing oslo.messaging silently selects eventlet's, after which ours is
refused: so this comes before anything else, in the `__init__` of every
package whose modules are run.
"""

import warnings

from oslo_service import backend


def select():
    """Have threads be threads; a second time changes nothing."""
    with warnings.catch_warnings():
        # futurist imports eventlet where it is installed, as oslo.service
        # has it; nothing of ours runs on it, and whoever reads our stderr
        # can do nothing about it
        warnings.filterwarnings('ignore', '\\s*Eventlet is deprecated')
        backend.init_backend(backend.BackendType.THREADING)
