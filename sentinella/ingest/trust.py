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

"""Whom to believe: rules that are PURE, and know of no database.

A server is known by one key. It is the first that it registers with, where
`[conductor] accept_agents` says so, else the one that an operator accepted.
A registration names a key and is signed by it; to put another key in the
place of the one that is known it is signed by that one as well. Registrations
count upwards, so that none that was overheard is of use again. A report is
signed by the key that is known, and by nothing else.
"""

import collections.abc
import dataclasses

from sentinella import model

UNREGISTERED = model.Receipt(model.ReceiptStatus.UNREGISTERED)
ACCEPTED = model.Receipt(model.ReceiptStatus.ACCEPTED)
PENDING = model.Receipt(
    model.ReceiptStatus.PENDING, 'an operator has to accept this server'
)


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """
    :ivar receipt: ACCEPTED: what was signed may be done
    :ivar refused: whether somebody else may have sent it: it is counted
    :ivar candidate: the key that asks to take the known one's place, or ''
    :ivar keys: columns of the server that a registration sets, where it is
        to be stored; else None
    """

    receipt: model.Receipt
    refused: bool = False
    candidate: str = ''
    keys: collections.abc.Mapping | None = None


BELIEVED = Verdict(ACCEPTED)


def _refused(status, reason, candidate=''):
    return Verdict(model.Receipt(status, reason), True, candidate)


UNSIGNED = _refused(
    model.ReceiptStatus.UNTRUSTED,
    'it is not signed, or what is signed is not what came',
)
NOT_ITS_KEY = _refused(
    model.ReceiptStatus.UNTRUSTED,
    'it is not signed by the key that this server is known by',
)
NOT_ITS_PROJECT = _refused(
    model.ReceiptStatus.UNTRUSTED,
    'this server is of another project than the token',
)
REPLAYED = _refused(
    model.ReceiptStatus.REFUSED, 'replayed: this registration is an old one'
)


def of_registration(registration, signers, server, project_id, accept_agents):
    """
    :param signers: the keys that did sign it
    :param server: the Server as it is known, or None
    :param project_id: of the only servers that may be spoken for, or None
    :param accept_agents: whether a new server is believed by itself
    :returns: Verdict
    """
    key = registration.public_key
    if key not in signers:
        return UNSIGNED
    if not _is_of(project_id, server):
        return NOT_ITS_PROJECT
    if server is None or not server.public_key:
        return _of_newcomer(registration, accept_agents)
    if not {key, server.public_key} <= signers:
        return dataclasses.replace(NOT_ITS_KEY, candidate=key)
    if registration.counter <= server.registration_counter:
        return REPLAYED
    return _store(ACCEPTED, registration, public_key=key, candidate_key='')


def _of_newcomer(registration, accept_agents):
    key = registration.public_key
    if accept_agents:
        return _store(ACCEPTED, registration, public_key=key, candidate_key='')
    return _store(PENDING, registration, candidate_key=key)


def _store(receipt, registration, **keys):
    keys['registration_counter'] = registration.counter
    return Verdict(receipt, keys=keys)


def of_report(signers, server, project_id, accept_agents):
    """
    :param signers: the keys that did sign it, one where it is honest
    :param server: the Server that it says that it is of, or None; for the
        others see :func:`of_registration`
    :returns: Verdict
    """
    if not signers:
        return UNSIGNED
    if server is None:
        return Verdict(UNREGISTERED)
    if not _is_of(project_id, server):
        return NOT_ITS_PROJECT
    if not server.public_key:
        # none waits, or none would have to any more
        may_register = accept_agents or not server.candidate_key
        return Verdict(UNREGISTERED if may_register else PENDING)
    if signers != {server.public_key}:
        return NOT_ITS_KEY
    return BELIEVED


def _is_of(project_id, server):
    return None in (project_id, server) or server.project_id == project_id
