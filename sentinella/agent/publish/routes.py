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

"""The ways to the conductors, and which one of them is taken."""

import random
import threading
import time

from oslo_log import log

from sentinella import exceptions
from sentinella import service
from sentinella.agent.publish import bus
from sentinella.agent.publish import https

LOG = log.getLogger(__name__)

#: Seconds between two looks whether a better one works again: the first, and
#: the longest.
SHORTEST, LONGEST = 2.0, 60.0


def load(conf, client):
    """
    :param client: what goes over the bus, a
        :class:`sentinella.rpc.conductor.ConductorClient`
    :returns: the routes that `[agent] routes` names, in its order
    :raises InvalidConfiguration: it names none, or one that can't be used
    """
    names = list(dict.fromkeys(conf.agent.routes))
    if not names:
        raise exceptions.InvalidConfiguration(
            '[agent] routes is empty: expected bus, https or both'
        )
    return [
        bus.BusRoute(client) if name == 'bus' else https.HttpsRoute(conf)
        for name in names
    ]


class Routes:
    """Goes over to the next one at once where one does not work, and back
    when a better one works again; that is found out in a thread of its own,
    because it may take as long as nobody answers.

    A route has a `name`, and `register(Signed)` and `report(Signed)`, which
    return a Receipt or raise BusUnavailable.

    :param routes: the best first
    :param knock: called with a route; raises BusUnavailable where nobody
        answers over it
    """

    def __init__(self, routes, knock):
        self._routes = routes
        self._knock = knock
        self._lock = threading.Lock()
        self._taken = 0
        self._told = routes[0]
        self._problem = ''
        self._pause = SHORTEST
        self._knock_at = 0.0
        self._loop = service.Loop(
            'agent-routes', self._look, LONGEST, due=self._due
        )

    def start(self):
        if len(self._routes) > 1:
            self._loop.start()

    def stop(self):
        # it is of no consequence to anybody, so it need not be waited for
        self._loop.stop(0.1)

    @property
    def present(self):
        """The route to take."""
        return self._routes[self._taken]

    def failed(self, route, problem):
        """Nobody answers over this one.

        :param route: that was taken
        :returns: whether there is another one to be tried at once
        """
        with self._lock:
            if route is not self.present:
                # a better one was found meanwhile
                return True
            if self._taken == 0:
                self._problem = f'{route.name}: {problem}'
            self._taken = (self._taken + 1) % len(self._routes)
            if self._taken == 1:
                self._pause = SHORTEST
                self._knock_at = time.monotonic() + self._pause
            further = self._taken > 0
        self._loop.wake()
        return further

    def worked(self, route):
        """A conductor answered over this one; said where it is another than
        before."""
        if route is self._told:
            return
        if route is self._routes[0]:
            LOG.info('Reports go over %s again', route.name)
        else:
            LOG.warning('Reports go over %s: %s', route.name, self._problem)
        self._told = route

    def _due(self):
        if not self._taken:
            return None
        return max(0.0, self._knock_at - time.monotonic())

    def _look(self):
        """See whether one that is better than the present one works."""
        if not self._taken or time.monotonic() < self._knock_at:
            return
        for number in range(self._taken):
            if self._answers(self._routes[number]):
                with self._lock:
                    self._taken = min(self._taken, number)
                return
        self._pause = min(LONGEST, self._pause * 2)
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311
        self._knock_at = time.monotonic() + pause

    def _answers(self, route):
        try:
            self._knock(route)
        except exceptions.BusUnavailable as error:
            LOG.debug('%s is still away: %s', route.name, error)
            return False
        return True
