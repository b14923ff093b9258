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

"""Brings reports from the spool to a conductor."""

import dataclasses
import random
import threading
import time

from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import service
from sentinella.agent import identity
from sentinella.agent.publish import routes

LOG = log.getLogger(__name__)

#: Seconds between two tries: the first, and the longest; and the longest
#: where a person has to do something.
SHORTEST, LONGEST, PATIENT = 0.2, 10.0, 60.0
#: Seconds after which it looks at the spool though nobody woke it.
IDLE = 30.0
#: Schemas that conductors are taken to know.
KNOWN = 4096

_STATUS = model.ReceiptStatus


class Publisher:
    """Sends one report after the other, in the spool's order; its own thread.

    :param spool: a :class:`sentinella.agent.publish.spool.Spool`
    :param ways: list of routes, see :class:`.routes.Routes`
    :param me: the agent's :class:`sentinella.agent.identity.Identity`
    :param describe: called with an epoch for the Registration of this agent
    :ivar refused: reports that the conductor would not take
    """

    def __init__(self, spool, ways, me, describe):
        self.refused = 0
        self._spool = spool
        self._me = me
        self._describe = describe
        self._routes = routes.Routes(ways, self._knock)
        self._delivered = None
        self._registered = None
        self._rotate_at = 0.0
        self._fresh = False
        self._known = set()
        self._pause = SHORTEST
        self._problem = None
        self._stopping = threading.Event()
        self._loop = service.Loop('agent-publisher', self._work, SHORTEST)

    def start(self):
        self._loop.start()
        self._routes.start()

    def stop(self, timeout=5.0):
        """End, after the report that is on its way."""
        self._stopping.set()
        self._spool.wake()
        self._routes.stop()
        self._loop.stop(timeout)

    def _work(self):
        while not self._stopping.is_set():
            report = self._spool.head(IDLE)
            if report is not None and not self._stopping.is_set():
                self._deliver(report)

    def _deliver(self, report):
        """One try for one report."""
        route = self._routes.present
        # logged outside of the handler, or oslo.log adds the error again
        handle, receipt, problem = None, None, ''
        try:
            handle, receipt = self._exchange(route, report)
        except exceptions.BusUnavailable as error:
            problem = str(error)
        if handle is not None:
            self._routes.worked(route)
            handle(report, receipt)
        elif not self._routes.failed(route, problem):
            self._back_off(f'no way to a conductor: {route.name}: {problem}')

    def _exchange(self, route, report):
        """
        :returns: what is to be done, with the report and the Receipt
        """
        if self._registered != report.epoch:
            receipt = self._register(route, report.epoch)
            if receipt.status is not _STATUS.ACCEPTED:
                return self._not_registered, receipt
        elif self._me.rotating and time.monotonic() >= self._rotate_at:
            self._rotate(route, report.epoch)
        body = self._body(report)
        receipt = route.report(self._me.sign_report(body))
        if receipt.status in (_STATUS.ACCEPTED, _STATUS.DUPLICATE):
            self._delivered = body
        return self._handler(receipt), receipt

    def _handler(self, receipt):
        return {
            _STATUS.UNREGISTERED: self._unregistered,
            _STATUS.UNKNOWN_SCHEMA: self._unknown_schema,
            _STATUS.LATER: self._later,
            _STATUS.REFUSED: self._refused,
            _STATUS.PENDING: self._pending,
            _STATUS.UNTRUSTED: self._untrusted,
        }.get(receipt.status, self._taken)

    def _register(self, route, epoch):
        """
        :returns: Receipt
        """
        signed = self._me.sign_registration(self._describe(epoch))
        receipt = route.register(signed)
        if receipt.status is _STATUS.ACCEPTED:
            self._me.confirm(signed)
            self._registered = epoch
            self._fresh = True
            self._known.clear()
        return receipt

    def _knock(self, route):
        """See whether anybody answers; in the routes' thread.

        What is stored already does no harm, however late it comes. A
        registration would: it may look like one that was overheard.
        """
        if self._delivered is None:
            raise exceptions.BusUnavailable('nothing was delivered yet')
        route.report(self._me.sign_report(self._delivered))

    def _rotate(self, route, epoch):
        """Have the next key take the place of the present one, which serves
        until then."""
        receipt = self._register(route, epoch)
        if receipt.status is not _STATUS.ACCEPTED:
            LOG.warning('The key is not changed yet: %s', _said(receipt))
            self._rotate_at = time.monotonic() + PATIENT

    def _body(self, report):
        frame = report.frame
        if frame is not None and frame.schema in self._known:
            frame = dataclasses.replace(frame, metrics=None)
        return identity.to_body(
            dataclasses.replace(report, frame=frame, sent_at=time.time())
        )

    def _taken(self, report, receipt):
        self._spool.remove(report)
        self._fresh = False
        if report.frame is not None:
            if len(self._known) >= KNOWN:
                self._known.clear()
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

    def _pending(self, report, receipt):
        self._back_off(
            'an operator has to accept this server, whose key is '
            f'{self._me.fingerprint}',
            PATIENT,
        )

    def _untrusted(self, report, receipt):
        self._registered = None
        self._back_off(
            f'this agent is not trusted, its key is {self._me.fingerprint}: '
            f'{receipt.reason}',
            PATIENT,
        )

    def _not_registered(self, report, receipt):
        if receipt.status is _STATUS.PENDING:
            self._pending(report, receipt)
        elif receipt.status is _STATUS.UNTRUSTED:
            self._untrusted(report, receipt)
        else:
            self._back_off(f'this agent was not registered: {_said(receipt)}')

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
                'The conductor does not take report %s: %s',
                report.sequence,
                _said(receipt),
            )
        self._problem = receipt.reason

    def _back_off(self, problem, longest=LONGEST):
        """Wait, longer each time, and not in step with other agents."""
        # what differs from one time to the next is behind the first words
        said = problem.partition(':')[0]
        if said != self._problem:
            LOG.warning('Reports wait: %s', problem)
        self._problem = said
        pause = min(longest, self._pause) * random.uniform(0.5, 1.0)  # noqa: S311
        self._pause = min(longest, self._pause * 2)
        self._stopping.wait(pause)


def _said(receipt):
    return f'{receipt.status} {receipt.reason}'.strip()
