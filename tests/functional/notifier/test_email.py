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

"""Mails, as real servers take them."""

import contextlib
import dataclasses
import json
import socket
import threading
import time

from oslo_config import cfg
from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella.notifier import message
from sentinella.notifier.drivers import email as driver
from tests import mailserver
from tests import servers
from tests import target
from tests.functional.notifier import test_drivers
from tests.unit.notifier import test_message

SENDER = 'sentinella@example.org'
SECRET = mailserver.PASSWORD


def load(timeout=10.0, allowed=test_drivers.LOOPBACK, **options):
    """
    :param options: of [notifier_email]
    :returns: the driver
    """
    conf = test_drivers.make_conf(timeout, allowed)
    conf.register_opts(driver.EmailDriver.OPTIONS, group='notifier_email')
    for name, value in options.items():
        conf.set_override(name, value, 'notifier_email')
    return plugins.load('sentinella.notifiers', 'email', conf)


class MailCase:
    """
    :ivar server: that the operator names
    """

    driver = 'email'

    def setUp(self):
        super().setUp()
        self.sender = self.load()

    def make_settings(self):
        self.server = self.useFixture(self.make_server())
        return {'to': ['ops@example.org', 'me@example.com']}

    def make_server(self):
        return mailserver.MailServer()

    def load(self, **changes):
        return load(
            **{
                'host': 'localhost',
                'port': self.server.port,
                'username': mailserver.USER,
                'password': mailserver.PASSWORD,
                'cafile': str(self.server.cafile),
                'sender': SENDER,
                **changes,
            }
        )

    def sent(self):
        return [
            f'{mail.message["Subject"]}\n{mail.part("plain")}'
            for mail in self.server.mails()
        ]

    def assert_raises(self, error, words, settings=None):
        raised = self.assertRaises(
            error, self.sender.send, settings or self.settings, self.message
        )
        self.assertIn(words, str(raised))
        self.assertNotIn(SECRET, str(raised))


class TestEmailDriver(
    MailCase, test_drivers.DriverContract, base.BaseTestCase
):
    """Through an SMTP server with STARTTLS and AUTH."""

    def test_a_mail(self):
        delivered = self.sender.send(self.settings, self.message)
        self.assertEqual('250 2.0.0 kept', delivered.answer)
        (mail,) = self.server.mails()
        self.assertEqual(SENDER, mail.sender)
        self.assertEqual(self.settings['to'], mail.recipients)
        self.assertEqual(
            [
                ('From', f'Sentinella <{SENDER}>'),
                ('To', 'ops@example.org, me@example.com'),
                ('Subject', self.message['title']),
                ('Message-ID', f'<{self.message["id"]}@example.org>'),
                ('Auto-Submitted', 'auto-generated'),
                ('X-Sentinella-Kind', 'test'),
                ('In-Reply-To', None),
                ('Importance', None),
            ],
            [
                (name, mail.message[name])
                for name in (
                    'From',
                    'To',
                    'Subject',
                    'Message-ID',
                    'Auto-Submitted',
                    'X-Sentinella-Kind',
                    'In-Reply-To',
                    'Importance',
                )
            ],
        )
        self.assertEqual(
            'multipart/alternative', mail.message.get_content_type()
        )
        self.assertEqual(
            self.message['html'].split(), mail.part('html').split()
        )

    def test_mails_of_one_alarm_are_a_thread(self):
        pages = [
            test_message.notification(state)
            for state in (
                model.AlarmState.ALARM,
                model.AlarmState.ALARM,
                model.AlarmState.OK,
            )
        ]
        reference = None
        for number, page in enumerate(pages):
            page = dataclasses.replace(page, uuid=f'id-{number}')
            made = message.build(page, reference=reference)
            reference = self.sender.send(self.settings, made).reference
        found = [
            tuple(
                mail.message[name]
                for name in ('Message-ID', 'In-Reply-To', 'References')
            )
            for mail in self.server.mails()
        ]
        first, second, third = (f'<id-{n}@example.org>' for n in range(3))
        self.assertEqual(
            [
                (first, None, None),
                (second, first, first),
                (third, second, f'{first} {second}'),
            ],
            found,
        )
        self.assertEqual(
            ['high', 'high', None],
            [mail.message['Importance'] for mail in self.server.mails()],
        )

    def test_sent_again_it_is_the_same(self):
        for _ in range(2):
            self.sender.send(self.settings, self.message)
        self.assertEqual(
            1, len({m.message['Message-ID'] for m in self.server.mails()})
        )

    def test_no_header_can_be_smuggled_in(self):
        evil = 'x\r\nBcc: evil@example.org\r\n\r\n.\r\nMAIL FROM:<a@b>\r\n'
        self.message |= {
            name: evil for name in ('id', 'kind', 'title', 'text')
        }
        self.message['reference'] = {'first': evil, 'last': evil}
        self.sender.send(self.settings, self.message)
        (mail,) = self.server.mails()
        self.assertEqual(self.settings['to'], mail.recipients)
        self.assertIsNone(mail.message['Bcc'])
        self.assertEqual([], mail.message.defects)
        self.assertIn('MAIL FROM:<a@b>', mail.part('plain'))

    def test_recipients_that_are_refused(self):
        def to(*names):
            return {'to': [f'{name}@example.org' for name in names]}

        answer = self.sender.send(to('ops', 'refused'), self.message).answer
        self.assertEqual(
            '1 refused (refused@example.org); 250 2.0.0 kept', answer
        )
        self.assertEqual(
            ['ops@example.org'], self.server.mails()[0].recipients
        )
        for names, error, words in (
            (('refused',), exceptions.Final, 'refused@example.org: 550 5.1.1'),
            (('later',), exceptions.Retry, 'later@example.org: 451 4.7.1'),
            (('ops', 'later'), exceptions.Retry, '451'),
            (('full',), exceptions.Final, '552 5.2.2 the mailbox is full'),
        ):
            self.assert_raises(error, words, to(*names))
        self.assertEqual(1, len(self.server.mails()))

    def test_a_wrong_password(self):
        self.sender = self.load(password='wrong')
        self.assert_raises(exceptions.Retry, '535: it does not let us in')

    def test_a_certificate_that_is_not_trusted(self):
        self.sender = self.load(cafile=None)
        self.assert_raises(exceptions.Retry, 'TLS: ')
        self.sender = self.load(host='127.0.0.1')
        self.assert_raises(exceptions.Retry, 'TLS: ')
        self.sender = self.load(cafile='/nosuch/ca.pem')
        self.assert_raises(exceptions.Retry, 'TLS: the cafile can not be used')
        self.assertEqual([], self.server.mails())

    def test_a_server_of_the_channels_own(self):
        own = {
            **self.settings,
            'sender': 'me@example.net',
            'host': 'localhost',
            'port': self.server.port,
            'username': 'u',
            'password': SECRET,
        }
        self.sender.check(own)
        self.assert_raises(exceptions.Retry, 'TLS: ', own)
        self.sender = load(allowed=())
        self.assert_raises(
            exceptions.Final, 'the address is refused: loopback', own
        )

    def test_settings(self):
        own = {'host': 'x', 'sender': SENDER}
        for settings, words in (
            ({'to': []}, 'settings.to: expected'),
            ({'to': ['a b@x']}, 'settings.to.0: expected pattern'),
            ({'to': ['a@x\n']}, 'settings.to.0: expected pattern'),
            ({'to': ['A <a@x>']}, 'settings.to.0: expected pattern'),
            ({'sender': SENDER}, 'settings.sender: only with host'),
            ({'host': 'x'}, 'settings.sender: missing, host needs it'),
            ({'port': 25}, 'settings.host: missing, port needs it'),
            ({'security': 'no', **own}, 'settings.security: expected enum'),
            ({'username': 'u', **own}, 'settings.password: missing'),
            ({'password': 'p', **own}, 'settings.username: missing'),
            ({'mandrill_key': SECRET, **own}, 'settings.host: not together'),
            (
                {
                    'username': 'u',
                    'password': SECRET,
                    'security': 'none',
                    **own,
                },
                'settings.security: expected starttls or tls',
            ),
        ):
            error = self.assertRaises(
                exceptions.InvalidInput,
                self.sender.check,
                {**self.settings, **settings},
            )
            self.assertIn(words, str(error))
            self.assertNotIn(SECRET, str(error))


class TestTls(MailCase, test_drivers.DriverContract, base.BaseTestCase):
    """TLS from the first byte."""

    def make_server(self):
        return mailserver.MailServer('tls')

    def load(self, **changes):
        return super().load(**{'security': 'tls', **changes})


class TestNone(MailCase, test_drivers.DriverContract, base.BaseTestCase):
    """A relay on the same host, which asks for nothing."""

    def make_server(self):
        return mailserver.MailServer('none')

    def load(self, **changes):
        return super().load(
            security='none', username='', password='', **changes
        )

    def test_it_is_not_taken_for_what_was_asked(self):
        """A server without TLS, or one in the middle, gets no password."""
        self.sender = MailCase.load(self)
        self.assert_raises(exceptions.Retry, 'STARTTLS')
        self.assertEqual([], self.server.mails())


class TestExim(MailCase, test_drivers.DriverContract, base.BaseTestCase):
    """Debian's mail server, which looks at headers closely."""

    def make_server(self):
        return mailserver.Exim()

    def make_settings(self):
        # each recipient has a mailbox of its own
        return {**super().make_settings(), 'to': ['ops@example.org']}

    def sent(self):
        # it says that it has it, then puts it into the mailbox
        deadline = time.monotonic() + 30
        found = seen = None
        while time.monotonic() < deadline and (not found or found != seen):
            seen, found = found, super().sent()
            time.sleep(0.3)
        return sorted(found)

    def test_any_text_arrives(self):
        odd = 'größe 温度 \U0001f525 ' + 'x' * 2000
        self.message |= {'title': odd[:100], 'text': odd, 'html': odd}
        self.sender.send(self.settings, self.message)
        (text,) = self.sent()
        self.assertEqual(f'{odd[:100]}\n{odd}', text.rstrip('\n'))

    def test_what_it_refuses(self):
        self.settings['to'] = ['refused@example.org']
        self.assert_raises(
            exceptions.Final, 'refused@example.org: 550 no such user'
        )
        self.sender = self.load(password='wrong')
        self.assert_raises(exceptions.Retry, '535: it does not let us in')


class TestTrouble(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.message = message.test(test_message.CHANNEL, 1.0)
        self.settings = {'to': ['ops@example.org']}

    def fail(self, port, error, words, **options):
        sender = load(
            **{
                'host': '127.0.0.1',
                'port': port,
                'security': 'none',
                'sender': SENDER,
                **options,
            }
        )
        started = time.monotonic()
        raised = self.assertRaises(
            error, sender.send, self.settings, self.message
        )
        self.assertIn(words, str(raised))
        return time.monotonic() - started

    def test_nobody_listens(self):
        port = servers.free_port()
        self.fail(port, exceptions.Retry, 'no connection: Connection refused')

    def test_nobody_answers(self):
        stranger = self.useFixture(servers.StrangerFixture())
        took = self.fail(
            stranger.address[1],
            exceptions.Retry,
            'no answer within 0.5 s',
            timeout=0.5,
        )
        self.assertLess(took, 3)

    def test_one_character_at_a_time(self):
        """Each in time, all of them never."""
        took = self.fail(
            self.trickle(),
            exceptions.Retry,
            'no answer within 1 s',
            timeout=1.0,
        )
        self.assertLess(took, 4)

    def trickle(self):
        """
        :returns: port of a server that says little, but goes on
        """

        def say():
            with contextlib.suppress(OSError):
                taken, _ = listener.accept()
                with taken:
                    while True:
                        taken.sendall(b'2')
                        ended.wait(0.1)

        ended = threading.Event()
        listener = socket.create_server(('127.0.0.1', 0))
        thread = threading.Thread(target=say)
        thread.start()
        self.addCleanup(thread.join, 10)
        self.addCleanup(listener.close)
        return listener.getsockname()[1]

    def test_it_is_something_else(self):
        stranger = self.useFixture(
            servers.StrangerFixture(b'SSH-2.0-OpenSSH_9.2\r\n')
        )
        self.fail(
            stranger.address[1], exceptions.Retry, 'it does not speak SMTP'
        )

    def test_it_has_no_time(self):
        stranger = self.useFixture(
            servers.StrangerFixture(b'554 5.3.2 go away\r\n')
        )
        self.fail(stranger.address[1], exceptions.Retry, '554 5.3.2 go away')

    def test_options(self):
        for options in ({}, {'host': 'x'}, {'sender': SENDER}):
            self.assertRaises(
                exceptions.Final,
                load(**options).send,
                self.settings,
                self.message,
            )
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            load,
            security='none',
            username='u',
        )
        self.assertIn('[notifier_email] security', str(error))
        conf = cfg.ConfigOpts()
        conf.register_opts(driver.EmailDriver.OPTIONS, group='g')
        self.assertRaises(ValueError, conf.set_override, 'host', 'a b', 'g')


class TestMandrill(test_drivers.DriverContract, base.BaseTestCase):
    driver = 'email'

    def setUp(self):
        super().setUp()
        self.sender = self.load()

    def load(self, **options):
        return load(mandrill_url=self.target.url, **options)

    def make_settings(self):
        self.target = self.useFixture(target.Target())
        self.say({'email': 'ops@example.org', 'status': 'sent', '_id': '1'})
        return {
            'to': ['ops@example.org', 'me@example.com'],
            'sender': SENDER,
            'mandrill_key': SECRET,
        }

    def say(self, *answers, status=200):
        self.target.status = status
        self.target.body = json.dumps(answers).encode()

    def bodies(self):
        return [json.loads(body) for _, _, body in self.target.requests]

    def sent(self):
        return [
            f'{one["message"]["subject"]}\n{one["message"]["text"]}'
            for one in self.bodies()
        ]

    def test_request(self):
        delivered = self.sender.send(self.settings, self.message)
        self.assertEqual('taken for all', delivered.answer)
        (body,) = self.bodies()
        self.assertEqual(SECRET, body['key'])
        mail = body['message']
        self.assertEqual(SENDER, mail['from_email'])
        self.assertEqual(
            self.settings['to'], [one['email'] for one in mail['to']]
        )
        self.assertEqual(
            tuple(self.message[name] for name in ('title', 'text', 'html')),
            tuple(mail[name] for name in ('subject', 'text', 'html')),
        )
        self.assertEqual(
            f'<{self.message["id"]}@example.org>',
            mail['headers']['Message-ID'],
        )

    def test_the_operators_key(self):
        self.sender = self.load(mandrill_key=SECRET, sender=SENDER)
        self.sender.send({'to': ['a@example.org']}, self.message)
        self.assertEqual(SECRET, self.bodies()[0]['key'])

    def test_some_are_refused(self):
        self.say(
            {'email': 'a@x', 'status': 'sent'},
            {'email': 'b@x', 'status': 'rejected', 'reject_reason': 'spam'},
        )
        answer = self.sender.send(self.settings, self.message).answer
        self.assertEqual('refused: b@x rejected spam', answer)

    def assert_raises(self, error, words):
        raised = self.assertRaises(
            error, self.sender.send, self.settings, self.message
        )
        self.assertIn(words, str(raised))
        self.assertNotIn(SECRET, str(raised))

    def test_all_are_refused(self):
        self.say({'email': 'b@x', 'status': 'invalid'})
        self.assert_raises(exceptions.Final, 'refused: b@x invalid None')

    def test_errors(self):
        def fail(name, text):
            self.target.status = 500
            self.target.body = json.dumps(
                {'status': 'error', 'name': name, 'message': text}
            ).encode()

        fail('Invalid_Key', f'Invalid API key {SECRET}')
        self.assert_raises(exceptions.Retry, 'Invalid_Key: Invalid API key ')
        fail('ValidationError', 'message.to')
        self.assert_raises(exceptions.Final, 'ValidationError: message.to')
        self.target.body = b'<html>'
        self.assert_raises(exceptions.Retry, 'HTTP 500')
        self.target.status = 200
        self.assert_raises(exceptions.Retry, 'no answer as Mandrill')
