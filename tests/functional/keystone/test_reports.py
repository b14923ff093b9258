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

"""Whose servers a token may speak for, through a real Keystone."""

import uuid

from sentinella import model
from sentinella import signing
from sentinella import wire
from sentinella.db import servers
from tests import signers
from tests.functional.keystone import base


class TestReports(base.KeystoneTestCase):
    def setUp(self):
        super().setUp()
        service = self.keystone.projects['service']
        self.conf.set_override('service_project_id', service)
        self.make_application()
        self.signer = signers.Signer()
        self.server = str(uuid.uuid4())

    def register(self, persona, signer=None):
        """
        :returns: status of the answer, and of the receipt in it
        """
        signed = (signer or self.signer).registration(
            model.Registration(self.server, 'epoch', 'vm-01')
        )
        return self.say(persona, 'registrations', signed)

    def report(self, persona, sequence):
        signed = self.signer.report(
            model.Report(self.server, 'epoch', sequence)
        )
        return self.say(persona, 'reports', signed)

    def say(self, persona, path, signed):
        api = self.as_(persona) if persona else self.without_token()
        answer = api.ask('POST', f'/v1/{path}', wire.to_wire(signed))
        return answer.status_int, answer.json.get('status')

    def project(self):
        with self.database.reader() as session:
            return servers.get(session, self.server).project_id

    def test_a_member_speaks_for_its_own_project(self):
        self.assertEqual((200, 'ACCEPTED'), self.register('member'))
        self.assertEqual(self.keystone.projects['alpha'], self.project())
        self.assertEqual((200, 'ACCEPTED'), self.report('member', 1))
        self.assertEqual((200, 'ACCEPTED'), self.report('manager', 2))
        for persona in ('stranger', 'service', 'operator'):
            self.assertEqual((200, 'UNTRUSTED'), self.report(persona, 3))
            self.assertEqual((200, 'UNTRUSTED'), self.register(persona))

    def test_the_service_user_speaks_for_the_cloud(self):
        self.assertEqual((200, 'ACCEPTED'), self.register('service'))
        self.assertEqual(self.keystone.projects['service'], self.project())
        self.assertEqual((200, 'ACCEPTED'), self.report('service', 1))
        self.assertEqual((200, 'ACCEPTED'), self.report('operator', 2))
        for persona in ('member', 'manager', 'stranger'):
            self.assertEqual((200, 'UNTRUSTED'), self.report(persona, 3))
            self.assertEqual((200, 'UNTRUSTED'), self.register(persona))

    def test_others_do_not_speak(self):
        for persona, status in (
            (None, 401),
            ('nobody', 403),
            ('guest', 403),
            ('reader', 403),
            ('system-reader', 403),
            ('system-admin', 403),
        ):
            self.assertEqual((status, None), self.register(persona))
            self.assertEqual((status, None), self.report(persona, 1))

    def test_a_manager_accepts_the_keys_of_its_own_servers(self):
        self.register('member')
        with self.database.writer() as session:
            servers.refuse(
                session,
                {self.server: (1, signing.PrivateKey.generate().public)},
                0.0,
            )
        path = f'/v1/servers/{self.server}/accept'
        for persona, status in (
            ('reader', 403),
            ('member', 403),
            ('service', 403),
            ('system-admin', 403),
            ('stranger', 404),
            ('manager', 200),
            ('operator', 409),
        ):
            answer = self.as_(persona).status('POST', path)
            self.assertEqual(status, answer, persona)
