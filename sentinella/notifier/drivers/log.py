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

"""Writes notifications into this process's own log."""

from oslo_log import log

from sentinella.notifier import base

LOG = log.getLogger(__name__)


class LogDriver(base.Driver):
    """One line each; an alarm is a warning, all else is information."""

    def send(self, settings, message):
        level = log.WARNING if message['kind'] == 'alarm' else log.INFO
        LOG.log(
            level,
            '%s: %s (notification %s)',
            message['summary'],
            message['reason'],
            message['id'],
        )
