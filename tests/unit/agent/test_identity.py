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
import os
import stat
import threading

import fixtures
from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.agent import identity
from sentinella.agent import state

NOBODY = 65534


def registration_of(signed):
    """What a Signed says; every signature of it is good."""
    for signature in signed.signatures:
        assert signing.verify(signature, signing.REGISTRATION, signed.body)
    return wire.from_wire(model.Registration, json.loads(signed.body))


class IdentityCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.path = self.useFixture(fixtures.TempDir()).path

    def open(self):
        return identity.Identity(state.State(self.path))

    def file(self, name):
        return os.path.join(self.path, name)

    def register(self, me):
        return me.sign_registration(model.Registration('', 'epoch', 'host'))


class TestIdentity(IdentityCase):
    def test_the_same_agent_the_next_time(self):
        me, again = self.open(), self.open()
        self.assertEqual(
            (me.server, me.public, me.fingerprint),
            (again.server, again.public, again.fingerprint),
        )
        self.assertEqual(signing.fingerprint(me.public), me.fingerprint)

    def test_two_are_not_the_same(self):
        one = self.open()
        self.path = self.useFixture(fixtures.TempDir()).path
        two = self.open()
        self.assertNotEqual(one.server, two.server)
        self.assertNotEqual(one.public, two.public)

    def test_nobody_else_may_read_the_key(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        me = self.open()
        me.rotate()
        for name in ('key.pem', 'key.next.pem'):
            mode = stat.S_IMODE(os.stat(self.file(name)).st_mode)
            self.assertEqual(0o600, mode)

    def test_a_key_that_others_may_read_is_not_used(self):
        self.open()
        os.chmod(self.file('key.pem'), 0o640)
        error = self.assertRaises(exceptions.InvalidConfiguration, self.open)
        self.assertEqual(
            f'{self.path}/key.pem: others may read or write it (mode 0640), '
            'expected 0600; give it another key if any of them did',
            str(error),
        )

    def test_what_is_no_key_is_named_and_not_shown(self):
        self.open()
        with open(self.file('key.pem'), 'wb') as file:
            file.write(b'secret stuff')
        error = self.assertRaises(exceptions.InvalidConfiguration, self.open)
        self.assertEqual(
            f'{self.path}/key.pem: expected an Ed25519 private key in '
            'PKCS #8, PEM',
            str(error),
        )

    def test_what_is_no_identity_makes_no_other_server(self):
        self.open()
        for text in ('', '[]', '{"server": 7}', '{"server": "me"}'):
            with open(self.file('identity.json'), 'w') as file:
                file.write(text)
            error = self.assertRaises(
                exceptions.InvalidConfiguration, self.open
            )
            self.assertIn('identity.json: expected {"server"', str(error))
        with open(self.file('identity.json')) as file:
            self.assertEqual(text, file.read())

    def test_an_identity_of_before_there_were_keys(self):
        number = '6d0b3c0e-9f0c-4b3e-8d0a-0d4f5b0f2a11'
        with open(self.file('identity.json'), 'w') as file:
            file.write(f'{{"server": "{number}"}}')
        self.assertEqual(number, self.open().server)

    def test_a_place_that_is_gone(self):
        kept = state.State(os.path.join(self.path, 'agent'))
        os.rmdir(kept.path)
        error = self.assertRaises(
            exceptions.InvalidConfiguration, identity.Identity, kept
        )
        self.assertIn('identity.json: No such file', str(error))

    def test_a_key_that_leads_nowhere_is_not_made_anew(self):
        self.open()
        os.unlink(self.file('key.pem'))
        os.symlink('/no/such.pem', self.file('key.pem'))
        error = self.assertRaises(exceptions.InvalidConfiguration, self.open)
        self.assertIn('key.pem: No such file', str(error))

    def test_a_report_is_signed_over_its_bytes(self):
        me = self.open()
        signed = me.sign_report('{"a": 1}')
        (signature,) = signed.signatures
        self.assertEqual(me.public, signature.key)
        self.assertTrue(signing.verify(signature, signing.REPORT, signed.body))
        self.assertFalse(
            signing.verify(signature, signing.REPORT, signed.body + ' ')
        )
        self.assertFalse(
            signing.verify(signature, signing.REGISTRATION, signed.body)
        )

    def test_a_registration_names_the_key_and_counts(self):
        me = self.open()
        first = registration_of(self.register(me))
        second = registration_of(self.register(me))
        third = registration_of(self.register(self.open()))
        self.assertEqual(me.public, first.public_key)
        self.assertLess(first.counter, second.counter)
        self.assertLess(second.counter, third.counter)

    def test_counts_on_when_the_clock_goes_back(self):
        first = registration_of(self.register(self.open()))
        self.useFixture(fixtures.MonkeyPatch('time.time', lambda: 1000.0))
        second = registration_of(self.register(self.open()))
        self.assertEqual(first.counter + 1, second.counter)

    def test_a_disk_that_is_full_keeps_nobody_silent(self):
        me = self.open()

        def full(*args, **kwargs):
            raise OSError(28, 'No space left on device')

        self.useFixture(
            fixtures.MonkeyPatch('sentinella.agent.state.State.save', full)
        )
        first = registration_of(self.register(me))
        second = registration_of(self.register(me))
        self.assertLess(first.counter, second.counter)
        self.assertIn('No space left on device', self.logger.output)

    def test_what_root_makes_belongs_to_the_agent(self):
        if os.geteuid():
            self.assertNotEqual(0, os.stat(self.path).st_uid)
            return
        os.chown(self.path, NOBODY, NOBODY)
        me = self.open()
        me.rotate()
        for name in ('identity.json', 'key.pem', 'key.next.pem'):
            self.assertEqual(NOBODY, os.stat(self.file(name)).st_uid, name)


class TestRotation(IdentityCase):
    def test_the_next_key_takes_the_place_once_it_is_accepted(self):
        me = self.open()
        old = me.public
        self.assertFalse(me.rotating)
        fingerprint = self.open().rotate()  # by another process
        self.assertTrue(me.rotating)
        self.assertEqual(old, me.public)
        signed = self.register(me)
        named = registration_of(signed).public_key
        self.assertEqual(
            [named, old], [signature.key for signature in signed.signatures]
        )
        self.assertEqual(fingerprint, signing.fingerprint(named))
        self.assertEqual(old, me.public)
        me.confirm(signed)
        self.assertEqual((named, False), (me.public, me.rotating))
        self.assertEqual(named, self.open().public)
        self.assertIn(fingerprint, self.logger.output)

    def test_one_that_waits_already_stays(self):
        me = self.open()
        self.assertEqual(me.rotate(), me.rotate())

    def test_a_registration_of_before_confirms_nothing(self):
        me = self.open()
        signed = self.register(me)
        me.rotate()
        old = me.public
        me.confirm(signed)
        self.assertEqual((old, True), (me.public, me.rotating))

    def test_a_lost_receipt(self):
        me = self.open()
        me.rotate()
        first = self.register(me)
        again = self.open()
        second = self.register(again)
        self.assertEqual(
            [s.key for s in first.signatures],
            [s.key for s in second.signatures],
        )
        again.confirm(second)
        self.assertEqual(first.signatures[0].key, again.public)

    def test_killed_while_the_next_key_is_written(self):
        me = self.open()
        with open(self.file('key.next.pem.new'), 'w') as file:
            file.write('half')
        self.assertFalse(me.rotating)
        me.rotate()
        self.assertTrue(me.rotating)

    def test_a_disk_that_does_not_follow(self):
        """The conductor knows the next key: it signs, come what may."""
        me = self.open()
        me.rotate()
        signed = self.register(me)
        with fixtures.MonkeyPatch('os.replace', self.broken):
            self.assertRaises(
                exceptions.InvalidConfiguration, me.confirm, signed
            )
        self.assertEqual(signed.signatures[0].key, me.public)
        self.assertFalse(me.rotating)
        # at the next start it is confirmed again
        again = self.open()
        self.assertTrue(again.rotating)
        again.confirm(self.register(again))
        self.assertEqual(me.public, again.public)

    @staticmethod
    def broken(*args):
        raise OSError(30, 'Read-only file system')

    def test_a_next_key_that_can_not_be_used_is_said_once(self):
        me = self.open()
        with open(self.file('key.next.pem'), 'w') as file:
            file.write('nonsense')
        os.chmod(self.file('key.next.pem'), 0o600)
        self.assertFalse(me.rotating)
        self.assertFalse(me.rotating)
        signed = self.register(me)
        self.assertEqual([me.public], [s.key for s in signed.signatures])
        self.assertEqual(1, self.logger.output.count('key is not changed'))
        self.assertNotIn('nonsense', self.logger.output)

    def test_no_secret_is_logged(self):
        me = self.open()
        me.rotate()
        me.confirm(self.register(me))
        with open(self.file('key.pem')) as file:
            secret = file.read().splitlines()[1]
        self.assertNotIn(secret, self.logger.output)

    def test_from_several_threads(self):
        me = self.open()
        found = []
        threads = [
            threading.Thread(
                target=lambda: found.extend(
                    registration_of(self.register(me)).counter
                    for _ in range(5)
                )
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(20, len(set(found)))
