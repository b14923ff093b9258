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

Each thread of a server, of RPC or HTTP, verifies who signed its report, leaves
it in a queue and waits; one thread stores all that wait in one transaction and
then answers each. So a report is only ever acknowledged once it is stored, and
a commit's price is shared by as many as came while the one before was under
way. Whose key a server is known by is read there, with the server itself.
"""

import concurrent.futures
import dataclasses
import queue
import threading
import time

from oslo_db import exception as db_exception
from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import service
from sentinella import signing
from sentinella.db import clock
from sentinella.db import database as db
from sentinella.db import definitions
from sentinella.db import log_events
from sentinella.db import servers
from sentinella.db import services
from sentinella.ingest import clocks
from sentinella.ingest import envelope
from sentinella.ingest import history
from sentinella.ingest import refusals
from sentinella.ingest import trust
from sentinella.storage import base

LOG = log.getLogger(__name__)

#: Seconds that a batch waits for more while several come at once: as with
#: PostgreSQL's commit_delay, fewer and larger transactions. Measured with 32
#: agents at a time: a quarter more reports, each acknowledged sooner. One
#: that comes alone does not wait.
COMMIT_DELAY = 0.01

ACCEPTED = trust.ACCEPTED
UNREGISTERED = trust.UNREGISTERED
DUPLICATE = model.Receipt(model.ReceiptStatus.DUPLICATE)
UNKNOWN_SCHEMA = model.Receipt(model.ReceiptStatus.UNKNOWN_SCHEMA)
LATER = model.Receipt(
    model.ReceiptStatus.LATER, 'nothing can be stored just now'
)
UNSTORABLE = model.Receipt(
    model.ReceiptStatus.REFUSED, 'a value in it fits into no column'
)

#: What they raise that can't keep a value: the database, its driver, and
#: those who write it down for them.
_OF_VALUES = (
    db_exception.DBDataError,
    OverflowError,
    RecursionError,
    ValueError,
)


def judge(report, server):
    """
    :param server: the reporting Server as the database has it, or None
    :returns: the Receipt that a report deserves that is the server's own
    """
    if server is None or report.epoch != server.epoch or not report.epoch:
        return UNREGISTERED
    last = server.urgent_sequence if report.overtakes else server.sequence
    return DUPLICATE if report.sequence <= last else ACCEPTED


def current(report, server):
    """The report without what a later one, which came by the other lane,
    has said of services."""
    other = server.sequence if report.overtakes else server.urgent_sequence
    if report.sequence > other:
        return report
    return dataclasses.replace(report, services=(), complete=False)


def taken(report, server, now):
    """The Server once the report is stored.

    :param now: when it came
    """
    lane = 'urgent_sequence' if report.overtakes else 'sequence'
    return dataclasses.replace(
        server,
        **{lane: report.sequence},
        clock_offset=clocks.offset(server, report.sent_at, now),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Waiting:
    """A report that waits to be stored.

    :ivar signers: the keys that did sign it
    :ivar project_id: of the only servers that it may be of, or None
    :ivar stored: a Future of the Receipt
    """

    report: model.Report
    signers: frozenset
    project_id: str | None
    stored: concurrent.futures.Future


class Ingest:
    """Takes no thread until something comes, so it may be made before a fork.

    :param wake: called when definitions were made due
    """

    def __init__(self, conf, database, storage, wake):
        self._project_id = conf.service_project_id
        self._accept_agents = conf.conductor.accept_agents
        self._batch_size = conf.conductor.batch_size
        self._database = database
        self._storage = storage
        self._wake = wake
        # its producers are the threads of a server, each with one report:
        # that pool is the bound
        self._waiting = queue.SimpleQueue()
        self._crowded = False
        self._refusals = refusals.Refusals(database)
        self._storing = service.Guard('Storing reports')
        self._loop = None
        self._starting = threading.Lock()

    def stop(self):
        """After whoever calls the others has been stopped."""
        with self._starting:
            if self._loop is not None:
                self._loop.stop()
                self._refusals.flush(last=True)

    def register(self, payload, project_id=None):
        """Make a server known, or its new epoch or key.

        :param payload: what :func:`wire.to_wire` made of a Signed
        :param project_id: of the only servers that may be spoken for, which
            a new one will belong to; None speaks for the cloud itself
        :returns: Receipt
        """
        return self._answer_for(payload, project_id, self._take_registration)

    def report(self, payload, project_id=None):
        """Store a report, or tell why not; returns once it is stored.

        :param payload: as of :meth:`register`; :param project_id: as well
        :returns: Receipt
        """
        return self._answer_for(payload, project_id, self._take_report)

    def _answer_for(self, payload, project_id, take):
        """Whatever fails, the agent is told what to do with it."""
        self._start()
        failure = None
        try:
            return take(payload, project_id)
        except exceptions.InvalidReport as error:
            self._refusals.tell(envelope.sender(payload), str(error))
            return model.Receipt(model.ReceiptStatus.REFUSED, str(error))
        except Exception as error:
            failure = error
        if _is_of_what_came(failure):
            self._refusals.tell(envelope.sender(payload), UNSTORABLE.reason)
            return UNSTORABLE
        self._storing.failed(failure)
        return LATER

    def _start(self):
        if self._loop is None:
            with self._starting:
                if self._loop is None:
                    self._loop = service.Loop(
                        'ingest', self._store_waiting, interval=0
                    ).start()

    def _take_registration(self, payload, project_id):
        registration, signers = envelope.open_registration(payload)
        with self._database.reader() as session:
            known = servers.by_uuid(session, [registration.server])
        said = registration, signers, project_id
        verdict = self._judge(*said, known.get(registration.server))
        if verdict.keys is not None:
            verdict = self._register(*said)
        self._note(registration, verdict)
        return verdict.receipt

    def _judge(self, registration, signers, project_id, server):
        return trust.of_registration(
            registration, signers, server, project_id, self._accept_agents
        )

    @db.retry_on_deadlock
    def _register(self, registration, signers, project_id):
        project = self._project_id if project_id is None else project_id
        with self._database.writer() as session:
            now = clock.read(session)
            known = servers.hold(session, registration, project, now)
            verdict = self._judge(registration, signers, project_id, known)
            if verdict.keys is None:
                return verdict
            server = servers.register(
                session, known, registration, project, **verdict.keys
            )
            if verdict.receipt is ACCEPTED:
                offset = clocks.offset(server, registration.sent_at, now)
                servers.accept(session, {server.id: server.sequence}, now)
                servers.correct(session, [(server.id, offset, 0)])
        if (
            verdict.receipt is ACCEPTED
            or server.candidate_key != known.candidate_key
        ):
            LOG.info(
                'Registered %s as %s, %s, key %s',
                server.hostname,
                server.uuid,
                server.enrolment,
                signing.fingerprint(registration.public_key),
            )
        return verdict

    def _take_report(self, payload, project_id):
        report, signers = envelope.open_report(payload)
        waiting = _Waiting(
            report, signers, project_id, concurrent.futures.Future()
        )
        verdict = self._judge_early(waiting)
        if verdict.receipt is not ACCEPTED:
            self._note(report, verdict)
            return verdict.receipt
        if not self._knows_schema(report.frame):
            return UNKNOWN_SCHEMA
        self._waiting.put(waiting)
        return waiting.stored.result()

    def _judge_early(self, waiting):
        """What needs no turn of the database, and what must be known before
        a schema is learnt, which is kept for good."""
        frame = waiting.report.frame
        if not waiting.signers:
            return trust.UNSIGNED
        if frame is None or self._storage.metrics_of(frame.schema) is not None:
            return trust.BELIEVED
        with self._database.reader() as session:
            uuid = waiting.report.server
            server = servers.by_uuid(session, [uuid]).get(uuid)
        return self._judge_report(waiting, server)

    def _judge_report(self, waiting, server):
        verdict = trust.of_report(
            waiting.signers, server, waiting.project_id, self._accept_agents
        )
        if verdict is not trust.BELIEVED:
            return verdict
        return trust.Verdict(judge(waiting.report, server))

    def _note(self, thing, verdict):
        if verdict.refused:
            self._refusals.count(thing.server, verdict.candidate)
            self._refusals.tell(thing.server, verdict.receipt.reason)

    def _knows_schema(self, frame):
        if frame is None:
            return True
        metrics = frame.metrics
        if metrics is None:
            metrics = self._storage.metrics_of(frame.schema)
            if metrics is None:
                return False
        elif frame.schema != model.schema_digest(metrics):
            raise exceptions.InvalidReport(
                f'frame schema {frame.schema[:40]!a:.60} is not that of its '
                'metrics'
            )
        count = len(model.unpack_bytes(frame.values)) // 8
        if count != len(metrics):
            raise exceptions.InvalidReport(
                f'frame: expected {len(metrics)} values, got {count}'
            )
        if self._storage.metrics_of(frame.schema) is None:
            # for good, so not before all else is right
            self._storage.learn(metrics)
        return True

    def _store_waiting(self):
        self._refusals.flush()
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
            verdicts = self._store(batch)
        except Exception as error:
            self._answer_failure(batch, error)
            return
        self._storing.went_well()
        for waiting, verdict in zip(batch, verdicts, strict=True):
            self._note(waiting.report, verdict)
            waiting.stored.set_result(verdict.receipt)

    def _answer_failure(self, batch, error):
        away = isinstance(error, db_exception.DBConnectionError)
        if len(batch) > 1 and not away:
            # one that can't be stored must not keep the others out
            for waiting in batch:
                self._answer([waiting])
            return
        for waiting in batch:
            if _is_of_what_came(error):
                self._refusals.tell(waiting.report.server, UNSTORABLE.reason)
                waiting.stored.set_result(UNSTORABLE)
            else:
                waiting.stored.set_exception(error)

    def _store(self, batch):
        """
        :returns: a Verdict for each report, in order
        """
        verdicts, poked = self._store_at_once(batch)
        if poked:
            self._wake()
        return verdicts

    @db.retry_on_deadlock
    def _store_at_once(self, batch):
        """All that they hold, and that it is stored, in one transaction.

        An engine of another kind stores the frames by itself: what it has
        stays when the rest is undone, and is the same when it comes again.

        :returns: verdicts, and how many definitions were made due
        """
        with self._database.writer() as session:
            locked = servers.lock(session, {w.report.server for w in batch})
            now = clock.read(session)
            verdicts, accepted, past, corrections = [], [], [], []
            for waiting in batch:
                report = waiting.report
                server = locked.get(report.server)
                verdicts.append(self._judge_report(waiting, server))
                if verdicts[-1].receipt is ACCEPTED:
                    known = server
                    locked[report.server] = taken(report, known, now)
                    server, report = clocks.settle(known, report, now)
                    corrections += _corrections(known, report, now)
                    accepted.append((server, current(report, server)))
                    if accepted[-1][1] is not report:
                        past.append((server, report))
            self._storage.write(_frames(accepted))
            poked = self._apply(session, accepted, now)
            servers.correct(session, corrections)
            history.fill(session, past, now)
        return verdicts, poked

    def _apply(self, session, accepted, now):
        services.apply_many(
            session,
            [
                (
                    server.id,
                    clocks.shift_all(server, report.services, 'since'),
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
                for event in clocks.shift_all(
                    server, report.events, 'at', 'last_at'
                )
            ],
        )
        servers.accept(
            session,
            {s.id: r.sequence for s, r in accepted if not r.overtakes},
            now,
            {s.id: r.sequence for s, r in accepted if r.overtakes},
            history.keep(session, accepted, now),
        )
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


def _is_of_what_came(error):
    """Whether it fails by its values, and so would each time."""
    return isinstance(error, _OF_VALUES) or isinstance(
        getattr(error, 'orig', None), _OF_VALUES
    )


def _frames(accepted):
    return [
        base.StoredFrame(
            server_id=server.id,
            at=clocks.shift(server, report.frame.at),
            schema=report.frame.schema,
            values=report.frame.values,
        )
        for server, report in accepted
        if report.frame is not None
    ]


def _corrections(server, report, now):
    """Of one whose clock jumped, or who lost something."""
    offset = clocks.offset(server, report.sent_at, now)
    if offset == server.clock_offset and not report.dropped:
        return []
    return [(server.id, offset, report.dropped)]
