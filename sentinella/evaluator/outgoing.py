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
"""Tells somebody outside that alarms are looked for: who hears nothing more
knows that something is amiss with all of us.

One of all evaluators tells it, and only while nothing that is due waits.
"""

import requests

from sentinella import exceptions
from sentinella import service
from sentinella import version
from sentinella.db import definitions
from sentinella.db import leases

LEASE = 'heartbeat'
#: Times the interval that the lease holds: when its holder dies, one
#: heartbeat is late.
HOLDS = 1.5

#: Seconds to connect, and to answer.
TIMEOUT = 10.0
#: Times the evaluators' interval that a definition may be late.
LATE = 6.0


def of(conf, database, owner):
    """
    :returns: Heartbeat, or None where nobody is to be told
    :raises InvalidConfiguration: the URL can't be used
    """
    url = conf.evaluator.heartbeat_url
    if not url:
        return None
    if not url.lower().startswith(('https://', 'http://')):
        # the value itself may be a secret
        raise exceptions.InvalidConfiguration(
            '[evaluator] heartbeat_url: expected a URL that begins with '
            'https:// or http://'
        )
    return Heartbeat(conf, database, owner)


class Heartbeat:
    """
    :param owner: of the lease
    """

    def __init__(self, conf, database, owner):
        self._url = conf.evaluator.heartbeat_url
        self._interval = conf.evaluator.heartbeat_interval
        self._latest = LATE * conf.evaluator.interval
        self._database = database
        self._owner = owner
        self._loop = service.Loop(
            'outgoing heartbeat', self.beat, self._interval
        )

    @property
    def failures(self):
        """How many times nobody outside heard of it."""
        return self._loop.failures

    def start(self):
        self._loop.start()

    def stop(self):
        """Let another one tell it at once."""
        self._loop.stop()
        service.Guard('outgoing heartbeat').run(
            self._database.write,
            lambda session: leases.release(session, LEASE, self._owner),
        )

    def beat(self):
        """Tell it, if it is for this evaluator to do.

        :raises Retry: it was not heard; its text does not name the URL
        """
        if self._database.write(self._is_mine):
            self._post()

    def _is_mine(self, session):
        if not leases.take(
            session, LEASE, self._owner, HOLDS * self._interval
        ):
            return False
        late = definitions.overdue(session)
        if late > self._latest:
            raise exceptions.Retry(
                f'a definition has waited for {late:.0f} s to be evaluated'
            )
        return True

    def _post(self):
        failure = None
        try:
            status = requests.post(
                self._url,
                json={'service': 'sentinella'},
                headers={
                    'User-Agent': f'sentinella/{version.version_string()}'
                },
                timeout=TIMEOUT,
                allow_redirects=False,
            ).status_code
            if not 200 <= status < 300:
                failure = f'HTTP {status}'
        except (OSError, ValueError) as error:
            # their texts hold the URL
            failure = type(error).__name__
        if failure is not None:
            raise exceptions.Retry(f'heartbeat_url: {failure}')
