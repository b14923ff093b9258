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

import os
import threading
import uuid

from oslo_log import log
import oslo_messaging as messaging

from sentinella import exceptions
from sentinella import model
from sentinella import service
from sentinella.db import alarms
from sentinella.db import definitions
from sentinella.db import heartbeat
from sentinella.db import inhibitors
from sentinella.evaluator import disabled
from sentinella.evaluator import expression
from sentinella.evaluator import flapping
from sentinella.evaluator import gather
from sentinella.evaluator import inhibition
from sentinella.evaluator import modes
from sentinella.evaluator import outgoing
from sentinella.evaluator import roster
from sentinella.evaluator import tiers
from sentinella.evaluator import transitions
from sentinella.evaluator import writer
from sentinella.rpc import evaluator as contract
from sentinella.rpc import transport as bus

LOG = log.getLogger(__name__)

#: Definitions that are claimed at once: few, so that others get their share.
BATCH = 32

#: Seconds that what is over inhibits others still: it is not over for all at
#: the same moment, and who looks further back still sees it for as long. At
#: least, and at most, so that what is new is not kept for hours.
LINGERS, LONGEST = 60.0, 300.0

#: Seconds between two looks at what is due: a poke that the bus lost with
#: the rest is found by that.
LOOK = 1.0

#: Times the interval that a page waits for those who may inhibit it.
PATIENCE = 2.0


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
        self._flapping = flapping.Flapping.of(conf)
        self._silent_after = conf.evaluator.silent_after
        self._project_id = conf.service_project_id
        self._owner = f'{conf.host}:{os.getpid()}:{uuid.uuid4().hex[:8]}'
        self._database = database
        self._recent = storage.recent()
        self._roster = roster.Roster()
        self._notify = notify
        self._guards = {}
        self._disabled = disabled.Disabled(conf, database)
        self._begun = False
        self._heartbeat = heartbeat.Heartbeat(
            database, model.InstanceKind.EVALUATOR, conf.host
        )
        self._outgoing = outgoing.of(conf, database, self._owner)
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
        self._heartbeat.start()
        if self._outgoing:
            self._outgoing.start()
        self._loop.start()
        self._listening.start()

    def stop(self):
        """Let the present pass end, take no more."""
        if self._server and not self._listening.is_alive():
            self._server.stop()
            self._server.wait()
        self._loop.stop()
        if self._outgoing:
            self._outgoing.stop()
        self._heartbeat.stop()

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
            due = definitions.seconds_until_due(session)
        return LOOK if due is None else min(due, LOOK)

    def _evaluate_all(self, claims):
        if not self._begun:
            self._expect_all()
        moment = gather.Moment(
            self._database,
            self._recent,
            self._roster,
            list(_to_read(claim.definition for claim in claims)),
        )
        moment.planned += self._disabled.windows(moment.hosts, moment.now)
        for claim in _in_order(claims):
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
        read = expression.tiers(definition)
        samples = moment.samples(definition.project_id, definition.releases)
        for _, one in read:
            for selector in one.lookbacks():
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
        verdicts = tiers.evaluate(
            claim.definition,
            read,
            samples,
            moment.named(self._project_of(claim.definition)),
            moment.now,
            self._silent_after,
            list(known.values()),
        )
        # what begins may have been before
        begun = [v for v in verdicts if _key(v.group) not in known]
        moment.renew(session, [(v.group, v.server_ids) for v in begun])
        groups = [v.group for v in begun]
        known |= _by_group(alarms.of_groups(session, claim.definition, groups))
        inhibited = self._inhibition(
            session, claim.definition, read, moment.now
        )
        recent = self._changes(session, known, verdicts, moment.now)
        writing, unanswered, queued = writer.Writer(session, moment.now), [], 0
        for verdict in verdicts:
            alarm = known.get(_key(verdict.group))
            change, goes_on = self._follow(
                alarm, verdict, claim.definition, moment, inhibited, recent
            )
            if change:
                queued += writing.save(change)
            elif goes_on:
                unanswered.append(alarm)
        return queued + writing.remind(unanswered)

    def _inhibition(self, session, definition, read, now):
        if not definition.inhibited_by:
            return inhibition.Inhibition()
        seen = [s for _, one in read for s in one.lookbacks().values()]
        lingers = min(max(LINGERS, *seen), LONGEST)
        return inhibition.Inhibition(
            inhibitors.on(session, definition, now - lingers),
            inhibitors.looked_at(session, definition, self._interval),
            PATIENCE * self._interval,
        )

    def _changes(self, session, known, verdicts, now):
        """When those alarms that change now did before."""
        changing = [
            known[_key(verdict.group)].id
            for verdict in verdicts
            if _key(verdict.group) in known
            and transitions.is_change(known[_key(verdict.group)], verdict)
        ]
        return alarms.changes_since(
            session, changing, now - self._flapping.window
        )

    def _follow(self, alarm, verdict, definition, moment, inhibited, recent):
        """
        :returns: Change or None, and whether it is an alarm that people were
            told of and nobody answered
        """
        about = [
            moment.servers[id_]
            for id_ in verdict.server_ids
            if id_ in moment.servers
        ]
        server = None
        if alarm is not None:
            # as it is in this very transaction
            server = alarm.server
        elif 'server' in verdict.group and about:
            server = about[0]
        else:
            server = self._host(verdict, definition, moment)
        project_id = self._project_of(definition)
        if server:
            project_id = server.project_id
        muted = modes.of_alarm(
            verdict.group,
            [server] if server else about,
            definition.uuid,
            project_id,
            moment.hosts,
            moment.planned,
        )
        situation = transitions.Situation(
            moment.now,
            muted.mode,
            inhibited,
            recent.get(alarm.id, ()) if alarm else (),
            self._flapping,
        )
        change = transitions.follow(
            alarm, verdict, situation, definition, project_id, server
        )
        group = verdict.group
        return change, transitions.is_unanswered(alarm, situation, group)

    def _project_of(self, definition):
        """The project whose alarms they are, where no server has another."""
        return definition.project_id or self._project_id

    def _host(self, verdict, definition, moment):
        """The server that a group is about by its name alone, None where
        there is none, or several."""
        project_id = self._project_of(definition)
        named = [
            server
            for server in moment.hosts.get(verdict.group.get('host'), ())
            if server.project_id == project_id
        ]
        return named[0] if len(named) == 1 else None


class Endpoint:
    """What others may call; see :mod:`sentinella.rpc.evaluator`."""

    target = messaging.Target(version=contract.VERSION)

    def __init__(self, wake):
        self._wake = wake

    @messaging.expose
    def wake(self, context):
        self._wake()


def _in_order(claims):
    """Those that inhibit others come before these, and both before all else:
    what many alarms hang on is told of first."""
    inhibiting = {
        name for claim in claims for name in claim.definition.inhibited_by
    }

    def turn(claim):
        if claim.definition.inhibited_by:
            return 1
        return 0 if claim.definition.name in inhibiting else 2

    return sorted(claims, key=turn)


def _to_read(several):
    for definition in several:
        try:
            read = expression.tiers(definition)
        except exceptions.InvalidInput:
            # is told of when its turn comes
            continue
        for _, one in read:
            yield one, definition.project_id


def _by_group(found):
    return {_key(alarm.group): alarm for alarm in found}


def _key(group):
    return tuple(sorted(group.items()))
