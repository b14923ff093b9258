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

"""The monitored nodes."""

import dataclasses
import math

from oslo_db import exception as db_exception
import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella import signing
from sentinella.db import clock
from sentinella.db import ledger
from sentinella.db import models
from sentinella.db import paging
from sentinella.db import rows

#: Seconds that a server must have been silent to be deleted: one that still
#: reports would only come back.
SILENT_BEFORE_DELETE = 600.0

#: Keys that are remembered after they were replaced.
MAX_FORMER_KEYS = 16

TABLE = models.servers
SHAPE = rows.Shape(model.Server, TABLE)

#: What it takes longest to read of many, and who watches them does not need.
_UNWATCHED = (
    'agent_version',
    'dropped',
    'facts',
    'former_keys',
    'location',
    'observed_at',
    'refused',
    'registration_counter',
)
_WATCHED = rows.Shape(model.Server, TABLE, _UNWATCHED)

# once for the process: making a statement costs more than running it
_BY_IDS = (
    sa.select(*SHAPE.columns)
    .where(TABLE.c.id.in_(sa.bindparam('ids', expanding=True)))
    .order_by(TABLE.c.id)
    .with_for_update()
)
_IDS = sa.select(TABLE.c.id).where(
    TABLE.c.uuid.in_(sa.bindparam('uuids', expanding=True))
)
_CORRECT = (
    TABLE.update()
    .where(TABLE.c.id == sa.bindparam('id_'))
    .values(
        clock_offset=sa.bindparam('clock_offset_'),
        dropped=TABLE.c.dropped + sa.bindparam('dropped_'),
    )
)
_REFUSE = (
    TABLE.update()
    .where(TABLE.c.id == sa.bindparam('id_'))
    .values(
        refused=TABLE.c.refused + sa.bindparam('refused_'),
        refused_at=sa.bindparam('refused_at_'),
        candidate_key=sa.bindparam('candidate_key_'),
    )
)
_HEARD = sa.select(
    TABLE.c.id,
    TABLE.c.epoch,
    TABLE.c.sequence,
    TABLE.c.urgent_sequence,
    TABLE.c.last_report_at,
    TABLE.c.refused_at,
)
#: As `Server.enrolment` has it.
_ENROLLED = {
    model.Enrolment.PENDING: TABLE.c.public_key == '',
    model.Enrolment.CHANGED: sa.and_(
        TABLE.c.public_key != '', TABLE.c.candidate_key != ''
    ),
    model.Enrolment.ACCEPTED: sa.and_(
        TABLE.c.public_key != '', TABLE.c.candidate_key == ''
    ),
}


def visible(column, project_id):
    """The condition that a project may see a row.

    :param project_id: None sees all
    """
    return sa.true() if project_id is None else column == project_id


def hold(session, registration, project_id, now):
    """Lock the row of the server that registers; made where there is none.

    One that was just made has neither key nor epoch.

    :returns: Server
    """
    known = _locked(session, registration.server)
    if known is None:
        known = _add(session, registration, project_id, now)
    return known


def _add(session, registration, project_id, now):
    server = model.Server(
        id=0,
        uuid=registration.server,
        hostname=registration.hostname,
        project_id=project_id,
        created_at=now,
    )
    values = SHAPE.values(server) | {'services_digest': ''}
    try:
        with session.begin_nested():
            session.execute(TABLE.insert().values(values))
    except db_exception.DBDuplicateEntry:  # noqa: S110
        # the same agent, on its way through another conductor
        pass
    return _locked(session, registration.server)


def register(session, known, registration, project_id, **keys):
    """Note what a server's agent says of itself when it starts.

    What an operator may set (its mode, group and location) stays, except
    that a group or location which is empty takes the agent's. Another epoch
    begins with sequence 0.

    :param known: the Server, which :func:`hold` locked
    :param registration: a Registration
    :param project_id: the caller has made sure that it may speak for this
        server
    :param keys: columns that follow from who signed it
    :returns: Server
    """
    server = registered(known, registration, project_id=project_id, **keys)
    rows.update(session, TABLE, known.id, SHAPE.values(server), 'the server')
    return server


def registered(known, registration, **others):
    """
    :returns: the Server that a registration makes of the one known
    """
    renewed = registration.epoch != known.epoch
    return dataclasses.replace(
        known,
        hostname=registration.hostname,
        cloud_group=known.cloud_group or registration.cloud_group,
        location=known.location or registration.location,
        facts=registration.facts,
        agent_version=registration.agent_version,
        interval=registration.interval,
        epoch=registration.epoch,
        sequence=0 if renewed else known.sequence,
        urgent_sequence=0 if renewed else known.urgent_sequence,
        former_keys=_former(known, others.get('public_key')),
        **others,
    )


def _former(server, key):
    """The former keys once `key` is the server's; the newest of them."""
    if not server.public_key or key in (None, server.public_key):
        return server.former_keys
    kept = {k: n for k, n in server.former_keys.items() if k != key}
    kept[server.public_key] = server.registration_counter
    return dict(list(kept.items())[-MAX_FORMER_KEYS:])


def _locked(session, uuid):
    return lock(session, [uuid]).get(uuid)


def get(session, uuid, project_id=None):
    """
    :returns: Server
    :raises NotFound: there is none that this project may see
    """
    row = session.execute(
        sa.select(*SHAPE.columns).where(
            TABLE.c.uuid == uuid, visible(TABLE.c.project_id, project_id)
        )
    ).one_or_none()
    if row is None:
        raise exceptions.NotFound(f'server {uuid} does not exist')
    return SHAPE.read(row)


def list_(
    session,
    *,
    limit,
    marker=None,
    hostname=None,
    mode=None,
    cloud_group=None,
    enrolment=None,
    project_id=None,
):
    """
    :returns: list of Servers, by name
    """
    filters = {'hostname': hostname, 'mode': mode, 'cloud_group': cloud_group}
    query = sa.select(*SHAPE.columns).where(
        visible(TABLE.c.project_id, project_id),
        *paging.given(TABLE, filters),
        _ENROLLED.get(enrolment, sa.true()),
    )
    keys = [TABLE.c.hostname, TABLE.c.id]
    found = paging.page(session, query, keys, marker, TABLE.c.uuid, limit)
    return [SHAPE.read(row) for row in found]


def all_(session):
    """
    :returns: list of all Servers
    """
    query = sa.select(*SHAPE.columns).order_by(TABLE.c.id)
    return [SHAPE.read(row) for row in session.execute(query)]


def watched(session, ids=None, project_id=None):
    """
    :param ids: numbers of some; None: all
    :param project_id: the only one whose servers are meant; None: all
    :returns: list of Servers, without what only their agents and those who
        look at one of them need: facts, former keys, counters
    """
    query = (
        sa.select(*_WATCHED.columns)
        .where(visible(TABLE.c.project_id, project_id))
        .order_by(TABLE.c.id)
    )
    if ids is not None:
        query = query.where(TABLE.c.id.in_(ids))
    return [_WATCHED.read(row) for row in session.execute(query)]


def heard(session):
    """What reports change of the servers, and what tells whether more did.

    :returns: mapping of all servers' numbers to rows with the fields `epoch`,
        `sequence`, `urgent_sequence`, `last_report_at` and `refused_at`
    """
    return {row.id: row for row in session.execute(_HEARD)}


def facts(session):
    """
    :returns: mapping of all servers' numbers to what their agents say of them
    """
    query = sa.select(TABLE.c.id, TABLE.c.facts)
    return dict(session.execute(query).tuples().all())


def without_key(session):
    """
    :returns: names of those that have reported, but have no accepted key:
        from before there were keys
    """
    query = (
        sa.select(TABLE.c.hostname)
        .where(
            _ENROLLED[model.Enrolment.PENDING],
            TABLE.c.last_report_at.is_not(None),
        )
        .order_by(TABLE.c.hostname)
    )
    return list(session.scalars(query))


def by_uuid(session, uuids):
    """
    :returns: mapping of those UUIDs that are known to Servers
    """
    query = sa.select(*SHAPE.columns).where(TABLE.c.uuid.in_(uuids))
    return {row.uuid: SHAPE.read(row) for row in session.execute(query)}


def lock(session, uuids):
    """As :func:`by_uuid`; nobody else changes them in this transaction.

    In the order of their numbers, so that two who lock many never wait for
    each other in a circle.
    """
    # first without a lock: through the index on uuid, rows would be locked
    # in another order, and perhaps others with them
    ids = session.scalars(_IDS, {'uuids': list(uuids)}).all()
    found = session.execute(_BY_IDS, {'ids': sorted(ids)})
    return {row.uuid: SHAPE.read(row) for row in found}


def accept(session, sequences, now, urgent=None, observed=None):
    """Note that reports were stored; one statement for all of a kind.

    :param sequences: mapping of servers' numbers to the sequence of their
        last report that did not overtake
    :param now: when they came
    :param urgent: the same, of reports that did
    :param observed: mapping of servers' numbers to when it was seen what
        their last report that did not overtake tells; mostly that is now
    """
    observed = observed or {}
    punctual = {k: n for k, n in sequences.items() if observed.get(k) == now}
    others = {k: n for k, n in sequences.items() if k not in punctual}
    note(session, 'sequence', punctual, last_report_at=now, observed_at=now)
    note(session, 'sequence', others, last_report_at=now)
    note(session, 'urgent_sequence', urgent or {}, last_report_at=now)
    late = {k: at for k, at in observed.items() if k not in punctual}
    note(session, 'observed_at', late)


def note(session, column, values, **others):
    """Set a column of many servers; one statement for all of them.

    :param values: mapping of servers' numbers to values
    :param others: what to set for all of them
    """
    if values:
        session.execute(
            TABLE.update()
            .where(TABLE.c.id.in_(values))
            .values({column: sa.case(values, value=TABLE.c.id), **others})
        )


def correct(session, corrections):
    """Note what changes seldom.

    :param corrections: list of (a server's number, its clock's offset, and
        what to add to what it dropped)
    """
    if corrections:
        names = ('id_', 'clock_offset_', 'dropped_')
        session.connection().execute(
            _CORRECT,
            [dict(zip(names, row, strict=True)) for row in corrections],
        )


def refuse(session, refusals, now):
    """Note what came in servers' names, but not from their agents.

    :param refusals: mapping of UUIDs, not all of them known, to (how many,
        and the key that asks to take the known one's place or '')
    :returns: the UUIDs that are known
    """
    known = lock(session, refusals)
    values = [
        {
            'id_': server.id,
            'refused_': refusals[uuid][0],
            'candidate_key_': candidate(server, refusals[uuid][1]),
            'refused_at_': now,
        }
        for uuid, server in known.items()
    ]
    if values:
        session.connection().execute(_REFUSE, values)
    return set(known)


def candidate(server, key):
    """The candidate key of a server for which `key` asked."""
    return key if key not in ('', server.public_key) else server.candidate_key


def accept_key(session, uuid, project_id=None, fingerprint=None):
    """Take the key that waits for the server's own.

    Its agent registers anew, which it is asked to.

    :param fingerprint: that it must have; None takes it as it is
    :returns: Server
    :raises NotFound: see :func:`get`
    :raises Conflict: none waits, or it is another
    """
    get(session, uuid, project_id)
    server = _locked(session, uuid)
    waiting = signing.fingerprint(server.candidate_key)
    if not waiting:
        raise exceptions.Conflict(
            f'server {uuid}: no key waits to be accepted'
        )
    if fingerprint not in (None, waiting):
        raise exceptions.Conflict(
            f'server {uuid}: the key that waits to be accepted has the '
            f'fingerprint {waiting}, not {fingerprint}'
        )
    server = accepting(server)
    rows.update(session, TABLE, server.id, SHAPE.values(server), 'the server')
    return server


def accepting(server):
    """
    :returns: the Server with the key that waited, which must register
    """
    key = server.candidate_key
    # another key's counter says nothing of this one's; but what this one
    # signed while it was known before is not to be of use again
    return dataclasses.replace(
        server,
        public_key=key,
        candidate_key='',
        registration_counter=server.former_keys.get(key, 0),
        former_keys=_former(server, key),
        epoch='',
        sequence=0,
        urgent_sequence=0,
    )


def set_(
    session,
    uuid,
    project_id=None,
    *,
    mode=None,
    cloud_group=None,
    location=None,
):
    """Change what an operator may; None leaves it.

    :returns: Server
    :raises NotFound: see :func:`get`
    """
    get(session, uuid, project_id)
    server = _locked(session, uuid)
    given = {'mode': mode, 'cloud_group': cloud_group, 'location': location}
    values = {k: v for k, v in given.items() if v is not None}
    if values:
        rows.update(session, TABLE, server.id, values, 'the server')
    if mode not in (None, server.mode):
        change = server.id, ledger.SERVER, clock.read(session), mode
        ledger.append(session, ledger.MODES, [change])
    return get(session, uuid, project_id)


def delete(session, uuid, now, project_id=None):
    """Forget a server with its services, log events, alarms and frames.

    :raises NotFound: see :func:`get`
    :raises Conflict: it reported less than `SILENT_BEFORE_DELETE` ago
    """
    get(session, uuid, project_id)
    server = _locked(session, uuid)
    silence = now - (server.last_report_at or server.created_at)
    if silence < SILENT_BEFORE_DELETE:
        raise exceptions.Conflict(
            f'server {uuid} is to be silent for {SILENT_BEFORE_DELETE:.0f} s '
            'before it is deleted, or it would only come back; stop its '
            'agent, and try again in '
            f'{math.ceil(SILENT_BEFORE_DELETE - silence)} s'
        )
    session.execute(TABLE.delete().where(TABLE.c.id == server.id))
    frames = models.frames
    session.execute(frames.delete().where(frames.c.server_id == server.id))
