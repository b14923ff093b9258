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
"""Whether the bus brings us what is sent to us.

A connection of its own asks the broker: none of those that oslo.messaging has
tells that it is lost before it is there again.
"""

import time

import oslo_messaging as messaging

from sentinella import service
from sentinella.rpc import reach

INTERVAL = 10.0
#: Seconds until it is asked again where it did not bring us anything.
RETRY = 2.0
#: Seconds to wait for each host of the broker.
TIMEOUT = 5.0
#: Seconds until what was lost is not only being connected again.
PATIENCE = 5.0
#: The same for one that has not listened yet.
BEGINNING = 30.0


def of(conf, topic, **patience):
    """
    :param patience: see :class:`Presence`
    :returns: Presence of this host's server, or None where the bus is inside
        of this very process
    """
    url = messaging.TransportURL.parse(conf, conf.transport_url)
    if url.transport not in ('rabbit', 'amqp'):
        return None
    return Presence(conf, url, f'{topic}.{conf.host}', **patience)


class Presence:
    """
    :param queue: that our server takes its messages from
    :ivar up: whether the broker lets us in and brings us what is put there;
        None before that is known
    :ivar changed: called when that has changed
    """

    def __init__(
        self, conf, url, queue, patience=PATIENCE, beginning=BEGINNING
    ):
        self.up = None
        self.changed = lambda: None
        self._conf = conf
        self._url = url
        self._queue = queue
        self._patience = patience
        self._beginning = beginning
        self._lost_at = None
        self._connection = None
        self._loop = service.Loop('bus', self.look, INTERVAL, due=self._due)

    def start(self):
        self._loop.start()

    def stop(self):
        self._loop.stop()
        self._leave()

    def look(self):
        """Ask the broker now."""
        before, self.up = self.up, self._look()
        if self.up != before:
            self.changed()

    def _look(self):
        now = time.monotonic()
        if self._listens():
            self._lost_at = None
            return True
        if self._lost_at is None:
            self._lost_at = now
        patience = self._beginning if self.up is None else self._patience
        return False if now - self._lost_at >= patience else self.up

    def _due(self):
        return None if self._lost_at is None else RETRY

    def _listens(self):
        if self._connection is not None:
            try:
                return reach.listeners(self._connection, self._queue) > 0
            except reach.FAILURES:
                # perhaps only this connection is lost
                self._leave()
        return self._listens_anew()

    def _listens_anew(self):
        for host in self._url.hosts:
            try:
                self._connection = self._connect(host)
                return reach.listeners(self._connection, self._queue) > 0
            except reach.FAILURES:
                self._leave()
        return False

    def _connect(self, host):
        connection = reach.connection_to(
            self._conf, self._url, host, reach.address(host), TIMEOUT
        )
        connection.connect()
        return connection

    def _leave(self):
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except reach.FAILURES:
            # it was lost before
            return
