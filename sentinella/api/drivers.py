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

"""The notification drivers, as the API needs them."""

import time

from oslo_log import log

from sentinella import exceptions
from sentinella import plugins
from sentinella.notifier import hiding

LOG = log.getLogger(__name__)

NAMESPACE = 'sentinella.notifiers'


def find(name):
    """
    :returns: the class of a driver
    :raises InvalidInput: there is none that could be loaded
    """
    try:
        return plugins.load_class(NAMESPACE, name)
    except exceptions.InvalidConfiguration as error:
        raise exceptions.InvalidInput(f'driver: {error}')


class Drivers:
    """Made when they are first asked for, and kept with their connections."""

    def __init__(self, conf):
        self._conf = conf
        self._made = {}

    def send(self, name, settings, message):
        """Send a message now.

        :param settings: plain ones
        :returns: what the other side said, and seconds that it took
        :raises Retry: it did not go; :raises Final: it never will
        """
        driver = self._get(name)
        driver.check(settings)
        started = time.monotonic()
        try:
            delivered = driver.send(settings, message)
        except (exceptions.Retry, exceptions.Final) as error:
            kind, said, failure = type(error), str(error), ''
        except Exception as error:
            # its text may hold what only its driver knows to be secret
            said = f'driver {name} failed: {type(error).__name__}'
            kind, failure = exceptions.Retry, hiding.described(error)
        else:
            kind, failure = None, ''
            said = delivered.answer if delivered else ''
        if failure:
            # here, or oslo.log adds the text of the error to the line
            LOG.error('Driver %s failed in a test: %s', name, failure)
        said = hiding.scrub(driver.secrets, settings, said)
        if kind is not None:
            raise kind(said)
        return said, round(time.monotonic() - started, 3)

    def _get(self, name):
        if name not in self._made:
            self._made[name] = find(name)(self._conf)
        return self._made[name]
