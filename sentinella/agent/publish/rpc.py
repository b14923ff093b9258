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

"""Brings reports from the spool to a conductor over the bus."""

import dataclasses
import random
import threading
import time

from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import service

LOG = log.getLogger(__name__)

#: Seconds between two tries: the first, and the longest.
SHORTEST, LONGEST = 0.2, 10.0
#: Seconds after which it looks at the spool though nobody woke it.
IDLE = 30.0


class RpcPublisher:
    """Sends one report after the other, in order; its own thread.

    :param spool: a :class:`sentinella.agent.spool.Spool`
    :param client: a :class:`sentinella.rpc.conductor.ConductorClient`
    :param describe: called with an epoch for the Registration of this agent
    :ivar refused: reports that the conductor would not take
    """

    def __init__(self, spool, client, describe):
        self.refused = 0
        self._spool = spool
        self._client = client
        self._describe = describe
        self._registered = None
        self._fresh = False
        self._known = set()
        self._pause = SHORTEST
        self._problem = None
        self._stopping = threading.Event()
        self._loop = service.Loop('agent-publisher', self._work, SHORTEST)

    def start(self):
        self._loop.start()

    def stop(self, timeout=5.0):
        """End, after the report that is on its way."""
        self._stopping.set()
        self._spool.wake()
        self._loop.stop(timeout)

    def _work(self):
        while not self._stopping.is_set():
            report = self._spool.head(IDLE)
            if report is not None and not self._stopping.is_set():
                self._deliver(report)

    def _deliver(self, report):
        """One try for one report."""
        # logged outside of the handler, or oslo.log adds the error again
        receipt, problem = None, ''
        try:
            if self._registered != report.epoch:
                self._register(report.epoch)
            receipt = self._send(report)
        except exceptions.BusUnavailable as error:
            problem = str(error)
        if receipt is None:
            self._back_off(problem)
            return
        handle = {
            model.ReceiptStatus.UNREGISTERED: self._unregistered,
            model.ReceiptStatus.LATER: self._later,
            model.ReceiptStatus.UNKNOWN_SCHEMA: self._unknown_schema,
            model.ReceiptStatus.REFUSED: self._refused,
        }.get(receipt.status, self._taken)
        handle(report, receipt)

    def _register(self, epoch):
        receipt = self._client.register(self._describe(epoch))
        if receipt.status is not model.ReceiptStatus.ACCEPTED:
            raise exceptions.BusUnavailable(
                f'this agent was not registered: {receipt.reason}'
            )
        self._registered = epoch
        self._fresh = True
        self._known.clear()

    def _send(self, report):
        frame = report.frame
        if frame is not None and frame.schema in self._known:
            frame = dataclasses.replace(frame, metrics=None)
        return self._client.report(
            dataclasses.replace(report, frame=frame, sent_at=time.time())
        )

    def _taken(self, report, receipt):
        self._spool.remove(report)
        self._fresh = False
        if report.frame is not None:
            self._known.add(report.frame.schema)
        self._pause = SHORTEST
        if self._problem:
            LOG.info('Reports are taken again')
        self._problem = None

    def _later(self, report, receipt):
        self._back_off(receipt.reason)

    def _unregistered(self, report, receipt):
        self._registered = None
        if self._fresh:
            self._back_off('the conductor does not know this agent')

    def _unknown_schema(self, report, receipt):
        if report.frame is not None and report.frame.schema in self._known:
            self._known.discard(report.frame.schema)
            return
        self._refused(report, receipt)

    def _refused(self, report, receipt):
        self._spool.discard(report)
        self.refused += 1
        if self._problem != receipt.reason:
            LOG.error(
                'The conductor does not take report %s: %s %s',
                report.sequence,
                receipt.status,
                receipt.reason,
            )
        self._problem = receipt.reason

    def _back_off(self, problem):
        """Wait, longer each time, and not in step with other agents."""
        # what differs from one time to the next is behind the first words
        said = problem.partition(':')[0]
        if said != self._problem:
            LOG.warning('Reports wait: %s', problem)
        self._problem = said
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311
        self._pause = min(LONGEST, self._pause * 2)
        self._stopping.wait(pause)
