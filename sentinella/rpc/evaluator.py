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

"""How to wake an evaluator.

Versions: 1.0 wake
"""

import oslo_messaging as messaging
from oslo_log import log

from sentinella.rpc import transport as bus

LOG = log.getLogger(__name__)

VERSION = '1.0'


class EvaluatorClient:
    def __init__(self, transport):
        self._client = bus.get_client(
            transport, bus.EVALUATOR_TOPIC, '1.0', retry=0
        )

    def wake(self):
        """Have one evaluator look for due definitions now.

        Nothing is lost where this fails: evaluators look by themselves once
        an interval.
        """
        try:
            self._client.cast({}, 'wake')
        except messaging.MessagingException as error:
            LOG.warning('No evaluator was woken: %s', error)
