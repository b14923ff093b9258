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

"""Opens what agents send: reads it, and verifies who signed it."""

import json
import re

from sentinella import exceptions
from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.ingest import bounds

#: Bytes of a body. A registration has a few thousand; a report holds a
#: frame, and log events of 256 KiB at most.
MAX_BODY = 4 * 2**20

#: As many as a registration has that changes the key.
MAX_SIGNATURES = 2

#: How its agent writes who a server is.
_UUID = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


def open_registration(payload):
    """
    :param payload: what :func:`sentinella.wire.to_wire` made of a Signed
    :returns: a Registration, and the set of keys that did sign it
    :raises InvalidReport: it can't be read; names what and what was expected
    """
    registration, signers = _open(
        payload, signing.REGISTRATION, model.Registration
    )
    bounds.check_registration(registration)
    return registration, signers


def open_report(payload):
    """
    :returns: a Report, and the set of keys that did sign it: one at most
    :raises InvalidReport: as of :func:`open_registration`
    """
    report, signers = _open(payload, signing.REPORT, model.Report)
    bounds.check_report(report)
    alone = len(payload.get('signatures', ())) == 1
    return report, signers if alone else frozenset()


def sender(payload):
    """
    :returns: UUID of the server that it says that it is of, '' where that
        can't be read: it is for the log, so it must be nothing else
    """
    try:
        found = str(_read(payload['body'])['server'])
    except (exceptions.InvalidReport, LookupError, TypeError):
        return ''
    return found if _UUID.fullmatch(found) else ''


def _open(payload, kind, cls):
    signed = wire.from_wire(model.Signed, payload)
    # an escape of JSON never takes fewer bytes than what it stands for
    if len(signed.body.encode(errors='replace')) > MAX_BODY:
        raise exceptions.InvalidReport(
            f'Signed.body: expected at most {MAX_BODY} bytes'
        )
    if len(signed.signatures) > MAX_SIGNATURES:
        raise exceptions.InvalidReport(
            f'Signed.signatures: expected at most {MAX_SIGNATURES}'
        )
    thing = wire.from_wire(cls, _read(signed.body))
    if not _UUID.fullmatch(thing.server):
        raise exceptions.InvalidReport(
            f'{cls.__name__}.server: expected a UUID in lower case, got '
            f'{thing.server!r:.60}'
        )
    return thing, frozenset(
        signature.key
        for signature in signed.signatures
        if signing.verify(signature, kind, signed.body)
    )


def _read(body):
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise exceptions.InvalidReport('Signed.body: expected JSON')


def _refuse(constant):
    raise ValueError(f'{constant} is not in JSON')
