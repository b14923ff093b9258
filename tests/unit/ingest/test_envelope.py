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

import json
import uuid

import hypothesis
import testtools
from hypothesis import strategies as st

from sentinella import exceptions
from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.ingest import envelope
from tests import signers

SERVER = str(uuid.UUID(int=7))
REPORT = model.Report(SERVER, 'e', 1)
HELLO = model.Registration(SERVER, 'e', 'h')

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.text(max_size=40) | st.builds(
    lambda fields, more: json.dumps(fields | more),
    st.just(wire.to_wire(REPORT)),
    st.dictionaries(
        st.sampled_from(['server', 'epoch', 'sequence', 'frame', 'events']),
        ANYTHING,
        max_size=2,
    ),
)
SIGNATURES = st.fixed_dictionaries(
    {'key': st.text(max_size=44), 'value': st.text(max_size=12)}
)
PAYLOADS = ANYTHING | st.fixed_dictionaries(
    {'body': BODIES, 'signatures': st.lists(SIGNATURES, max_size=3)}
)


class TestEnvelope(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.signer = signers.Signer()

    def open(self, signed):
        return envelope.open_report(wire.to_wire(signed))

    def test_what_an_agent_signed(self):
        self.assertEqual(
            (REPORT, {self.signer.key.public}),
            self.open(self.signer.report(REPORT)),
        )

    def test_a_registration_may_have_two(self):
        other = signing.PrivateKey.generate()
        signed = self.signer.registration(HELLO, other)
        opened, keys = envelope.open_registration(wire.to_wire(signed))
        self.assertEqual({self.signer.key.public, other.public}, keys)
        self.assertEqual(self.signer.key.public, opened.public_key)

    def test_one_that_is_wrong_does_not_count(self):
        other = signing.PrivateKey.generate()
        signed = self.signer.registration(HELLO)
        wrong = other.sign(signing.REPORT, signed.body)
        mixed = model.Signed(signed.body, (*signed.signatures, wrong))
        _, keys = envelope.open_registration(wire.to_wire(mixed))
        self.assertEqual({self.signer.key.public}, keys)

    def test_a_registration_is_no_report(self):
        signed = self.signer.registration(HELLO)
        with testtools.ExpectedException(exceptions.InvalidReport):
            self.open(signed)

    @hypothesis.given(PAYLOADS)
    @hypothesis.settings(max_examples=300)
    def test_nonsense_is_refused_in_one_line(self, payload):
        for read in (envelope.open_report, envelope.open_registration):
            try:
                _, keys = read(payload)
            except exceptions.InvalidReport as error:
                self.assertNotIn('\n', str(error))
                self.assertLess(len(str(error)), 300)
            else:
                self.assertEqual(set(), keys)
        self.assertIn(len(envelope.sender(payload)), (0, 36))

    @hypothesis.given(st.data())
    def test_whatever_is_changed_is_seen(self, data):
        signed = self.signer.report(REPORT)
        at = data.draw(st.integers(0, len(signed.body) - 1))
        other = data.draw(st.characters(codec='utf-8'))
        hypothesis.assume(other != signed.body[at])
        body = signed.body[:at] + other + signed.body[at + 1 :]
        try:
            _, keys = self.open(model.Signed(body, signed.signatures))
        except exceptions.InvalidReport:
            return
        self.assertEqual(set(), keys)
