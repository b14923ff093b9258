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

"""The OpenStack services on the servers, as their agents see them."""

import dataclasses
import hashlib
import json
import operator

import sqlalchemy as sa

from sentinella import exceptions
from sentinella import model
from sentinella.db import ledger
from sentinella.db import models
from sentinella.db import paging
from sentinella.db import rows
from sentinella.db import servers

TABLE = models.services
SHAPE = rows.Shape(model.ServiceStatus, TABLE)

_FIELDS = operator.attrgetter(
    *(field.name for field in dataclasses.fields(model.ServiceStatus))
)
_DIGESTS = sa.select(
    servers.TABLE.c.id, servers.TABLE.c.services_digest
).where(servers.TABLE.c.id.in_(sa.bindparam('server_ids', expanding=True)))
_OF_SERVERS = sa.select(TABLE.c.server_id, *SHAPE.columns).where(
    TABLE.c.server_id.in_(sa.bindparam('server_ids', expanding=True))
)
_KEY = sa.and_(
    TABLE.c.server_id == sa.bindparam('key_server_id'),
    TABLE.c.name == sa.bindparam('key_name'),
)
_UPDATE = (
    TABLE.update()
    .where(_KEY)
    .values(
        {
            column.name: sa.bindparam(f'new_{column.name}')
            for column in SHAPE.columns
            if column.name != 'name'
        }
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class ServiceOnServer:
    server: model.Server
    status: model.ServiceStatus


def apply(session, server_id, statuses, complete, now):
    """As :func:`apply_many`, for one server.

    :returns: list of (name, old ServiceState or None, new ServiceState)
    """
    changes = apply_many(session, [(server_id, statuses, complete)], now)
    return [change[1:] for change in changes]


def apply_many(session, updates, now):
    """Keep what agents say of their services, in order.

    The servers are locked by the caller.

    :param updates: list of (server's id, ServiceStatuses, complete); where
        complete, services that are not among them are forgotten
    :param now: for those whose agent does not say since when
    :returns: list of (server's id, name, old ServiceState or None, new
        ServiceState) for each that changed its state
    """
    updates, digests = _news(session, updates)
    if not updates:
        return []
    known = {
        (row[0], row.name): SHAPE.read(row, 1)
        for row in session.execute(_OF_SERVERS, {'server_ids': list(digests)})
    }
    wanted = dict(known)
    changes, history = [], []
    for server_id, statuses, complete in updates:
        if complete:
            history += [
                (*key, now, None)
                for key in _forget_others(wanted, server_id, statuses)
            ]
        for status in statuses:
            status = _dated(status, now)
            key = server_id, status.name
            old = wanted.get(key)
            wanted[key] = status
            if old is None or old.state != status.state:
                changes.append((*key, old and old.state, status.state))
                history.append((*key, began(status, now), status.state))
    _store(session, known, wanted)
    # a service without a name would be taken for its server
    named = [change for change in history if change[1] != ledger.SERVER]
    ledger.append(session, ledger.STATES, named)
    servers.note(session, 'services_digest', digests)
    return changes


def _news(session, updates):
    """Leave out the servers that say what they said before, as most do.

    :returns: the other updates, and a mapping of their servers' ids to the
        digest of what is known once they are stored
    """
    ids = {server_id for server_id, _, _ in updates}
    if not ids:
        return [], {}
    known = dict(session.execute(_DIGESTS, {'server_ids': sorted(ids)}).all())
    digests, news = {}, set()
    for server_id, statuses, complete in updates:
        digests[server_id] = _digest(statuses) if complete else ''
        if not complete or digests[server_id] != known.get(server_id):
            news.add(server_id)
    return (
        [update for update in updates if update[0] in news],
        {server_id: digests[server_id] for server_id in sorted(news)},
    )


def _digest(statuses):
    text = json.dumps([_FIELDS(status) for status in statuses])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _dated(status, now):
    # names are keys: what the column would cut must be cut before
    name = status.name[: TABLE.c.name.type.length]
    return dataclasses.replace(status, name=name, since=status.since or now)


def began(status, now):
    """When a service took its state, for the ledger: no report tells of what
    is to come, nor what a broken clock showed."""
    return status.since if 0 < status.since <= now else now


def _forget_others(wanted, server_id, statuses):
    """
    :returns: the keys of those that are forgotten
    """
    named = {status.name for status in statuses}
    gone = [k for k in wanted if k[0] == server_id and k[1] not in named]
    for key in gone:
        del wanted[key]
    return gone


def _store(session, known, wanted):
    connection = session.connection()
    gone = [_key(key) for key in known.keys() - wanted.keys()]
    if gone:
        connection.execute(TABLE.delete().where(_KEY), gone)
    new = [key for key in wanted if key not in known]
    if new:
        connection.execute(
            TABLE.insert(),
            [{'server_id': k[0], **SHAPE.values(wanted[k])} for k in new],
        )
    changed = [k for k, v in wanted.items() if known.get(k, v) != v]
    if changed:
        connection.execute(
            _UPDATE, [_key(k) | _new(wanted[k]) for k in sorted(changed)]
        )


def _key(key):
    return {'key_server_id': key[0], 'key_name': key[1]}


def _new(status):
    values = SHAPE.values(status)
    return {f'new_{k}': v for k, v in values.items() if k != 'name'}


def list_(
    session,
    *,
    limit,
    marker=None,
    server=None,
    name=None,
    state=None,
    project=None,
    project_id=None,
):
    """
    :param server: UUID of a server
    :param project: OpenStack project of the service, such as nova
    :param project_id: of the servers
    :param marker: UUID of a server, a slash, and a service's name
    :returns: list of ServiceOnServers, by server and name
    """
    server_columns = servers.SHAPE.columns
    filters = {'name': name, 'state': state, 'project': project}
    query = (
        sa.select(*server_columns, *SHAPE.columns)
        .join_from(TABLE, servers.TABLE)
        .where(
            servers.visible(servers.TABLE.c.project_id, project_id),
            *paging.given(TABLE, filters),
            *paging.given(servers.TABLE, {'uuid': server}),
        )
    )
    keys = [servers.TABLE.c.hostname, TABLE.c.server_id, TABLE.c.name]
    if marker is not None:
        query = query.where(paging.after(keys, _last(session, marker)))
    found = session.execute(query.order_by(*keys).limit(limit))
    return [
        ServiceOnServer(
            servers.SHAPE.read(row), SHAPE.read(row, len(server_columns))
        )
        for row in found
    ]


def on_servers(session, server_ids):
    """
    :returns: list of (service's name, on how many of these servers)
    """
    query = (
        sa.select(TABLE.c.name, sa.func.count())
        .where(TABLE.c.server_id.in_(server_ids))
        .group_by(TABLE.c.name)
        .order_by(TABLE.c.name)
    )
    return [tuple(row) for row in session.execute(query)]


def _last(session, marker):
    uuid, _, name = marker.partition('/')
    server = servers.by_uuid(session, [uuid]).get(uuid)
    if server is None:
        raise exceptions.InvalidInput(f'marker {marker!r:.300} is unknown')
    return server.hostname, server.id, name
