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


"""The servers as they are watched, from one pass to the next."""

import dataclasses

from sentinella.db import servers

#: Seconds after which all is read anew. Till then what no report changes is
#: taken to be as it was: hostname, project, mode, interval.
FRESH = 10.0


class Roster:
    """Remembers the servers: to read a thousand anew takes longer than all
    else that a poke wants, to read what their reports change a fifth of that.
    """

    def __init__(self):
        self._servers = {}
        self._releases = None
        self._read_at = -FRESH

    def read(self, session, now):
        """
        :param now: seconds since the epoch, on the database's clock
        :returns: mapping of ids to all Servers; :meth:`renew` changes it
        """
        # the clock may have been set back
        if 0 <= now - self._read_at < FRESH:
            self._follow(session)
        else:
            self._servers = _by_id(servers.watched(session))
            self._releases = None
            self._read_at = now
        return self._servers

    def _follow(self, session):
        known, heard = self._servers, servers.heard(session)
        self._servers = {
            id_: _reported(known[id_], fields)
            for id_, fields in heard.items()
            # who registers may have changed in any way
            if id_ in known and known[id_].epoch == fields.epoch
        }
        self.renew(session, heard.keys() - self._servers.keys())

    def renew(self, session, ids):
        """Read some servers as they are in this very transaction.

        :returns: whether any of them is another than before
        """
        found = _by_id(servers.watched(session, ids)) if ids else {}
        changed = {
            id_: one
            for id_, one in found.items()
            if one != self._servers.get(id_)
        }
        self._servers |= changed
        return bool(changed)

    def releases(self, session):
        """
        :returns: mapping of ids to the OpenStack releases that agents name,
            which may be anything
        """
        if self._releases is None:
            self._releases = {
                id_: str(facts.get('openstack_release'))[:16]
                for id_, facts in servers.facts(session).items()
            }
        return self._releases


def _by_id(found):
    return {one.id: one for one in found}


def _reported(server, heard):
    """
    :param heard: its row of :func:`servers.heard`
    """
    if heard.sequence == server.sequence and (
        heard.urgent_sequence == server.urgent_sequence
        and heard.refused_at == server.refused_at
        and heard.last_report_at == server.last_report_at
    ):
        return server
    return dataclasses.replace(
        server,
        sequence=heard.sequence,
        urgent_sequence=heard.urgent_sequence,
        last_report_at=heard.last_report_at,
        refused_at=heard.refused_at,
    )
