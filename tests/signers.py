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

"""Signs what tests and benchmarks have agents say."""

import dataclasses
import itertools
import json

from sentinella import model
from sentinella import signing
from sentinella import wire


class Signer:
    """An agent's key, and the counter of its registrations."""

    def __init__(self):
        self.key = signing.PrivateKey.generate()
        self._counter = itertools.count(1)

    def registration(self, registration, *others, **changes):
        """
        :param others: PrivateKeys that sign it as well
        :param changes: of the key and the counter that it has by itself
        :returns: Signed
        """
        registration = dataclasses.replace(
            registration,
            **{
                'public_key': self.key.public,
                'counter': next(self._counter),
                **changes,
            },
        )
        return _signed(registration, signing.REGISTRATION, self.key, *others)

    def report(self, report):
        """
        :returns: Signed
        """
        return _signed(report, signing.REPORT, self.key)


def _signed(thing, kind, *keys):
    body = json.dumps(wire.to_wire(thing), separators=(',', ':'))
    return model.Signed(body, tuple(key.sign(kind, body) for key in keys))
