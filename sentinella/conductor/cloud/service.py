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

"""The cloud's own view: asked by one conductor at a time.

Any number of conductors may run this: whoever holds the lease asks the APIs,
and reports what they say as an agent does. The others wait for the lease to
end.
"""

import os
import time
import uuid

from oslo_log import log

from sentinella import service
from sentinella.conductor.cloud import asking
from sentinella.conductor.cloud import cinder
from sentinella.conductor.cloud import clients
from sentinella.conductor.cloud import keystone
from sentinella.conductor.cloud import names
from sentinella.conductor.cloud import neutron
from sentinella.conductor.cloud import nova
from sentinella.conductor.cloud import picture
from sentinella.conductor.cloud import reporter
from sentinella.db import clock
from sentinella.db import leases
from sentinella.db import servers
from sentinella.db import services
from sentinella.ingest import adopting
from sentinella.knowledge import cloud

LOG = log.getLogger(__name__)

LEASE = 'cloud'

#: Seconds that a lease outlives the next time that its holder should renew
#: it, besides what asking may take.
MARGIN = 5.0

QUESTIONS = (
    *keystone.QUESTIONS,
    *nova.QUESTIONS,
    *neutron.QUESTIONS,
    *cinder.QUESTIONS,
)


def of(conf, database, ingest):
    """
    :returns: CloudView, None where `[cloud] auth_type` is not set
    :raises InvalidConfiguration: its credential can't be used
    """
    found = clients.Clients.of(conf)
    return found and CloudView(conf, database, ingest, found)


class CloudView:
    """
    :param ingest: Ingest; :param clients: Clients
    """

    def __init__(self, conf, database, ingest, clients):
        self._interval = conf.cloud.interval
        self._owner = f'{conf.host}:{os.getpid()}:{uuid.uuid4().hex[:8]}'
        self._database = database
        self._questions = [
            one for one in QUESTIONS if one.api in conf.cloud.apis
        ]
        self._asking = asking.Asking(clients, self._questions)
        # the token may take as long, and then everything else
        self._lease = self._interval + 2 * clients.timeout + MARGIN
        self._project_id = conf.service_project_id
        self._reporter = reporter.Reporter(self._adopt, ingest, self._interval)
        self._before = None
        self._began = 0.0
        self._stopped = False
        self._loop = service.Loop(
            'cloud', self.work, self._interval, due=self._due_in
        )

    def start(self):
        self._loop.start()

    def stop(self):
        """Let another conductor take over at once."""
        self._stopped = True
        self._loop.stop()
        self._database.write(
            lambda session: leases.release(session, LEASE, self._owner)
        )

    def work(self):
        """Ask once, if it is for this one to ask.

        :returns: whether it was
        """
        self._began = time.monotonic()
        if not self._hold():
            self._reporter.end()
            return False
        with self._database.reader() as session:
            hosts = names.Hosts(one.hostname for one in servers.all_(session))
        answers = self._asking.ask(hosts.server)
        # asking took its time: the lease may be another's by now
        if self._hold():
            self._report(answers)
        return True

    def _hold(self):
        # what hangs at the end must not take back what was released
        return not self._stopped and self._database.write(
            lambda session: leases.take(
                session, LEASE, self._owner, self._lease
            )
        )

    def _report(self, answers):
        with self._database.reader() as session:
            now = clock.read(session)
        if not self._reporter.begun:
            self._before = self._recall()
            self._reporter.begin()
            LOG.info("Keeping the cloud's own view from now on")
        drawn = picture.draw(answers, self._before, now)
        self._tell(drawn.left_out)
        self._before = drawn
        self._reporter.send(drawn, now)

    def _adopt(self, registration):
        adopting.adopt(self._database, registration, self._project_id)

    def _recall(self):
        with self._database.reader() as session:
            found = services.list_(
                session, limit=picture.MAX_SERVICES, server=cloud.SERVER
            )
        return picture.recall(self._questions, [one.status for one in found])

    def _tell(self, left_out):
        if left_out and left_out != self._before.left_out:
            LOG.warning(
                "%d samples and services of the cloud's own view were left "
                'out: there are more than fit',
                left_out,
            )

    def _due_in(self):
        if not self._reporter.begun:
            with self._database.reader() as session:
                return leases.seconds_left(session, LEASE)
        return max(0.0, self._interval - (time.monotonic() - self._began))
