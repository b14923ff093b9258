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

"""What holds for each driver that speaks HTTP, besides its contract."""

import fixtures

from sentinella import exceptions
from sentinella.notifier import sample
from sentinella.notifier import words
from tests import target
from tests import webserver
from tests.functional.notifier import test_drivers

SECRET = test_drivers.SECRET


def news(kind='alarm', **changes):
    """A message about an alarm in which everything is set."""
    made = sample.build('https://dashboard.example/', 100.0)
    made |= {'kind': kind, **changes}
    words.add(made)
    return made


def digest(number):
    """A message about so many."""
    entries = [
        {
            'id': f'id-{i}',
            'at': '2026-01-02T03:04:05.000000Z',
            'title': f'[MAJOR] number {i}',
            'severity': 'major',
            'kind': 'alarm',
        }
        for i in range(number)
    ]
    nothing = {'alarm': None, 'server': None, 'service': None}
    return news('digest', digest=entries, values={}, log_lines=[], **nothing)


class HttpContract(test_drivers.DriverContract):
    """A subclass says in `settings_for` how it is told where to go."""

    def make_settings(self):
        self.target = self.useFixture(target.Target())
        return self.settings_for(self.target)

    def settings_for(self, other):
        raise NotImplementedError

    def assert_raises(self, error, *words, settings=None):
        raised = self.assertRaises(
            error, self.sender.send, settings or self.settings, self.message
        )
        for word in words:
            self.assertIn(word, str(raised))
        self.assertNotIn('/page', str(raised))
        self.assertNotIn(SECRET, str(raised))
        return raised

    def test_secrets_are_some(self):
        shown = {
            name: value
            for name, value in self.settings.items()
            if name not in self.sender.secrets
        }
        self.assertNotIn(SECRET, str(shown))
        self.assertIn(SECRET, str(self.settings))

    def test_what_is_asked_for_is_said(self):
        for name, field in self.sender.schema['properties'].items():
            self.assertTrue(field['title'], name)
            self.assertTrue(field['description'].endswith('.'), name)
            self.assertGreater(len(field['description']), 10, name)

    def test_every_kind_arrives(self):
        for kind in ('alarm', 'flapping', 'repeat', 'escalation', 'recovery'):
            before = len(self.target.requests)
            self.sender.send(self.settings, news(kind))
            self.assertGreater(len(self.target.requests), before, kind)
        self.sender.send(self.settings, digest(200))

    def test_too_many_requests(self):
        self.target.answers = {}
        self.target.status = 429
        self.target.headers = {'Retry-After': '33'}
        error = self.assert_raises(exceptions.Retry, 'HTTP 429')
        self.assertEqual(33.0, error.after)

    def test_errors(self):
        self.target.answers = {}
        self.target.body = f'no {SECRET} /page/ <html>'.encode()
        self.target.status = 500
        self.assert_raises(exceptions.Retry, 'HTTP 500')
        self.target.status = 403
        self.assert_raises(exceptions.Final, 'HTTP 403')

    def test_a_redirect(self):
        elsewhere = self.useFixture(target.Target())
        self.target.answers = {}
        self.target.status = 308
        self.target.headers = {'Location': elsewhere.url}
        self.assert_raises(exceptions.Final, 'HTTP 308')
        self.assertEqual([], elsewhere.requests)

    def test_half_an_answer(self):
        self.target.raw = [b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"o']
        self.assert_raises(exceptions.Retry, 'no whole answer')

    def test_a_body_that_hangs(self):
        self.sender.conf.set_override('timeout', 0.5, 'notifier')
        self.target.pause = 10
        self.target.raw = [b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"o']
        self.assert_raises(exceptions.Retry, 'no answer within 0.5 s')

    def test_a_bad_certificate(self):
        authority = webserver.Authority()
        other = self.useFixture(
            target.Target(authority.issue('127.0.0.1', days=-1))
        )
        settings = self.settings_for(other)
        directory = self.useFixture(fixtures.TempDir()).path
        with open(f'{directory}/ca.pem', 'wb') as file:
            file.write(authority.pem)
        self.assert_raises(exceptions.Retry, 'TLS: ', settings=settings)
        settings['cafile'] = f'{directory}/ca.pem'
        self.sender.check(settings)
        self.assert_raises(exceptions.Retry, 'TLS: ', settings=settings)
        self.assertEqual([], other.requests)

    def test_an_address_that_is_refused(self):
        sender = type(self.sender)(test_drivers.make_conf(allowed=[]))
        error = self.assertRaises(
            exceptions.Final, sender.send, self.settings, self.message
        )
        self.assertIn('the address is refused: loopback', str(error))
        self.assertEqual(0, self.target.connections)
