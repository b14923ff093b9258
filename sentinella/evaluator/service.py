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

"""The evaluator: claims due definitions, and stores what follows from them.

Any number of them run side by side. A claim ends with the transaction that
stores its verdicts, so what an evaluator worked out after it lost a claim is
undone with it; one that dies leaves its claim to whoever looks first after
the lease, which is as long as the interval.
"""

import dataclasses
import os
import threading
import uuid

from oslo_log import log
import oslo_messaging as messaging

from sentinella import exceptions
from sentinella import model
from sentinella import service
from sentinella.db import alarms
from sentinella.db import channels
from sentinella.db import definitions
from sentinella.db import notifications
from sentinella.evaluator import expression
from sentinella.evaluator import gather
from sentinella.evaluator import rules
from sentinella.evaluator import transitions
from sentinella.rpc import evaluator as contract
from sentinella.rpc import transport as bus

LOG = log.getLogger(__name__)

#: Definitions that are claimed at once: few, so that others get their share.
BATCH = 8


class Evaluator:
    """
    :param database: open; :param storage: open
    :param transport: open, or None: then it looks by itself only
    :param notify: called when notifications were put into the outbox
    :ivar failures: how many evaluations went wrong
    """

    def __init__(
        self, conf, database, storage, transport=None, notify=lambda: None
    ):
        self.failures = 0
        self._interval = conf.evaluator.interval
        self._silent_after = conf.evaluator.silent_after
        self._project_id = conf.service_project_id
        self._owner = f'{conf.host}:{os.getpid()}:{uuid.uuid4().hex[:8]}'
        self._database = database
        self._recent = storage.recent()
        self._notify = notify
        self._guards = {}
        self._begun = False
        self._loop = service.Loop(
            'evaluator', self.work, self._interval, due=self._due_in
        )
        self._server = transport and bus.get_server(
            transport, bus.EVALUATOR_TOPIC, conf.host, Endpoint(self.wake)
        )
        # where the bus is away, to start listening waits until it is back
        self._listening = threading.Thread(
            target=self._listen, name='evaluator-rpc', daemon=True
        )

    def start(self):
        self._loop.start()
        self._listening.start()

    def stop(self):
        """Let the present pass end, take no more."""
        if self._server and not self._listening.is_alive():
            self._server.stop()
            self._server.wait()
        self._loop.stop()

    def wake(self):
        """Look for due definitions now."""
        self._loop.wake()

    def _listen(self):
        if self._server:
            self._server.start()

    def work(self):
        """Evaluate some of the definitions that are due.

        :returns: how many
        """
        claims = self._database.write(
            lambda session: definitions.claim_due(
                session, self._owner, self._interval, self._interval, BATCH
            )
        )
        if claims:
            self._evaluate_all(claims)
        return len(claims)

    def _due_in(self):
        with self._database.reader() as session:
            return definitions.seconds_until_due(session)

    def _evaluate_all(self, claims):
        if not self._begun:
            self._expect_all()
        moment = gather.Moment(
            self._database,
            self._recent,
            list(_to_read(claim.definition for claim in claims)),
        )
        for claim in claims:
            self._guarded(claim.definition, self._evaluate, claim, moment)

    def _expect_all(self):
        """What will be read is better read together."""
        with self._database.reader() as session:
            found = definitions.list_(session, limit=None, enabled=True)
        for read, _ in _to_read(found):
            self._recent.expect(gather.wanted(read.lookbacks()))
        self._begun = True

    def _guarded(self, definition, work, *args):
        """A definition that fails must not stop the others."""
        guard = self._guards.get(definition.uuid) or service.Guard(
            f'Alarm definition {definition.name!r}'
        )
        if guard.run(work, *args):
            self._guards.pop(definition.uuid, None)
        else:
            self.failures += 1
            self._guards[definition.uuid] = guard

    def _evaluate(self, claim, moment):
        definition = claim.definition
        read = expression.parse(definition.expression)
        samples = moment.samples(definition.project_id)
        for selector in read.lookbacks():
            # before the transaction, for it may take its time
            samples(selector)
        try:
            queued = self._database.write(
                lambda session: self._store(
                    session, claim, read, samples, moment
                )
            )
        except exceptions.Conflict as error:
            LOG.warning('%s; nothing of it was stored', error)
            return
        if queued:
            self._notify()

    def _store(self, session, claim, read, samples, moment):
        """Everything that follows, in one transaction.

        :returns: how many notifications were put into the outbox
        """
        definitions.finish(session, claim)
        known = _by_group(alarms.of_definition(session, claim.definition))
        verdicts = rules.evaluate(
            claim.definition,
            read,
            samples,
            moment.places,
            moment.now,
            self._silent_after,
            [alarm.group for alarm in known.values()],
            [a.group for a in known.values() if transitions.is_on(a)],
        )
        # what begins may have been before
        begun = [v.group for v in verdicts if _key(v.group) not in known]
        known |= _by_group(alarms.of_groups(session, claim.definition, begun))
        changes = [
            self._follow(
                known.get(_key(verdict.group)),
                verdict,
                claim.definition,
                moment,
            )
            for verdict in verdicts
        ]
        writer = _Writer(session, moment.now)
        return sum(writer.save(change) for change in changes if change)

    def _follow(self, alarm, verdict, definition, moment):
        about = [moment.servers[id_] for id_ in verdict.server_ids]
        server = None
        if alarm is not None:
            # as it is in this very transaction
            server = alarm.server
        elif 'server' in verdict.group:
            server = about[0]
        modes = [one.mode for one in ([server] if server else about)]
        project_id = definition.project_id or self._project_id
        return transitions.follow(
            alarm,
            verdict,
            moment.now,
            transitions.loudest(modes),
            definition,
            server.project_id if server else project_id,
            server,
        )


class Endpoint:
    """What others may call; see :mod:`sentinella.rpc.evaluator`."""

    target = messaging.Target(version=contract.VERSION)

    def __init__(self, wake):
        self._wake = wake

    @messaging.expose
    def wake(self, context):
        self._wake()


def _to_read(several):
    for definition in several:
        try:
            read = expression.parse(definition.expression)
        except exceptions.InvalidExpression:
            # is told of when its turn comes
            continue
        yield read, definition.project_id


def _by_group(found):
    return {_key(alarm.group): alarm for alarm in found}


def _key(group):
    return tuple(sorted(group.items()))


class _Writer:
    """Stores what follows from the verdicts on one definition.

    :param now: seconds, for the outbox
    """

    def __init__(self, session, now):
        self._session = session
        self._now = now
        self._targets = {}

    def save(self, change):
        """Store a change, and put it into the outbox.

        A page that no channel takes is not told: it goes out once there is
        one, if the alarm still is. A recovery is told with or without.

        :returns: how many notifications were put there
        """
        session, alarm, dirty = self._session, change.alarm, change.dirty
        targets = self._for(alarm) if change.notify else []
        if targets or change.notify == model.AlarmState.OK:
            alarm = dataclasses.replace(alarm, notified_state=change.notify)
            dirty = True
        if dirty:
            alarm = alarms.save(session, alarm)
        transition = change.transition
        if transition is not None:
            transition = alarms.add_transition(session, alarm, transition)
        elif targets:
            # it led here before, when nobody was to be told
            (transition,) = alarms.transitions(session, alarm.uuid, limit=1)
        if targets:
            notifications.add(session, alarm, transition, targets, self._now)
        return len(targets)

    def _for(self, alarm):
        """One look for all alarms that go the same way: there may be many,
        at each evaluation, where nobody has made a channel."""
        key = alarm.project_id, alarm.severity
        if key not in self._targets:
            self._targets[key] = channels.for_alarm(self._session, alarm)
        return self._targets[key]
