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

"""Takes reports in: checks them, drops what is there already, stores the rest.

Each RPC thread leaves its report in a queue and waits; one thread stores all
that wait in one transaction and then answers each. So a report is only ever
acknowledged once it is stored, and a commit's price is shared by as many as
came while the one before was under way.
"""

import concurrent.futures
import dataclasses
import queue
import time

from oslo_db import exception as db_exception
from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import service
from sentinella import wire
from sentinella.db import clock
from sentinella.db import database as db
from sentinella.db import definitions
from sentinella.db import log_events
from sentinella.db import servers
from sentinella.db import services
from sentinella.storage import base

LOG = log.getLogger(__name__)

#: Seconds that an agent's clock may differ before its times are shifted:
#: less than this is no worse than the way to us, and shifting would only
#: make neighbours' samples look disordered.
CLOCK_TOLERANCE = 2.0

#: Seconds that a measured offset must change by to be kept. Keeping it still
#: makes a re-sent frame land on the time that it had before.
CLOCK_STEP = 1.0

#: Seconds that a batch waits for more while several come at once: as with
#: PostgreSQL's commit_delay, fewer and larger transactions. Measured with 32
#: agents at a time: a quarter more reports, each acknowledged sooner. One
#: that comes alone does not wait.
COMMIT_DELAY = 0.01

ACCEPTED = model.Receipt(model.ReceiptStatus.ACCEPTED)
DUPLICATE = model.Receipt(model.ReceiptStatus.DUPLICATE)
UNREGISTERED = model.Receipt(model.ReceiptStatus.UNREGISTERED)
UNKNOWN_SCHEMA = model.Receipt(model.ReceiptStatus.UNKNOWN_SCHEMA)
LATER = model.Receipt(
    model.ReceiptStatus.LATER, 'conductors can not store anything just now'
)


def judge(report, server):
    """
    :param server: the reporting Server as the database has it, or None
    :returns: the Receipt that the report deserves
    """
    if server is None or server.epoch != report.epoch:
        return UNREGISTERED
    if report.sequence <= server.sequence:
        return DUPLICATE
    return ACCEPTED


def clock_offset(server, sent_at, now):
    """The agent's clock less ours; the one kept before while it still does.

    :param sent_at: the agent's clock when it sent; 0 where it did not say
    """
    measured = sent_at - now if sent_at else 0.0
    if abs(measured - server.clock_offset) < CLOCK_STEP:
        return server.clock_offset
    return measured


def shift(server, at):
    """Our time for an agent's."""
    if abs(server.clock_offset) < CLOCK_TOLERANCE:
        return at
    return round(at - server.clock_offset, 3)


def shift_all(server, things, attribute):
    """The same things with their time shifted; mostly the very same."""
    if abs(server.clock_offset) < CLOCK_TOLERANCE:
        return things
    return [
        dataclasses.replace(
            thing, **{attribute: shift(server, getattr(thing, attribute))}
        )
        for thing in things
    ]


class Ingest:
    """
    :param wake: called when definitions were made due
    """

    def __init__(self, conf, database, storage, wake):
        self._project_id = conf.service_project_id
        self._batch_size = conf.conductor.batch_size
        self._database = database
        self._storage = storage
        self._wake = wake
        # its producers are the RPC server's threads, each with one report:
        # that pool is the bound
        self._waiting = queue.SimpleQueue()
        self._crowded = False
        self._refusals = {}
        self._storing = service.Guard('Storing reports')
        self._loop = service.Loop('ingest', self._store_waiting, interval=0)

    def start(self):
        self._loop.start()

    def stop(self):
        self._loop.stop()

    def register(self, payload):
        """
        :returns: Receipt
        """
        return self._answer_for(payload, self._take_registration)

    def report(self, payload):
        """Store a report, or tell why not; returns once it is stored.

        :returns: Receipt
        """
        return self._answer_for(payload, self._take_report)

    def _answer_for(self, payload, take):
        """Whatever fails, the agent is told what to do with it."""
        try:
            return take(payload)
        except exceptions.InvalidReport as error:
            return self._refuse(payload, error)
        except Exception as error:
            self._storing.failed(error)
            return LATER

    def _take_registration(self, payload):
        registration = wire.from_wire(model.Registration, payload)
        self._register(registration)
        LOG.info(
            'Registered %s as %s', registration.hostname, registration.server
        )
        return ACCEPTED

    @db.retry_on_deadlock
    def _register(self, registration):
        with self._database.writer() as session:
            now = clock.read(session)
            server = servers.register(
                session, registration, self._project_id, now
            )
            offset = clock_offset(server, registration.sent_at, now)
            servers.accept(session, {server.id: server.sequence}, now)
            servers.correct(session, [(server.id, offset, 0)])

    def _take_report(self, payload):
        report = wire.from_wire(model.Report, payload)
        if not self._knows_schema(report.frame):
            return UNKNOWN_SCHEMA
        stored = concurrent.futures.Future()
        self._waiting.put((report, stored))
        return stored.result()

    def _knows_schema(self, frame):
        if frame is None:
            return True
        if frame.metrics is not None:
            if frame.schema != model.schema_digest(frame.metrics):
                raise exceptions.InvalidReport(
                    f'frame schema {frame.schema!r:.40} is not that of its '
                    'metrics'
                )
            if self._storage.metrics_of(frame.schema) is None:
                self._storage.learn(frame.metrics)
        metrics = self._storage.metrics_of(frame.schema)
        if metrics is None:
            return False
        count = len(model.unpack_bytes(frame.values)) // 8
        if count != len(metrics):
            raise exceptions.InvalidReport(
                f'frame: expected {len(metrics)} values, got {count}'
            )
        return True

    def _refuse(self, payload, error):
        """Answer what can't be read; say it once per sender and reason."""
        sender = str(
            payload.get('server') if isinstance(payload, dict) else ''
        )
        reason = str(error)
        if self._refusals.get(sender) != reason:
            if len(self._refusals) >= 1000:
                self._refusals.clear()
            self._refusals[sender] = reason
            LOG.error('Refused a report of %.36s: %s', sender, reason)
        return model.Receipt(model.ReceiptStatus.REFUSED, reason)

    def _store_waiting(self):
        try:
            batch = [self._waiting.get(timeout=1.0)]
        except queue.Empty:
            return
        if self._crowded:
            time.sleep(COMMIT_DELAY)
        while len(batch) < self._batch_size and not self._waiting.empty():
            batch.append(self._waiting.get())
        self._crowded = len(batch) > 1
        self._answer(batch)

    def _answer(self, batch):
        try:
            receipts = self._store([report for report, _ in batch])
        except Exception as error:
            self._answer_failure(batch, error)
            return
        self._storing.went_well()
        for (_, stored), receipt in zip(batch, receipts, strict=True):
            stored.set_result(receipt)

    def _answer_failure(self, batch, error):
        away = isinstance(error, db_exception.DBConnectionError)
        if len(batch) > 1 and not away:
            # one that can't be stored must not keep the others out
            for item in batch:
                self._answer([item])
            return
        for report, stored in batch:
            if isinstance(error, db_exception.DBDataError):
                stored.set_result(self._refuse_unstorable(report))
            else:
                stored.set_exception(error)

    def _refuse_unstorable(self, report):
        return self._refuse(
            {'server': report.server},
            exceptions.InvalidReport('a value in it fits into no column'),
        )

    def _store(self, reports):
        """
        :returns: a Receipt for each report, in order
        """
        receipts, poked = self._store_at_once(reports)
        if poked:
            self._wake()
        return receipts

    @db.retry_on_deadlock
    def _store_at_once(self, reports):
        """All that they hold, and that it is stored, in one transaction.

        An engine of another kind stores the frames by itself: what it has
        stays when the rest is undone, and is the same when it comes again.

        :returns: receipts, and how many definitions were made due
        """
        with self._database.writer() as session:
            locked = servers.lock(session, {r.server for r in reports})
            now = clock.read(session)
            receipts, accepted = [], []
            for report in reports:
                server = locked.get(report.server)
                receipts.append(judge(report, server))
                if receipts[-1] is ACCEPTED:
                    accepted.append((server, report))
                    locked[report.server] = dataclasses.replace(
                        server, sequence=report.sequence
                    )
            self._storage.write(_frames(accepted))
            poked = self._apply(session, accepted, now)
        return receipts, poked

    def _apply(self, session, accepted, now):
        services.apply_many(
            session,
            [
                (
                    server.id,
                    shift_all(server, report.services, 'since'),
                    report.complete,
                )
                for server, report in accepted
                if report.services or report.complete
            ],
            now,
        )
        log_events.add(
            session,
            [
                (server.id, event)
                for server, report in accepted
                for event in shift_all(server, report.events, 'at')
            ],
        )
        servers.accept(
            session,
            {server.id: report.sequence for server, report in accepted},
            now,
        )
        servers.correct(session, _corrections(accepted, now))
        changed = self._changed_metrics(accepted)
        return definitions.poke(session, changed) if changed else 0

    def _changed_metrics(self, accepted):
        """
        :returns: names of the metrics that whoever reads them is to look at
            now
        """
        return {
            metric.name
            for _, report in accepted
            if report.urgent and report.frame is not None
            for metric in self._storage.metrics_of(report.frame.schema)
        }


def _frames(accepted):
    return [
        base.StoredFrame(
            server_id=server.id,
            at=shift(server, report.frame.at),
            schema=report.frame.schema,
            values=report.frame.values,
        )
        for server, report in accepted
        if report.frame is not None
    ]


def _corrections(accepted, now):
    """Of those whose clock jumped, or who lost something."""
    found = []
    for server, report in accepted:
        offset = clock_offset(server, report.sent_at, now)
        if offset != server.clock_offset or report.dropped:
            found.append((server.id, offset, report.dropped))
    return found
