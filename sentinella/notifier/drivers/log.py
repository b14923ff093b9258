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
from sentinella.notifier import legible
from sentinella.notifier import words

LOG = log.getLogger(__name__)

#: Characters of what one line says.
LENGTH = 2000


class LogDriver(base.Driver):
    """Writes notifications into the log of the evaluator.

    One line each, and one for each of those that became one message. What is
    wrong is a warning; that it is over, and a test, are information.
    """

    def send(self, settings, message):
        said = f'{message["summary"]}: {message["reason"]}'
        _write(message['kind'], said, message['id'])
        for one in message['digest']:
            _write(one['kind'], one['title'], one['id'])
        return base.Delivered('logged')


def _write(kind, said, id_):
    level = log.INFO if kind in words.GOOD else log.WARNING
    LOG.log(level, '%s (notification %s)', legible.line(said, LENGTH), id_)
